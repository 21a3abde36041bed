/** The master secret was changed: what the previous one sealed is sealed anew, while requests go on and administrators edit. */
import { log } from "../telemetry/log.ts";
import { auditIfChanged, type By } from "./audit.ts";
import { fingerprintOf, openerOf, sealCredential, type CredentialOwner, type Masters, type Opener } from "./credentials.ts";
import { sealedFor } from "./token-issuers.ts";

/** Rows in one page: with their secrets at their longest they still fit a statement's parameter. */
const pageRows = 50;
/** Pages in one call, each with three statements: an invocation has 50 on the smallest plan. */
const mostPages = 10;

/** Where secrets lie sealed: by which column a row is told from the others of its organisation. */
const columns = { provider_credentials: "provider", token_issuers: "issuer" } as const;
type Table = keyof typeof columns;
const tables = Object.keys(columns) as Table[];
const sealedRows = tables.map((table) => `SELECT '${table}' AS home, organisation_id, ${columns[table]} AS name, iv, ciphertext, sealed_by FROM ${table} WHERE ciphertext IS NOT NULL`).join(" UNION ALL ");

type Row = { last: number; home: Table; organisation_id: string; name: string; iv: string; ciphertext: string; sealed_by: string | null };
/** A row as it was read, and as it should be. */
type Resealed = { home: Table; organisation: string; name: string; was: string; iv: string; ciphertext: string };

/**
 * Seals providers' credentials and token issuers' secrets anew that are not under the current master secret. A statement changes a row
 * only while it holds what was read, so that an edit in between stands and a call that breaks off leaves every row openable. Those that
 * the previous secret sealed come first: rows whose secret is lost cannot hold them up, however many. `left`: how many are still to be
 * done, because there are many (call again) or because neither secret opens them (logged as `credential_not_opened`).
 */
export async function resealCredentials(db: D1Database, by: By, masters: Masters): Promise<{ resealed: number; left: number }> {
  const sealedBy = await fingerprintOf(masters.current);
  const before = masters.previous ? await fingerprintOf(masters.previous) : null;
  const open = openerOf(masters);
  let resealed = 0;
  let after: Omit<Row, "iv" | "ciphertext" | "sealed_by"> = { last: -1, home: "provider_credentials", organisation_id: "", name: "" };
  for (let page = 0; page < mostPages; page += 1) {
    const { results } = await db.prepare(`
      SELECT sealed_by IS NOT ?2 AS last, * FROM (${sealedRows})
      WHERE sealed_by IS NOT ?1 AND (sealed_by IS NOT ?2, home, organisation_id, name) > (?3, ?4, ?5, ?6)
      ORDER BY last, home, organisation_id, name LIMIT ?7`,
    ).bind(sealedBy, before, after.last, after.home, after.organisation_id, after.name, pageRows).all<Row>();
    if (results.length === 0) break;
    after = results.at(-1)!;
    const rows = (await Promise.all(results.map((row) => reseal(row, open, masters.current)))).filter((row) => row !== undefined);
    if (rows.length > 0) resealed += await write(db, by, rows, sealedBy);
    if (results.length < pageRows) break;
  }
  const left = await db.prepare(`SELECT count(*) AS n FROM (${sealedRows}) WHERE sealed_by IS NOT ?`).bind(sealedBy).first<number>("n");
  return { resealed, left: left ?? 0 };
}

async function reseal(row: Row, open: Opener, current: string): Promise<Resealed | undefined> {
  const { home, organisation_id: organisationId, name } = row;
  const owner: CredentialOwner = { organisationId, provider: home === "token_issuers" ? sealedFor : name };
  let secret: string;
  try {
    secret = await open(owner, { ...row, sealedBy: row.sealed_by });
  } catch {
    log("error", "credential_not_opened", { ...owner, ...(home === "token_issuers" && { issuer: name }) });
    return undefined;
  }
  const { iv, ciphertext } = await sealCredential(current, owner, secret);
  return { home, organisation: organisationId, name, was: row.ciphertext, iv, ciphertext };
}

async function write(db: D1Database, by: By, rows: readonly Resealed[], sealedBy: string): Promise<number> {
  const homes = tables.filter((table) => rows.some(({ home }) => home === table));
  const done = await db.batch(homes.flatMap((table) => [
    db.prepare(`
      UPDATE ${table} AS c SET iv = n.value ->> 'iv', ciphertext = n.value ->> 'ciphertext', sealed_by = ?2
      FROM json_each(?1) AS n
      WHERE c.organisation_id = n.value ->> 'organisation' AND c.${columns[table]} = n.value ->> 'name' AND c.ciphertext = n.value ->> 'was'`,
    ).bind(JSON.stringify(rows.filter(({ home }) => home === table)), sealedBy),
    auditIfChanged(db, by, { action: "credential.rotate", subject: "CREDENTIALS_SECRET", detail: { sealedBy } }),
  ]));
  return homes.reduce((sum, _, index) => sum + done[2 * index]!.meta.changes, 0);
}

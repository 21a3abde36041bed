/** The master secret was changed: what the previous one sealed is sealed anew, while requests go on and administrators edit. */
import { log } from "../telemetry/log.ts";
import { auditIfChanged, type By } from "./audit.ts";
import { fingerprintOf, openerOf, sealCredential, type CredentialOwner, type Masters, type Opener } from "./credentials.ts";

/** Rows in one page: with their secrets at their longest they still fit a statement's parameter. */
const pageRows = 50;
/** Pages in one call, each with three statements: an invocation has 50 on the smallest plan. */
const mostPages = 10;

type Row = { last: number; organisation_id: string; provider: string; iv: string; ciphertext: string; sealed_by: string | null };
/** A row as it was read, and as it should be. */
type Resealed = { organisation: string; provider: string; was: string; iv: string; ciphertext: string };

/**
 * Seals credentials anew that are not under the current master secret. Each page is one statement that changes a row only while it
 * holds what was read, so that an edit in between stands and a call that breaks off leaves every row openable. Those that the previous
 * secret sealed come first: rows whose secret is lost cannot hold them up, however many. `left`: how many are still to be done, because
 * there are many (call again) or because neither secret opens them (logged as `credential_not_opened`).
 */
export async function resealCredentials(db: D1Database, by: By, masters: Masters): Promise<{ resealed: number; left: number }> {
  const sealedBy = await fingerprintOf(masters.current);
  const before = masters.previous ? await fingerprintOf(masters.previous) : null;
  const open = openerOf(masters);
  let resealed = 0;
  let after = { last: -1, organisation_id: "", provider: "" };
  for (let page = 0; page < mostPages; page += 1) {
    const { results } = await db.prepare(`
      SELECT sealed_by IS NOT ?2 AS last, organisation_id, provider, iv, ciphertext, sealed_by FROM provider_credentials
      WHERE sealed_by IS NOT ?1 AND (sealed_by IS NOT ?2, organisation_id, provider) > (?3, ?4, ?5)
      ORDER BY last, organisation_id, provider LIMIT ?6`,
    ).bind(sealedBy, before, after.last, after.organisation_id, after.provider, pageRows).all<Row>();
    if (results.length === 0) break;
    after = results.at(-1)!;
    const rows = (await Promise.all(results.map((row) => reseal(row, open, masters.current)))).filter((row) => row !== undefined);
    if (rows.length > 0) resealed += await write(db, by, rows, sealedBy);
    if (results.length < pageRows) break;
  }
  const left = await db.prepare("SELECT count(*) AS n FROM provider_credentials WHERE sealed_by IS NOT ?").bind(sealedBy).first<number>("n");
  return { resealed, left: left ?? 0 };
}

async function reseal(row: Row, open: Opener, current: string): Promise<Resealed | undefined> {
  const owner: CredentialOwner = { organisationId: row.organisation_id, provider: row.provider };
  let secret: string;
  try {
    secret = await open(owner, { ...row, sealedBy: row.sealed_by });
  } catch {
    log("error", "credential_not_opened", owner);
    return undefined;
  }
  const { iv, ciphertext } = await sealCredential(current, owner, secret);
  return { organisation: row.organisation_id, provider: row.provider, was: row.ciphertext, iv, ciphertext };
}

async function write(db: D1Database, by: By, rows: readonly Resealed[], sealedBy: string): Promise<number> {
  const [update] = await db.batch([
    db.prepare(`
      UPDATE provider_credentials AS c SET iv = n.value ->> 'iv', ciphertext = n.value ->> 'ciphertext', sealed_by = ?2
      FROM json_each(?1) AS n
      WHERE c.organisation_id = n.value ->> 'organisation' AND c.provider = n.value ->> 'provider' AND c.ciphertext = n.value ->> 'was'`,
    ).bind(JSON.stringify(rows), sealedBy),
    auditIfChanged(db, by, { action: "credential.rotate", subject: "CREDENTIALS_SECRET", detail: { sealedBy } }),
  ]);
  return update!.meta.changes;
}

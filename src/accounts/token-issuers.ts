/** Who may hand out tokens (JWT) for an organisation, and with which key's limits their bearers call. */
import * as z from "zod";
import { auditIfChanged, type By } from "./audit.ts";
import { openerOf, sealCredential, type Masters } from "./credentials.ts";
import { GatewayError } from "../errors.ts";
import { RecentMap } from "./recent-map.ts";

/** What an administrator registers. `issuer`: what `iss` says in its tokens; "" for tokens that do not say. One of `secret` and `jwksUrl`. */
export const tokenIssuerSchema = z.strictObject({
  issuer: z.string().max(512),
  key: z.string().min(1).max(64),
  secret: z.string().min(16, "at least 16 characters").max(4_096).optional(),
  jwksUrl: z.string().max(2_048).optional(),
}).refine(({ secret, jwksUrl }) => (secret === undefined) !== (jwksUrl === undefined), { path: ["secret"], message: "give it, or jwksUrl" });
export type NewTokenIssuer = z.infer<typeof tokenIssuerSchema>;

/** An issuer as it is used: whose tokens it makes, and how they are proven. */
export type TokenIssuer = { readonly organisationId: string; readonly keyId: string; readonly proof: { secret: string } | { url: string } };
export type StoredTokenIssuer = { issuer: string; organisationId: string; keyId: string; jwksUrl: string | null; createdAtMs: number };

type Row = { issuer: string; organisation_id: string; key_id: string; jwks_url: string | null; iv: string | null; ciphertext: string | null; sealed_by: string | null; created_at: number };
const freshMs = 60_000;
/** What a shared secret is sealed for, in place of a provider. */
export const sealedFor = "token-issuer";

/** Registers an issuer, or changes it. Throws `invalid_request` where the key is no key of the organisation, `conflict` where another organisation has the issuer. */
export async function putTokenIssuer(db: D1Database, by: By, { current }: Masters, organisationId: string, { issuer, key, secret, jwksUrl }: NewTokenIssuer): Promise<StoredTokenIssuer> {
  const sealed = secret === undefined ? undefined : await sealCredential(current, { organisationId, provider: sealedFor }, secret);
  const [written, , after] = await db.batch([
    db.prepare(`
      INSERT INTO token_issuers (issuer, organisation_id, key_id, jwks_url, iv, ciphertext, sealed_by, created_at)
      SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE EXISTS (SELECT 1 FROM api_keys WHERE id = ?3 AND organisation_id = ?2 AND revoked_at IS NULL)
      ON CONFLICT (issuer) DO UPDATE SET key_id = excluded.key_id, jwks_url = excluded.jwks_url, iv = excluded.iv, ciphertext = excluded.ciphertext, sealed_by = excluded.sealed_by
      WHERE organisation_id = excluded.organisation_id`,
    ).bind(issuer, organisationId, key, jwksUrl ?? null, sealed?.iv ?? null, sealed?.ciphertext ?? null, sealed?.sealedBy ?? null, by.nowMs),
    auditIfChanged(db, by, { action: "token_issuer.put", subject: issuer, organisationId, detail: { key, jwksUrl: jwksUrl ?? null } }),
    db.prepare("SELECT * FROM token_issuers WHERE issuer = ?").bind(issuer),
  ]);
  const row = after!.results[0] as Row | undefined;
  if (written!.meta.changes > 0) return view(row!);
  if (row && row.organisation_id !== organisationId) throw new GatewayError("conflict", "Another organisation has this issuer.", { param: "issuer" });
  throw new GatewayError("invalid_request", "key: is no key of this organisation", { param: "key" });
}

const view = ({ issuer, organisation_id, key_id, jwks_url, created_at }: Row): StoredTokenIssuer => ({ issuer, organisationId: organisation_id, keyId: key_id, jwksUrl: jwks_url, createdAtMs: created_at });

/** The issuers of an organisation. */
export async function listTokenIssuers(db: D1Database, organisationId: string): Promise<StoredTokenIssuer[]> {
  return (await db.prepare("SELECT * FROM token_issuers WHERE organisation_id = ? ORDER BY issuer").bind(organisationId).all<Row>()).results.map(view);
}

/** Forgets an issuer. Throws `not_found`. */
export async function deleteTokenIssuer(db: D1Database, by: By, organisationId: string, issuer: string): Promise<void> {
  const [deleted] = await db.batch([
    db.prepare("DELETE FROM token_issuers WHERE issuer = ? AND organisation_id = ?").bind(issuer, organisationId),
    auditIfChanged(db, by, { action: "token_issuer.delete", subject: issuer, organisationId, detail: {} }),
  ]);
  if (deleted!.meta.changes === 0) throw new GatewayError("not_found", `There is no token issuer ${JSON.stringify(issuer)}.`);
}

/** The issuers that tokens name. One per isolate. */
export class TokenIssuers {
  private readonly db: D1Database;
  private readonly masters: Masters;
  private readonly known = new RecentMap<{ found: TokenIssuer | undefined; untilMs: number }>(1_000);

  constructor(db: D1Database, masters: Masters) {
    this.db = db;
    this.masters = masters;
  }

  /** undefined: nobody registered it. */
  async find(issuer: string, nowMs: number): Promise<TokenIssuer | undefined> {
    const known = this.known.get(issuer);
    if (known && nowMs < known.untilMs) return known.found;
    const row = await this.db.prepare("SELECT * FROM token_issuers WHERE issuer = ?").bind(issuer.slice(0, 512)).first<Row>();
    const found = row ? await this.read(row) : undefined;
    this.known.set(issuer, { found, untilMs: nowMs + freshMs });
    return found;
  }

  private async read({ organisation_id: organisationId, key_id: keyId, jwks_url: url, iv, ciphertext, sealed_by: sealedBy }: Row): Promise<TokenIssuer> {
    const proof = url === null ? { secret: await openerOf(this.masters)({ organisationId, provider: sealedFor }, { iv: iv!, ciphertext: ciphertext!, sealedBy }) } : { url };
    return { organisationId, keyId, proof };
  }
}

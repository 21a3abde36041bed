/** Organisations' credentials in D1. What goes in comes out only as part of a principal. */
import { GatewayError } from "../errors.ts";
import { auditIfChanged, type By } from "./audit.ts";
import { sealCredential, type CredentialOwner } from "./credentials.ts";
import { noSuchOrganisation } from "./organisations.ts";
import type { Credential, KeyStanding } from "./policy.ts";
import { bumpIfChanged, selectStandings, standingsOf } from "./standing.ts";

/** `createdAtMs`: when the secret was stored. */
export type StoredCredential = { provider: string; only: boolean; createdAtMs: number };
type Row = { provider: string; only: number; created_at: number };

const columns = "provider, only, created_at";
const storedOf = ({ provider, only, created_at }: Row): StoredCredential => ({ provider, only: only === 1, createdAtMs: created_at });

const noSuchCredential = ({ organisationId, provider }: CredentialOwner): GatewayError =>
  new GatewayError("not_found", `'${organisationId}' has no credential at '${provider}'.`);

/** Where the organisation has credentials of its own; never the secrets. */
export async function listCredentials(db: D1Database, organisationId: string): Promise<StoredCredential[]> {
  const [organisation, credentials] = await db.batch([
    db.prepare("SELECT 1 FROM organisations WHERE id = ?").bind(organisationId),
    db.prepare(`SELECT ${columns} FROM provider_credentials WHERE organisation_id = ? ORDER BY provider`).bind(organisationId),
  ]);
  if (organisation!.results.length === 0) throw noSuchOrganisation(organisationId);
  return (credentials!.results as Row[]).map(storedOf);
}

/** A change with its audit event and the keys' new version, in one transaction. */
async function changed(db: D1Database, by: By, { organisationId, provider }: CredentialOwner, change: D1PreparedStatement, action: "put" | "update" | "delete", detail: Record<string, unknown> = {}) {
  const [result, , , standings] = await db.batch([
    change,
    auditIfChanged(db, by, { action: `credential.${action}`, subject: provider, organisationId, detail }),
    bumpIfChanged(db, { organisation: organisationId }),
    selectStandings(db, { organisation: organisationId }),
  ]);
  return { changed: result!.meta.changes > 0, row: result!.results[0] as Row | undefined, standings: standingsOf(standings) };
}

/** Stores or replaces a credential, sealed. */
export async function putCredential(
  db: D1Database, by: By, master: string, { secret, only, ...owner }: CredentialOwner & Credential,
): Promise<{ credential: StoredCredential; standings: KeyStanding[] }> {
  const { organisationId, provider } = owner;
  const { iv, ciphertext, sealedBy } = await sealCredential(master, owner, secret);
  const put = db.prepare(`
    INSERT INTO provider_credentials (organisation_id, provider, iv, ciphertext, sealed_by, only, created_at)
    SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE EXISTS (SELECT 1 FROM organisations WHERE id = ?1)
    ON CONFLICT (organisation_id, provider) DO UPDATE SET
      iv = excluded.iv, ciphertext = excluded.ciphertext, sealed_by = excluded.sealed_by, only = excluded.only, created_at = excluded.created_at
    RETURNING ${columns}`,
  ).bind(organisationId, provider, iv, ciphertext, sealedBy, Number(only), by.nowMs);
  const { row, standings } = await changed(db, by, owner, put, "put", { only });
  if (!row) throw noSuchOrganisation(organisationId);
  return { credential: storedOf(row), standings };
}

/** Says anew whether the installation's own key may stand in for a credential; the secret stays. */
export async function updateCredential(db: D1Database, by: By, owner: CredentialOwner, { only }: Pick<Credential, "only">): Promise<{ credential: StoredCredential; standings: KeyStanding[] }> {
  const update = db.prepare(`UPDATE provider_credentials SET only = ?3 WHERE organisation_id = ?1 AND provider = ?2 RETURNING ${columns}`)
    .bind(owner.organisationId, owner.provider, Number(only));
  const { row, standings } = await changed(db, by, owner, update, "update", { only });
  if (!row) throw noSuchCredential(owner);
  return { credential: storedOf(row), standings };
}

/** Removes a credential. */
export async function deleteCredential(db: D1Database, by: By, owner: CredentialOwner): Promise<{ standings: KeyStanding[] }> {
  const remove = db.prepare("DELETE FROM provider_credentials WHERE organisation_id = ? AND provider = ?").bind(owner.organisationId, owner.provider);
  const { changed: removed, standings } = await changed(db, by, owner, remove, "delete");
  if (!removed) throw noSuchCredential(owner);
  return { standings };
}

/** Organisations' credentials in D1. What goes in comes out only as part of a principal. */
import { GatewayError } from "../errors.ts";
import { auditIfChanged, type By } from "./audit.ts";
import { sealCredential, type CredentialOwner } from "./credentials.ts";
import { noSuchOrganisation } from "./organisations.ts";
import type { KeyStanding } from "./policy.ts";
import { bumpIfChanged, selectStandings, standingsOf } from "./standing.ts";

export type StoredCredential = { provider: string; createdAtMs: number };
type Row = { provider: string; created_at: number };

/** Where the organisation has credentials of its own; never the secrets. */
export async function listCredentials(db: D1Database, organisationId: string): Promise<StoredCredential[]> {
  const [organisation, credentials] = await db.batch([
    db.prepare("SELECT 1 FROM organisations WHERE id = ?").bind(organisationId),
    db.prepare("SELECT provider, created_at FROM provider_credentials WHERE organisation_id = ? ORDER BY provider").bind(organisationId),
  ]);
  if (organisation!.results.length === 0) throw noSuchOrganisation(organisationId);
  return (credentials!.results as Row[]).map(({ provider, created_at }) => ({ provider, createdAtMs: created_at }));
}

/** Stores or replaces a credential, sealed. */
export async function putCredential(
  db: D1Database, by: By, master: string, { secret, ...owner }: CredentialOwner & { secret: string },
): Promise<{ credential: StoredCredential; standings: KeyStanding[] }> {
  const { organisationId, provider } = owner;
  const { iv, ciphertext } = await sealCredential(master, owner, secret);
  const results = await db.batch([
    db.prepare(`
      INSERT INTO provider_credentials (organisation_id, provider, iv, ciphertext, created_at)
      SELECT ?1, ?2, ?3, ?4, ?5 WHERE EXISTS (SELECT 1 FROM organisations WHERE id = ?1)
      ON CONFLICT (organisation_id, provider) DO UPDATE SET iv = excluded.iv, ciphertext = excluded.ciphertext, created_at = excluded.created_at`,
    ).bind(organisationId, provider, iv, ciphertext, by.nowMs),
    auditIfChanged(db, by, { action: "credential.put", subject: provider, organisationId }),
    bumpIfChanged(db, { organisation: organisationId }),
    selectStandings(db, { organisation: organisationId }),
  ]);
  if (results[0]!.meta.changes === 0) throw noSuchOrganisation(organisationId);
  return { credential: { provider, createdAtMs: by.nowMs }, standings: standingsOf(results.at(-1)) };
}

/** Removes a credential. */
export async function deleteCredential(db: D1Database, by: By, { organisationId, provider }: CredentialOwner): Promise<{ standings: KeyStanding[] }> {
  const results = await db.batch([
    db.prepare("DELETE FROM provider_credentials WHERE organisation_id = ? AND provider = ?").bind(organisationId, provider),
    auditIfChanged(db, by, { action: "credential.delete", subject: provider, organisationId }),
    bumpIfChanged(db, { organisation: organisationId }),
    selectStandings(db, { organisation: organisationId }),
  ]);
  if (results[0]!.meta.changes === 0) throw new GatewayError("not_found", `'${organisationId}' has no credential at '${provider}'.`);
  return { standings: standingsOf(results.at(-1)) };
}

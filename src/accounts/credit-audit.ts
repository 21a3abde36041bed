/** That somebody changed an organisation's credits, in the audit trail. */
import { auditIfChanged, type By } from "./audit.ts";

type Entry = { id: string; atMs: number; kind: string; nanoUsd: number; reason: string; expiresAtMs: number | null };

/** Writes the credit entry to D1 and who made it, once however often it is told. The account's object is the truth, and writes the entry too. */
export async function creditPosted(db: D1Database, by: By, organisationId: string, entry: Entry): Promise<void> {
  const { id, atMs, kind, nanoUsd, reason, expiresAtMs } = entry;
  await db.batch([
    db.prepare(`
      INSERT INTO credit_entries (organisation_id, id, at, kind, nano_usd, reason, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
      ON CONFLICT DO NOTHING`,
    ).bind(organisationId, id, atMs, kind, nanoUsd, reason, expiresAtMs),
    auditIfChanged(db, by, { action: "credit.post", subject: id, organisationId, detail: { kind, nanoUsd, reason, expiresAtMs } }),
  ]);
}

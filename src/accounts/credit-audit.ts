/** That somebody changed an organisation's credits, in the audit trail. */
import { recordAudit, type By } from "./audit.ts";

type Entry = { id: string; atMs: number; kind: string; nanoUsd: number; reason: string; expiresAtMs: number | null };

/** Writes down who made a credit entry, once. The entry itself comes to D1 from the account's object. */
export async function creditPosted(db: D1Database, by: By, organisationId: string, { id, kind, nanoUsd, reason, expiresAtMs }: Entry): Promise<void> {
  await recordAudit(db, by, { action: "credit.post", subject: id, organisationId, detail: { kind, nanoUsd, reason, expiresAtMs } });
}

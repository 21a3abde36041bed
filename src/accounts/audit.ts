/** Who changed what. Every change and its event are one D1 batch, that is one transaction. */
import { encodeBase62, newId } from "./base62.ts";

/** Who changes something, and when. */
export type By = { actor: string; nowMs: number };

export type AuditAction =
  | "application.decide" | "organisation.create" | "organisation.update" | "organisation.suspend" | "organisation.restore" | "member.put" | "member.delete" | "plan.put"
  | "price.withdraw"
  | "invitation.put" | "invitation.delete" | "invitation.accept"
  | "key.create" | "key.update" | "key.rotate" | "key.revoke"
  | "budget.put" | "budget.delete" | "alert.put" | "alert.rotate" | "account.update" | "credit.post" | "adjustment.post"
  | "credential.put" | "credential.update" | "credential.delete" | "credential.rotate" | "token_issuer.put" | "token_issuer.delete" | "alias.put" | "alias.delete" | "alias.restore" | "price.put"
  | "model.put" | "model.restore" | "deployment.put" | "deployment.restore"
  | "person.update" | "person.password" | "person.link" | "person.unlink" | "passkey.create" | "passkey.update" | "passkey.delete" | "session.end"
  | "file.create" | "file.delete" | "batch.create" | "batch.cancel";

/** `organisationId` omitted: the one that the key `subject` belongs to, if it is a key. `detail` never holds a secret. */
export type AuditEntry = { action: AuditAction; subject: string; organisationId?: string; detail?: Record<string, unknown> };

export type AuditEvent = { id: string; atMs: number; actor: string; action: string; subject: string; organisationId: string | null; detail: unknown };

/** The statement that records a change. It belongs right behind the change in one batch, and records nothing when no row changed. */
export function auditIfChanged(db: D1Database, by: By, { action, subject, organisationId, detail = {} }: AuditEntry): D1PreparedStatement {
  return db.prepare(`
    INSERT INTO audit_events (id, at, actor, action, subject, organisation_id, detail)
    SELECT ?1, ?2, ?3, ?4, ?5, coalesce(?6, (SELECT organisation_id FROM api_keys WHERE id = ?5)), ?7 WHERE changes() > 0`,
  ).bind(newId("evt_"), by.nowMs, by.actor, action, subject, organisationId ?? null, JSON.stringify(detail));
}

/** Records what a person has changed about their own account, where better-auth makes the change. It belongs to no organisation. */
export async function recordOwn(db: D1Database, by: By, { action, subject, detail = {} }: AuditEntry): Promise<void> {
  await db.prepare("INSERT INTO audit_events (id, at, actor, action, subject, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)").bind(newId("evt_"), by.nowMs, by.actor, action, subject, JSON.stringify(detail)).run();
}

/** Records what was changed elsewhere than in D1, once for each subject of the action, however often it is told. */
export async function recordAudit(db: D1Database, by: By, { action, subject, organisationId, detail = {} }: AuditEntry & { organisationId: string }): Promise<void> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${action}\n${organisationId}\n${subject}`));
  const id = `evt_${encodeBase62(new DataView(hash).getBigUint64(0), 24)}`;
  await db.prepare("INSERT OR IGNORE INTO audit_events (id, at, actor, action, subject, organisation_id, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")
    .bind(id, by.nowMs, by.actor, action, subject, organisationId, JSON.stringify(detail)).run();
}

export type Place = { atMs: number; id: string };
type Row = { id: string; at: number; actor: string; action: string; subject: string; organisation_id: string | null; detail: string };

/** Which events: whose, of what kind (`key` is all of `key.…`), about what, from when until before when. */
export type AuditFilter = { actor?: string | undefined; kind?: string | undefined; subject?: string | undefined; fromMs?: number | undefined; toMs?: number | undefined };

/** Events, newest first, older than `before`. */
export async function listAudit(
  db: D1Database, { organisationId, limit, before, ...filter }: AuditFilter & { organisationId?: string; limit: number; before?: Place },
): Promise<AuditEvent[]> {
  const { actor, kind, subject, fromMs, toMs } = filter;
  const { results } = await db.prepare(`
    SELECT * FROM audit_events
    WHERE (?1 IS NULL OR organisation_id = ?1) AND (?2 IS NULL OR (at, id) < (?2, ?3)) AND (?5 IS NULL OR actor = ?5) AND (?6 IS NULL OR action LIKE ?6)
      ${subject === undefined ? "" : "AND subject = ?7"} AND (?8 IS NULL OR at >= ?8) AND (?9 IS NULL OR at < ?9)
    ORDER BY at DESC, id DESC LIMIT ?4`,
  ).bind(
    organisationId ?? null, before?.atMs ?? null, before?.id ?? null, limit, actor ?? null, kind === undefined ? null : `${kind}.%`, subject ?? null, fromMs ?? null, toMs ?? null,
  ).all<Row>();
  return results.map(({ at, organisation_id, detail, ...row }) => ({ ...row, atMs: at, organisationId: organisation_id, detail: JSON.parse(detail) as unknown }));
}

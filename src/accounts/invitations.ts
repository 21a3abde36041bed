/** Who is asked to join an organisation, in D1. An invitation is for one address: only whoever has proved that it is theirs takes it up. */
import { GatewayError } from "../errors.ts";
import { auditIfChanged, type By } from "./audit.ts";
import type { Role } from "./members.ts";

export type Invitation = { organisationId: string; organisationName: string; email: string; role: Role; invitedBy: string; createdAtMs: number; expiresAtMs: number };

const livesMs = 7 * 86_400_000;
const tokenBytes = 32;

type Row = { organisation_id: string; name: string; email: string; role: Role; invited_by: string; created_at: number; expires_at: number };
const invitationOf = (row: Row): Invitation => ({
  organisationId: row.organisation_id, organisationName: row.name, email: row.email, role: row.role, invitedBy: row.invited_by, createdAtMs: row.created_at, expiresAtMs: row.expires_at,
});
const select = "SELECT i.*, o.name FROM invitations i JOIN organisations o ON o.id = i.organisation_id";

const hashOf = async (token: string): Promise<string> => new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token))).toHex();

/**
 * Invites an address, or anew: an older link to it ends. Returns what only its link may hold; undefined: this `form` has invited them before. Throws `conflict`
 * for a member.
 */
export async function invite(db: D1Database, by: By, organisationId: string, { email, role }: Pick<Invitation, "email" | "role">, form: string): Promise<{ token: string; expiresAtMs: number } | undefined> {
  const token = crypto.getRandomValues(new Uint8Array(tokenBytes)).toBase64({ alphabet: "base64url", omitPadding: true });
  const expiresAtMs = by.nowMs + livesMs;
  const [put, , sent] = await db.batch([
    db.prepare(`
      INSERT INTO invitations (organisation_id, email, role, token_hash, invited_by, created_at, expires_at, form)
      SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE NOT EXISTS (SELECT 1 FROM members WHERE organisation_id = ?1 AND email = ?2)
      ON CONFLICT (organisation_id, email) DO UPDATE SET
        role = excluded.role, token_hash = excluded.token_hash, invited_by = excluded.invited_by, created_at = excluded.created_at, expires_at = excluded.expires_at, form = excluded.form
      WHERE form IS NOT excluded.form`,
    ).bind(organisationId, email, role, await hashOf(token), by.actor, by.nowMs, expiresAtMs, form),
    auditIfChanged(db, by, { action: "invitation.put", subject: email, organisationId, detail: { role } }),
    db.prepare("SELECT 1 FROM invitations WHERE organisation_id = ? AND email = ? AND form = ?").bind(organisationId, email, form),
  ]);
  if (put!.meta.changes === 0 && sent!.results.length > 0) return undefined;
  if (put!.meta.changes === 0) throw new GatewayError("conflict", `${email} is a member already.`);
  return { token, expiresAtMs };
}

/** An organisation's invitations, newest first; those that have expired stay to be sent anew. */
export async function listInvitations(db: D1Database, organisationId: string): Promise<Invitation[]> {
  const { results } = await db.prepare(`${select} WHERE i.organisation_id = ? ORDER BY i.created_at DESC, i.email`).bind(organisationId).all<Row>();
  return results.map(invitationOf);
}

/** What an address is invited to, and may take up now. */
export async function invitationsTo(db: D1Database, email: string, nowMs: number): Promise<Invitation[]> {
  const { results } = await db.prepare(`${select} WHERE i.email = ? AND i.expires_at > ? ORDER BY i.created_at DESC`).bind(email.toLowerCase(), nowMs).all<Row>();
  return results.map(invitationOf);
}

/** The invitation whose link holds this, if it still stands. */
export async function invitationBy(db: D1Database, token: string, nowMs: number): Promise<Invitation | undefined> {
  const row = await db.prepare(`${select} WHERE i.token_hash = ? AND i.expires_at > ?`).bind(await hashOf(token), nowMs).first<Row>();
  return row ? invitationOf(row) : undefined;
}

/** Takes an invitation back. Throws `not_found`. */
export async function revokeInvitation(db: D1Database, by: By, organisationId: string, email: string): Promise<void> {
  const [removal] = await db.batch([
    db.prepare("DELETE FROM invitations WHERE organisation_id = ? AND email = ?").bind(organisationId, email),
    auditIfChanged(db, by, { action: "invitation.delete", subject: email, organisationId }),
  ]);
  if (removal!.meta.changes === 0) throw new GatewayError("not_found", `There is no invitation to ${email}.`);
}

/** Takes one up, for whoever has proved that the address is theirs; a member keeps the role that they have. Throws `not_found`. */
export async function acceptInvitation(db: D1Database, by: By, organisationId: string, email: string): Promise<void> {
  const [, removal] = await db.batch([
    db.prepare(`
      INSERT INTO members (organisation_id, email, role, created_at)
      SELECT organisation_id, email, role, ?3 FROM invitations WHERE organisation_id = ?1 AND email = ?2 AND expires_at > ?3
      ON CONFLICT (organisation_id, email) DO NOTHING`,
    ).bind(organisationId, email, by.nowMs),
    db.prepare("DELETE FROM invitations WHERE organisation_id = ?1 AND email = ?2 AND expires_at > ?3").bind(organisationId, email, by.nowMs),
    auditIfChanged(db, by, { action: "invitation.accept", subject: email, organisationId }),
  ]);
  if (removal!.meta.changes === 0) throw new GatewayError("not_found", "This invitation has been taken back, or is too old.");
}

/** Removes what has been expired for a month. For the nightly cron. */
export async function removeExpiredInvitations(db: D1Database, nowMs: number): Promise<void> {
  await db.prepare("DELETE FROM invitations WHERE expires_at <= ?").bind(nowMs - 30 * 86_400_000).run();
}

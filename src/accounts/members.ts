/** People of an organisation in D1. */
import { GatewayError } from "../errors.ts";
import { auditIfChanged, type By } from "./audit.ts";
import { noSuchOrganisation } from "./organisations.ts";

/** What each may do in the dashboard stands in src/dashboard/rights.ts. */
export const roles = ["owner", "admin", "developer", "viewer", "billing"] as const;
export type Role = (typeof roles)[number];
export type Member = { email: string; role: Role; createdAtMs: number };
/** One organisation that a person belongs to. */
/** `suspendedFor`: why the organisation is suspended, if it is. */
export type Membership = { organisationId: string; organisationName: string; role: Role; suspendedFor?: string };

type Row = { email: string; role: Member["role"]; created_at: number };

/** Who belongs to the organisation, by e-mail address. */
export async function listMembers(db: D1Database, organisationId: string): Promise<Member[]> {
  const [organisation, members] = await db.batch([
    db.prepare("SELECT 1 FROM organisations WHERE id = ?").bind(organisationId),
    db.prepare("SELECT email, role, created_at FROM members WHERE organisation_id = ? ORDER BY email").bind(organisationId),
  ]);
  if (organisation!.results.length === 0) throw noSuchOrganisation(organisationId);
  return (members!.results as Row[]).map(({ email, role, created_at }) => ({ email, role, createdAtMs: created_at }));
}

/** Adds a person, or gives them another role. */
export async function putMember(
  db: D1Database, by: By, organisationId: string, { email, role }: Pick<Member, "email" | "role">,
): Promise<Member> {
  const [put] = await db.batch([
    db.prepare(`
      INSERT INTO members (organisation_id, email, role, created_at)
      SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM organisations WHERE id = ?1)
      ON CONFLICT (organisation_id, email) DO UPDATE SET role = excluded.role RETURNING created_at`,
    ).bind(organisationId, email, role, by.nowMs),
    auditIfChanged(db, by, { action: "member.put", subject: email, organisationId, detail: { role } }),
  ]);
  const row = put!.results[0] as Pick<Row, "created_at"> | undefined;
  if (!row) throw noSuchOrganisation(organisationId);
  return { email, role, createdAtMs: row.created_at };
}

/** Whether somebody else owns the organisation too, so that ?2 need not. */
const ownedByOthers = "EXISTS (SELECT 1 FROM members o WHERE o.organisation_id = ?1 AND o.role = 'owner' AND o.email <> ?2)";

/** What a member changes about members: one who is no owner changes nothing about owners, and makes none. */
export type Changer = By & { role: Role };

/** Throws why a change by a member met no row. */
async function refuse(db: D1Database, organisationId: string, email: string): Promise<never> {
  const row = await db.prepare("SELECT role FROM members WHERE organisation_id = ? AND email = ?").bind(organisationId, email).first<Pick<Row, "role">>();
  if (!row) throw new GatewayError("not_found", `${email} is no member.`);
  if (row.role === "owner") throw new GatewayError("conflict", "Only an owner may do this to an owner, and never to the last one.");
  throw new GatewayError("not_permitted", "Only an owner makes somebody an owner.");
}

/** Gives a member another role. The last owner stays one, whoever asks at the same time. Throws `not_found`, `conflict`, `not_permitted`. */
export async function changeRole(db: D1Database, { role: by, ...who }: Changer, organisationId: string, { email, role }: Pick<Member, "email" | "role">): Promise<void> {
  const [update] = await db.batch([
    db.prepare(`
      UPDATE members SET role = ?3 WHERE organisation_id = ?1 AND email = ?2 AND (?4 OR (role <> 'owner' AND ?3 <> 'owner'))
        AND (?3 = 'owner' OR role <> 'owner' OR ${ownedByOthers})`,
    ).bind(organisationId, email, role, Number(by === "owner")),
    auditIfChanged(db, who, { action: "member.put", subject: email, organisationId, detail: { role } }),
  ]);
  if (update!.meta.changes === 0) await refuse(db, organisationId, email);
}

/** Removes a member, as `changeRole` changes one. Whoever it is may leave by themselves. */
export async function removeMember(db: D1Database, { role: by, ...who }: Changer, organisationId: string, email: string): Promise<void> {
  const [removal] = await db.batch([
    db.prepare(`DELETE FROM members WHERE organisation_id = ?1 AND email = ?2 AND (?3 OR role <> 'owner') AND (role <> 'owner' OR ${ownedByOthers})`)
      .bind(organisationId, email, Number(by === "owner")),
    auditIfChanged(db, who, { action: "member.delete", subject: email, organisationId }),
  ]);
  if (removal!.meta.changes === 0) await refuse(db, organisationId, email);
}

/** Removes a person. */
export async function deleteMember(db: D1Database, by: By, organisationId: string, email: string): Promise<void> {
  const [removal] = await db.batch([
    db.prepare("DELETE FROM members WHERE organisation_id = ? AND email = ?").bind(organisationId, email),
    auditIfChanged(db, by, { action: "member.delete", subject: email, organisationId }),
  ]);
  if (removal!.meta.changes === 0) throw new GatewayError("not_found", `'${email}' is not a member of '${organisationId}'.`);
}

/** The organisations that this address belongs to, oldest membership first. */
export async function membershipsOf(db: D1Database, email: string): Promise<Membership[]> {
  const { results } = await db.prepare(`
    SELECT o.id, o.name, o.suspended_for, m.role FROM members m JOIN organisations o ON o.id = m.organisation_id
    WHERE m.email = ? ORDER BY m.created_at, o.id`,
  ).bind(email.toLowerCase()).all<{ id: string; name: string; suspended_for: string | null; role: Role }>();
  return results.map(({ id, name, role, suspended_for }) => ({ organisationId: id, organisationName: name, role, ...(suspended_for !== null && { suspendedFor: suspended_for }) }));
}

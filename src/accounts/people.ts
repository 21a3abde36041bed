/** What Forge itself asks of the people that better-auth keeps (src/dashboard/auth.ts). */
import { auditIfChanged, type By } from "./audit.ts";

/** Marks an address as its person's own: they have used a link that was sent there. */
export async function verifyEmail(db: D1Database, personId: string): Promise<void> {
  await db.prepare("UPDATE people SET email_verified = 1 WHERE id = ?").bind(personId).run();
}

/**
 * Takes from an account whose address nobody has proved yet whatever opens it, before somebody does: only they shall. `butPassword`: they have
 * just chosen it. Does nothing to an account whose address is proved.
 */
export async function closeUnproved(db: D1Database, personId: string, { butPassword }: { butPassword: boolean }): Promise<void> {
  const unproved = "person_id = ?1 AND EXISTS (SELECT 1 FROM people WHERE id = ?1 AND email_verified = 0)";
  await db.batch([
    db.prepare(`DELETE FROM people_accounts WHERE ${unproved} AND (?2 = 0 OR provider_id <> 'credential')`).bind(personId, Number(butPassword)),
    ...["people_passkeys", "people_sessions"].map((table) => db.prepare(`DELETE FROM ${table} WHERE ${unproved}`).bind(personId)),
  ]);
}

/** Gives a person another name. */
export async function renamePerson(db: D1Database, by: By, personId: string, name: string): Promise<void> {
  await db.batch([
    db.prepare("UPDATE people SET name = ?2, updated_at = ?3 WHERE id = ?1 AND name <> ?2").bind(personId, name, new Date(by.nowMs).toISOString()),
    auditIfChanged(db, by, { action: "person.update", subject: by.actor, detail: { name } }),
  ]);
}

/** Whom an account is of. `ways`: how many passwords and accounts elsewhere open it. */
export async function personOf(db: D1Database, personId: string): Promise<{ email: string; name: string; ways: number }> {
  return (await db.prepare("SELECT email, name, (SELECT count(*) FROM people_accounts WHERE person_id = people.id) AS ways FROM people WHERE id = ?").bind(personId).first<{ email: string; name: string; ways: number }>())!;
}

/** Whether somebody has signed up with this address. */
export async function isKnownPerson(db: D1Database, email: string): Promise<boolean> {
  return (await db.prepare("SELECT 1 FROM people WHERE email = ?").bind(email.toLowerCase()).first()) !== null;
}

/** Removes sessions and links that have expired. For the nightly cron. */
export async function removeExpiredSessions(db: D1Database, nowMs: number): Promise<void> {
  const now = new Date(nowMs).toISOString();
  await db.batch([
    db.prepare("DELETE FROM people_sessions WHERE expires_at <= ?").bind(now),
    db.prepare("DELETE FROM people_verifications WHERE expires_at <= ?").bind(now),
    db.prepare("DELETE FROM people_accounts WHERE NOT EXISTS (SELECT 1 FROM people WHERE people.id = person_id)"),
  ]);
}

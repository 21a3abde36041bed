/** What Forge itself asks of the people that better-auth keeps (src/dashboard/auth.ts). */

/** Marks an address as its person's own: they have used a link that was sent there. */
export async function verifyEmail(db: D1Database, personId: string): Promise<void> {
  await db.prepare("UPDATE people SET email_verified = 1 WHERE id = ?").bind(personId).run();
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

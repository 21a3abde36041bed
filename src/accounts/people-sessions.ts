/** Where a person is signed in. better-auth begins sessions and reads them; a row that is gone is signed out with its next request. */
import { auditIfChanged, type By } from "./audit.ts";

/** `seenAtMs`: when it was used last, to an hour. `address`, `userAgent`: as it began. */
export type PersonSession = { id: string; sinceMs: number; seenAtMs: number; address: string; userAgent: string };

type Row = { id: string; created_at: string; updated_at: string; ip_address: string | null; user_agent: string | null };

/** More than anybody looks through. */
const mostListed = 50;

/** A person's sessions that are open, used last first. */
export async function sessionsOf(db: D1Database, personId: string, nowMs: number): Promise<PersonSession[]> {
  const { results } = await db.prepare("SELECT id, created_at, updated_at, ip_address, user_agent FROM people_sessions WHERE person_id = ? AND expires_at > ? ORDER BY updated_at DESC LIMIT ?")
    .bind(personId, new Date(nowMs).toISOString(), mostListed).all<Row>();
  return results.map(({ id, created_at, updated_at, ip_address, user_agent }) => ({ id, sinceMs: Date.parse(created_at), seenAtMs: Date.parse(updated_at), address: ip_address ?? "", userAgent: user_agent ?? "" }));
}

/** Ends one of a person's sessions. Returns whether it was there. */
export async function endSession(db: D1Database, by: By, personId: string, id: string): Promise<boolean> {
  const [ended] = await db.batch([
    db.prepare("DELETE FROM people_sessions WHERE person_id = ? AND id = ?").bind(personId, id),
    auditIfChanged(db, by, { action: "session.end", subject: by.actor, detail: { session: id } }),
  ]);
  return ended!.meta.changes > 0;
}

/** Ends all of a person's sessions but this one. Returns how many they were. */
export async function endOtherSessions(db: D1Database, by: By, personId: string, id: string): Promise<number> {
  const [ended] = await db.batch([
    db.prepare("DELETE FROM people_sessions WHERE person_id = ? AND id <> ?").bind(personId, id),
    auditIfChanged(db, by, { action: "session.end", subject: by.actor, detail: { session: "all others" } }),
  ]);
  return ended!.meta.changes;
}

/** Ends the session that a browser had before it signed in anew: nobody holds its cookie any more. */
export async function dropSession(db: D1Database, id: string): Promise<void> {
  await db.prepare("DELETE FROM people_sessions WHERE id = ?").bind(id).run();
}

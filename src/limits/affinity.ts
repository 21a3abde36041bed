/** Where a key's conversations ran last: prompts are cached there, and only it can read what it has sealed. */

const schema = "CREATE TABLE IF NOT EXISTS affinity (session TEXT PRIMARY KEY, vital TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID";
/** A conversation that was silent for a day is over; a provider's cache forgets it within the hour. */
const keptMs = 86_400_000;
const mostKept = 10_000;
/** A row is written when its conversation moves, and to stay young. */
const refreshMs = keptMs / 2;

export class Affinity {
  private readonly sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.sql = sql;
    sql.exec(schema);
  }

  /** Where a conversation ran, by the first of these names that is remembered; undefined: nobody remembers. */
  of(sessions: readonly string[], now: number): string | undefined {
    for (const session of sessions) {
      const row = this.row(session);
      if (row && row.at > now - keptMs) return row.vital;
    }
    return undefined;
  }

  /** Remembers where it runs now. */
  note(session: string, vital: string, now: number): void {
    const row = this.row(session);
    if (row && row.vital === vital && row.at > now - refreshMs) return;
    this.sql.exec("INSERT INTO affinity VALUES (?1, ?2, ?3) ON CONFLICT (session) DO UPDATE SET vital = ?2, at = ?3", session, vital, now);
  }

  /** Forgets what is over, and what is more than can be kept, the oldest first. */
  tidy(now: number): void {
    this.sql.exec("DELETE FROM affinity WHERE at <= ?", now - keptMs);
    this.sql.exec("DELETE FROM affinity WHERE session IN (SELECT session FROM affinity ORDER BY at DESC LIMIT -1 OFFSET ?)", mostKept);
  }

  private row(session: string): { vital: string; at: number } | undefined {
    return this.sql.exec<{ vital: string; at: number }>("SELECT vital, at FROM affinity WHERE session = ?", session).toArray()[0];
  }
}

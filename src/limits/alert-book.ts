/**
 * Which thresholds have been spent through, each once in its window, and whether those who want to know have been told. What is handed out to keys does
 * not count here: people are told of what is spent.
 */
import type { AccountPool } from "../accounts/budgets.ts";
import type { Alert, Told } from "../alerts/index.ts";
import { bucketAt } from "./windows.ts";

const schema = `
  CREATE TABLE IF NOT EXISTS alert (
    pool TEXT NOT NULL, bucket INTEGER NOT NULL, share REAL NOT NULL, body TEXT NOT NULL, told TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL, done INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (pool, bucket, share)
  ) WITHOUT ROWID;`;

const seconds = 1_000;
const minutes = 60 * seconds;
const hours = 60 * minutes;
/** What is waited after each time that somebody could not be told. */
const pauses = [10 * seconds, 30 * seconds, 2 * minutes, 10 * minutes, 30 * minutes, 2 * hours, 6 * hours];
const takenMs = 31 * 24 * hours;
/** As many are told in one go. */
const atOnce = 10;

/** One to be told, and who has been told of it. */
export type Due = { pool: string; bucketMs: number; share: number; alert: Alert; told: Told };
type Row = { pool: string; bucket: number; share: number; body: string; told: string; tries: number };
type State = { spent: number; limit: number; bucketMs: number; nowMs: number };

const nobody: Told = { mailed: [], heard: false, done: false };

export class AlertBook {
  private readonly sql: SqlStorage;
  /** Thresholds that are known to be written down, so that rows are looked for once. */
  private readonly known = new Set<string>();

  constructor(sql: SqlStorage) {
    this.sql = sql;
    sql.exec(schema);
  }

  /** Writes down which of a pool's thresholds are spent through. Of several that nobody has been told of yet only the highest is. Returns whether there is something to tell. */
  see(organisationId: string, pool: AccountPool, state: State): boolean {
    const passed = state.limit > 0 ? pool.soft.filter((share) => state.spent >= share * state.limit) : [];
    return this.write(organisationId, pool, state, passed);
  }

  /** A request was refused for want of room: where people want to hear that all is spent, this is as far as it goes. */
  refused(organisationId: string, pool: AccountPool, state: State): boolean {
    return pool.soft.includes(1) && this.write(organisationId, pool, state, [...pool.soft]);
  }

  private write(organisationId: string, pool: AccountPool, { spent, limit, bucketMs, nowMs }: State, shares: readonly number[]): boolean {
    const { windowStartMs, endMs } = bucketAt(pool.window, bucketMs);
    const isEndless = pool.window.of === "total";
    const fresh = shares.filter((share) => {
      const name = `${pool.id} ${bucketMs} ${share}`;
      if (this.known.has(name)) return false;
      this.known.add(name);
      const id = `${organisationId}:${pool.id}:${bucketMs}:${share}:${nowMs}`;
      const fromMs = isEndless ? null : windowStartMs;
      const alert: Alert = { id, atMs: nowMs, budget: pool.id, name: pool.name, unit: pool.unit, share, spent, limit, fromMs, untilMs: isEndless || pool.window.rolling ? null : endMs };
      return this.sql.exec(
        `INSERT OR IGNORE INTO alert (pool, bucket, share, body, told, next_at) SELECT ?1, ?2, ?3, ?4, ?5, ?6
         WHERE NOT EXISTS (SELECT 1 FROM alert WHERE pool = ?1 AND share = ?3 AND bucket >= ?7) RETURNING 1`,
        pool.id, bucketMs, share, JSON.stringify(alert), JSON.stringify(nobody), nowMs, windowStartMs,
      ).toArray().length > 0;
    });
    if (fresh.length > 0) this.sql.exec("UPDATE alert SET done = 1 WHERE pool = ? AND bucket = ? AND share < ? AND tries = 0", pool.id, bucketMs, Math.max(...fresh));
    return fresh.length > 0;
  }

  /** Takes one that somebody else noticed; again, nothing changes. */
  take(alert: Alert): void {
    this.sql.exec("INSERT OR IGNORE INTO alert (pool, bucket, share, body, told, next_at) VALUES (?, ?, ?, ?, ?, ?)", alert.budget, alert.atMs, alert.share, JSON.stringify(alert), JSON.stringify(nobody), alert.atMs);
  }

  /** Forgets those that were taken, long after they can come again. */
  forgetTaken(nowMs: number): void {
    this.sql.exec("DELETE FROM alert WHERE pool GLOB 'key:*' AND bucket < ? AND done = 1", nowMs - takenMs);
  }

  /** The thresholds above what is spent of a changed pool may be reached anew. */
  rearm({ id }: Pick<AccountPool, "id">, spent: number, limit: number): void {
    this.sql.exec("DELETE FROM alert WHERE pool = ? AND share * ? > ? AND done = 1", id, limit, spent);
    this.known.clear();
  }

  /** Those to be told now. That they are tried is written down before, so that nobody is called for ever. */
  due(nowMs: number): Due[] {
    const rows = this.sql.exec<Row>("SELECT pool, bucket, share, body, told, tries FROM alert WHERE done = 0 AND next_at <= ? ORDER BY next_at LIMIT ?", nowMs, atOnce).toArray();
    return rows.map(({ pool, bucket, share, body, told, tries }) => {
      const pause = pauses[tries];
      this.sql.exec("UPDATE alert SET tries = tries + 1, next_at = ?, done = ? WHERE pool = ? AND bucket = ? AND share = ?", nowMs + (pause ?? 0), Number(pause === undefined), pool, bucket, share);
      return { pool, bucketMs: bucket, share, alert: JSON.parse(body) as Alert, told: JSON.parse(told) as Told };
    });
  }

  /** Who has been told by now. */
  save({ pool, bucketMs, share }: Due, told: Told): void {
    this.sql.exec("UPDATE alert SET told = ?, done = max(done, ?) WHERE pool = ? AND bucket = ? AND share = ?", JSON.stringify(told), Number(told.done), pool, bucketMs, share);
  }

  /** When the next one is to be told. */
  next(): number | undefined {
    return (this.sql.exec("SELECT min(next_at) AS at FROM alert WHERE done = 0").toArray()[0]!.at as number | null) ?? undefined;
  }

  /** Forgets what lies before each pool's window. */
  forget(pools: readonly AccountPool[], nowMs: number): void {
    for (const { id, window } of pools) this.sql.exec("DELETE FROM alert WHERE pool = ? AND bucket < ? AND done = 1", id, bucketAt(window, nowMs).windowStartMs);
    this.known.clear();
  }
}

/** Allotments as rows of the key's own SQLite: a handful per key, each written when it is opened, filled, given back or left. */
import type { Pool } from "../accounts/budgets.ts";

export type AllotmentRow = {
  pool: Pool;
  /** The bucket of the pool's window in which it counts, Unix ms. */
  bucketMs: number;
  endMs: number;
  /** Handed out by the account, and given back to it, ever. */
  granted: number;
  returned: number;
  /** What the key had used in the bucket before it came to the pool. */
  base: number;
  /** Highest threshold that the pool had passed when the account last said so, as a share of it. */
  warning: number | undefined;
  /** The key is no longer in the pool: what it spent there, and which reservations still count. */
  left: { spent: number; open: string[] } | undefined;
};

const schema = "CREATE TABLE IF NOT EXISTS allotment (pool TEXT NOT NULL, bucket INTEGER NOT NULL, json TEXT NOT NULL, PRIMARY KEY (pool, bucket)) WITHOUT ROWID";

export class AllotmentRows {
  private readonly sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.sql = sql;
    sql.exec(schema);
  }

  all(): AllotmentRow[] {
    return this.sql.exec<{ json: string }>("SELECT json FROM allotment").toArray().map(({ json }) => JSON.parse(json) as AllotmentRow);
  }

  save({ pool, bucketMs, endMs, granted, returned, base, warning, left }: AllotmentRow): void {
    const json = JSON.stringify({ pool, bucketMs, endMs, granted, returned, base, warning, left } satisfies AllotmentRow);
    this.sql.exec("INSERT INTO allotment VALUES (?1, ?2, ?3) ON CONFLICT (pool, bucket) DO UPDATE SET json = excluded.json", pool.id, bucketMs, json);
  }

  drop({ pool, bucketMs }: AllotmentRow): void {
    this.sql.exec("DELETE FROM allotment WHERE pool = ? AND bucket = ?", pool.id, bucketMs);
  }
}

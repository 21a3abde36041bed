/** The account's rows in its own SQLite: its policy, who was handed how much, the credit ledger, thresholds that were passed. */
import type { AccountPolicy } from "../accounts/budgets.ts";
import { noneHanded, type Handed } from "./account.ts";
import type { CreditEntry, Remaining } from "./credits.ts";

const schema = `
  CREATE TABLE IF NOT EXISTS policy (one INTEGER PRIMARY KEY CHECK (one = 1), json TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS attribution (one INTEGER PRIMARY KEY CHECK (one = 1), nano_usd INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS handed (
    pool TEXT NOT NULL, bucket INTEGER NOT NULL, key TEXT NOT NULL, granted INTEGER NOT NULL, returned INTEGER NOT NULL,
    spent INTEGER NOT NULL, seq INTEGER NOT NULL, granted_at INTEGER NOT NULL, PRIMARY KEY (pool, bucket, key)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS credit (
    id TEXT PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, nano_usd INTEGER NOT NULL, reason TEXT NOT NULL, expires_at INTEGER,
    remaining INTEGER NOT NULL, told INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS passed (
    pool TEXT NOT NULL, bucket INTEGER NOT NULL, share REAL NOT NULL, at INTEGER NOT NULL, told INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (pool, bucket, share)
  ) WITHOUT ROWID;`;

type Row = Record<string, SqlStorageValue>;
export type HandedRow = { pool: string; bucketMs: number; key: string; handed: Handed };
export type PassedRow = { pool: string; bucketMs: number; share: number; atMs: number };

const creditOf = (row: Row): CreditEntry => ({
  id: row.id as string, atMs: row.at as number, kind: row.kind as CreditEntry["kind"], nanoUsd: row.nano_usd as number,
  reason: row.reason as string, expiresAtMs: row.expires_at as number | null,
});

export class AccountStore {
  private readonly sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.sql = sql;
    sql.exec(schema);
  }

  private run(query: string, ...values: SqlStorageValue[]): Row[] {
    return this.sql.exec<Row>(query, ...values).toArray();
  }

  policy<P extends AccountPolicy>(): P | undefined {
    const row = this.run("SELECT json FROM policy")[0];
    return row && ((JSON.parse(row.json as string) as P | null) ?? undefined);
  }

  savePolicy(policy: AccountPolicy): void {
    this.run("INSERT INTO policy (one, json) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET json = excluded.json", JSON.stringify(policy));
  }

  handed(): HandedRow[] {
    return this.run("SELECT * FROM handed").map((row) => ({
      pool: row.pool as string, bucketMs: row.bucket as number, key: row.key as string,
      handed: { ...noneHanded, granted: row.granted as number, returned: row.returned as number, spent: row.spent as number, seq: row.seq as number, grantedAtMs: row.granted_at as number },
    }));
  }

  saveHanded({ pool, bucketMs, key, handed: { granted, returned, spent, seq, grantedAtMs } }: HandedRow): void {
    this.run(
      `INSERT INTO handed VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (pool, bucket, key) DO UPDATE SET
         granted = excluded.granted, returned = excluded.returned, spent = excluded.spent, seq = excluded.seq, granted_at = excluded.granted_at`,
      pool, bucketMs, key, granted, returned, spent, seq, grantedAtMs,
    );
  }

  dropHanded(pool: string, bucketMs: number): void {
    this.run("DELETE FROM handed WHERE pool = ? AND bucket = ?", pool, bucketMs);
    this.run("DELETE FROM passed WHERE pool = ? AND bucket = ? AND told = 1", pool, bucketMs);
  }

  credit(id: string): CreditEntry | undefined {
    const row = this.run("SELECT * FROM credit WHERE id = ?", id)[0];
    return row && creditOf(row);
  }

  /** The sum of all entries. */
  credits(): number {
    return this.run("SELECT coalesce(sum(nano_usd), 0) AS sum FROM credit")[0]!.sum as number;
  }

  /** Entries, newest first. */
  creditList(limit: number): CreditEntry[] {
    return this.run("SELECT * FROM credit ORDER BY at DESC, id DESC LIMIT ?", limit).map(creditOf);
  }

  addCredit({ id, atMs, kind, nanoUsd, reason, expiresAtMs }: CreditEntry): void {
    this.run("INSERT INTO credit (id, at, kind, nano_usd, reason, expires_at, remaining) VALUES (?, ?, ?, ?, ?, ?, ?)", id, atMs, kind, nanoUsd, reason, expiresAtMs, Math.max(0, nanoUsd));
  }

  /** Entries of which something is left. */
  remaining(): Remaining[] {
    return this.run("SELECT id, remaining, expires_at FROM credit WHERE remaining > 0").map((row) => ({
      id: row.id as string, nanoUsd: row.remaining as number, expiresAtMs: row.expires_at as number | null,
    }));
  }

  saveRemaining({ id, nanoUsd }: Remaining): void {
    this.run("UPDATE credit SET remaining = ? WHERE id = ?", nanoUsd, id);
  }

  /** How much of what was spent has been taken out of the entries so far, less what was taken back of money that was gone. */
  attributed(): number {
    return (this.run("SELECT nano_usd FROM attribution")[0]?.nano_usd as number | undefined) ?? 0;
  }

  saveAttributed(nanoUsd: number): void {
    this.run("INSERT INTO attribution VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET nano_usd = excluded.nano_usd", nanoUsd);
  }

  /** When the next entry of which something is left expires. */
  nextExpiry(): number | undefined {
    return (this.run("SELECT min(expires_at) AS at FROM credit WHERE remaining > 0")[0]!.at as number | null) ?? undefined;
  }

  /** Writes down that a threshold was passed. False: it was before. */
  pass({ pool, bucketMs, share, atMs }: PassedRow): boolean {
    return this.run("INSERT OR IGNORE INTO passed (pool, bucket, share, at) VALUES (?, ?, ?, ?) RETURNING 1", pool, bucketMs, share, atMs).length > 0;
  }

  /** Forgets that thresholds above `share` were passed, so that they can be again. */
  rearm(pool: string, share: number): void {
    this.run("DELETE FROM passed WHERE pool = ? AND share > ? AND told = 1", pool, share);
  }

  /** What D1 has not been told yet. */
  untold(limit: number): { credits: CreditEntry[]; passed: PassedRow[] } {
    return {
      credits: this.run("SELECT * FROM credit WHERE told = 0 ORDER BY at LIMIT ?", limit).map(creditOf),
      passed: this.run("SELECT * FROM passed WHERE told = 0 LIMIT ?", limit).map((row) => ({
        pool: row.pool as string, bucketMs: row.bucket as number, share: row.share as number, atMs: row.at as number,
      })),
    };
  }

  markTold({ credits, passed }: { credits: readonly CreditEntry[]; passed: readonly PassedRow[] }): void {
    for (const { id } of credits) this.run("UPDATE credit SET told = 1 WHERE id = ?", id);
    for (const { pool, bucketMs, share } of passed) this.run("UPDATE passed SET told = 1 WHERE pool = ? AND bucket = ? AND share = ?", pool, bucketMs, share);
  }
}

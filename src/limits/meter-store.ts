/**
 * The meter's rows in its own SQLite. A hold row becomes the ledger entry at settle: two rows written per request.
 * Everything the counters know is in these rows, so an eviction or a crash forgets nothing that was acknowledged.
 */
import type { LedgerEntry, Outcome } from "../ledger/entry.ts";
import { minuteOf, monthStart, type Counters } from "./allowance.ts";
import type { Estimate, MeterPolicy } from "./policy.ts";

const schema = `
  CREATE TABLE IF NOT EXISTS policy (one INTEGER PRIMARY KEY CHECK (one = 1), json TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS entry (
    id TEXT PRIMARY KEY, at INTEGER NOT NULL, lease INTEGER,
    window INTEGER NOT NULL, requests INTEGER NOT NULL,
    tokens INTEGER NOT NULL, nano_usd INTEGER NOT NULL, model TEXT NOT NULL, outcome TEXT
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS hourly (
    hour INTEGER NOT NULL, model TEXT NOT NULL, requests INTEGER NOT NULL, errors INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL, cache_write_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL, cost_nano_usd INTEGER NOT NULL,
    PRIMARY KEY (hour, model)
  ) WITHOUT ROWID;`;

/** Totals of one hour and model, summed over what is folded (`hourly`) and what is not yet (`entry`). */
const totals = `
  SELECT hour, model, sum(requests) AS requests, sum(errors) AS errors, sum(input_tokens) AS input_tokens,
    sum(cached_tokens) AS cached_tokens, sum(cache_write_tokens) AS cache_write_tokens, sum(output_tokens) AS output_tokens,
    sum(reasoning_tokens) AS reasoning_tokens, sum(cost_nano_usd) AS cost_nano_usd
  FROM (SELECT * FROM hourly UNION ALL
    SELECT at / 3600000, model, 1, outcome ->> 'status' >= 400 OR outcome ->> 'end' NOT IN ('complete', 'client_gone'),
      outcome ->> '$.usage.inputTokens', outcome ->> '$.usage.cachedTokens', outcome ->> '$.usage.cacheWriteTokens',
      outcome ->> '$.usage.outputTokens', outcome ->> '$.usage.reasoningTokens', nano_usd
    FROM entry WHERE lease IS NULL)
  GROUP BY hour, model`;

/** One hour and model, as `usage_hourly` in D1 takes it. */
export type HourlyTotals = Record<
  "hour" | "requests" | "errors" | "input_tokens" | "cached_tokens" | "cache_write_tokens" | "output_tokens" | "reasoning_tokens" | "cost_nano_usd",
  number
> & { model: string };

/** A place in the order of entries. */
export type Position = { at: number; id: string };

type Row = Record<string, SqlStorageValue>;

export class MeterStore {
  /** Rows written since this object woke: what the platform bills. */
  rowsWritten = 0;
  private readonly sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.sql = sql;
    sql.exec(schema);
  }

  private run(query: string, ...values: SqlStorageValue[]): Row[] {
    const cursor = this.sql.exec<Row>(query, ...values);
    const rows = cursor.toArray();
    this.rowsWritten += cursor.rowsWritten;
    return rows;
  }

  policy(): MeterPolicy | undefined {
    const row = this.run("SELECT json FROM policy")[0];
    return row && (JSON.parse(row.json as string) as MeterPolicy);
  }

  savePolicy(policy: MeterPolicy): void {
    this.run("INSERT INTO policy VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET json = excluded.json", JSON.stringify(policy));
  }

  /** The counters as the rows tell them, standing in the minute and month of `nowMs`. */
  counters(nowMs: number): Counters {
    const window = minuteOf(nowMs);
    const start = monthStart(nowMs);
    const minute = this.run("SELECT max(requests) AS requests, total(tokens) AS tokens FROM entry WHERE window = ?", window)[0]!;
    const held = this.run("SELECT count(*) AS requests, total(tokens) AS tokens, total(nano_usd) AS nano_usd FROM entry WHERE lease IS NOT NULL")[0]!;
    const month = this.run(
      `SELECT total(tokens) AS tokens, total(nano_usd) AS nano_usd FROM (
         SELECT input_tokens + output_tokens AS tokens, cost_nano_usd AS nano_usd FROM hourly WHERE hour >= ?1 / 3600000
         UNION ALL SELECT tokens, nano_usd FROM entry WHERE lease IS NULL AND at >= ?1)`,
      start,
    )[0]!;
    const spent = this.run("SELECT (SELECT total(cost_nano_usd) FROM hourly) + (SELECT total(nano_usd) FROM entry WHERE lease IS NULL) AS nano_usd")[0]!;
    return {
      minute: { window, requests: (minute.requests as number | null) ?? 0, tokens: minute.tokens as number },
      month: { start, tokens: month.tokens as number, nanoUsd: month.nano_usd as number },
      spentNanoUsd: spent.nano_usd as number,
      held: { requests: held.requests as number, tokens: held.tokens as number, nanoUsd: held.nano_usd as number },
    };
  }

  /** The reservation under this id: `lease` null = settled. */
  find(id: string): { at: number; lease: number | null; window: number; tokens: number; nanoUsd: number; model: string } | undefined {
    const row = this.run("SELECT at, lease, window, tokens, nano_usd, model FROM entry WHERE id = ?", id)[0];
    return row && {
      at: row.at as number, lease: row.lease as number | null, window: row.window as number,
      tokens: row.tokens as number, nanoUsd: row.nano_usd as number, model: row.model as string,
    };
  }

  hold(id: string, at: number, lease: number, minute: Counters["minute"], estimate: Estimate, model: string): void {
    this.run(
      "INSERT INTO entry (id, at, lease, window, requests, tokens, nano_usd, model) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      id, at, lease, minute.window, minute.requests, estimate.tokens, estimate.nanoUsd, model,
    );
  }

  settle(id: string, tokens: number, outcome: Outcome): void {
    this.run("UPDATE entry SET lease = NULL, tokens = ?, nano_usd = ?, model = ?, outcome = ? WHERE id = ?",
      tokens, outcome.costNanoUsd, outcome.model, JSON.stringify(outcome), id);
  }

  renew(id: string, lease: number): void {
    this.run("UPDATE entry SET lease = ? WHERE id = ?", lease, id);
  }

  /** Holds whose lease has run out. */
  expired(nowMs: number): { id: string; tokens: number; nanoUsd: number; model: string }[] {
    return this.run("SELECT id, tokens, nano_usd, model FROM entry WHERE lease <= ?", nowMs).map((row) => ({
      id: row.id as string, tokens: row.tokens as number, nanoUsd: row.nano_usd as number, model: row.model as string,
    }));
  }

  /** A finished request, or undefined when it is open or not here (any more). */
  entry(id: string): LedgerEntry | undefined {
    const row = this.run("SELECT at, outcome FROM entry WHERE id = ? AND lease IS NULL", id)[0];
    return row && { id, at: row.at as number, ...(JSON.parse(row.outcome as string) as Outcome) };
  }

  /** Up to `limit` finished requests after `after`, in order, and the absolute totals of the hours they fall in. */
  finished(after: Position, limit: number): { entries: { id: string; at: number; outcome: string }[]; hours: HourlyTotals[] } {
    const rows = this.run(
      "SELECT id, at, outcome FROM entry WHERE lease IS NULL AND (at, id) > (?, ?) ORDER BY at, id LIMIT ?", after.at, after.id, limit,
    );
    const entries = rows.map((row) => ({ id: row.id as string, at: row.at as number, outcome: row.outcome as string }));
    const touched = [...new Set(entries.map((entry) => Math.floor(entry.at / 3_600_000)))];
    const hours = this.run(`SELECT * FROM (${totals}) WHERE hour IN (SELECT value FROM json_each(?))`, JSON.stringify(touched)) as HourlyTotals[];
    return { entries, hours };
  }

  /** Moves exported entries of past minutes into the hourly totals. One transaction: no await in here. */
  fold(ids: string[], currentWindow: number): void {
    const list = JSON.stringify(ids);
    const chosen = "lease IS NULL AND window < ?2 AND id IN (SELECT value FROM json_each(?1))";
    this.run(
      `INSERT INTO hourly SELECT at / 3600000, model, count(*),
         sum(outcome ->> 'status' >= 400 OR outcome ->> 'end' NOT IN ('complete', 'client_gone')),
         sum(outcome ->> '$.usage.inputTokens'), sum(outcome ->> '$.usage.cachedTokens'), sum(outcome ->> '$.usage.cacheWriteTokens'),
         sum(outcome ->> '$.usage.outputTokens'), sum(outcome ->> '$.usage.reasoningTokens'), sum(nano_usd)
       FROM entry WHERE ${chosen} GROUP BY 1, 2
       ON CONFLICT (hour, model) DO UPDATE SET requests = requests + excluded.requests, errors = errors + excluded.errors,
         input_tokens = input_tokens + excluded.input_tokens, cached_tokens = cached_tokens + excluded.cached_tokens,
         cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens, output_tokens = output_tokens + excluded.output_tokens,
         reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens, cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd`,
      list, currentWindow,
    );
    this.run(`DELETE FROM entry WHERE ${chosen}`, list, currentWindow);
  }

  /** Whether anything is left for the alarm to do. */
  busy(): boolean {
    return this.run("SELECT 1 FROM entry LIMIT 1").length > 0;
  }
}

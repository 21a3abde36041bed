/**
 * The meter's rows in its own SQLite. A hold row becomes the ledger entry at settle: two rows written per request.
 * Everything the counters know is in these rows, so an eviction or a crash forgets nothing that was acknowledged.
 */
import type { LedgerEntry, Outcome } from "../ledger/entry.ts";
import type { HourlyTotals } from "../ledger/roll-up.ts";
import { minuteOf, monthStart, type Counters } from "./allowance.ts";
import type { Estimate, MeterPolicy, Posting } from "./policy.ts";

const classes = "input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens" as const;
const sums = "sum(input_tokens) AS input_tokens, sum(cached_tokens) AS cached_tokens, sum(cache_write_tokens) AS cache_write_tokens, " +
  "sum(output_tokens) AS output_tokens, sum(reasoning_tokens) AS reasoning_tokens, sum(cost_nano_usd) AS cost_nano_usd";

/** `entry`: open while `lease` is set; until then `input_tokens` and `cost_nano_usd` are the estimate that it holds. */
const schema = `
  CREATE TABLE IF NOT EXISTS policy (one INTEGER PRIMARY KEY CHECK (one = 1), json TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS entry (
    id TEXT PRIMARY KEY, at INTEGER NOT NULL, lease INTEGER, minute INTEGER NOT NULL, requests INTEGER NOT NULL, model TEXT NOT NULL,
    failed INTEGER NOT NULL DEFAULT 0, input_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL DEFAULT 0,
    cache_write_tokens INTEGER NOT NULL DEFAULT 0, output_tokens INTEGER NOT NULL DEFAULT 0, reasoning_tokens INTEGER NOT NULL DEFAULT 0,
    cost_nano_usd INTEGER NOT NULL, outcome TEXT
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS hourly (
    hour INTEGER NOT NULL, model TEXT NOT NULL, requests INTEGER NOT NULL, errors INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL, cache_write_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL, cost_nano_usd INTEGER NOT NULL,
    PRIMARY KEY (hour, model)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS hourly_app (
    hour INTEGER NOT NULL, model TEXT NOT NULL, app TEXT NOT NULL, requests INTEGER NOT NULL, errors INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL, cache_write_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL, cost_nano_usd INTEGER NOT NULL,
    PRIMARY KEY (hour, model, app)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS adjustment (id TEXT PRIMARY KEY, request TEXT NOT NULL, nano_usd INTEGER NOT NULL) WITHOUT ROWID;`;

/** An open reservation. `lease`: until when it lives without a sign of life, Unix ms; `minute`: the one it counts in, `requests`: its number there. */
export type Hold = { id: string; at: number; lease: number; minute: number; tokens: number; nanoUsd: number; model: string; requests: number };

/** Corrections are entries, but no requests. */
const countable = "sum(id NOT LIKE 'adj%')";
const ever = Number.MAX_SAFE_INTEGER;

/** How finished entries are summed: by model, and of those that an application has signed by it as well. `open`: the same parts of an entry. */
const app = "outcome ->> '$.app.name'";
const views = [
  { table: "hourly", parts: "hour, model", open: "at / 3600000, model", counts: "true" },
  { table: "hourly_app", parts: "hour, model, app", open: `at / 3600000, model, ${app}`, counts: `${app} IS NOT NULL` },
] as const;

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
    const minute = this.run("SELECT max(requests) AS requests, total(input_tokens + output_tokens) AS tokens FROM entry WHERE minute = ?", window)[0]!;
    return {
      minute: { window, requests: (minute.requests as number | null) ?? 0, tokens: minute.tokens as number },
      month: { start, ...this.used(start, ever) },
      spentNanoUsd: this.used(0, ever).nanoUsd,
      held: this.holds().reduce(
        (sum, hold) => ({ requests: sum.requests + 1, tokens: sum.tokens + hold.tokens, nanoUsd: sum.nanoUsd + hold.nanoUsd }),
        { requests: 0, tokens: 0, nanoUsd: 0 },
      ),
    };
  }

  /** Settled use of requests that were reserved from `fromMs` on and before `toMs`. Both on the hour. */
  used(fromMs: number, toMs: number): Estimate {
    const row = this.run(
      `SELECT total(tokens) AS tokens, total(cost_nano_usd) AS nano_usd FROM (
         SELECT input_tokens + output_tokens AS tokens, cost_nano_usd FROM hourly WHERE hour >= ?1 / 3600000 AND hour < ?2 / 3600000
         UNION ALL SELECT input_tokens + output_tokens, cost_nano_usd FROM entry WHERE lease IS NULL AND at >= ?1 AND at < ?2)`,
      fromMs, toMs,
    )[0]!;
    return { tokens: row.tokens as number, nanoUsd: row.nano_usd as number };
  }

  /** How many requests have ever been settled. */
  postings(): number {
    return this.run(`SELECT (SELECT total(requests) FROM hourly) + (SELECT total(id NOT LIKE 'adj%') FROM entry WHERE lease IS NULL)
      + (SELECT count(*) FROM adjustment) AS postings`)[0]!.postings as number;
  }

  /** Corrections of a request so far, nano-USD. */
  adjusted(request: string): number {
    return this.run("SELECT total(nano_usd) AS nano_usd FROM adjustment WHERE request = ?", request)[0]!.nano_usd as number;
  }

  adjustment(id: string): { request: string; nanoUsd: number } | undefined {
    const row = this.run("SELECT request, nano_usd FROM adjustment WHERE id = ?", id)[0];
    return row && { request: row.request as string, nanoUsd: row.nano_usd as number };
  }

  /** Writes a correction as an entry of its own: history stays as it was. */
  adjust({ id, request, at, minute, requests, nanoUsd, outcome }: { id: string; request: string; at: number; minute: number; requests: number; nanoUsd: number; outcome: Outcome }): void {
    this.run("INSERT INTO adjustment VALUES (?, ?, ?)", id, request, nanoUsd);
    this.run(
      "INSERT INTO entry (id, at, minute, requests, model, input_tokens, cost_nano_usd, outcome) VALUES (?, ?, ?, ?, ?, 0, ?, ?)",
      id, at, minute, requests, outcome.model, nanoUsd, JSON.stringify(outcome),
    );
  }

  /** Of an entry, and of those numbered behind it. */
  idsUnder(id: string): string[] {
    return this.run("SELECT id FROM entry WHERE id = ?1 OR (id >= ?1 || 'r' AND id < ?1 || 's')", id).map((row) => row.id as string);
  }

  /** Of all entries that are here. */
  ids(): Set<string> {
    return new Set(this.run("SELECT id FROM entry").map(({ id }) => id as string));
  }

  /** Open holds. */
  holds(): Hold[] {
    return this.run("SELECT id, at, lease, minute, requests, input_tokens, cost_nano_usd, model FROM entry WHERE lease IS NOT NULL").map((row) => ({
      id: row.id as string, at: row.at as number, lease: row.lease as number, minute: row.minute as number,
      tokens: row.input_tokens as number, nanoUsd: row.cost_nano_usd as number, model: row.model as string, requests: row.requests as number,
    }));
  }

  /** Writes a hold. False: this id was reserved before. */
  hold(hold: Hold): boolean {
    const before = this.rowsWritten;
    this.run(
      "INSERT OR IGNORE INTO entry (id, at, lease, minute, requests, model, input_tokens, cost_nano_usd) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      hold.id, hold.at, hold.lease, hold.minute, hold.requests, hold.model, hold.tokens, hold.nanoUsd,
    );
    return this.rowsWritten > before;
  }

  settle(id: string, posting: Posting): void {
    this.run(
      `UPDATE entry SET lease = NULL, model = ?, failed = ?, input_tokens = ?, cached_tokens = ?, cache_write_tokens = ?, output_tokens = ?,
         reasoning_tokens = ?, cost_nano_usd = ?, outcome = ? WHERE id = ?`,
      posting.model, posting.failed ? 1 : 0, posting.inputTokens, posting.cachedTokens, posting.cacheWriteTokens, posting.outputTokens,
      posting.reasoningTokens, posting.nanoUsd, posting.outcome, id,
    );
  }

  release(id: string): void {
    this.run("DELETE FROM entry WHERE id = ? AND lease IS NOT NULL", id);
  }

  renew(id: string, lease: number): void {
    this.run("UPDATE entry SET lease = ? WHERE id = ?", lease, id);
  }

  /** A finished request, or undefined when it is open or not here (any more). */
  entry(id: string): LedgerEntry | undefined {
    const row = this.finishedOne(id);
    return row && { id, at: row.at, ...(JSON.parse(row.outcome) as Outcome) };
  }

  /** Absolute totals of the hours and models that these entries fall in, and of the applications among them: what is folded and what is not yet. */
  totals(ids: string[]): HourlyTotals[] {
    const list = JSON.stringify(ids);
    return views.flatMap(({ table, parts, open, counts }) => this.run(
      `WITH touched AS (SELECT DISTINCT ${open} FROM entry WHERE ${counts} AND id IN (SELECT value FROM json_each(?)))
       SELECT ${parts}, sum(requests) AS requests, sum(errors) AS errors, ${sums}
       FROM (SELECT * FROM ${table} UNION ALL SELECT ${open}, id NOT LIKE 'adj%', failed, ${classes}, cost_nano_usd FROM entry WHERE lease IS NULL AND ${counts})
       WHERE (${parts}) IN touched GROUP BY ${parts}`,
      list,
    ) as HourlyTotals[]);
  }

  /** Up to `limit` finished requests with ids after `after`, in order of id. */
  finished(after: string, limit: number): { id: string; at: number; outcome: string }[] {
    return this.run("SELECT id, at, outcome FROM entry WHERE id > ? AND lease IS NULL ORDER BY id LIMIT ?", after, limit).map((row) => ({
      id: row.id as string, at: row.at as number, outcome: row.outcome as string,
    }));
  }

  /** One finished request, as `finished` tells it. */
  finishedOne(id: string): { id: string; at: number; outcome: string } | undefined {
    const row = this.run("SELECT at, outcome FROM entry WHERE id = ? AND lease IS NULL", id)[0];
    return row && { id, at: row.at as number, outcome: row.outcome as string };
  }

  /** Moves exported entries of past minutes into the hourly totals. Returns which. One transaction: no await in here. */
  fold(ids: string[], currentMinute: number): string[] {
    const list = JSON.stringify(ids);
    const chosen = "lease IS NULL AND minute < ?2 AND id IN (SELECT value FROM json_each(?1))";
    for (const { table, parts, open, counts } of views) {
      this.run(
        `INSERT INTO ${table} SELECT ${open}, ${countable}, sum(failed), ${sums.replaceAll(/ AS \w+/g, "")} FROM entry WHERE ${chosen} AND ${counts} GROUP BY ${open}
         ON CONFLICT (${parts}) DO UPDATE SET requests = requests + excluded.requests, errors = errors + excluded.errors,
           input_tokens = input_tokens + excluded.input_tokens, cached_tokens = cached_tokens + excluded.cached_tokens,
           cache_write_tokens = cache_write_tokens + excluded.cache_write_tokens, output_tokens = output_tokens + excluded.output_tokens,
           reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens, cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd`,
        list, currentMinute,
      );
    }
    return this.run(`DELETE FROM entry WHERE ${chosen} RETURNING id`, list, currentMinute).map(({ id }) => id as string);
  }

  /** Whether anything is left for the alarm to do. */
  busy(): boolean {
    return this.run("SELECT 1 FROM entry LIMIT 1").length > 0;
  }
}

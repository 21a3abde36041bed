/** D1 as the objects use it: statements that are bound and sent as one transaction. */
import { DatabaseSync } from "node:sqlite";

type Statement = { sql: string; values: (string | number | null)[] };

export class D1 {
  private readonly db = new DatabaseSync(":memory:");

  constructor() {
    this.db.exec(`
      CREATE TABLE usage_hourly (key_id TEXT, hour INTEGER, model TEXT, organisation_id TEXT, requests INTEGER, errors INTEGER, input_tokens INTEGER,
        cached_tokens INTEGER, cache_write_tokens INTEGER, output_tokens INTEGER, reasoning_tokens INTEGER, cost_nano_usd INTEGER, PRIMARY KEY (key_id, hour, model));
      CREATE TABLE usage_by_app (key_id TEXT, hour INTEGER, model TEXT, app TEXT, organisation_id TEXT, requests INTEGER, errors INTEGER, input_tokens INTEGER,
        cached_tokens INTEGER, cache_write_tokens INTEGER, output_tokens INTEGER, reasoning_tokens INTEGER, cost_nano_usd INTEGER, PRIMARY KEY (key_id, hour, model, app));
      CREATE TABLE requests (id TEXT PRIMARY KEY, at INTEGER, key_id TEXT, organisation_id TEXT, entry TEXT);
      CREATE TABLE receipts (organisation_id TEXT, key_id TEXT, sequence INTEGER, request_id TEXT, PRIMARY KEY (organisation_id, key_id, sequence));
      CREATE TABLE refusals_hourly (key_id TEXT, hour INTEGER, code TEXT, organisation_id TEXT, requests INTEGER, PRIMARY KEY (key_id, hour, code));
      CREATE TABLE refused_requests (id TEXT PRIMARY KEY, at INTEGER, key_id TEXT, organisation_id TEXT, status INTEGER, code TEXT, model TEXT, protocol TEXT);
      CREATE TABLE credit_entries (organisation_id TEXT, id TEXT, at INTEGER, kind TEXT, nano_usd INTEGER, reason TEXT, expires_at INTEGER, PRIMARY KEY (organisation_id, id));
      CREATE TABLE events (id TEXT PRIMARY KEY, organisation_id TEXT, at INTEGER, kind TEXT, subject TEXT, detail TEXT);`);
  }

  run(statements: readonly Statement[]): void {
    this.db.exec("BEGIN");
    for (const { sql, values } of statements) this.db.prepare(sql).run(...values);
    this.db.exec("COMMIT");
  }

  all(sql: string): Record<string, unknown>[] {
    return this.db.prepare(sql).all();
  }

  close(): void {
    this.db.close();
  }

  /** The binding, for one owner: `send` carries a transaction there and back. */
  static bound(send: (statements: Statement[]) => Promise<void>): D1Database {
    const prepare = (sql: string) => ({ bind: (...values: Statement["values"]): Statement => ({ sql, values }) });
    return { prepare, batch: send } as unknown as D1Database;
  }
}

/** What a key's Durable Object writes to D1: absolute totals and finished requests, both idempotent. */

/** One hour and model, as `usage_hourly` in D1 takes it; what of it one application asked for, as `usage_by_app` does. */
export type HourlyTotals = Record<
  "hour" | "requests" | "errors" | "input_tokens" | "cached_tokens" | "cache_write_tokens" | "output_tokens" | "reasoning_tokens" | "cost_nano_usd",
  number
> & { model: string; app?: string };

const upsert = (table: string, parts: readonly string[]): string => `
  INSERT INTO ${table} (key_id, organisation_id, ${parts.join(", ")}, requests, errors, input_tokens, cached_tokens, cache_write_tokens,
    output_tokens, reasoning_tokens, cost_nano_usd)
  SELECT ?1, ?2, ${parts.map((part) => `value ->> '${part}'`).join(", ")}, value ->> 'requests', value ->> 'errors', value ->> 'input_tokens',
    value ->> 'cached_tokens', value ->> 'cache_write_tokens', value ->> 'output_tokens', value ->> 'reasoning_tokens', value ->> 'cost_nano_usd'
  FROM json_each(?3) WHERE true
  ON CONFLICT (key_id, ${parts.join(", ")}) DO UPDATE SET requests = excluded.requests, errors = excluded.errors,
    input_tokens = excluded.input_tokens, cached_tokens = excluded.cached_tokens, cache_write_tokens = excluded.cache_write_tokens,
    output_tokens = excluded.output_tokens, reasoning_tokens = excluded.reasoning_tokens, cost_nano_usd = excluded.cost_nano_usd
  WHERE excluded.requests >= requests`;

const upsertHours = upsert("usage_hourly", ["hour", "model"]);
const upsertApps = upsert("usage_by_app", ["hour", "model", "app"]);

const insertRequests = `
  INSERT OR IGNORE INTO requests (id, at, key_id, organisation_id, entry)
  SELECT value ->> 'id', value ->> 'at', ?1, ?2, value ->> 'outcome' FROM json_each(?3)`;

const insertReceipts = `
  INSERT OR IGNORE INTO receipts (organisation_id, key_id, sequence, request_id)
  SELECT ?2, ?1, value ->> 'sequence', value ->> 'id' FROM json_each(?3)`;

type Owner = { keyId: string; organisationId: string };

/**
 * Writes absolute totals and finished requests, both or neither. Repeating it changes nothing, an older total never
 * overwrites a newer one. Throws when D1 does.
 */
export async function rollUp(db: D1Database, { keyId, organisationId }: Owner, hours: HourlyTotals[], entries: { id: string; at: number; sequence: number; outcome: string }[]): Promise<void> {
  const apps = hours.filter(({ app }) => app !== undefined);
  await db.batch([
    db.prepare(upsertHours).bind(keyId, organisationId, JSON.stringify(hours.filter(({ app }) => app === undefined))),
    ...(apps.length > 0 ? [db.prepare(upsertApps).bind(keyId, organisationId, JSON.stringify(apps))] : []),
    db.prepare(insertRequests).bind(keyId, organisationId, JSON.stringify(entries)),
    db.prepare(insertReceipts).bind(keyId, organisationId, JSON.stringify(entries.map(({ id, sequence }) => ({ id, sequence })))),
  ]);
}

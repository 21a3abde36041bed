/** What was used and what it cost, from the hourly roll-ups. */
import { forecast, type Forecast } from "./forecast.ts";
import type { LedgerEntry } from "./entry.ts";

/** Whose usage is asked for: one key's, or all of its organisation's. */
export type Viewer = { keyId: string; organisationId: string; usageScope: "key" | "organisation" };

export type UsageTotals = {
  requests: number; errors: number; inputTokens: number; cachedTokens: number; cacheWriteTokens: number; outputTokens: number;
  reasoningTokens: number; costNanoUsd: number; costUsd: number;
};

export type UsageReport = {
  object: "usage";
  scope: "key" | "organisation";
  /** UTC month, `2026-11`. */
  month: string;
  /** Other keys of an organisation report once a minute; the asking key is exact as of now. */
  asOf: string;
  totals: UsageTotals;
  byModel: (UsageTotals & { model: string })[];
  byKey: (UsageTotals & { keyId: string; name: string | null })[];
  byDay: (UsageTotals & { day: string })[];
  forecast: Omit<Forecast, "costNanoUsd" | "low" | "high"> & { costUsd: number; lowUsd: number; highUsd: number };
};

type Row = {
  key_id: string; name: string | null; model: string; day: string; requests: number; errors: number; input_tokens: number; cached_tokens: number;
  cache_write_tokens: number; output_tokens: number; reasoning_tokens: number; cost_nano_usd: number;
};

const hourMs = 3_600_000;
const usd = (nano: number): number => nano / 1e9;

const sums = `sum(requests) AS requests, sum(errors) AS errors, sum(input_tokens) AS input_tokens, sum(cached_tokens) AS cached_tokens,
  sum(cache_write_tokens) AS cache_write_tokens, sum(output_tokens) AS output_tokens, sum(reasoning_tokens) AS reasoning_tokens,
  sum(cost_nano_usd) AS cost_nano_usd`;

function totalsOf(rows: readonly Row[]): UsageTotals {
  const total = (field: "requests" | "errors" | "input_tokens" | "cached_tokens" | "cache_write_tokens" | "output_tokens" | "reasoning_tokens" | "cost_nano_usd"): number =>
    rows.reduce((sum, row) => sum + row[field], 0);
  return {
    requests: total("requests"), errors: total("errors"), inputTokens: total("input_tokens"), cachedTokens: total("cached_tokens"),
    cacheWriteTokens: total("cache_write_tokens"), outputTokens: total("output_tokens"), reasoningTokens: total("reasoning_tokens"),
    costNanoUsd: total("cost_nano_usd"), costUsd: usd(total("cost_nano_usd")),
  };
}

/** This month's usage of the viewer, by model, key and UTC day, and where it is heading. */
export async function usageReport(db: D1Database, viewer: Viewer, nowMs: number): Promise<UsageReport> {
  const now = new Date(nowMs);
  const monthStart = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1);
  const from = Math.min(monthStart, nowMs - 8 * 24 * hourMs);
  const [column, value] = viewer.usageScope === "organisation" ? ["organisation_id", viewer.organisationId] : ["key_id", viewer.keyId];
  const { results } = await db
    .prepare(`SELECT usage_hourly.key_id, api_keys.name, model, date(hour * 3600, 'unixepoch') AS day, ${sums}
      FROM usage_hourly LEFT JOIN api_keys ON api_keys.id = usage_hourly.key_id
      WHERE usage_hourly.${column} = ?1 AND hour >= ?2 GROUP BY 1, 3, 4 ORDER BY 4, 1, 3`)
    .bind(value, Math.floor(from / hourMs))
    .all<Row>();
  const month = now.toISOString().slice(0, 7);
  const current = results.filter((row) => row.day.startsWith(month));
  const days = Map.groupBy(results, (row) => row.day);
  const { costNanoUsd, low, high, ...rest } = forecast(new Map([...days].map(([day, rows]) => [day, totalsOf(rows).costNanoUsd])), nowMs);
  return {
    object: "usage",
    scope: viewer.usageScope,
    month,
    asOf: now.toISOString(),
    totals: totalsOf(current),
    byModel: [...Map.groupBy(current, (row) => row.model)].map(([model, rows]) => ({ model, ...totalsOf(rows) })),
    byKey: [...Map.groupBy(current, (row) => row.key_id)].map(([keyId, rows]) => ({ keyId, name: rows[0]!.name, ...totalsOf(rows) })),
    byDay: [...Map.groupBy(current, (row) => row.day)].map(([day, rows]) => ({ day, ...totalsOf(rows) })),
    forecast: { ...rest, costUsd: usd(costNanoUsd), lowUsd: usd(low), highUsd: usd(high) },
  };
}

/** A finished request that has left the key's object, if the viewer may see it. */
export async function findRequest(db: D1Database, viewer: Viewer, id: string): Promise<LedgerEntry | undefined> {
  const [column, value] = viewer.usageScope === "organisation" ? ["organisation_id", viewer.organisationId] : ["key_id", viewer.keyId];
  const row = await db.prepare(`SELECT at, entry FROM requests WHERE id = ? AND ${column} = ?`).bind(id, value).first<{ at: number; entry: string }>();
  return row ? { id, at: row.at, ...(JSON.parse(row.entry) as Omit<LedgerEntry, "id" | "at">) } : undefined;
}

/** Where ids of requests from `ms` on begin: they start with the time (pipeline/context.ts). */
const requestIdFrom = (ms: number): string => `req_${ms.toString(16).padStart(12, "0")}`;

/** Removes requests older than `beforeMs`, a chunk at a time. */
export async function pruneRequests(db: D1Database, beforeMs: number): Promise<void> {
  for (;;) {
    const { meta } = await db.prepare("DELETE FROM requests WHERE id IN (SELECT id FROM requests WHERE id < ? ORDER BY id LIMIT 1000)").bind(requestIdFrom(beforeMs)).run();
    if (meta.changes < 1000) return;
  }
}

/** What all organisations together used, for whoever runs the gateway: from the roll-ups; how long requests took, from a sample of the requests themselves. */
import { requestIdFrom } from "./requests.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** One UTC day (Unix time / 86,400,000). */
export type DayOfAll = { day: number; requests: number; errors: number; inputTokens: number; outputTokens: number; costNanoUsd: number; organisations: number };
export type Spender = { organisationId: string; name: string | null; requests: number; errors: number; costNanoUsd: number };

/** What was used from a day on, day by day, oldest first, and by whom the most was spent. As of the keys' last roll-up, a minute ago at most. */
export async function usageOfAll(db: D1Database, fromDay: number, mostSpenders: number): Promise<{ days: DayOfAll[]; spenders: Spender[] }> {
  const [days, spenders] = await db.batch([
    db.prepare(`
      SELECT hour / 24 AS day, sum(requests) AS requests, sum(errors) AS errors, sum(input_tokens) AS inputTokens, sum(output_tokens) AS outputTokens, sum(cost_nano_usd) AS costNanoUsd,
        count(DISTINCT organisation_id) AS organisations
      FROM usage_hourly WHERE hour >= ? GROUP BY 1 ORDER BY 1`).bind(fromDay * 24),
    db.prepare(`
      SELECT u.*, o.name FROM (
        SELECT organisation_id AS organisationId, sum(requests) AS requests, sum(errors) AS errors, sum(cost_nano_usd) AS costNanoUsd FROM usage_hourly
        WHERE hour >= ? GROUP BY 1 ORDER BY costNanoUsd DESC, requests DESC, 1 LIMIT ?) u
      LEFT JOIN organisations o ON o.id = u.organisationId ORDER BY u.costNanoUsd DESC, u.requests DESC, 1`).bind(fromDay * 24, mostSpenders),
  ]);
  return { days: days!.results as DayOfAll[], spenders: spenders!.results as Spender[] };
}

/** Of each day's requests at most so many are looked at, the newest. */
export const sampledADay = 200;

/** How long requests took that were answered to their end: to the first byte, where they were streamed, and in all. */
export type SampledDay = { firstMs: number[]; wholeMs: number[] };

/** For each of so many days, the last one `lastDay`. */
export async function sampledWaits(db: D1Database, lastDay: number, days: number): Promise<SampledDay[]> {
  const select = db.prepare(`
    SELECT entry ->> 'firstByteMs' AS firstMs, entry ->> 'totalMs' AS wholeMs, entry ->> 'stream' AS stream
    FROM (SELECT entry FROM requests WHERE id >= ?1 AND id < ?2 ORDER BY id DESC LIMIT ${sampledADay}) WHERE entry ->> 'end' = 'complete' AND entry ->> 'status' < 400`);
  const results = await db.batch<{ firstMs: number | null; wholeMs: number; stream: number }>(
    Array.from({ length: days }, (_, i) => lastDay - days + 1 + i).map((day) => select.bind(requestIdFrom(day * dayMs), requestIdFrom((day + 1) * dayMs))));
  return results.map(({ results: rows }) => ({ firstMs: rows.flatMap(({ stream, firstMs }) => (stream && firstMs !== null ? [firstMs] : [])), wholeMs: rows.map(({ wholeMs }) => wholeMs) }));
}

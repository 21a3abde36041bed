/** How single keys were used of late, from what has been rolled up. */

const hourMs = 3_600_000;

/**
 * When each key was last used, Unix ms: its newest request, as long as requests are kept; the hour of its newest roll-up after that. A key that
 * was never used is not in it.
 */
export async function lastUsed(db: D1Database, organisationId: string, keyIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const { results } = await db.prepare(`
    SELECT one.value AS key_id,
      (SELECT r.at FROM receipts p JOIN requests r ON r.id = p.request_id
         WHERE p.organisation_id = ?1 AND p.key_id = one.value AND p.request_id >= 'req_' ORDER BY p.sequence DESC LIMIT 1) AS at,
      (SELECT hour FROM usage_hourly WHERE key_id = one.value AND +organisation_id = ?1 AND requests > 0 ORDER BY hour DESC LIMIT 1) AS hour
    FROM json_each(?2) AS one`,
  ).bind(organisationId, JSON.stringify(keyIds)).all<{ key_id: string; at: number | null; hour: number | null }>();
  return new Map(results.flatMap(({ key_id, at, hour }) => (at !== null ? [[key_id, at]] : hour !== null ? [[key_id, hour * hourMs]] : [])));
}

export type KeyDay = { keyId: string; day: number; requests: number; nanoUsd: number };

/** What each of these keys used on each day (Unix time / 86,400,000) from `fromDay` on. */
export async function keyDays(db: D1Database, organisationId: string, keyIds: readonly string[], fromDay: number): Promise<KeyDay[]> {
  const { results } = await db.prepare(`
    SELECT key_id AS keyId, hour / 24 AS day, sum(requests) AS requests, sum(cost_nano_usd) AS nanoUsd FROM usage_hourly
    WHERE key_id IN (SELECT value FROM json_each(?2)) AND +organisation_id = ?1 AND hour >= ?3 GROUP BY 1, 2`,
  ).bind(organisationId, JSON.stringify(keyIds), fromDay * 24).all<KeyDay>();
  return results;
}

/** Which of an organisation's keys were used from a moment on, or refused something, those used last before the others. */
export async function keysUsedSince(db: D1Database, organisationId: string, fromMs: number, limit: number): Promise<string[]> {
  const { results } = await db.prepare(`SELECT key_id FROM (
      SELECT key_id, hour, requests FROM usage_hourly WHERE organisation_id = ?1 AND hour >= ?2 UNION ALL SELECT key_id, hour, requests FROM refusals_hourly WHERE organisation_id = ?1 AND hour >= ?2
    ) GROUP BY key_id ORDER BY max(hour) DESC, sum(requests) DESC LIMIT ?3`)
    .bind(organisationId, Math.floor(fromMs / hourMs), limit).all<{ key_id: string }>();
  return results.map(({ key_id }) => key_id);
}

/** When an organisation was used first, Unix ms to the hour, as far as its keys have reported; undefined: never. */
export async function firstUse(db: D1Database, organisationId: string): Promise<number | undefined> {
  const row = await db.prepare("SELECT hour FROM usage_hourly WHERE organisation_id = ? AND requests > 0 ORDER BY hour LIMIT 1").bind(organisationId).first<{ hour: number }>();
  return row ? row.hour * hourMs : undefined;
}

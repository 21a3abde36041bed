/** What keys have spent: now, and how far their day, week and month have come. */

/** Nano-USD, by the UTC calendar; a week begins on Monday. */
export type Spending = { total: number; day: number; week: number; month: number };

export const nothingSpent: Spending = { total: 0, day: 0, week: 0, month: 0 };

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Days from a Monday to the first day of Unix time. */
const mondayOffset = 3;

const startsOf = (nowMs: number): { day: number; week: number; month: number } => {
  const day = Math.floor(nowMs / dayMs);
  const date = new Date(nowMs);
  return { day: day * 24, week: (day - ((day + mondayOffset) % 7)) * 24, month: Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1) / hourMs };
};

/** What each of these keys of an organisation has spent; who has spent nothing is missing. As of the keys' last roll-up. */
export async function spendingOf(db: D1Database, organisationId: string, keyIds: readonly string[], nowMs: number): Promise<ReadonlyMap<string, Spending>> {
  const { day, week, month } = startsOf(nowMs);
  const since = (from: string): string => `coalesce(sum(cost_nano_usd) FILTER (WHERE hour >= ${from}), 0)`;
  const { results } = await db.prepare(`
    SELECT key_id, sum(cost_nano_usd) AS total, ${since("?3")} AS day, ${since("?4")} AS week, ${since("?5")} AS month
    FROM usage_hourly WHERE key_id IN (SELECT value FROM json_each(?2)) AND +organisation_id = ?1 GROUP BY key_id`,
  ).bind(organisationId, JSON.stringify(keyIds), day, week, month).all<Spending & { key_id: string }>();
  return new Map(results.map(({ key_id, ...spent }) => [key_id, spent]));
}

/** All that an organisation has ever spent, nano-USD. */
export async function spentByAll(db: D1Database, organisationId: string): Promise<number> {
  const row = await db.prepare("SELECT coalesce(sum(cost_nano_usd), 0) AS total FROM usage_hourly WHERE organisation_id = ?").bind(organisationId).first<{ total: number }>();
  return row?.total ?? 0;
}

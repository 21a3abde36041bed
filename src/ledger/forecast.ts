/** Where a month's spending is heading. Pure. */

export type Forecast = { month: string; method: string; costNanoUsd: number; low: number; high: number };

const dayMs = 86_400_000;

/**
 * Spending to the month's end: what is spent so far, plus for every day left the mean of the last seven full days (of as
 * many as there are; the running day's own pace when there is none). `low` and `high`: mean ∓ one standard deviation.
 * `days`: nano-USD by UTC day (`2026-11-21`), this month's and the weeks before.
 */
export function forecast(days: ReadonlyMap<string, number>, nowMs: number): Forecast {
  const today = new Date(nowMs);
  const month = today.toISOString().slice(0, 7);
  const start = Date.UTC(today.getUTCFullYear(), today.getUTCMonth(), 1);
  const end = Date.UTC(today.getUTCFullYear(), today.getUTCMonth() + 1, 1);
  const midnight = Math.floor(nowMs / dayMs) * dayMs;
  const keyOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
  let spent = 0;
  for (let day = start; day <= midnight; day += dayMs) spent += days.get(keyOf(day)) ?? 0;
  const first = Math.min(...[...days.keys()].map((key) => Date.parse(key)), midnight);
  const sample: number[] = [];
  for (let day = midnight - dayMs; day >= Math.max(first, midnight - 7 * dayMs); day -= dayMs) sample.push(days.get(keyOf(day)) ?? 0);
  const elapsedToday = Math.max(nowMs - midnight, 3_600_000) / dayMs;
  const mean = sample.length > 0 ? sample.reduce((sum, day) => sum + day, 0) / sample.length : (days.get(keyOf(midnight)) ?? 0) / elapsedToday;
  const deviation = sample.length > 1 ? Math.sqrt(sample.reduce((sum, day) => sum + (day - mean) ** 2, 0) / (sample.length - 1)) : 0;
  const daysLeft = (end - nowMs) / dayMs;
  const at = (daily: number): number => Math.round(spent + Math.max(0, daily) * daysLeft);
  return { month, method: "spent so far + mean of the last 7 full days × days left; low/high: ∓ 1 standard deviation", costNanoUsd: at(mean), low: at(mean - deviation), high: at(mean + deviation) };
}

/** Where a month's spending is heading. Pure. */

export type Forecast = { month: string; method: string; costNanoUsd: number; low: number; high: number };

/** `amounts`: nano-USD of past full days, yesterday first. `today`: of the running day, of which `elapsed` is over (0 to 1). */
type Past = { amounts: number[]; today: number; elapsed: number };

/**
 * What the days ahead may cost. `level`: nano-USD a day; `shape`: a weekday's share of it, 1 on average, by days after
 * today modulo 7; `noise`: variance of a day around it; `doubt`: variance of the level itself; `quantile`: how many standard
 * deviations the band reaches.
 */
type Pace = { level: number; shape: readonly number[]; noise: number; doubt: number; quantile: number; method: string };

const dayMs = 86_400_000;
const minuteMs = 60_000;
/** How many days before today are looked at: what `forecast` must be given. */
export const paceDays = 28;

const weekMethod = "mean of the last 7 full days × days left";
const flat: readonly number[] = [1, 1, 1, 1, 1, 1, 1];
/** Student's t at 90 % by degrees of freedom: a band from `-t` to `+t` holds four of five. */
const quantiles = [3.08, 1.89, 1.64, 1.53, 1.48, 1.44, 1.41, 1.4, 1.38, 1.37, 1.36, 1.36];
const quantileAt = (freedom: number): number => quantiles[freedom - 1] ?? 1.3;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]): number => (values.length === 0 ? 0 : sum(values) / values.length);
const squares = (values: readonly number[]): number => sum(values.map((value) => value ** 2));
/** Of a sample of at least two. */
const variance = (values: readonly number[]): number => squares(values.map((value) => value - mean(values))) / (values.length - 1);
const keyOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/**
 * Spending to the month's end: what is spent, plus for the time left (in whole minutes) the mean of the last seven full days,
 * by weekday where the weeks show a pattern. `low` and `high` hold the truth four times of five if the days to come vary as
 * the days before did; `low` is never below what is spent. `days`: nano-USD by UTC day (`2026-11-21`), this month's and those
 * of the `paceDays` before today. Days before the first one count for nothing, missing ones after it as zero.
 */
export function forecast(days: ReadonlyMap<string, number>, nowMs: number): Forecast {
  const now = new Date(nowMs);
  const month = now.toISOString().slice(0, 7);
  const midnight = Math.floor(nowMs / dayMs) * dayMs;
  const left = Math.floor((Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1) - nowMs) / minuteMs) * (minuteMs / dayMs);
  const spent = sum([...days].filter(([day]) => day.startsWith(month)).sort(([a], [b]) => (a < b ? -1 : 1)).map(([, cost]) => cost));
  const { level, shape, noise, doubt, quantile, method } = paceOf(pastOf(days, midnight, nowMs));
  const rest = level * aheadOf(shape, left);
  const reach = quantile * Math.sqrt(noise * left + doubt * left ** 2);
  const at = (more: number): number => spent + Math.round(Math.max(0, more));
  return { month, method: `spent so far + ${method}; low/high: 80% interval`, costNanoUsd: at(rest), low: at(rest - reach), high: at(rest + reach) };
}

function pastOf(days: ReadonlyMap<string, number>, midnight: number, nowMs: number): Past {
  const first = [...days.keys()].reduce((least, day) => Math.min(least, Date.parse(day)), midnight);
  const count = Math.min(paceDays, Math.round((midnight - first) / dayMs));
  const amounts = Array.from({ length: count }, (_, i) => days.get(keyOf(midnight - (i + 1) * dayMs)) ?? 0);
  return { amounts, today: days.get(keyOf(midnight)) ?? 0, elapsed: (nowMs - midnight) / dayMs };
}

/** Weekdays' shares over `left` days from now on: the rest of today first, then whole days. */
function aheadOf(shape: readonly number[], left: number): number {
  const whole = Math.max(0, Math.ceil(left) - 1);
  return (left - whole) * shape[0]! + sum(Array.from({ length: whole }, (_, i) => shape[(i + 1) % 7]!));
}

const paceOf = (past: Past): Pace => (past.amounts.length >= 14 ? paceOfWeeks(past) : past.amounts.length >= 7 ? paceOfDays(past) : paceOfFew(past));

/** One full week, or not yet two: the last seven days are the pace, all of them tell how days vary. */
function paceOfDays({ amounts }: Past): Pace {
  const noise = variance(amounts);
  return { level: mean(amounts.slice(0, 7)), shape: flat, noise, doubt: noise / 7, quantile: quantileAt(amounts.length - 1), method: weekMethod };
}

/** Less than a week: every hour counts, today's too. Of less than two days nothing tells how they vary, so as much as they are. */
function paceOfFew({ amounts, today, elapsed }: Past): Pace {
  const time = Math.max(amounts.length + elapsed, 1 / 24);
  const level = sum([...amounts, today]) / time;
  const known = amounts.length > 1;
  const noise = known ? variance(amounts) : level ** 2;
  return { level, shape: flat, noise, doubt: noise / Math.max(time, 1), quantile: quantileAt(known ? amounts.length - 1 : 12), method: "mean of the days since the first one, today included × days left" };
}

/** Two to four weeks: weekdays have a share of their own if the other weeks' shares tell a week better than none would. */
function paceOfWeeks({ amounts }: Past): Pace {
  const weeks = Array.from({ length: Math.floor(amounts.length / 7) }, (_, i) => amounts.slice(i * 7, i * 7 + 7));
  const levels = weeks.map(mean);
  const missed = (shapeOf: (own: number) => readonly number[]): number =>
    sum(weeks.map((week, own) => squares(week.map((amount, i) => amount - levels[own]! * shapeOf(own)[i]!))));
  const even = missed(() => flat);
  const patterned = missed((own) => sharesOf(weeks.filter((_, i) => i !== own)));
  const weekly = patterned < even;
  const noise = Math.min(even, patterned) / (weeks.length * 6);
  const steps = levels.slice(1).map((level, i) => level - levels[i]!);
  // A step from one week's level to the next has the noise of both; what is doubtful is the older one and any real change.
  const doubt = Math.max(noise / 7, squares(steps) / steps.length - noise / 7);
  const backwards = weekly ? sharesOf(weeks) : flat;
  // `amounts[i]` is i + 1 days ago, which is the weekday 6 - i days ahead.
  const shape = Array.from({ length: 7 }, (_, ahead) => backwards[(13 - ahead) % 7]!);
  return { level: levels[0]!, shape, noise, doubt, quantile: quantileAt(weeks.length * 6), method: weekly ? "mean of the last 7 full days, by weekday as in the last weeks, × days left" : weekMethod };
}

/** Each day's share of its week, over `weeks`: 1 on average. */
function sharesOf(weeks: number[][]): readonly number[] {
  const level = mean(weeks.map(mean));
  return level === 0 ? flat : flat.map((_, i) => mean(weeks.map((week) => week[i]!)) / level);
}

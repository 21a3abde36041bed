/**
 * In which stretch of time a budget counts. Pure, UTC. A window is made of buckets, each some whole hours long: what is handed
 * out belongs to the bucket in which it was, and a budget looks at the newest so many of them.
 */
import type { Window } from "../accounts/budgets.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** When a bucket begins and ends (Unix ms), and where the window begins that it is the newest of. */
export type Bucket = { startMs: number; endMs: number; windowStartMs: number };

const steps: Record<"day" | "week" | "month", { stepMs: number; count: number }> = {
  day: { stepMs: hourMs, count: 24 },
  week: { stepMs: 6 * hourMs, count: 28 },
  month: { stepMs: dayMs, count: 30 },
};

/** Monday 1970-01-05, the first week that began. */
const firstMondayMs = 4 * dayMs;

const calendar: Record<Window["of"], (ms: number) => [startMs: number, endMs: number]> = {
  day: (ms) => stretch(ms, dayMs, 0),
  week: (ms) => stretch(ms, 7 * dayMs, firstMondayMs),
  month(ms) {
    const date = new Date(ms);
    return [Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1), Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1)];
  },
  total: () => [0, Number.MAX_SAFE_INTEGER],
};

function stretch(ms: number, lengthMs: number, fromMs: number): [startMs: number, endMs: number] {
  const startMs = Math.floor((ms - fromMs) / lengthMs) * lengthMs + fromMs;
  return [startMs, startMs + lengthMs];
}

/** The bucket of a window that `ms` lies in. */
export function bucketAt({ of, rolling }: Window, ms: number): Bucket {
  if (!rolling || of === "total") {
    const [startMs, endMs] = calendar[of](ms);
    return { startMs, endMs, windowStartMs: startMs };
  }
  const { stepMs, count } = steps[of];
  const [startMs, endMs] = stretch(ms, stepMs, 0);
  return { startMs, endMs, windowStartMs: startMs - count * stepMs };
}

/** How a key's counters move. Pure over the numbers, the clock passed in. */
import { minuteOf, monthStart, type Counters } from "./allowance.ts";
import type { Hold } from "./meter-store.ts";
import type { Estimate } from "./policy.ts";

/** Brings counters to the minute and month of `now`, which it returns. */
export function advance(counters: Counters, now: number): number {
  const window = minuteOf(now);
  if (window > counters.minute.window) counters.minute = { window, requests: 0, tokens: 0 };
  const start = monthStart(now);
  if (start > counters.month.start) counters.month = { start, tokens: 0, nanoUsd: 0 };
  return now;
}

/** A request has begun. */
export function countIn({ minute, held }: Counters, hold: Hold): void {
  minute.requests += 1;
  minute.tokens += hold.tokens;
  held.requests += 1;
  held.tokens += hold.tokens;
  held.nanoUsd += hold.nanoUsd;
}

/** What was held for a request is held no more. */
export function countOut({ minute, held }: Counters, hold: Hold): void {
  held.requests -= 1;
  held.tokens -= hold.tokens;
  held.nanoUsd -= hold.nanoUsd;
  if (hold.minute === minute.window) minute.tokens -= hold.tokens;
}

/** What a request has really used. */
export function countSpent(counters: Counters, hold: Hold, { tokens, nanoUsd }: Estimate): void {
  const { minute, month } = counters;
  if (hold.minute === minute.window) minute.tokens += tokens;
  if (hold.at >= month.start) {
    month.tokens += tokens;
    month.nanoUsd += nanoUsd;
  }
  counters.spentNanoUsd += nanoUsd;
}

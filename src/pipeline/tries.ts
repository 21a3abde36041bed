/** Which deployment is tried next, and when. Pure but for what it remembers; clock and chance are passed in. */
import type { Attempt } from "../router/index.ts";

/** What of a failure decides what comes next. */
export type Setback = {
  /** Another deployment may answer where this one did not. */
  readonly failsOver: boolean;
  /** The same one may answer later. */
  readonly passes: boolean;
  /** When it asked to be tried again, ms from now. */
  readonly retryAfterMs?: number | undefined;
};

export type Patience = {
  /** So many tries more, once every deployment has had one. */
  readonly retries: number;
  /** No try begins later than this after the first, ms. */
  readonly budgetMs: number;
};

/** A try, and how long to wait before it. `last`: no deployment is left that was not asked, so nobody is hurried for another's sake. */
export type Next = { readonly attempt: Attempt; readonly waitMs: number; readonly last: boolean };

const firstPauseMs = 250;
const longestPauseMs = 4_000;

/**
 * Every deployment once, in the plan's order and at once; then those whose failure may pass, again after a pause: by chance between
 * nothing and a bound that doubles (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/, full jitter), and never
 * before the time that the provider asked for.
 */
export class Tries {
  private at = 0;
  private tried = 0;
  private again = 0;
  private readonly waiting: { attempt: Attempt; readyMs: number }[] = [];
  private readonly attempts: readonly Attempt[];
  private readonly patience: Patience;
  private readonly startedMs: number;
  private readonly mayTry: (attempt: Attempt, nowMs: number) => boolean;
  private readonly chance: () => number;

  constructor(attempts: readonly Attempt[], patience: Patience, startedMs: number, mayTry: (attempt: Attempt, nowMs: number) => boolean, chance: () => number) {
    this.attempts = attempts;
    this.patience = patience;
    this.startedMs = startedMs;
    this.mayTry = mayTry;
    this.chance = chance;
  }

  /** The next deployment that was not tried yet; undefined: each was. One whose probe is another request's is left out while there are others. */
  fresh(nowMs: number): Next | undefined {
    while (this.at < this.attempts.length) {
      const attempt = this.attempts[this.at]!;
      this.at += 1;
      if (this.mayTry(attempt, nowMs) || (this.at === this.attempts.length && this.waiting.length === 0 && this.tried === 0)) {
        this.tried += 1;
        return { attempt, waitMs: 0, last: this.at >= this.attempts.length };
      }
    }
    return undefined;
  }

  /** What follows upon a failure; undefined: nothing does. */
  after(attempt: Attempt, { failsOver, passes, retryAfterMs = 0 }: Setback, nowMs: number): Next | undefined {
    if (!failsOver) return undefined;
    if (passes) this.waiting.push({ attempt, readyMs: nowMs + retryAfterMs });
    return this.fresh(nowMs) ?? this.retry(nowMs);
  }

  private retry(nowMs: number): Next | undefined {
    if (this.again >= this.patience.retries || this.waiting.length === 0) return undefined;
    const pauseMs = this.chance() * Math.min(longestPauseMs, firstPauseMs * 2 ** this.again);
    const soonest = this.waiting.reduce((best, one) => (one.readyMs < best.readyMs ? one : best));
    const startMs = Math.max(nowMs + pauseMs, soonest.readyMs);
    if (startMs - this.startedMs > this.patience.budgetMs) return undefined;
    this.waiting.splice(this.waiting.indexOf(soonest), 1);
    this.again += 1;
    return { attempt: soonest.attempt, waitMs: startMs - nowMs, last: true };
  }
}

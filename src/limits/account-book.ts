/** Who was handed how much of which pool: the account's rows with their sums at hand. No waiting in here. */
import type { AccountPool } from "../accounts/budgets.ts";
import { handedOut, heard, noneHanded, sliceOf, thresholdOf, type Ask, type Grant, type Handed, type Share } from "./account.ts";
import type { AccountStore } from "./account-store.ts";
import { bucketAt, type Bucket } from "./windows.ts";

/** A key that asked within this time counts as one that is drawing. */
const drawingMs = 60_000;
/** An answer that took longer than this to reach its key is taken for lost. */
export const answerMs = 5_000;
/** How far the clocks of two objects may be apart. */
const skewMs = 60_000;

type Page = { bucketMs: number; keys: Map<string, Handed>; out: number; spent: number };

/** What a key could give back, as far as the account knows. `isLost`: the last grant must have reached it by now, or never will. */
export type Outstanding = { pool: string; bucketMs: number; key: string; granted: number; isLost: boolean };

export class AccountBook {
  /** Pool → bucket → keys. */
  private readonly pages = new Map<string, Map<number, Page>>();
  private credits: number;
  private readonly store: AccountStore;

  constructor(store: AccountStore) {
    this.store = store;
    this.credits = store.credits();
    for (const { pool, bucketMs, key, handed } of store.handed()) this.enter(this.page(pool, bucketMs), key, handed);
  }

  private page(pool: string, bucketMs: number): Page {
    const buckets = this.pages.get(pool) ?? new Map<number, Page>();
    this.pages.set(pool, buckets);
    const page = buckets.get(bucketMs) ?? { bucketMs, keys: new Map<string, Handed>(), out: 0, spent: 0 };
    buckets.set(bucketMs, page);
    return page;
  }

  private enter(page: Page, key: string, handed: Handed): void {
    const before = page.keys.get(key) ?? noneHanded;
    page.keys.set(key, handed);
    page.out += handedOut(handed) - handedOut(before);
    page.spent += handed.spent - before.spent;
  }

  /** The pages that a pool's window looks at: all from its beginning on. */
  private window(pool: string, { windowStartMs }: Bucket): Page[] {
    return [...(this.pages.get(pool)?.values() ?? [])].filter(({ bucketMs }) => bucketMs >= windowStartMs);
  }

  /** Takes a key's word. One about a bucket that nothing was handed out of is written down as well: it may have been spent all the same. */
  hear(key: string, shares: readonly Share[]): void {
    for (const share of shares) {
      const page = this.page(share.pool, share.bucketMs);
      const before = page.keys.get(key);
      if (!before && share.spent === 0 && share.returned === 0) continue;
      const handed = heard(before ?? noneHanded, share);
      if (before && handed.spent === before.spent && handed.returned === before.returned && handed.seq === before.seq) continue;
      this.enter(page, key, handed);
      this.store.saveHanded({ pool: share.pool, bucketMs: share.bucketMs, key, handed });
    }
  }

  addCredits(nanoUsd: number): void {
    this.credits += nanoUsd;
  }

  amountOf({ amount }: AccountPool): number {
    return amount ?? this.credits;
  }

  /** What is handed out and spent of a pool in the window of `ms`, and what is left to hand out. */
  standing(pool: AccountPool, ms: number): { out: number; spent: number; free: number } {
    const pages = this.window(pool.id, bucketAt(pool.window, ms));
    const out = pages.reduce((sum, page) => sum + page.out, 0);
    return { out, spent: pages.reduce((sum, page) => sum + page.spent, 0), free: this.amountOf(pool) - out };
  }

  /**
   * Hands out what a key wants, if it is there: more than that when there is plenty, less only when `last` (the others have been asked).
   * `short`: how much is missing.
   */
  hand(pool: AccountPool, key: string, { bucketMs, want }: Ask, nowMs: number, last: boolean): { grant: Grant; short: number } {
    const page = this.page(pool.id, bucketMs);
    const handed = page.keys.get(key) ?? noneHanded;
    const { free, out } = this.standing(pool, bucketMs);
    const amount = this.amountOf(pool);
    const need = want - (handed.granted - handed.returned - handed.spent);
    const { toNext } = thresholdOf(pool.soft, amount, out);
    const given = need <= 0 ? 0 : need <= free ? sliceOf(need, free, drawing(page, key, nowMs), toNext) : last ? Math.max(0, free) : 0;
    if (given > 0) {
      const now = { ...handed, granted: handed.granted + given, grantedAtMs: nowMs };
      this.enter(page, key, now);
      this.store.saveHanded({ pool: pool.id, bucketMs, key, handed: now });
    }
    const { passed } = thresholdOf(pool.soft, amount, out + given);
    return { grant: { pool: pool.id, bucketMs, granted: handed.granted + given, warning: passed }, short: Math.max(0, need - given) };
  }

  /** Which keys hold more than they have spent of a pool in the window of `ms`. */
  outstanding(pool: AccountPool, ms: number, nowMs: number): Outstanding[] {
    return this.window(pool.id, bucketAt(pool.window, ms)).flatMap(({ bucketMs, keys }) =>
      [...keys].filter(([, { granted, returned, spent }]) => granted - returned > spent)
        .map(([key, { granted, grantedAtMs }]) => ({ pool: pool.id, bucketMs, key, granted, isLost: nowMs - grantedAtMs > answerMs })));
  }

  /** Whether a key's bucket can still be handed out of. */
  isCurrent(pool: AccountPool, bucketMs: number, nowMs: number): boolean {
    const { startMs, endMs } = bucketAt(pool.window, bucketMs);
    return startMs === bucketMs && nowMs < endMs + skewMs && nowMs >= startMs - skewMs;
  }

  /** Whether nothing is known of a pool's bucket yet. */
  isBlank(pool: string, bucketMs: number): boolean {
    return !this.pages.get(pool)?.get(bucketMs)?.keys.size;
  }

  /** Forgets buckets that no window looks at any more. */
  forget(pools: readonly AccountPool[], nowMs: number): void {
    for (const { id, window } of pools) {
      const { windowStartMs } = bucketAt(window, nowMs);
      const { startMs } = bucketAt(window, Math.max(0, windowStartMs - 1));
      for (const { bucketMs } of this.pages.get(id)?.values() ?? []) {
        if (bucketMs >= startMs) continue;
        this.pages.get(id)!.delete(bucketMs);
        this.store.dropHanded(id, bucketMs);
      }
    }
  }
}

function drawing(page: Page, key: string, nowMs: number): number {
  let count = 1;
  for (const [other, { grantedAtMs }] of page.keys) if (other !== key && nowMs - grantedAtMs < drawingMs) count += 1;
  return count;
}

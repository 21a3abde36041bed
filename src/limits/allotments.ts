/**
 * What a key has been handed of the sums that it shares with others. Per pool and bucket four numbers, three of which only
 * grow: `granted` is the account's word, `returned` and what was spent are the key's. Because each has one writer and a total
 * says all that came before it, a message that is lost, repeated or overtaken changes nothing.
 */
import type { Pool } from "../accounts/budgets.ts";
import type { AllotmentRow, AllotmentRows } from "./allotment-rows.ts";
import type { Ask, Grant, Recalled, Share } from "./account.ts";
import type { Estimate } from "./policy.ts";
import { bucketAt } from "./windows.ts";

/** What the key has used, as its ledger tells. */
export type Uses = {
  /** Settled use of the key with `fromMs` ≤ time of reservation < `toMs`. Both on the hour. */
  used(fromMs: number, toMs: number): Estimate;
  /** How many postings the key has ever made. */
  postings(): number;
};

/** An open reservation as far as allotments look at it. */
export type Held = { id: string; at: number; tokens: number; nanoUsd: number };

/** `used` and `held` follow from the key's entries; they are counted here and never stored. */
type Allotment = AllotmentRow & { used: number; held: number };

const nameOf = (pool: string, bucketMs: number): string => `${pool} ${bucketMs}`;

const wordOf = ({ returned, spent }: Share): string => `${returned} ${spent}`;

const spentOf = ({ left, used, base }: Allotment): number => left?.spent ?? used - base;
const freeOf = (allotment: Allotment): number => allotment.granted - allotment.returned - spentOf(allotment) - allotment.held;

/** Whether a reservation of `at` counts in an allotment. */
const counts = ({ bucketMs, endMs, left }: AllotmentRow, { id, at }: Pick<Held, "id" | "at">): boolean =>
  left ? left.open.includes(id) : at >= bucketMs && at < endMs;

export class Allotments {
  private pools: readonly Pool[];
  private readonly rows = new Map<string, Allotment>();
  private readonly store: AllotmentRows;
  private readonly uses: Uses;
  private seq: number;
  /** The account's last news of each allotment, in this object's life. */
  private readonly heard = new Map<string, string>();

  constructor(store: AllotmentRows, uses: Uses, pools: readonly Pool[], holds: Iterable<Held>) {
    this.pools = pools;
    this.store = store;
    this.uses = uses;
    this.seq = uses.postings();
    for (const row of store.all()) {
      const used = uses.used(row.bucketMs, row.endMs)[row.pool.unit];
      this.rows.set(nameOf(row.pool.id, row.bucketMs), { ...row, used, held: 0 });
    }
    for (const hold of holds) this.hold(hold);
  }

  /** Takes the pools that the key belongs to from now on. What runs still counts where it began; everything else there is over. */
  adopt(pools: readonly Pool[], holds: () => Iterable<Held>, nowMs: number): void {
    this.pools = pools;
    for (const row of this.rows.values()) {
      if (row.left || pools.some(({ id }) => id === row.pool.id)) continue;
      row.left = { spent: spentOf(row), open: [...holds()].filter((hold) => counts(row, hold)).map(({ id }) => id) };
      this.store.save(row);
    }
    for (const pool of pools) if (this.rows.get(nameOf(pool.id, bucketAt(pool.window, nowMs).startMs))?.left) this.rowAt(pool, nowMs, holds);
  }

  /** The pools that have no room for `estimate` now. */
  short(estimate: Estimate, holds: () => Iterable<Held>, nowMs: number): string[] {
    return this.pools.filter((pool) => freeOf(this.rowAt(pool, nowMs, holds)) < estimate[pool.unit]).map(({ id }) => id);
  }

  hold(hold: Held): void {
    for (const row of this.rows.values()) if (counts(row, hold)) row.held += hold[row.pool.unit];
  }

  lift(hold: Held): void {
    for (const row of this.rows.values()) if (counts(row, hold)) row.held -= hold[row.pool.unit];
  }

  /** Posts what a lifted reservation really used. */
  spend(hold: Held, used: Estimate): void {
    this.seq += 1;
    for (const row of this.rows.values()) {
      if (!counts(row, hold)) continue;
      if (row.left) {
        row.left.spent += used[row.pool.unit];
        row.left.open = row.left.open.filter((id) => id !== hold.id);
        this.store.save(row);
      } else {
        row.used += used[row.pool.unit];
      }
    }
  }

  /** Takes back money of a correction made at `atMs`. */
  adjust(nanoUsd: number, atMs: number): void {
    this.seq += 1;
    for (const row of this.rows.values()) if (!row.left && row.pool.unit === "nanoUsd" && counts(row, { id: "", at: atMs })) row.used += nanoUsd;
  }

  /** What to ask the account for so that `needed` fits beside all that is held. Empty: it fits. */
  asks(needed: Estimate, nowMs: number): Ask[] {
    return this.pools.flatMap((pool) => {
      const row = this.rows.get(nameOf(pool.id, bucketAt(pool.window, nowMs).startMs));
      if (!row || freeOf(row) >= needed[pool.unit]) return [];
      return [{ ...this.share(row), want: row.held + needed[pool.unit] }];
    });
  }

  /** Takes the account's answer. */
  take(grants: readonly Grant[]): void {
    for (const { pool, bucketMs, granted, warning } of grants) {
      const row = this.rows.get(nameOf(pool, bucketMs));
      if (!row || (granted <= row.granted && warning === row.warning)) continue;
      row.granted = Math.max(row.granted, granted);
      row.warning = warning;
      this.store.save(row);
    }
  }

  /**
   * Gives back what nobody holds. `granted`: what the account has handed out in all, where an answer of its own must have been lost;
   * without it nothing is taken that is still on its way to a request here.
   */
  recall(pool: string, bucketMs: number, granted: number | undefined): Recalled | undefined {
    const row = this.rows.get(nameOf(pool, bucketMs));
    if (!row) return undefined;
    row.granted = Math.max(row.granted, granted ?? 0);
    const free = freeOf(row);
    if (free > 0) {
      row.returned += free;
      this.store.save(row);
    }
    return { ...this.share(row), granted: row.granted };
  }

  /** What the account has not heard yet; buckets that are over and pools that were left give back what is free. */
  untold(nowMs: number): Share[] {
    for (const row of this.rows.values()) if (row.left || nowMs >= row.endMs) this.recall(row.pool.id, row.bucketMs, undefined);
    return [...this.rows.values()].map((row) => this.share(row)).filter((share) => this.heard.get(nameOf(share.pool, share.bucketMs)) !== wordOf(share));
  }

  /** The account has heard `shares`. Forgets what is over and told; a pool that was left may be joined again until then. */
  told(shares: readonly Share[], nowMs: number): void {
    for (const share of shares) this.heard.set(nameOf(share.pool, share.bucketMs), wordOf(share));
    for (const [name, row] of this.rows) {
      if (row.held > 0 || freeOf(row) > 0 || nowMs < row.endMs || wordOf(this.share(row)) !== this.heard.get(name)) continue;
      this.rows.delete(name);
      this.heard.delete(name);
      this.store.drop(row);
    }
  }

  /** Thresholds that the pools of the key have passed: `project web 0.8`. */
  warnings(nowMs: number): string[] {
    return this.pools.flatMap((pool) => {
      const warning = this.rows.get(nameOf(pool.id, bucketAt(pool.window, nowMs).startMs))?.warning;
      return warning === undefined ? [] : [`${pool.name} ${warning}`];
    });
  }

  /** Whether more was spent than was handed out, as when an answer costs more than its reservation: the account must hear of it soon. */
  overdrawn(): boolean {
    for (const row of this.rows.values()) if (freeOf(row) < 0) return true;
    return false;
  }

  /** Everything as it is, for tests and the operator. */
  inspect(): (Share & { held: number; granted: number })[] {
    return [...this.rows.values()].map((row) => ({ ...this.share(row), held: row.held, granted: row.granted }));
  }

  private share(row: Allotment): Share {
    return { pool: row.pool.id, bucketMs: row.bucketMs, returned: row.returned, spent: spentOf(row), seq: this.seq };
  }

  /** The allotment of a pool now. A new one is stored before anything is asked for: the account may rely on it. */
  private rowAt(pool: Pool, nowMs: number, holds: () => Iterable<Held>): Allotment {
    const { startMs: bucketMs, endMs } = bucketAt(pool.window, nowMs);
    const known = this.rows.get(nameOf(pool.id, bucketMs));
    if (known && !known.left) return known;
    const used = this.uses.used(bucketMs, endMs)[pool.unit];
    const row: Allotment = { pool, bucketMs, endMs, granted: 0, returned: 0, base: used, warning: undefined, left: undefined, used, held: 0 };
    if (known) {
      // The key is back in a pool that it had left: it goes on from what it spent there.
      const { granted, returned, left } = known;
      Object.assign(row, { granted, returned, base: used - left!.spent });
    }
    for (const hold of holds()) if (counts(row, hold)) row.held += hold[pool.unit];
    this.rows.set(nameOf(pool.id, bucketMs), row);
    this.store.save(row);
    return row;
  }
}

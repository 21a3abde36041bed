/**
 * The words between a key's object and its organisation's account, and the account's arithmetic. Pure.
 *
 * The law: what is handed out of a pool in any window never exceeds the pool. Handed out is, per key and bucket, what was granted
 * and not given back, or what was spent if that is more (an answer may cost more than was reserved; it is posted in full).
 */
/** What a key has to say of one allotment. `seq`: how many postings it has ever made, by which an old word is told from a new one. */
export type Share = { pool: string; bucketMs: number; returned: number; spent: number; seq: number };
/** `want`: how much must be left beside what is spent, for all that the key holds and waits for. */
export type Ask = Share & { want: number };
/** `granted`: how much of what was handed out the key knows of. */
export type Recalled = Share & { granted: number };
/** The total that a key has ever been granted of a pool's bucket, and the highest threshold that the pool has passed. */
export type Grant = { pool: string; bucketMs: number; granted: number; warning: number | undefined };
/**
 * A pool that could not give all that was wanted. `obtainable`: what it could still give if nothing were held by running requests;
 * `unsure`: some key could not be asked for what it does not need. `endMs`: when the bucket ends.
 */
export type Lack = { pool: string; obtainable: number; unsure: boolean; endMs: number };
export type Drawn = { grants: Grant[]; lacking: Lack[] };

/** A key's share of a pool's bucket in the account's book. */
export type Handed = { granted: number; returned: number; spent: number; seq: number; grantedAtMs: number };

export const noneHanded: Handed = { granted: 0, returned: 0, spent: 0, seq: -1, grantedAtMs: 0 };

export const handedOut = ({ granted, returned, spent }: Handed): number => Math.max(granted - returned, spent);

/** Takes a key's word: the newest of what was spent, the highest of what was given back. */
export const heard = (handed: Handed, { returned, spent, seq }: Share): Handed => ({
  ...handed, returned: Math.max(handed.returned, returned), ...(seq >= handed.seq && { spent, seq }),
});

/**
 * How much to hand out to a key that lacks `need` of `free`: an eighth of what is free for each key that is drawing, so that the last
 * of it is handed out request by request; never across the next threshold, so that it is noticed when it is reached.
 */
export function sliceOf(need: number, free: number, drawing: number, toThreshold: number): number {
  return Math.min(free, Math.max(need, Math.min(Math.floor(free / (8 * Math.max(1, drawing))), toThreshold)));
}

/** The highest threshold that `used` of `amount` has passed, and how far the next one is. */
export function thresholdOf(soft: readonly number[], amount: number, used: number): { passed: number | undefined; toNext: number } {
  const passed = soft.findLast((share) => used >= share * amount);
  const next = soft.find((share) => used < share * amount);
  return { passed, toNext: next === undefined ? Infinity : Math.ceil(next * amount - used) };
}

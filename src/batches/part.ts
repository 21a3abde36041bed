/**
 * A batch's work in parts: the reading of its input, runs of its lines, the writing of its output. Each part is leased to whoever does it,
 * once at a time; what a lease leaves is open again. Pure, the clock passed in.
 */

/** Parts of lines count from 1. */
export const readingPart = 0;
export const writingPart = -1;
/** The provider's own batch. */
export const nativePart = -2;

/** Times are Unix ms. */
export type Part = {
  readonly part: number;
  /** Which bytes of the input it is, and which lines: the first one's number, from 1, and how many. */
  readonly start: number;
  readonly end: number;
  readonly first: number;
  readonly lines: number;
  /** How many of its lines have results. */
  readonly answered: number;
  /** How often it was ever leased: the lease's name. */
  readonly lease: number;
  /** Until when the lease lives without a sign of life; undefined: it is not leased. */
  readonly leasedUntilMs: number | undefined;
  readonly notBeforeMs: number;
  /** How often it was left to wait, and how often nobody came back from it, since a line of it was answered. */
  readonly waits: number;
  readonly strikes: number;
};

/** How long a lease lives without a sign of life, and how often its holder gives one. */
export const leaseMs = 30_000;
export const renewEveryMs = 10_000;
/** How long word of a part may be under way. */
export const sentMs = 60_000;
/** So often nobody comes back from a part until its first open line is held to be why. */
export const mostStrikes = 8;
/** So often a line may fail in a way that may pass. */
export const mostWaits = 12;

const leastPauseMs = 1_000;
const mostPauseMs = 60_000;

export const newPart = (part: number, range: Pick<Part, "start" | "end" | "first" | "lines"> = { start: 0, end: 0, first: 0, lines: 0 }): Part =>
  ({ part, ...range, answered: 0, lease: 0, leasedUntilMs: undefined, notBeforeMs: 0, waits: 0, strikes: 0 });

/** A lease for whoever comes; undefined: it is leased, or not yet its time. */
export const claimed = (part: Part, nowMs: number): Part | undefined =>
  part.leasedUntilMs !== undefined || nowMs < part.notBeforeMs ? undefined : { ...part, lease: part.lease + 1, leasedUntilMs: nowMs + leaseMs };

/** Whether a lease is the one that holds the part. One that has run out is until that is noticed: until then nothing of it was taken back. */
export const holds = ({ lease, leasedUntilMs }: Part, of: number): boolean => leasedUntilMs !== undefined && lease === of;

export const renewed = (part: Part, nowMs: number): Part => ({ ...part, leasedUntilMs: nowMs + leaseMs });

export const isAnswered = ({ lines, answered }: Part): boolean => answered === lines;

/** Some lines have got results. */
export const progressed = (part: Part, lines: number): Part => (lines === 0 ? part : { ...part, answered: part.answered + lines, waits: 0, strikes: 0 });

/** How long to wait: as long as was asked for, and ever longer while nothing comes of it. */
export const pauseMs = (waits: number, askedMs: number): number => Math.max(askedMs, Math.min(mostPauseMs, leastPauseMs * 2 ** waits));

/** Its holder leaves it, at once (undefined) or for a while. */
export const left = (part: Part, askedMs: number | undefined, nowMs: number): Part =>
  ({ ...part, leasedUntilMs: undefined, ...(askedMs !== undefined && { notBeforeMs: nowMs + pauseMs(part.waits, askedMs), waits: part.waits + 1 }) });

/** Its holder comes again. */
export const leftFor = (part: Part, ms: number, nowMs: number): Part => ({ ...part, leasedUntilMs: undefined, notBeforeMs: nowMs + ms, waits: 0 });

export const isLapsed = ({ leasedUntilMs }: Part, nowMs: number): boolean => leasedUntilMs !== undefined && leasedUntilMs <= nowMs;

/** Nobody came back. */
export const lapsed = (part: Part): Part => ({ ...part, leasedUntilMs: undefined, strikes: part.strikes + 1 });

/** How many parts are under way at once, and until when no more are begun. */
export type Pace = { readonly atOnce: number; readonly notBeforeMs: number };

const mostAtOnce = 32;
export const firstPace: Pace = { atOnce: 8, notBeforeMs: 0 };

/** A part was done. */
export const faster = (pace: Pace): Pace => ({ ...pace, atOnce: Math.min(mostAtOnce, pace.atOnce + 1) });
/** A part met a limit; where it is the key's own, every other part would meet it too. */
export const slower = ({ atOnce, notBeforeMs }: Pace, untilMs: number): Pace => ({ atOnce: Math.max(1, Math.floor(atOnce / 2)), notBeforeMs: Math.max(notBeforeMs, untilMs) });

/**
 * Which parts to send word of now, in order. `underWay`: those that are leased as far as this object has heard since it woke, and those
 * of which word is under way. What was leased before it woke does not count: who held it may be gone.
 */
export function toSend(parts: Iterable<Part>, { atOnce, notBeforeMs }: Pace, underWay: ReadonlySet<number>, nowMs: number): number[] {
  const chosen: number[] = [];
  if (nowMs < notBeforeMs) return chosen;
  for (const { part, leasedUntilMs, notBeforeMs: partNotBeforeMs } of parts) {
    if (underWay.size + chosen.length >= atOnce) break;
    if (leasedUntilMs === undefined && nowMs >= partNotBeforeMs && !underWay.has(part)) chosen.push(part);
  }
  return chosen;
}

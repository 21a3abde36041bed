/** How one deployment does, from what its attempts came to: counts that can be added up, and what is read from them. */
import type { State } from "./circuit.ts";
import { add, count, emptyHistogram, quantile, scales, type Histogram } from "./histogram.ts";

/**
 * What an attempt came to. A refusal that is about the client's own request (4xx but 408, 429 and those about our credential) is
 * no event. An attempt that answered and broke later is two: answered and failed.
 */
export type Event =
  /**
   * The first byte came. Note it then: a probe's answer must not wait for its stream's end. `firstByteMs` is left out where the
   * answer was not streamed, since its first byte comes with its last; `outputTokens` and `streamMs` (from the first byte to the
   * last) where they are not known yet.
   */
  | { readonly is: "answered"; readonly firstByteMs?: number | undefined; readonly outputTokens?: number | undefined; readonly streamMs?: number | undefined }
  /** The stream of an attempt that was noted as answered is over. */
  | { readonly is: "streamed"; readonly outputTokens: number; readonly streamMs: number }
  /** 5xx, 408, 429, connection refused, time-out, an error inside the stream. `retryAfterMs`: how long the provider asked to wait. */
  | { readonly is: "failed"; readonly retryAfterMs?: number | undefined; readonly why?: Why | undefined };

/** Why an attempt failed, for whoever looks after it. `code`: an error's; `status`: the provider's own, where it answered. Never its words. */
export type Why = { readonly code: string; readonly status?: number | undefined };

/** What is known of a deployment. */
export type Standing = Figures & {
  readonly state: State;
  /** Open: from when on it may be probed, in the isolate's clock. */
  readonly probeAtMs?: number;
};

/** Each is there only from enough attempts on: p50, speed and share from 5, p95 from 20. */
export type Figures = {
  /** Time to first token. At most 14 % off between 16 ms and 65 s. */
  readonly firstByteMs?: { readonly p50: number; readonly p95?: number };
  /** Median over answers. At most 14 % off between 1 and 4,096. */
  readonly tokensPerSecond?: number;
  /** Of all attempts lately, those that were answered: 0 to 1, in hundredths. */
  readonly okShare?: number;
  /** The whole spread of both, from 20 attempts on. */
  readonly spread?: { readonly firstByteMs?: Percentiles; readonly tokensPerSecond?: Percentiles };
};

export type Percentiles = { readonly p50: number; readonly p75: number; readonly p90: number; readonly p99: number };

/** What happened in some stretch of time, as it travels; adding two up gives what happened in both. */
export type Delta = { answered: number; failed: number; firstByteMs: Histogram; tokensPerSecond: Histogram };

/** What happened lately: what is older by `halfLifeMs` counts half. */
export type Vitals = Delta & { decayedMs: number };

/** Short enough that a slow hour is seen within it, long enough for p50 at one attempt a minute. */
export const halfLifeMs = 300_000;
/** Decay is applied in steps of this: fine enough beside the half-life, and cheap. */
const decayStepMs = 10_000;
export const fewestForMedian = 5;
export const fewestForP95 = 20;
/** A shorter answer is over before its speed shows. */
const fewestTokens = 8;

export const newDelta = (): Delta => ({ answered: 0, failed: 0, firstByteMs: emptyHistogram(), tokensPerSecond: emptyHistogram() });

export const newVitals = (nowMs: number): Vitals => ({ ...newDelta(), decayedMs: nowMs });

/** Counts one event. */
export function record(delta: Delta, event: Event): void {
  if (event.is === "failed") {
    delta.failed += 1;
    return;
  }
  if (event.is === "answered") {
    delta.answered += 1;
    if (event.firstByteMs !== undefined) count(delta.firstByteMs, Math.max(event.firstByteMs, 1), scales.firstByteMs);
  }
  const { outputTokens = 0, streamMs = 0 } = event;
  if (outputTokens >= fewestTokens && streamMs > 0) count(delta.tokensPerSecond, (outputTokens * 1_000) / streamMs, scales.tokensPerSecond);
}

/** Lets what is known grow old. */
export function decay(vitals: Vitals, nowMs: number): void {
  const ageMs = nowMs - vitals.decayedMs;
  if (ageMs < decayStepMs) return;
  const share = 2 ** (-ageMs / halfLifeMs);
  vitals.answered *= share;
  vitals.failed *= share;
  for (const histogram of [vitals.firstByteMs, vitals.tokensPerSecond]) for (let i = 0; i < histogram.length; i += 1) histogram[i]! *= share;
  vitals.decayedMs = nowMs;
}

/** Adds what happened elsewhere. The order of merging makes no difference. */
export function merge(vitals: Vitals, delta: Delta, nowMs: number): void {
  decay(vitals, nowMs);
  vitals.answered += delta.answered;
  vitals.failed += delta.failed;
  add(vitals.firstByteMs, delta.firstByteMs);
  add(vitals.tokensPerSecond, delta.tokensPerSecond);
}

/** undefined: too few measurements for the rare ones. */
function percentilesOf(histogram: Histogram, least: number): Percentiles | undefined {
  const at = (share: number): number => Math.round(quantile(histogram, share, least)! * 10) / 10;
  return quantile(histogram, 0.5, least, fewestForP95) === undefined ? undefined : { p50: at(0.5), p75: at(0.75), p90: at(0.9), p99: at(0.99) };
}

export function figuresOf({ answered, failed, firstByteMs, tokensPerSecond }: Delta): Figures {
  const p50 = quantile(firstByteMs, 0.5, scales.firstByteMs, fewestForMedian);
  const p95 = quantile(firstByteMs, 0.95, scales.firstByteMs, fewestForP95);
  const speed = quantile(tokensPerSecond, 0.5, scales.tokensPerSecond, fewestForMedian);
  const attempts = answered + failed;
  const [waits, speeds] = [percentilesOf(firstByteMs, scales.firstByteMs), percentilesOf(tokensPerSecond, scales.tokensPerSecond)];
  return {
    ...(p50 !== undefined && { firstByteMs: { p50: Math.round(p50), ...(p95 !== undefined && { p95: Math.round(p95) }) } }),
    ...(speed !== undefined && { tokensPerSecond: Math.round(speed * 10) / 10 }),
    ...(attempts > fewestForMedian - 0.001 && { okShare: Math.round((100 * answered) / attempts) / 100 }),
    ...((waits ?? speeds) && { spread: { ...(waits && { firstByteMs: waits }), ...(speeds && { tokensPerSecond: speeds }) } }),
  };
}

export const sameFigures = (a: Figures, b: Figures): boolean =>
  a.okShare === b.okShare && a.tokensPerSecond === b.tokensPerSecond && a.firstByteMs?.p50 === b.firstByteMs?.p50 && a.firstByteMs?.p95 === b.firstByteMs?.p95;

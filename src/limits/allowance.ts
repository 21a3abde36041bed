/** The arithmetic of limits: pure, the clock passed in. The Durable Object keeps the numbers, this decides. */
import type { Lack } from "./account.ts";
import type { Estimate, MeterPolicy, MeterReply, RateState, Refusal } from "./policy.ts";

/** Counters of one key. Tokens and money of the month and of all time count settled requests only; `held` the open ones. */
export type Counters = {
  minute: { window: number; requests: number; tokens: number };
  month: { start: number; tokens: number; nanoUsd: number };
  spentNanoUsd: number;
  held: { requests: number; tokens: number; nanoUsd: number };
};

/** Index of the calendar minute that `nowMs` lies in. */
export const minuteOf = (nowMs: number): number => Math.floor(nowMs / 60_000);

/** Start of the UTC month that `ms` lies in, Unix ms. */
export function monthStart(ms: number): number {
  const date = new Date(ms);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
}

/** Start of the UTC month after the one that `ms` lies in, Unix ms. */
export function nextMonthStart(ms: number): number {
  const date = new Date(ms);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}

const seconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));

/** Why the request may not run now, or undefined when it may. `counters` must stand in the minute and month of `nowMs`. */
export function refuse(policy: MeterPolicy, counters: Counters, estimate: Estimate, nowMs: number): Refusal | undefined {
  const { limits } = policy;
  const { minute, month, held } = counters;
  if (!policy.enabled) return { code: "key_revoked", message: "This API key has been revoked or disabled.", shouldRetry: false };
  if (policy.suspended) return { code: "organisation_suspended", message: "The organisation of this API key is suspended. Its people find the reason in the dashboard.", shouldRetry: false };
  if (policy.expiresAtMs !== undefined && nowMs >= policy.expiresAtMs) {
    return { code: "key_expired", message: "This API key has expired.", shouldRetry: false };
  }
  if (policy.paidUntilMs !== undefined && nowMs >= policy.paidUntilMs) {
    return { code: "subscription_expired", message: "The subscription of this key's organisation has ended.", shouldRetry: false };
  }
  const untilNextMinute = seconds((minute.window + 1) * 60_000 - nowMs);
  const soon = { retryAfterSeconds: 1, shouldRetry: true };
  const nextMonth = { retryAfterSeconds: seconds(nextMonthStart(nowMs) - nowMs), shouldRetry: false };

  if (limits.budgetNanoUsd !== undefined && counters.spentNanoUsd + held.nanoUsd + estimate.nanoUsd > limits.budgetNanoUsd) {
    const heldBack = held.requests > 0 && counters.spentNanoUsd + estimate.nanoUsd <= limits.budgetNanoUsd;
    return {
      code: "insufficient_credits",
      message: heldBack ? "The rest of this key's budget is held by requests that are still running." : "This key's budget does not cover the request.",
      ...(heldBack ? soon : { shouldRetry: false }),
    };
  }
  if (limits.monthlyNanoUsd !== undefined && month.nanoUsd + held.nanoUsd + estimate.nanoUsd > limits.monthlyNanoUsd) {
    const heldBack = held.requests > 0 && month.nanoUsd + estimate.nanoUsd <= limits.monthlyNanoUsd;
    return { code: "quota_exceeded", message: "This key's monthly spending limit is reached.", ...(heldBack ? soon : nextMonth) };
  }
  if (limits.monthlyTokens !== undefined && month.tokens + held.tokens + estimate.tokens > limits.monthlyTokens) {
    const heldBack = held.requests > 0 && month.tokens + estimate.tokens <= limits.monthlyTokens;
    return { code: "quota_exceeded", message: "This key's monthly token quota is reached.", ...(heldBack ? soon : nextMonth) };
  }
  if (limits.concurrentRequests !== undefined && held.requests >= limits.concurrentRequests) {
    return { code: "concurrency_limit_exceeded", message: `This key may run ${limits.concurrentRequests} requests at a time.`, ...soon };
  }
  if (minute.requests >= limits.requestsPerMinute) {
    return {
      code: "rate_limit_exceeded",
      message: `This key may make ${limits.requestsPerMinute} requests per minute.`,
      retryAfterSeconds: untilNextMinute,
      shouldRetry: true,
    };
  }
  if (limits.tokensPerMinute !== undefined && minute.tokens + estimate.tokens > limits.tokensPerMinute) {
    return {
      code: "token_rate_limit_exceeded",
      message: `This key may use ${limits.tokensPerMinute} tokens per minute; this request may use up to ${estimate.tokens}.`,
      retryAfterSeconds: untilNextMinute,
      shouldRetry: estimate.tokens <= limits.tokensPerMinute,
    };
  }
  return undefined;
}

/** Why a caller that holds this `version` of a policy must read it again, or the object be told it; undefined: they agree. */
export function standing(policy: MeterPolicy | undefined, version: number): MeterReply | undefined {
  if (!policy || version > policy.version) return { is: "unknown" };
  return version < policy.version ? { is: "stale" } : undefined;
}

/** What a key may still do in this minute. */
export function rateOf({ limits: { requestsPerMinute: limit } }: MeterPolicy, { minute }: Counters, warnings: readonly string[]): RateState {
  return { limit, remaining: Math.max(0, limit - minute.requests), ...(warnings.length > 0 && { warnings }) };
}

/** Nobody can say whether there is room. */
export const unavailable: Refusal = { code: "limiter_unavailable", message: "Limits cannot be checked right now.", retryAfterSeconds: 1, shouldRetry: true };

/** Why a request may not run that pools have no room for. `lacking` empty: nobody could say. */
export function refusalOf(lacking: readonly Lack[], { pools = [] }: MeterPolicy, estimate: Estimate, nowMs: number): Refusal {
  const lacks = lacking.flatMap((lack) => pools.filter(({ id }) => id === lack.pool).map((pool) => ({ ...lack, ...pool })));
  const first = lacks.find(({ window }) => window.of === "total") ?? lacks[0];
  if (!first || lacking.some(({ unsure }) => unsure)) return unavailable;
  const { name, unit, window, obtainable, endMs } = first;
  const code = window.of === "total" && unit === "nanoUsd" ? "insufficient_credits" : "quota_exceeded";
  if (estimate[unit] <= obtainable) return { code, message: `The rest of the ${name} is held by requests that are still running.`, retryAfterSeconds: 1, shouldRetry: true };
  const message = obtainable > 0 ? `What is left of the ${name} does not cover the request.` : `The ${name} is used up.`;
  return { code, message, shouldRetry: false, ...(window.of !== "total" && { retryAfterSeconds: seconds(endMs - nowMs) }) };
}

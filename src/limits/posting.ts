/** From the ledger's view of a finished request to what its key's object sums, and entries that no request brought. Pure. */
import { noUsage } from "../chat/usage.ts";
import type { Outcome } from "../ledger/entry.ts";
import type { Hold } from "./meter-store.ts";
import type { Posting } from "./policy.ts";

/** Whether the request counts as an error: the client got none of what it asked for, or not all. */
const failed = ({ status, end }: Outcome): boolean => end !== "client_gone" && (status >= 400 || end !== "complete");

/** What can be summed for ever: a figure that a provider got wrong must not take the key's totals with it. */
const whole = (figure: number): number => (Number.isNaN(figure) ? 0 : Math.min(Math.max(0, Math.round(figure)), Number.MAX_SAFE_INTEGER));

export const postingOf = (outcome: Outcome): Posting => ({
  model: outcome.model,
  failed: failed(outcome),
  inputTokens: whole(outcome.usage.inputTokens),
  cachedTokens: whole(outcome.usage.cachedTokens),
  cacheWriteTokens: whole(outcome.usage.cacheWriteTokens),
  outputTokens: whole(outcome.usage.outputTokens),
  reasoningTokens: whole(outcome.usage.reasoningTokens),
  nanoUsd: whole(outcome.costNanoUsd),
  outcome: JSON.stringify(outcome),
});

const silent = {
  protocol: "", stream: false, serviceTier: null, firstByteMs: null, way: "buffered", attempts: 0, upstreamRequestId: null, lines: [], pricesFromMs: null,
  refused: [], responseHash: null,
} as const;

/** What is written down when nobody settled in time. */
export const expiredOutcome = ({ model, tokens, nanoUsd }: Pick<Hold, "model" | "tokens" | "nanoUsd">, leaseMs: number): Outcome => ({
  ...silent, model, deployment: "", status: 0, end: "lease_expired", usage: { ...noUsage, inputTokens: tokens }, costNanoUsd: nanoUsd,
  costSource: "estimated", estimated: true, totalMs: leaseMs, errorCode: "lease_expired", reserved: { tokens, nanoUsd },
});

/** A correction of what a request was charged: `nanoUsd` below zero gives back. `id` is the caller's. */
export type Adjustment = { id: string; request: string; nanoUsd: number; reason: string };
/** `too_much`: it would bring the charge below nothing; `charged` is what it comes to so far. */
export type Adjusted = { is: "posted" | "known" | "conflict" } | { is: "too_much"; charged: number };

/** What is written down about a correction. */
export const adjustmentOf = ({ model, deployment, app }: Pick<Outcome, "model" | "deployment" | "app">, { request, nanoUsd, reason }: Omit<Adjustment, "id">): Outcome => ({
  ...silent, model, deployment, ...(app && { app }), status: 200, end: "adjustment", usage: noUsage, costNanoUsd: nanoUsd, costSource: "adjusted", estimated: false,
  totalMs: 0, errorCode: null, reserved: { tokens: 0, nanoUsd: 0 }, adjusts: { request, reason },
});

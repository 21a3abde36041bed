/** What every answer to a client carries. */
import type { Loss } from "../chat/index.ts";
import type { GatewayError } from "../errors.ts";
import type { Outcome } from "../ledger/entry.ts";
import { usdOf } from "../ledger/index.ts";
import type { RateState } from "../limits/index.ts";

/** What a browser would run or draw on our origin is never an answer of ours, whatever an upstream calls it. */
const passive = /^(?:application\/(?:json|x-ndjson)|text\/event-stream|text\/plain|application\/octet-stream|audio\/[\w.+-]+|image\/(?!svg)[\w.+-]+|video\/[\w.+-]+)\s*(?:;[\w\s=."-]*)?$/i;

/** Headers of every answer; rate headers once the caller is known. OpenAI's SDKs read the id from `x-request-id`, Anthropic's from `request-id`. */
export function answerHeaders(requestId: string, rate: RateState | undefined, contentType: string): Record<string, string> {
  return {
    "content-type": contentType === "application/json" || passive.test(contentType) ? contentType : "application/octet-stream",
    "cache-control": "private, no-store",
    vary: "Authorization",
    "x-content-type-options": "nosniff",
    "x-request-id": requestId,
    "request-id": requestId,
    ...(rate && rateHeaders(rate)),
  };
}

/** The key's counters, and budgets that are running out. */
export const rateHeaders = ({ limit, remaining, warnings }: RateState): Record<string, string> => ({
  "x-ratelimit-limit": String(limit),
  "x-ratelimit-remaining": String(remaining),
  ...(warnings && { "x-forge-budget-warning": warnings.join(", ").replace(/[^\x20-\x7e]/g, "?") }),
});

/** What of the request, or of the answer, could not be said in the other's protocol. */
export const lossHeader = (losses: readonly Loss[]): Record<string, string> =>
  losses.length === 0 ? {} : { "x-forge-losses": [...new Set(losses)].join(", ").replace(/[^\x20-\x7e]/g, "?").slice(0, 4_096) };

/** What the answer costs, in USD to the nano: nothing where it has no price. */
export function costHeader({ costNanoUsd, costSource }: Pick<Outcome, "costNanoUsd" | "costSource">): Record<string, string> {
  return costSource === "unpriced" ? {} : { "x-forge-cost": usdOf(costNanoUsd) };
}

/** What every answer carries whatever made it: an id (a replayed answer has its first one), and that it is nobody else's. */
export function seal(answer: Response, requestId: string): void {
  if (answer.headers.has("x-request-id")) return;
  for (const [name, value] of Object.entries(answerHeaders(requestId, undefined, "application/json"))) {
    if (name !== "content-type") answer.headers.set(name, value);
  }
}

/** A failure as the client's protocol says it: `body` is already rendered. */
export function failure(error: GatewayError, body: string, requestId: string, rate: RateState | undefined, more: Record<string, string> = {}): Response {
  const headers = { ...answerHeaders(requestId, rate, "application/json"), ...more };
  if (error.detail.retryAfterSeconds !== undefined) headers["retry-after"] = String(error.detail.retryAfterSeconds);
  if (error.detail.shouldRetry !== undefined) headers["x-should-retry"] = String(error.detail.shouldRetry);
  if (error.detail.allow !== undefined) headers.allow = error.detail.allow;
  return new Response(body, { status: error.status, headers });
}

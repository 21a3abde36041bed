/** From the ledger's view of a finished request to what its key's object sums. Pure. */
import type { Outcome } from "../ledger/entry.ts";
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

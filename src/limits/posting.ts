/** From the ledger's view of a finished request to what its key's object sums. Pure. */
import type { Outcome } from "../ledger/entry.ts";
import type { Posting } from "./policy.ts";

/** Whether the request counts as an error: the client got none of what it asked for, or not all. */
const failed = ({ status, end }: Outcome): boolean => status >= 400 || (end !== "complete" && end !== "client_gone");

export const postingOf = (outcome: Outcome): Posting => ({
  model: outcome.model,
  failed: failed(outcome),
  inputTokens: outcome.usage.inputTokens,
  cachedTokens: outcome.usage.cachedTokens,
  cacheWriteTokens: outcome.usage.cacheWriteTokens,
  outputTokens: outcome.usage.outputTokens,
  reasoningTokens: outcome.usage.reasoningTokens,
  nanoUsd: outcome.costNanoUsd,
  outcome: JSON.stringify(outcome),
});

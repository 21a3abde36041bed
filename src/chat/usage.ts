/**
 * Tokens by class, and what else is billed by the piece. `inputTokens` includes cached and cache-write tokens, `cacheWriteTokens` those
 * that are kept for an hour, `outputTokens` includes reasoning. `searches`: how often the provider's own web search was run.
 */
export type Usage = {
  inputTokens: number;
  cachedTokens: number;
  cacheWriteTokens: number;
  cacheWrite1hTokens: number;
  outputTokens: number;
  reasoningTokens: number;
  inputAudioTokens: number;
  outputAudioTokens: number;
  searches: number;
};

export const noUsage: Usage = {
  inputTokens: 0, cachedTokens: 0, cacheWriteTokens: 0, cacheWrite1hTokens: 0, outputTokens: 0, reasoningTokens: 0, inputAudioTokens: 0,
  outputAudioTokens: 0, searches: 0,
};

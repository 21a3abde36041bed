/** Tokens by class. `inputTokens` includes cached and cache-write tokens, `outputTokens` includes reasoning. */
export type Usage = {
  inputTokens: number;
  cachedTokens: number;
  cacheWriteTokens: number;
  outputTokens: number;
  reasoningTokens: number;
  inputAudioTokens: number;
  outputAudioTokens: number;
};

export const noUsage: Usage = {
  inputTokens: 0, cachedTokens: 0, cacheWriteTokens: 0, outputTokens: 0, reasoningTokens: 0, inputAudioTokens: 0, outputAudioTokens: 0,
};

/** What is billed by the piece and not by the token: a picture, a second of sound or film, a character of text, a unit of reranking. */
export type Piece = "image" | "audio_second" | "video_second" | "character" | "search_unit";

/**
 * Tokens by class, and what else is billed by the piece. `inputTokens` includes cached, cache-write, audio and image tokens,
 * `cacheWriteTokens` those that are kept for an hour, `outputTokens` includes reasoning, audio and image tokens. `searches`: how often the
 * provider's own web search was run. `pieces`: what no conversation uses, so it is there only where something was used; what a provider
 * counts in tokens is never told in pieces too.
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
  inputImageTokens: number;
  outputImageTokens: number;
  searches: number;
  pieces?: Partial<Record<Piece, number>>;
};

export const noUsage: Usage = {
  inputTokens: 0, cachedTokens: 0, cacheWriteTokens: 0, cacheWrite1hTokens: 0, outputTokens: 0, reasoningTokens: 0, inputAudioTokens: 0,
  outputAudioTokens: 0, inputImageTokens: 0, outputImageTokens: 0, searches: 0,
};

/** Two usages as one. */
export function together(one: Usage, other: Usage): Usage {
  const sum: Usage = { ...noUsage };
  for (const unit of Object.keys(noUsage) as Exclude<keyof Usage, "pieces">[]) sum[unit] = one[unit] + other[unit];
  const pieces = { ...one.pieces };
  for (const [piece, amount] of Object.entries(other.pieces ?? {}) as [Piece, number][]) pieces[piece] = (pieces[piece] ?? 0) + amount;
  return { ...sum, ...((one.pieces || other.pieces) && { pieces }) };
}

/** OpenAI's usage object and its dialects, read into classes. */
import { noUsage, type Usage } from "../../chat/usage.ts";

type Json = Record<string, unknown>;
const record = (value: unknown): Json => (typeof value === "object" && value !== null ? (value as Json) : {});
const count = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) && value > 0 ? Math.round(value) : 0);

/**
 * Reads a `usage` object: OpenAI's, and what its look-alikes add (DeepSeek's `prompt_cache_hit_tokens`, xAI's reasoning
 * beside the completion, Anthropic-style `cache_creation_input_tokens`). undefined when it is not a usage object: that
 * is "missing", which is not zero.
 */
export function parseUsage(value: unknown): Usage | undefined {
  const usage = record(value);
  if (!("prompt_tokens" in usage) && !("completion_tokens" in usage) && !("total_tokens" in usage)) return undefined;
  const input = record(usage.prompt_tokens_details);
  const output = record(usage.completion_tokens_details);
  const inputTokens = count(usage.prompt_tokens);
  const reasoningTokens = count(output.reasoning_tokens);
  const total = count(usage.total_tokens);
  let outputTokens = count(usage.completion_tokens);
  const reasoningIsBeside = reasoningTokens > 0 && total === inputTokens + outputTokens + reasoningTokens;
  if (reasoningIsBeside) outputTokens += reasoningTokens;
  return {
    ...noUsage,
    inputTokens,
    cachedTokens: count(input.cached_tokens ?? usage.prompt_cache_hit_tokens),
    cacheWriteTokens: count(input.cache_write_tokens ?? usage.cache_creation_input_tokens),
    outputTokens,
    reasoningTokens,
    inputAudioTokens: count(input.audio_tokens),
    outputAudioTokens: count(output.audio_tokens),
  };
}

/** `usage.cost` in USD, as OpenRouter reports it, in nano-USD. */
export function parseReportedCost(value: unknown): number | undefined {
  const cost = record(value).cost;
  return typeof cost === "number" && cost >= 0 ? Math.round(cost * 1e9) : undefined;
}

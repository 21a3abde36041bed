/** OpenAI's usage object and its dialects, read into classes. */
import { noUsage, type Usage } from "../../chat/usage.ts";
import { isTold, record } from "../json.ts";

export const count = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) && value > 0 ? Math.round(value) : 0);

/** Where a chunk has its usage: in itself; in `x_groq`, where Groq put it before it knew `stream_options`; in its choice, where Moonshot does. */
export const usageIn = ({ usage, x_groq: groq, choices }: { usage?: unknown; x_groq?: unknown; choices?: unknown }): unknown =>
  usage ?? record(groq).usage ?? record(Array.isArray(choices) ? choices[0] : undefined).usage;

/**
 * Reads a `usage` object: OpenAI's, and what its look-alikes add (DeepSeek's `prompt_cache_hit_tokens`, Moonshot's and Together's bare
 * `cached_tokens`, Anthropic-style `cache_creation_input_tokens`). undefined when it is not a usage object: that is "missing", which is not zero.
 *
 * Where `total_tokens` is more than prompt and completion, tokens were counted beside them: Mistral's audio beside the
 * prompt; xAI's reasoning, and Gemini's thoughts, which it names nowhere, beside the completion. They are billed too. A total
 * alone is input: embeddings have no output.
 */
export function parseUsage(value: unknown): Usage | undefined {
  const usage = record(value);
  if (!isTold(usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)) return undefined;
  const input = record(usage.prompt_tokens_details);
  const output = record(usage.completion_tokens_details);
  const prompt = count(usage.prompt_tokens ?? ("completion_tokens" in usage ? undefined : usage.total_tokens));
  const completion = count(usage.completion_tokens);
  const beside = Math.max(0, count(usage.total_tokens) - prompt - completion);
  const inputAudioTokens = count(input.audio_tokens);
  const besidePrompt = beside === inputAudioTokens ? beside : 0;
  const besideCompletion = beside - besidePrompt;
  return {
    ...noUsage,
    inputTokens: prompt + besidePrompt,
    cachedTokens: count(input.cached_tokens ?? usage.prompt_cache_hit_tokens ?? usage.cached_tokens),
    cacheWriteTokens: count(input.cache_write_tokens ?? usage.cache_creation_input_tokens),
    outputTokens: completion + besideCompletion,
    reasoningTokens: count(output.reasoning_tokens) || besideCompletion,
    inputAudioTokens,
    outputAudioTokens: count(output.audio_tokens),
    inputImageTokens: count(input.image_tokens),
    outputImageTokens: count(output.image_tokens),
  };
}

/** A cost that can be summed; a figure beyond all sums is none, and the price list holds. */
function nanoUsd(figure: number): number | undefined {
  const nano = Math.round(figure);
  return Number.isSafeInteger(nano) ? nano : undefined;
}

/**
 * What the provider says it charged, in nano-USD: OpenRouter's `cost` in USD, Perplexity's `cost.total_cost` (searches
 * included), xAI's `cost_in_usd_ticks` (1e-10 USD; 0 where somebody else, such as Azure, sends the bill).
 */
export function parseReportedCost(value: unknown): number | undefined {
  const { cost, cost_in_usd_ticks: ticks } = record(value);
  if (typeof cost === "number" && cost >= 0) return nanoUsd(cost * 1e9);
  const total = record(cost).total_cost;
  if (typeof total === "number" && total > 0) return nanoUsd(total * 1e9);
  return typeof ticks === "number" && ticks > 0 ? nanoUsd(ticks / 10) : undefined;
}

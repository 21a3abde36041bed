/** Writes usage as OpenAI does. https://platform.openai.com/docs/api-reference/chat/object#chat/object-usage */
import type { Usage } from "../../chat/index.ts";
import type { RenderContext } from "../protocol.ts";
import { renderCost } from "../render-cost.ts";

/** A `usage` object. `prompt_tokens` holds cached and cache-write tokens, `completion_tokens` holds reasoning. */
export function renderUsage(usage: Usage, context: RenderContext): Record<string, unknown> {
  const { inputTokens, outputTokens, cachedTokens, cacheWriteTokens, reasoningTokens, inputAudioTokens, outputAudioTokens } = usage;
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens, audio_tokens: inputAudioTokens, ...(cacheWriteTokens > 0 && { cache_write_tokens: cacheWriteTokens }) },
    completion_tokens_details: { reasoning_tokens: reasoningTokens, audio_tokens: outputAudioTokens, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
    ...renderCost(context),
  };
}

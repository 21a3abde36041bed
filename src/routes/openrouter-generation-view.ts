/** A ledger entry as OpenRouter's clients read a generation. https://openrouter.ai/docs/api-reference/get-a-generation */
import type { LedgerEntry } from "../ledger/index.ts";
import { generationId } from "../protocols/index.ts";
import { providerNamed } from "../router/index.ts";

/** Their word for how a request ended, where the ledger knows. */
const reasonOf = ({ end }: LedgerEntry): string | null => (end === "complete" || end === "client_gone" ? null : "error");
const apiTypes: Readonly<Record<string, string>> = { "openai-embeddings": "embeddings", rerank: "rerank", "openai-speech": "tts", "openai-transcriptions": "stt", "openai-translations": "stt", "openai-videos": "video" };

/** Everything that its schema wants; null is what nobody here measures or keeps. */
export function generationView(entry: LedgerEntry, organisationId: string) {
  const { id, at, model, deployment, protocol, stream, end, usage, costNanoUsd, costSource, ownKey, firstByteMs, totalMs, serviceTier, upstreamRequestId, refused, status, route, app } = entry;
  const usd = costNanoUsd / 1e9;
  const responses = [...refused, { deployment, status }].map((one) => ({ provider_name: providerNamed(one.deployment), status: one.status, endpoint_id: one.deployment }));
  return {
    id: generationId(id), request_id: id, model, created_at: new Date(at).toISOString(), origin: app?.url ?? "", streamed: stream, cancelled: end === "client_gone",
    api_type: apiTypes[protocol] ?? "completions", provider_name: providerNamed(deployment), provider_responses: responses,
    finish_reason: reasonOf(entry), native_finish_reason: null,
    tokens_prompt: usage.inputTokens, tokens_completion: usage.outputTokens, native_tokens_prompt: usage.inputTokens, native_tokens_completion: usage.outputTokens,
    native_tokens_reasoning: usage.reasoningTokens, native_tokens_cached: usage.cachedTokens, native_tokens_completion_images: usage.outputImageTokens ?? 0,
    usage: usd, total_cost: usd, upstream_inference_cost: costSource === "unpriced" ? null : usd, cache_discount: null, is_byok: ownKey === true,
    latency: firstByteMs, generation_time: firstByteMs === null ? totalMs : totalMs - firstByteMs, moderation_latency: null,
    num_media_prompt: null, num_media_completion: null, num_input_audio_prompt: null, num_search_results: usage.searches ?? null, num_fetches: null, web_search_engine: null,
    router: route?.pick ?? null, service_tier: serviceTier, preset_id: null, http_referer: app?.url ?? null, user_agent: null, external_user: null, app_id: null,
    upstream_id: upstreamRequestId, workspace_id: organisationId, data_region: "global", session_id: null, response_cache_source_id: null,
  };
}

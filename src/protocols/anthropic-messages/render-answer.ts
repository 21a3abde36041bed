/** What a whole answer and a stream have in common when they are written. https://docs.anthropic.com/en/api/messages */
import type { ChatResponse, Citation, Finish, Loss, Part, Usage } from "../../chat/index.ts";
import type { RenderContext } from "../protocol.ts";
import { finishes, protocol, type Json } from "./words.ts";

const reasons: Readonly<Record<Finish["unified"], string>> = {
  stop: "end_turn", length: "max_tokens", "tool-calls": "tool_use", "content-filter": "refusal", error: "end_turn", other: "end_turn",
};

/** The provider's own stop reason where Messages has that word, else the nearest. Clients run tools when it says so. */
export function renderFinish({ unified, raw, stopSequence }: Finish, callsTools: boolean): { stop_reason: string; stop_sequence: string | null } {
  if (stopSequence !== undefined) return { stop_reason: "stop_sequence", stop_sequence: stopSequence };
  const own = raw !== undefined && finishes[raw] === unified ? raw : reasons[unified];
  return { stop_reason: callsTools && own === "end_turn" ? "tool_use" : own, stop_sequence: null };
}

/** Messages counts the cache's tokens apart from the others. Without a usage: zeros, for it cannot be left out. */
export function renderUsage(usage: Usage | undefined): Json {
  const { inputTokens = 0, cachedTokens = 0, cacheWriteTokens = 0, cacheWrite1hTokens = 0, outputTokens = 0, reasoningTokens = 0, searches = 0 } = usage ?? {};
  // Some providers tell more cached tokens than went in; the three must add up to what went in.
  const readTokens = Math.min(cachedTokens, inputTokens);
  const writtenTokens = Math.min(cacheWriteTokens, inputTokens - readTokens);
  return {
    input_tokens: inputTokens - readTokens - writtenTokens,
    cache_creation_input_tokens: writtenTokens,
    ...(cacheWrite1hTokens > 0 && { cache_creation: { ephemeral_5m_input_tokens: Math.max(0, writtenTokens - cacheWrite1hTokens), ephemeral_1h_input_tokens: Math.min(cacheWrite1hTokens, writtenTokens) } }),
    cache_read_input_tokens: readTokens,
    output_tokens: outputTokens,
    ...(reasoningTokens > 0 && { output_tokens_details: { thinking_tokens: reasoningTokens } }),
    ...(searches > 0 && { server_tool_use: { web_search_requests: searches } }),
  };
}

const tiers: Readonly<Record<string, string>> = { default: "standard", priority: "priority", batch: "batch" };

/** The tier that an answer's usage names. */
export function renderTier(tier: string | undefined): { service_tier?: string } {
  const known = tiers[tier ?? ""];
  return known === undefined ? {} : { service_tier: known };
}

/** What a message says of itself before its content. */
export function renderHead({ id, model }: Pick<ChatResponse, "id" | "model">, { request, requestId }: RenderContext): Json {
  return { id: id || `msg_${requestId.replace(/^req_/, "")}`, type: "message", role: "assistant", model: model || request.model };
}

/** Citations that Messages has words for: its own. */
export const ownCitation = ({ raw }: Citation): Json | undefined => (raw.protocol === protocol ? (raw.value as Json) : undefined);

/** What of a part an answer cannot say. */
export function lossesOf(part: Part): Loss[] {
  if (part.type === "text") return [...(part.citations?.some((one) => !ownCitation(one)) ? (["citations"] as const) : []), ...(part.refusal ? (["refusal"] as const) : []), ...(part.logprobs ? (["logprobs"] as const) : [])];
  if (part.type === "file") return [part.kind];
  return part.type === "opaque" && part.protocol !== protocol ? ["provider_content"] : [];
}

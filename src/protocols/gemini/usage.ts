/** Gemini's `usageMetadata`, read into classes. https://ai.google.dev/api/generate-content#UsageMetadata */
import { noUsage, type Usage } from "../../chat/usage.ts";
import { isTold } from "../json.ts";

type Json = Record<string, unknown>;
const count = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) && value > 0 ? Math.round(value) : 0);

/** Tokens of one modality in lists of counts by modality. */
function tokensOf(wanted: "AUDIO" | "IMAGE", ...lists: unknown[]): number {
  const counts = lists.flatMap((list) => (Array.isArray(list) ? (list as ({ modality?: unknown; tokenCount?: unknown } | null)[]) : []));
  return counts.reduce((sum, one) => sum + (one?.modality === wanted ? count(one.tokenCount) : 0), 0);
}

/** Whether the output is counted yet: early events of a stream count the prompt only, and what is missing there is not zero. */
export const countsOutput = (value: unknown): boolean => typeof value === "object" && value !== null && "candidatesTokenCount" in value;

/**
 * Reads a `usageMetadata` object, of a conversation or of embeddings. undefined when it is not one: that is "missing", which is
 * not zero. What a tool of Google's put into the prompt stands beside the prompt, thoughts beside the candidates.
 */
export function parseUsage(value: unknown): Usage | undefined {
  const usage = (typeof value === "object" && value !== null ? value : {}) as Json;
  if (!isTold(usage.promptTokenCount, usage.candidatesTokenCount, usage.totalTokenCount)) return undefined;
  const reasoningTokens = count(usage.thoughtsTokenCount);
  const read = [usage.promptTokensDetails ?? usage.promptTokenDetails, usage.toolUsePromptTokensDetails];
  return {
    ...noUsage,
    inputTokens: count(usage.promptTokenCount) + count(usage.toolUsePromptTokenCount),
    cachedTokens: count(usage.cachedContentTokenCount),
    outputTokens: count(usage.candidatesTokenCount) + reasoningTokens,
    reasoningTokens,
    inputAudioTokens: tokensOf("AUDIO", ...read),
    outputAudioTokens: tokensOf("AUDIO", usage.candidatesTokensDetails),
    inputImageTokens: tokensOf("IMAGE", ...read),
    outputImageTokens: tokensOf("IMAGE", usage.candidatesTokensDetails),
  };
}

/** The service tier that a `usageMetadata` names: the Gemini API's word for it, or what stands in Vertex AI's kind of traffic. */
export function tierOf(value: unknown): string | undefined {
  const { serviceTier, trafficType } = (typeof value === "object" && value !== null ? value : {}) as Json;
  const word = typeof serviceTier === "string" ? serviceTier : typeof trafficType === "string" ? /^ON_DEMAND_(\w+)$/.exec(trafficType)?.[1] : undefined;
  return word?.toLowerCase() || undefined;
}

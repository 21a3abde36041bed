/** Converse's words. https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html */
import { noUsage, type ChatError, type Finish, type Usage } from "../../chat/index.ts";
import { isObject, isTold, objects, record, stringIn as words, type Json } from "../json.ts";

export const protocol = "bedrock-converse";

export { isObject, record, words, type Json };

const finishes: Readonly<Record<string, Finish["unified"]>> = {
  end_turn: "stop", stop_sequence: "stop", tool_use: "tool-calls", max_tokens: "length", model_context_window_exceeded: "length",
  guardrail_intervened: "content-filter", content_filtered: "content-filter", malformed_model_output: "error", malformed_tool_use: "error",
};

/** What a `stopReason` means. */
export const finishOf = (raw: string): Finish => ({ unified: finishes[raw] ?? "other", raw });

const count = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) && value > 0 ? Math.round(value) : 0);

/** Of the cache's writes, those that are kept for an hour. */
const hourOf = (details: unknown): number => objects(details).reduce((sum, { ttl, inputTokens }) => sum + (ttl === "1h" ? count(inputTokens) : 0), 0);

/** Reads a `usage` object, whose input is without the cache's tokens. undefined when it is not one. */
export function parseUsage(value: unknown): Usage | undefined {
  const usage = record(value);
  if (!isTold(usage.inputTokens, usage.outputTokens)) return undefined;
  const cachedTokens = count(usage.cacheReadInputTokens);
  const cacheWriteTokens = count(usage.cacheWriteInputTokens);
  return { ...noUsage, inputTokens: count(usage.inputTokens) + cachedTokens + cacheWriteTokens, cachedTokens, cacheWriteTokens, cacheWrite1hTokens: hourOf(usage.cacheDetails), outputTokens: count(usage.outputTokens) };
}

const statuses: Readonly<Record<string, number>> = {
  throttlingException: 429, validationException: 400, accessDeniedException: 403, resourceNotFoundException: 404,
  serviceUnavailableException: 503, modelTimeoutException: 504, internalServerException: 500,
};

/** An exception inside a stream, by its type. */
export function errorOf(type: string, message: unknown): ChatError {
  return { status: statuses[type] ?? 502, code: type, message: words(message) ?? `The stream ended with ${type}.` };
}

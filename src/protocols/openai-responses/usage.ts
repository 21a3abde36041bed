/** The usage object of OpenAI's Responses, read into classes. */
import { noUsage, type Usage } from "../../chat/usage.ts";
import { isTold, objects, record } from "../json.ts";
import { count } from "../openai-chat/usage.ts";

/** Reads a response's usage, with what its output says was searched: opened pages and finds within them are not billed. */
export function usageOf({ usage, output }: Record<string, unknown>): Usage | undefined {
  const read = parseUsage(usage);
  const searches = objects(output).filter(({ type, action }) => type === "web_search_call" && (record(action).type ?? "search") === "search").length;
  return read && { ...read, searches };
}

/** Reads a `usage` object. undefined when it is not one: that is "missing", which is not zero. */
export function parseUsage(value: unknown): Usage | undefined {
  const usage = record(value);
  if (!isTold(usage.input_tokens, usage.output_tokens)) return undefined;
  const input = record(usage.input_tokens_details);
  return {
    ...noUsage,
    inputTokens: count(usage.input_tokens),
    cachedTokens: count(input.cached_tokens),
    cacheWriteTokens: count(input.cache_write_tokens),
    outputTokens: count(usage.output_tokens),
    reasoningTokens: count(record(usage.output_tokens_details).reasoning_tokens),
  };
}

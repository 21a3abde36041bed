/** Cohere's words. https://docs.cohere.com/reference/chat */
import { noUsage, type Citation, type Finish, type Usage } from "../../chat/index.ts";
import { isObject, isTold, record, stringIn as words, type Json } from "../json.ts";

export const protocol = "cohere-chat";

export { isObject, record, words, type Json };

const finishes: Readonly<Record<string, Finish["unified"]>> = {
  COMPLETE: "stop", STOP_SEQUENCE: "stop", MAX_TOKENS: "length", TOOL_CALL: "tool-calls", ERROR_TOXIC: "content-filter", ERROR: "error", TIMEOUT: "error",
};

/** What a `finish_reason` means. */
export const finishOf = (raw: string): Finish => ({ unified: finishes[raw] ?? "other", raw });

const count = (value: unknown): number => (typeof value === "number" && value > 0 ? Math.round(value) : 0);

/** Reads a `usage` object: `tokens` is what the model read and wrote, `billed_units` stands in where that is missing. */
export function parseUsage(value: unknown): Usage | undefined {
  const usage = record(value);
  const tokens = isObject(usage.tokens) ? usage.tokens : usage.billed_units;
  if (!isObject(tokens) || !isTold(tokens.input_tokens, tokens.output_tokens)) return undefined;
  return { ...noUsage, inputTokens: count(tokens.input_tokens), cachedTokens: count(usage.cached_tokens), outputTokens: count(tokens.output_tokens) };
}

/** Reads a citation: characters of the text, and the source's address where it has one. */
export function citationOf(value: unknown): Citation {
  const { start, end, text, sources } = record(value);
  const document = record(record(Array.isArray(sources) ? sources[0] : undefined).document);
  const [url, title, quote] = [words(document.url), words(document.title), words(text)];
  return {
    ...(url && { url }), ...(title && { title }), ...(quote && { quote }),
    ...(typeof start === "number" && { start }), ...(typeof end === "number" && { end }), raw: { protocol, value },
  };
}

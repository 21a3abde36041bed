/** Words of Messages that several verbs read or write. https://docs.anthropic.com/en/api/messages */
import type { CacheBreakpoint, Citation, Finish } from "../../chat/index.ts";
import { filled as words, isObject, record, type Json } from "../json.ts";

/** The protocol's id, as origins, opaque parts and `rest` name it. */
export const protocol = "anthropic-messages";

export { isObject, record, words, type Json };

/** Why an answer ended, in our words. https://docs.anthropic.com/en/api/handling-stop-reasons */
export const finishes: Readonly<Record<string, Finish["unified"]>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  pause_turn: "stop",
  compaction: "stop",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  tool_use: "tool-calls",
  refusal: "content-filter",
};

/** A stop reason and its sequence as a finish. */
export function finishOf(reason: unknown, sequence: unknown): Finish {
  const raw = words(reason);
  const stopSequence = words(sequence);
  return { unified: finishes[raw ?? ""] ?? "other", ...(raw !== undefined && { raw }), ...(stopSequence !== undefined && { stopSequence }) };
}

/** The tier of an answer in the words of most protocols. */
export const tierOf = (tier: unknown): string | undefined => (tier === "standard" ? "default" : words(tier));

/** A `cache_control` object as a breakpoint; undefined: it is none. */
export function cacheOf({ cache_control: control }: Json): { cache: CacheBreakpoint } | undefined {
  if (!isObject(control)) return undefined;
  const { ttl } = control;
  return { cache: ttl === "5m" || ttl === "1h" ? { ttl } : {} };
}

/** A citation of any kind: a web page, a search result, a document by characters, pages or blocks. */
export function citationOf(value: unknown): Citation {
  const { url, source, title, document_title: documentTitle, cited_text: quote } = record(value);
  const address = words(url) ?? (/^https?:/.test(words(source) ?? "") ? words(source) : undefined);
  const name = words(title) ?? words(documentTitle);
  return {
    ...(address !== undefined && { url: address }),
    ...(name !== undefined && { title: name }),
    ...(words(quote) !== undefined && { quote: words(quote)! }),
    raw: { protocol, value },
  };
}

/** The citations of a text block. */
export const citationsOf = ({ citations }: Json): Citation[] => (Array.isArray(citations) ? citations.map(citationOf) : []);

/** An id as Messages takes it; the same id always becomes the same. */
export const toolId = (id: string): string => id.replace(/[^a-zA-Z0-9_-]/g, "_") || "toolu_0";

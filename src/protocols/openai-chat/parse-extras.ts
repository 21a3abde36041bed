/** What stands beside an answer's text: citations and log probabilities. */
import { defined, type Citation, type TokenLogprob } from "../../chat/index.ts";
import { record } from "../json.ts";
import { protocolId } from "./words.ts";

const textual = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
const numeric = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);

/**
 * One of `annotations`; those that are not citations of a page (OpenRouter's parsed files) are citations by their raw object only.
 * `index` is its place in a stream's list, nothing of its own.
 */
export function parseAnnotation(value: unknown): Citation[] {
  const { index: _, ...annotation } = record(value);
  if (typeof annotation.type !== "string") return [];
  const { url, title, content, start_index: start, end_index: end } = record(annotation.url_citation);
  return [{
    ...defined({ url: textual(url), title: textual(title), quote: textual(content), start: numeric(start), end: numeric(end) }),
    raw: { protocol: protocolId, value: annotation },
  }];
}

/** Perplexity's sources, of which every chunk has all: `search_results`, or the bare addresses in `citations`. */
export function parseSources({ search_results: results, citations }: Record<string, unknown>): Citation[] | undefined {
  const sources: unknown[] = Array.isArray(results) && results.length > 0 ? results : Array.isArray(citations) ? citations : [];
  if (sources.length === 0) return undefined;
  return sources.flatMap((value) => {
    const { url, title, snippet } = record(value);
    const address = textual(value) ?? textual(url);
    return address === undefined ? [] : [{ url: address, ...defined({ title: textual(title), quote: textual(snippet) || undefined }), raw: { protocol: protocolId, value } }];
  });
}

type Wire = { token: string; logprob: number; bytes?: number[] | null };

const isToken = (value: unknown): value is Wire & { top_logprobs?: unknown } => typeof record(value).token === "string" && typeof record(value).logprob === "number";
const tokenOf = ({ token, logprob, bytes }: Wire): Wire => ({ token, logprob, ...(bytes !== undefined && { bytes }) });

/** `logprobs.content` or `logprobs.refusal`; undefined when there are none. */
export function parseLogprobs(value: unknown): TokenLogprob[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const tokens = value.filter(isToken).map((entry) => ({
    ...tokenOf(entry),
    ...(Array.isArray(entry.top_logprobs) && { top: entry.top_logprobs.filter(isToken).map(tokenOf) }),
  }));
  return tokens.length > 0 ? tokens : undefined;
}

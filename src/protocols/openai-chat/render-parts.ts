/** Pieces of an answer that a whole message and a stream's delta have in common. */
import { defined, type Citation, type FilePart, type Part, type TokenLogprob } from "../../chat/index.ts";
import { toDataUrl } from "./data-url.ts";

const tiers = new Set(["auto", "default", "flex", "scale", "priority"]);
/** Anthropic's word for OpenAI's `default`. */
const tierWords: Readonly<Record<string, string>> = { standard: "default", on_demand: "default" };

/** A service tier where OpenAI has a word for it. */
export function renderTier(tier: string | undefined): { service_tier?: string } {
  const word = tier === undefined ? undefined : (tierWords[tier] ?? tier);
  return word !== undefined && tiers.has(word) ? { service_tier: word } : {};
}

/** A citation of a page in a text of `length` characters that stands `offset` characters into the message. undefined: it names no page. */
export function renderCitation({ url, title, quote, start, end }: Citation, offset: number, length: number): object | undefined {
  if (url === undefined) return undefined;
  return {
    type: "url_citation",
    url_citation: { url, title: title ?? url, start_index: offset + (start ?? 0), end_index: offset + (end ?? length), ...defined({ content: quote }) },
  };
}

type WireLogprob = { token: string; logprob: number; bytes: number[] | null };
const one = ({ token, logprob, bytes }: TokenLogprob): WireLogprob => ({ token, logprob, bytes: bytes ?? null });

/** Tokens as `logprobs.content` has them. */
export const renderLogprobs = (tokens: readonly TokenLogprob[]): unknown[] => tokens.map((token) => ({ ...one(token), top_logprobs: (token.top ?? []).map(one) }));

/** A picture that has a place in `images`. */
export const isPicture = (part: Part | undefined): boolean => part?.type === "file" && part.kind === "image" && ("base64" in part.data || "url" in part.data);

/** A picture or a recording that the model made, as message fields; undefined: there is no field for it. */
export function renderFile(part: FilePart, nowS: number): { images?: object[]; audio?: unknown } | undefined {
  const { kind, data, mediaType, id, transcript } = part;
  if (kind === "image" && ("base64" in data || "url" in data)) {
    return { images: [{ type: "image_url", image_url: { url: "url" in data ? data.url : toDataUrl(data.base64, mediaType ?? "image/png") } }] };
  }
  if (kind === "audio" && "base64" in data) {
    return { audio: { id: id ?? "", data: data.base64, transcript: transcript ?? "", expires_at: nowS } };
  }
  return undefined;
}

/** A tool call that Gemini signed carries the signature itself, as in Google's own dialect. https://ai.google.dev/gemini-api/docs/openai */
export const signed = (signature: string | undefined): { extra_content?: unknown } =>
  signature === undefined ? {} : { extra_content: { google: { thought_signature: signature } } };

/** Output items as Responses writes them, whole and while they come in. https://platform.openai.com/docs/api-reference/responses/object */
import type { Citation, FilePart, OpaquePart, Origin, TokenLogprob, Tool } from "../../chat/index.ts";
import { sealOf } from "./sealed.ts";
import { isCustom } from "./tools.ts";
import { protocolId, type Json } from "./words.ts";

export type Status = "in_progress" | "completed" | "incomplete";

/** Ids of a response and its items: made of the request's, so that the same answer has the same ids. */
export const seedOf = (requestId: string): string => requestId.replace(/^req_/, "");
export const responseId = (requestId: string): string => `resp_${seedOf(requestId)}`;
export const itemId = (prefix: string, requestId: string, index: number): string => `${prefix}_${seedOf(requestId)}_${index}`;

export const messageItem = (id: string, content: Json[], status: Status): Json => ({ id, type: "message", status, role: "assistant", content });

export const textContent = (text: string, annotations: Json[], logprobs: Json[]): Json => ({ type: "output_text", text, annotations, logprobs });
export const refusalContent = (refusal: string): Json => ({ type: "refusal", refusal });

/** Thoughts go as a summary, whoever had them; what vouches for them, or stands for them, goes sealed. */
export function reasoningItem(id: string, texts: readonly string[], status: Status, secret?: { signature?: string; encrypted?: string; origin: Origin }): Json {
  const summary = texts.map((text) => ({ type: "summary_text", text }));
  return { id, type: "reasoning", status, summary, ...(secret && { encrypted_content: sealOf(secret) }) };
}

/** How a call is told: a tool with free text as input was a function with one string to providers that know no such tools. */
export type CallForm = { type: "function_call" | "custom_tool_call"; prefix: "fc" | "ctc"; unwrap: boolean };

export function callForm({ name, custom }: { name: string; custom?: true }, tools: readonly Tool[]): CallForm {
  if (custom) return { type: "custom_tool_call", prefix: "ctc", unwrap: false };
  if (isCustom(name, tools)) return { type: "custom_tool_call", prefix: "ctc", unwrap: true };
  return { type: "function_call", prefix: "fc", unwrap: false };
}

/** The free text inside `{"input": "…"}`; the text itself where it is something else. */
export function unwrapInput(text: string): string {
  try {
    const value = JSON.parse(text) as { input?: unknown } | null;
    return typeof value?.input === "string" ? value.input : text;
  } catch {
    return text;
  }
}

export function callItem(id: string, { type }: CallForm, callId: string, name: string, input: string, status: Status): Json {
  const head = { id, type, status, call_id: callId, name };
  return type === "function_call" ? { ...head, arguments: input } : { ...head, input };
}

/** A part that comes whole; undefined where Responses has no word for it. */
export function wholeItem(part: FilePart | OpaquePart, id: string): Json | undefined {
  if (part.type === "opaque") return part.protocol === protocolId ? (part.value as Json) : undefined;
  if (part.kind !== "image" || !("base64" in part.data)) return undefined;
  const format = /^image\/(\w+)$/.exec(part.mediaType ?? "")?.[1];
  return { id: part.id ?? id, type: "image_generation_call", status: "completed", ...(format && { output_format: format }), result: part.data.base64 };
}

/** An annotation: the protocol's own, or a web address; undefined for a citation without one. `text` is what was said so far. */
export function annotationOf({ url, title, start, end, raw }: Citation, text: string): Json | undefined {
  if (raw.protocol === protocolId) return raw.value as Json;
  if (url === undefined) return undefined;
  return { type: "url_citation", url, title: title ?? url, start_index: start ?? 0, end_index: end ?? text.length };
}

export const logprobsOf = (logprobs: readonly TokenLogprob[] | undefined): Json[] =>
  (logprobs ?? []).map(({ top, ...token }) => ({ ...tokenOf(token), top_logprobs: (top ?? []).map(tokenOf) }));

const tokenOf = ({ token, logprob, bytes }: { token: string; logprob: number; bytes?: number[] | null }): Json => ({ token, logprob, bytes: bytes ?? [] });

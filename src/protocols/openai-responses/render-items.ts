/** Output items as Responses writes them, whole and while they come in. https://platform.openai.com/docs/api-reference/responses/object */
import { defined, seal, type Citation, type FilePart, type OpaquePart, type ReasoningPart, type TokenLogprob, type ToolCallPart } from "../../chat/index.ts";
import { argumentsOf, protocolId, type Json } from "./words.ts";

export type Status = "in_progress" | "completed" | "incomplete";

/** Ids of a response and its items: made of the request's, so that the same answer has the same ids. */
export const seedOf = (requestId: string): string => requestId.replace(/^req_/, "");
export const responseId = (requestId: string): string => `resp_${seedOf(requestId)}`;
export const itemId = (prefix: string, requestId: string, index: number): string => `${prefix}_${seedOf(requestId)}_${index}`;

export const messageItem = (id: string, content: Json[], status: Status): Json => ({ id, type: "message", status, role: "assistant", content });

export const textContent = (text: string, annotations: Json[], logprobs: Json[]): Json => ({ type: "output_text", text, annotations, logprobs });
export const refusalContent = (refusal: string): Json => ({ type: "refusal", refusal });

/** Thoughts go as a summary, whoever had them; what vouches for them, or stands for them, goes sealed. */
export function reasoningItem(id: string, texts: readonly string[], status: Status, whole?: Omit<ReasoningPart, "type" | "texts">): Json {
  const summary = texts.map((text) => ({ type: "summary_text", text }));
  return { id, type: "reasoning", status, summary, ...(whole && { encrypted_content: seal({ ...whole, texts: [...texts] }) }) };
}

/** A call; `id` names the part, not the item. */
export type Called = Pick<ToolCallPart, "id" | "name" | "namespace" | "input" | "custom" | "search">;

/** How ids of items begin: `fc_` of functions, `ctc_` of tools with free text, `tsc_` of searches. */
export const callPrefix = ({ custom, search }: Called): string => (search ? "tsc" : custom ? "ctc" : "fc");

/** The item of a call. The arguments of a search are an object. */
export function callItem(id: string, { id: call_id, name, namespace, input, custom, search }: Called, status: Status): Json {
  if (search) return { id, type: "tool_search_call", status, call_id, execution: "client", arguments: argumentsOf(input || "{}") };
  const head = { id, type: custom ? "custom_tool_call" : "function_call", status, call_id, name, ...defined({ namespace }) };
  return custom ? { ...head, input } : { ...head, arguments: input };
}

/** A picture's `output_format` of its media type. */
export const formatOf = (mediaType = ""): string | undefined => /^image\/(\w+)$/.exec(mediaType)?.[1];

/** A part that comes whole; undefined where Responses has no word for it. */
export function wholeItem(part: FilePart | OpaquePart, id: string): Json | undefined {
  if (part.type === "opaque") return part.protocol === protocolId ? (part.value as Json) : undefined;
  if (part.kind !== "image" || !("base64" in part.data)) return undefined;
  return { id: part.id ?? id, type: "image_generation_call", status: "completed", ...defined({ output_format: formatOf(part.mediaType) }), result: part.data.base64 };
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

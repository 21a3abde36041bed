/** Reads a whole Responses answer. https://platform.openai.com/docs/api-reference/responses/object */
import { defined, type ChatResponse, type Citation, type FilePart, type Origin, type Part, type ReasoningPart, type TextPart, type ToolCallPart } from "../../chat/index.ts";
import { parseReportedCost } from "../openai-chat/usage.ts";
import type { ParseContext } from "../protocol.ts";
import { usageOf } from "./usage.ts";
import { filled, jsonText, number, parseCitation, parseError, parseFinish, parseLogprobs, protocolId, record, records, string, type Json } from "./words.ts";

/** A call's id where the provider gave none: `index` is the item's. */
export const madeId = ({ idSeed }: ParseContext, index: number): string => `call_${idSeed}${index}`;

/** Reads a whole answer. An answer that failed comes with its error and whatever it had said. */
export function parseResponse(body: unknown, context: ParseContext): ChatResponse {
  const response = record(body);
  const parts = records(response.output).flatMap((item, index) => partsOf(item, context, index));
  const head = { ...headOf(response), ...tailOf(response) };
  const failed = response.error || response.status === "failed";
  if (!failed) return { ...head, choices: [{ parts, finish: parseFinish(response, hasCall(parts)) }] };
  const choices = parts.length > 0 ? [{ parts, finish: { unified: "error" as const, raw: "failed" } }] : [];
  return { ...head, choices, error: parseError(response.error ?? { message: "The response failed." }) };
}

/** Whether a function that the client has to run is among the parts. */
export const hasCall = (parts: readonly Part[]): boolean => parts.some(({ type }) => type === "tool-call");

/** What an answer says of itself from its beginning on. */
export const headOf = ({ id, model, created_at, service_tier }: Json) =>
  defined({ id: filled(id), model: filled(model), createdAtS: number(created_at), serviceTier: filled(service_tier) });

/** What it says at its end. */
export const tailOf = (response: Json) => defined({ usage: usageOf(response), reportedNanoUsd: parseReportedCost(response.usage) });

/** The parts of one output item. Items that say nothing (reasoning whose thoughts stay at the provider) give none. */
export function partsOf(item: Json, context: ParseContext, index: number): Part[] {
  const read = readers[filled(item.type) ?? (Array.isArray(item.content) ? "message" : "")];
  return read ? read(item, context, index) : [{ type: "opaque", protocol: protocolId, value: item }];
}

const readers: Record<string, (item: Json, context: ParseContext, index: number) => Part[]> = {
  message: ({ content }) => (typeof content === "string" ? [{ type: "text", text: content }] : records(content).flatMap(textOf)),
  reasoning: (item, { origin }) => reasoningOf(item, origin),
  function_call: (item, context, index) => [callOf(item, jsonText(item.arguments) || "{}", context, index)],
  custom_tool_call: (item, context, index) => [{ ...callOf(item, string(item.input) ?? "", context, index), custom: true }],
  image_generation_call: (item) => imageOf(item),
};

function textOf({ type, text, refusal, annotations, logprobs }: Json): TextPart[] {
  if (type === "refusal") return [{ type: "text", text: string(refusal) ?? "", refusal: true }];
  if (typeof text !== "string") return [];
  const citations = records(annotations).map(parseCitation);
  return [{ type: "text", text, ...defined({ citations: citations.length > 0 ? citations : (undefined as Citation[] | undefined), logprobs: parseLogprobs(logprobs) }) }];
}

/** The paragraphs of a reasoning item: of its summary, or of the thoughts themselves where the provider shows those. */
export function thoughtsOf({ summary, content }: Json): { texts: string[]; summarised?: true } {
  const said = (parts: unknown): string[] => records(parts).flatMap(({ text }) => string(text) ?? []);
  const summaries = said(summary);
  const thoughts = said(content);
  return { texts: [...summaries, ...thoughts], ...(summaries.length > 0 && { summarised: true }) };
}

function reasoningOf(item: Json, origin: Origin): ReasoningPart[] {
  const { texts, summarised } = thoughtsOf(item);
  const encrypted = filled(item.encrypted_content);
  if (texts.length === 0 && encrypted === undefined) return [];
  return [{ type: "reasoning", texts, origin, ...defined({ summarised, id: filled(item.id), encrypted }) }];
}

const callOf = ({ call_id, id, name, namespace }: Json, input: string, context: ParseContext, index: number): ToolCallPart => ({
  type: "tool-call",
  id: filled(call_id) ?? filled(id) ?? madeId(context, index),
  name: string(name) ?? "",
  ...defined({ namespace: filled(namespace) }),
  input,
});

/** The picture of an item; none where its bytes are not in it. */
export function imageOf({ id, result, output_format }: Json): FilePart[] {
  const base64 = filled(result);
  if (base64 === undefined) return [];
  return [{ type: "file", kind: "image", data: { base64 }, mediaType: `image/${filled(output_format) ?? "png"}`, ...defined({ id: filled(id) }) }];
}

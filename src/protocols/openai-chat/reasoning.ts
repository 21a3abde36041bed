/**
 * Reasoning in chat completions: plain text (`reasoning_content`, `reasoning`) and OpenRouter's `reasoning_details`, which carry
 * signatures and ciphertext. https://openrouter.ai/docs/use-cases/reasoning-tokens#preserving-reasoning
 */
import { defined, isFrom, seal, textOf, unseal, type Origin, type ReasoningPart } from "../../chat/index.ts";
import { record } from "./usage.ts";
import { protocolId } from "./words.ts";

/** One entry of `reasoning_details`. */
export type Detail = { type: string; text?: string; summary?: string; data?: string; signature?: string; format?: string; id?: string; index?: number };

const textual = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

/** A detail's fields, those of the wrong type left out. */
export function parseDetail(value: unknown): Detail {
  const { type, text, summary, data, signature, format, id, index } = record(value);
  return {
    type: textual(type) ?? "reasoning.text",
    ...defined({ text: textual(text), summary: textual(summary), data: textual(data), signature: textual(signature), format: textual(format), id: textual(id) }),
    ...(typeof index === "number" && { index }),
  };
}

/** `format` says how a signature is made; without it the provider cannot read its own. They travel as one value. */
export const withFormat = (value: string | undefined, format: string | undefined): string | undefined =>
  value === undefined || format === undefined ? value : `${format}:${value}`;

const splitFormat = (value: string): { value: string; format?: string } => {
  const [, format, bare] = /^([\w.-]+):([^]*)$/.exec(value) ?? [];
  return bare === undefined ? { value } : { value: bare, format: format! };
};

/** Reads the `reasoning_details` that a client gives back: entries with one `index` are one block. */
export function parseDetails(values: readonly unknown[]): ReasoningPart[] {
  const parts: ReasoningPart[] = [];
  let last: number | undefined;
  for (const value of values) {
    const detail = parseDetail(value);
    const sealed = textual(detail.signature) ?? detail.data;
    const { value: opened, origin } = sealed === undefined ? { value: "", origin: { protocol: protocolId } } : unseal(sealed, protocolId);
    const isOwn = sealed !== undefined && opened === sealed;
    const kept = opened === "" ? undefined : isOwn ? withFormat(opened, detail.format) : opened;
    const open = detail.index !== undefined && detail.index === last ? parts.at(-1) : undefined;
    const part: ReasoningPart = open ?? { type: "reasoning", texts: [], origin };
    const text = detail.text ?? detail.summary;
    if (text !== undefined) part.texts.push(text);
    if (detail.summary !== undefined) part.summarised = true;
    if (detail.id !== undefined) part.id = detail.id;
    if (kept !== undefined) Object.assign(part, detail.signature === undefined ? { encrypted: kept } : { signature: kept });
    if (sealed !== undefined) part.origin = origin;
    if (!open) parts.push(part);
    last = detail.index;
  }
  return parts;
}

type Written = { value: string; format?: string };

function detailsOf(part: ReasoningPart, index: number, write: (value: string) => Written): Detail[] {
  const { texts, summarised, signature, encrypted, id } = part;
  const key = { ...defined({ id }), index };
  const details: Detail[] = texts.map((text) => (summarised ? { type: "reasoning.summary", summary: text, ...key } : { type: "reasoning.text", text, ...key }));
  if (signature !== undefined) {
    const { value, ...format } = write(signature);
    const last = details.at(-1);
    if (last) Object.assign(last, { signature: value, ...format });
    else details.push({ type: "reasoning.text", text: "", signature: value, ...format, ...key });
  }
  if (encrypted !== undefined) {
    const { value, ...format } = write(encrypted);
    details.push({ type: "reasoning.encrypted", data: value, ...format, ...key });
  }
  return details;
}

/**
 * What a client has to give back so that nothing is lost: nothing where the plain text is all there is. The vendor's Python SDK joins
 * the entries of one block, field by field: so only the first has the id.
 */
export function renderDetails(part: ReasoningPart, index: number): Detail[] {
  const { origin, signature, encrypted } = part;
  const isPlain = signature === undefined && encrypted === undefined;
  if (isPlain && origin.protocol === protocolId) return [];
  const write = (value: string): Written => ({ value: seal(value, origin) });
  return detailsOf(isPlain ? { ...part, signature: "" } : part, index, write).map(({ id, ...rest }, i) => ({ ...rest, ...(i === 0 && defined({ id })) }));
}

/** The message fields in which a provider takes its own reasoning back. */
export function renderBack(parts: readonly ReasoningPart[], target: Required<Origin>, slot: "reasoning_content" | "reasoning_details" | undefined): Record<string, unknown> {
  const own = parts.filter((part) => isFrom(part.origin, target));
  if (slot === undefined || own.length === 0) return {};
  if (slot === "reasoning_details") return { reasoning_details: own.flatMap((part, index) => detailsOf(part, index, splitFormat)) };
  const text = own.map(textOf).join("");
  return text === "" ? {} : { reasoning_content: text };
}

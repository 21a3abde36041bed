/**
 * Reasoning in chat completions: plain text (`reasoning_content`, `reasoning`) and OpenRouter's `reasoning_details`, which carry
 * signatures and ciphertext. https://openrouter.ai/docs/use-cases/reasoning-tokens#preserving-reasoning
 */
import { defined, isFrom, seal, textOf, unseal, type Origin, type Part, type ReasoningPart, type Spot, type TextPart } from "../../chat/index.ts";
import { record } from "../json.ts";
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

/** A block of thinking and where in the message it stands. */
export type PlacedBlock = { part: ReasoningPart; spot: Spot };

const nowhere: Spot = { chars: 0, calls: 0 };

/** Entries with one `index` are one block. */
function blocksOf(values: readonly unknown[]): Detail[][] {
  const blocks: Detail[][] = [];
  for (const detail of values.map(parseDetail)) {
    const last = blocks.at(-1);
    if (last && detail.index !== undefined && detail.index === last[0]!.index) last.push(detail);
    else blocks.push([detail]);
  }
  return blocks;
}

/** One block of the entries that a client gives back: what was sealed as it was, anything else as this protocol's own. */
function parseBlock(details: readonly Detail[]): PlacedBlock {
  const texts = details.flatMap(({ text, summary }) => text ?? summary ?? []);
  const secrets = details.flatMap(({ signature, data }) => signature ?? data ?? []);
  const known = secrets.map((one) => unseal(one, [texts.join("")])).find((one) => one !== undefined);
  if (known) return { part: known.part, spot: known.spot ?? nowhere };
  // The pieces of a text that was streamed are one text; summaries are paragraphs.
  const whole = details.some(({ summary }) => summary !== undefined) || texts.length < 2 ? texts : [texts.join("")];
  const part: ReasoningPart = { type: "reasoning", texts: whole, origin: { protocol: protocolId } };
  for (const { summary, id, signature, data, format } of details) {
    if (summary !== undefined) part.summarised = true;
    if (id !== undefined) part.id = id;
    if (signature !== undefined) part.signature = withFormat(signature, format)!;
    else if (data !== undefined) part.encrypted = withFormat(data, format)!;
  }
  return { part, spot: nowhere };
}

/** Reads the `reasoning_details` that a client gives back. */
export const parseDetails = (values: readonly unknown[]): PlacedBlock[] => blocksOf(values).map(parseBlock);

/**
 * Puts blocks back at their places, a text in pieces where it was thought within. A place that is no longer there is the end. A picture
 * among `pictures` that a block signs comes right behind that.
 */
export function weave(said: readonly Part[], blocks: readonly PlacedBlock[], pictures: readonly Part[] = []): Part[] {
  const woven: Part[] = [];
  const placed = ({ part, spot }: PlacedBlock): Part[] => [part, ...(pictures[spot.picture ?? -1] ? [pictures[spot.picture!]!] : [])];
  const signed = new Set(blocks.flatMap(placed));
  let [chars, calls, next] = [0, 0, 0];
  const placeDue = (): void => {
    for (; next < blocks.length; next += 1) {
      const { spot } = blocks[next]!;
      if (spot.chars > chars || spot.calls > calls) return;
      woven.push(...placed(blocks[next]!));
    }
  };
  const say = (part: TextPart): void => {
    let left = part;
    for (;;) {
      const spot = blocks[next]?.spot;
      const cut = spot && spot.calls <= calls ? spot.chars - chars : left.text.length;
      if (cut >= left.text.length) break;
      const { citations, ...rest } = left;
      woven.push({ type: "text", text: left.text.slice(0, cut), ...defined({ citations }) });
      chars += cut;
      placeDue();
      left = { ...rest, text: left.text.slice(cut) };
    }
    woven.push(left);
    chars += left.text.length;
  };
  for (const part of said) {
    placeDue();
    if (part.type === "text" && !part.refusal) say(part);
    else if (!signed.has(part)) woven.push(part);
    if (part.type === "tool-call") calls += 1;
  }
  return [...woven, ...blocks.slice(next).flatMap(placed)];
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
export function renderDetails(part: ReasoningPart, index: number, spot: Spot): Detail[] {
  const { origin, signature, encrypted } = part;
  const isPlain = signature === undefined && encrypted === undefined;
  if (isPlain && origin.protocol === protocolId) return [];
  const value = seal(part, spot);
  return detailsOf(isPlain ? { ...part, signature: "" } : part, index, () => ({ value })).map(({ id, ...rest }, i) => ({ ...rest, ...(i === 0 && defined({ id })) }));
}

/** The message fields in which a provider takes its own reasoning back. */
export function renderBack(parts: readonly ReasoningPart[], target: Required<Origin>, slot: "reasoning_content" | "reasoning_details" | undefined): Record<string, unknown> {
  const own = parts.filter((part) => isFrom(part.origin, target));
  if (slot === undefined || own.length === 0) return {};
  if (slot === "reasoning_details") return { reasoning_details: own.flatMap((part, index) => detailsOf(part, index, splitFormat)) };
  const text = own.map(textOf).join("");
  return text === "" ? {} : { reasoning_content: text };
}

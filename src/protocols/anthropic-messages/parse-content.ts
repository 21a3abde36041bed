/** Blocks that both an answer and a request may hold. */
import type { OpaquePart, Origin, ReasoningPart, TextPart, ToolCallPart } from "../../chat/index.ts";
import { cacheOf, citationsOf, protocol, words, type Json } from "./words.ts";

/** What a signature or ciphertext is, and whose: told by the context of an answer, or by its seal in a request. */
export type Claim = (text: string) => { value: string; origin: Origin };

/** Protocols whose thoughts, even those with words, travel as ciphertext: what a client gives back as their signature is that. */
const ciphered: ReadonlySet<string> = new Set(["openai-responses"]);

/** A text block. */
export function textPart(block: Json): TextPart {
  const citations = citationsOf(block);
  return { type: "text", text: words(block.text) ?? "", ...(citations.length > 0 && { citations }), ...cacheOf(block) };
}

/** A `thinking` block. */
export function thinkingPart(block: Json, claim: Claim): ReasoningPart {
  const { value, origin } = claim(words(block.signature) ?? "");
  const text = words(block.thinking);
  const slot = ciphered.has(origin.protocol) ? "encrypted" : "signature";
  return { type: "reasoning", texts: text === undefined ? [] : [text], ...(value && { [slot]: value }), origin };
}

/** A `redacted_thinking` block. */
export function redactedPart(block: Json, claim: Claim): ReasoningPart {
  const { value, origin } = claim(words(block.data) ?? "");
  return { type: "reasoning", texts: [], encrypted: value, origin };
}

/** A `tool_use` block. Bodies are read with `parseExact`, so its input's text is the model's but for white space. */
export function toolCallPart(block: Json, idWithout: string): ToolCallPart {
  const { id, name, input } = block;
  return { type: "tool-call", id: words(id) ?? idWithout, name: words(name) ?? "", input: JSON.stringify(input ?? {}), ...cacheOf(block) };
}

/** A block that only Messages has: server tools and their results, containers, compactions. */
export const opaquePart = (block: Json): OpaquePart => ({ type: "opaque", protocol, value: block, ...cacheOf(block) });

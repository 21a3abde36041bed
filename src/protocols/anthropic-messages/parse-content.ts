/** Blocks that both an answer and a request may hold. */
import type { OpaquePart, Origin, ReasoningPart, TextPart, ToolCallPart } from "../../chat/index.ts";
import { cacheOf, citationsOf, protocol, words, type Json } from "./words.ts";

/** A text block. */
export function textPart(block: Json): TextPart {
  const citations = citationsOf(block);
  return { type: "text", text: words(block.text) ?? "", ...(citations.length > 0 && { citations }), ...cacheOf(block) };
}

/** A `thinking` block. */
export function thinkingPart(block: Json, origin: Origin): ReasoningPart {
  const text = words(block.thinking);
  const signature = words(block.signature);
  return { type: "reasoning", texts: text === undefined ? [] : [text], ...(signature && { signature }), origin };
}

/** A `redacted_thinking` block. */
export const redactedPart = (block: Json, origin: Origin): ReasoningPart => ({ type: "reasoning", texts: [], encrypted: words(block.data) ?? "", origin });

/** A `tool_use` block. Bodies are read with `parseExact`, so its input's text is the model's but for white space. */
export function toolCallPart(block: Json, idWithout: string): ToolCallPart {
  const { id, name, input } = block;
  return { type: "tool-call", id: words(id) ?? idWithout, name: words(name) ?? "", input: JSON.stringify(input ?? {}), ...cacheOf(block) };
}

/** A block that only Messages has: server tools and their results, containers, compactions. */
export const opaquePart = (block: Json): OpaquePart => ({ type: "opaque", protocol, value: block, ...cacheOf(block) });

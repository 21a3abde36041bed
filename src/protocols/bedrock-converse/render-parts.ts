/** Writes parts of a conversation as Converse's content blocks. https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html */
import { isFrom, textOf, type Loss, type Part, type ToolResultPart } from "../../chat/index.ts";
import type { Target } from "../protocol.ts";
import { inputObject } from "../anthropic-messages/render-tool-input.ts";
import { renderFile } from "./files.ts";
import type { Json } from "./words.ts";

export type Lose = (loss: Loss) => void;

function renderResult(part: ToolResultPart, at: string, lose: Lose): Json {
  const content = part.content.flatMap((one, i) => {
    if (one.cache) lose("cache_breakpoint");
    if (one.type === "text") return one.text ? [{ text: one.text }] : [];
    if (one.type === "file" && one.kind !== "audio") return renderFile(one, `${at}-${i}`, lose);
    if (one.type === "file") lose("tool_result_media");
    if (one.type === "file") return [];
    lose("provider_content");
    return [];
  });
  return { toolResult: { toolUseId: toolId(part.id), content: content.length > 0 ? content : [{ text: " " }], ...(part.isError && { status: "error" }) } };
}

/** Converse takes letters, digits, `_` and `-`, at most 64. */
export const toolId = (id: string): string => id.replace(/[^a-zA-Z0-9_-]/g, "_").slice(-64);

/** One part's blocks. `at` is where it stands, in words that a name may have. */
export function renderPart(part: Part, at: string, { origin }: Target, lose: Lose): Json[] {
  const mark = "cache" in part && part.cache ? [{ cachePoint: { type: "default", ...(part.cache.ttl && { ttl: part.cache.ttl }) } }] : [];
  return [...blocksOf(part, at, origin, lose), ...mark];
}

function blocksOf(part: Part, at: string, origin: Target["origin"], lose: Lose): Json[] {
  if (part.type === "text") {
    if (part.refusal) lose("refusal");
    if (part.citations?.length) lose("citations");
    return part.text.trim() ? [{ text: part.text }] : [];
  }
  if (part.type === "tool-call") return [{ toolUse: { toolUseId: toolId(part.id), name: part.name, input: inputObject(part.input) } }];
  if (part.type === "tool-result") return [renderResult(part, at, lose)];
  if (part.type === "file") return renderFile(part, at, lose);
  if (part.type === "opaque") {
    lose("provider_content");
    return [];
  }
  if (!isFrom(part.origin, origin)) {
    lose("reasoning");
    return [];
  }
  if (part.encrypted !== undefined) return [{ reasoningContent: { redactedContent: part.encrypted } }];
  return [{ reasoningContent: { reasoningText: { text: textOf(part), ...(part.signature && { signature: part.signature }) } } }];
}

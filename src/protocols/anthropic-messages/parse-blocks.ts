/** Reads the blocks of a request's messages. https://docs.anthropic.com/en/api/messages */
import { unseal, type FilePart, type OpaquePart, type Origin, type Part, type ReasoningPart, type TextPart, type ToolResultPart } from "../../chat/index.ts";
import { GatewayError } from "../../errors.ts";
import { opaquePart, redactedPart, textPart, thinkingPart, toolCallPart } from "./parse-content.ts";
import { cacheOf, isObject, protocol, record, words, type Json } from "./words.ts";

/** The client's mistake: which field, and what it must be. */
export const wrong = (param: string, must: string): GatewayError => new GatewayError("invalid_request", `${param}: must ${must}`, { param });

const own: Origin = { protocol };
const unsealed = (text: unknown, ...texts: string[]): ReasoningPart | undefined => unseal(words(text) ?? "", texts)?.part;

/** Reads a string, or a list of blocks. Throws `invalid_request`. */
export function parseContent(content: unknown, param: string): Part[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  if (!Array.isArray(content)) throw wrong(param, "be a string or an array of content blocks");
  return content.map((block: unknown, i) => parseBlock(block, `${param}[${i}]`));
}

function parseBlock(block: unknown, param: string): Part {
  if (!isObject(block)) throw wrong(param, "be a content block");
  if (typeof block.type !== "string") throw wrong(`${param}.type`, "be a string");
  return (readers[block.type] ?? opaquePart)(block, param);
}

function need(block: Json, field: string, param: string): string {
  const value = block[field];
  if (typeof value !== "string") throw wrong(`${param}.${field}`, "be a string");
  return value;
}

const readers: Readonly<Record<string, (block: Json, param: string) => Part>> = {
  text: (block, param) => {
    need(block, "text", param);
    return textPart(block);
  },
  thinking: (block) => unsealed(block.signature, words(block.thinking) ?? "") ?? thinkingPart(block, own),
  redacted_thinking: (block) => unsealed(block.data) ?? redactedPart(block, own),
  tool_use: (block, param) => {
    need(block, "id", param);
    need(block, "name", param);
    return toolCallPart(block, "");
  },
  tool_result: parseToolResult,
  image: parseImage,
  document: parseDocument,
  search_result: parseSearchResult,
};

function parseToolResult(block: Json, param: string): ToolResultPart {
  const content = block.content === undefined || block.content === null ? [] : parseContent(block.content, `${param}.content`);
  return {
    type: "tool-result",
    id: need(block, "tool_use_id", param),
    content: content.filter((part) => part.type === "text" || part.type === "file" || part.type === "opaque"),
    ...(block.is_error === true && { isError: true }),
    ...cacheOf(block),
  };
}

/** Bytes, an address or an upload; undefined: something newer. */
function dataOf(source: Json, param: string): Pick<FilePart, "data" | "mediaType"> | undefined {
  const mediaType = words(source.media_type);
  const typed = mediaType === undefined ? {} : { mediaType };
  if (source.type === "base64") return { data: { base64: need(source, "data", param) }, ...typed };
  if (source.type === "url") return { data: { url: need(source, "url", param) } };
  if (source.type === "file") return { data: { fileId: need(source, "file_id", param) } };
  if (source.type === "text") return { data: { text: need(source, "data", param) }, ...typed };
  return undefined;
}

function parseImage(block: Json, param: string): FilePart | OpaquePart {
  if (!isObject(block.source)) throw wrong(`${param}.source`, "be an object");
  const data = dataOf(block.source, `${param}.source`);
  return data ? { type: "file", kind: "image", ...data, ...cacheOf(block) } : opaquePart(block);
}

function parseDocument(block: Json, param: string): FilePart | OpaquePart {
  if (!isObject(block.source)) throw wrong(`${param}.source`, "be an object");
  const data = dataOf(block.source, `${param}.source`) ?? plainText(block.source.content);
  if (data === undefined) return opaquePart(block);
  return documentOf(data, block, block.context);
}

/** A document with what is known of it beside its text. */
function documentOf(data: Pick<FilePart, "data" | "mediaType">, block: Json, context: unknown): FilePart {
  const { title, citations } = block;
  const { enabled } = record(citations);
  return {
    type: "file",
    kind: "document",
    ...data,
    ...(words(title) !== undefined && { title: words(title)! }),
    ...(words(context) !== undefined && { context: words(context)! }),
    ...(typeof enabled === "boolean" && { cite: enabled }),
    ...cacheOf(block),
  };
}

const textsOf = (content: unknown): unknown[] => (typeof content === "string" ? [content] : Array.isArray(content) ? content.map((block) => record(block).text) : []);

/** Whether a document's content is nothing but text. */
export function isPlainText(content: unknown): boolean {
  const texts = textsOf(content);
  return texts.length > 0 && texts.every((text) => typeof text === "string");
}

/** A document of text blocks as one text, so that every protocol can say it. */
const plainText = (content: unknown): Pick<FilePart, "data" | "mediaType"> | undefined =>
  isPlainText(content) ? { data: { text: textsOf(content).join("\n\n") }, mediaType: "text/plain" } : undefined;

/** What a client's own search found, as a document: other protocols know no search results. */
function parseSearchResult(block: Json): FilePart | OpaquePart {
  const data = plainText(block.content);
  if (data === undefined) return opaquePart(block);
  return documentOf(data, block, block.source);
}

/** A system prompt's blocks, which are text. Throws `invalid_request`. */
export const parseSystem = (system: unknown, param: string): TextPart[] => parseContent(system, param).filter((part) => part.type === "text");

/** Writes parts of a conversation as Converse's content blocks. https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html */
import { isFrom, textOf, type FilePart, type Loss, type Part, type ToolResultPart } from "../../chat/index.ts";
import type { Target } from "../protocol.ts";
import { inputObject } from "../anthropic-messages/render-tool-input.ts";
import type { Json } from "./words.ts";

export type Lose = (loss: Loss) => void;

const formats: Readonly<Record<string, string>> = {
  "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/png": "png", "image/gif": "gif", "image/webp": "webp",
  "video/mp4": "mp4", "video/quicktime": "mov", "video/x-matroska": "mkv", "video/webm": "webm", "video/mpeg": "mpeg",
  "application/pdf": "pdf", "text/plain": "txt", "text/csv": "csv", "text/html": "html", "text/markdown": "md", "application/msword": "doc",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx", "application/vnd.ms-excel": "xls",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
};
const usual = { image: "png", video: "mp4", document: "pdf", audio: "" } as const;

/** A document's name: letters, digits, spaces, hyphens and brackets only, and each once in a request. */
const documentName = (part: FilePart, at: string): string => {
  const name = (part.title ?? part.filename ?? "document").replace(/\.[a-z0-9]{1,5}$/i, "").replace(/[^a-zA-Z0-9 ()[\]-]+/g, "-").replace(/\s+/g, " ").slice(0, 150);
  return `${name} ${at}`;
};

function renderFile(part: FilePart, at: string, lose: Lose): Json[] {
  const { kind, data, mediaType = "" } = part;
  if (part.detail && part.detail !== "auto") lose("image_detail");
  if (part.context || part.cite || ("text" in data && (part.title || part.filename))) lose("document_metadata");
  if ("text" in data) return [{ text: data.text }];
  if (kind === "audio") lose("audio");
  else if ("fileId" in data) lose("uploaded_file");
  else if ("url" in data) lose(kind === "document" ? "document_url" : kind === "video" ? "video" : "image_url");
  else {
    const format = formats[mediaType] ?? usual[kind];
    const source = { bytes: data.base64 };
    return [kind === "document" ? { document: { format, name: documentName(part, at), source } } : { [kind]: { format, source } }];
  }
  return [];
}

function renderResult(part: ToolResultPart, at: string, lose: Lose): Json {
  const content = part.content.flatMap((one, i) => {
    if (one.cache) lose("cache_breakpoint");
    if (one.type === "text") return one.text ? [{ text: one.text }] : [];
    if (one.type === "file") return renderFile(one, `${at}-${i}`, lose);
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

/** Pictures and documents as blocks of a request. https://docs.anthropic.com/en/docs/build-with-claude/files */
import type { FilePart, Loss } from "../../chat/index.ts";
import type { Json } from "./words.ts";

/** Declares a loss. */
export type Lose = (loss: Loss) => void;

/** First characters of base64 by which a type is told that the wire did not say. */
const signatures: readonly (readonly [start: string, type: string])[] = [
  ["/9j/", "image/jpeg"], ["iVBOR", "image/png"], ["R0lGOD", "image/gif"], ["UklGR", "image/webp"], ["JVBERi", "application/pdf"],
];
const typeOf = ({ mediaType }: FilePart, base64: string): string | undefined => mediaType ?? signatures.find(([start]) => base64.startsWith(start))?.[1];

/** Types whose bytes are words, so that they can go as plain text. */
const textual = /^text\/|^application\/(?:.*\+)?(?:json|xml|yaml|x-yaml|javascript|x-ndjson|toml|sql)\b/;

/** A picture or a document as a block; undefined and a declared loss: Messages has none for it. `own`: the upload's id is the vendor's. */
export function renderFile(part: FilePart, own: boolean, lose: Lose): Json | undefined {
  if (part.kind === "image") return renderImage(part, own, lose);
  if (part.kind === "document") return renderDocument(part, own, lose);
  lose(part.kind);
  return part.transcript ? { type: "text", text: part.transcript } : undefined;
}

/** `data:` addresses as the bytes that they hold. */
function inlined(part: FilePart): FilePart {
  const [, mediaType, base64] = ("url" in part.data && /^data:([^;,]+)?(?:;[^;,]+)*;base64,([^]*)$/.exec(part.data.url)) || [];
  return base64 === undefined ? part : { ...part, data: { base64 }, ...(mediaType !== undefined && { mediaType }) };
}

function renderImage(image: FilePart, own: boolean, lose: Lose): Json | undefined {
  const part = inlined(image);
  const { data, detail } = part;
  if (detail !== undefined && detail !== "auto") lose("image_detail");
  if ("base64" in data) return { type: "image", source: { type: "base64", media_type: mimeOf(typeOf(part, data.base64) ?? "image/png"), data: data.base64 } };
  if ("url" in data) return { type: "image", source: { type: "url", url: data.url } };
  if ("fileId" in data && own) return { type: "image", source: { type: "file", file_id: data.fileId } };
  lose("fileId" in data ? "uploaded_file" : "image");
  return undefined;
}

const mimeOf = (type: string): string => (type === "image/jpg" ? "image/jpeg" : type);

function renderDocument(document: FilePart, own: boolean, lose: Lose): Json | undefined {
  const part = inlined(document);
  const source = sourceOf(part, own);
  if (source === undefined) {
    lose("fileId" in part.data ? "uploaded_file" : "document");
    return undefined;
  }
  if (part.detail !== undefined && part.detail !== "auto") lose("image_detail");
  const title = part.title ?? part.filename;
  return { type: "document", source, ...(title && { title: title.slice(0, 500) }), ...(part.context && { context: part.context }), ...(part.cite !== undefined && { citations: { enabled: part.cite } }) };
}

function sourceOf(part: FilePart, own: boolean): Json | undefined {
  const { data } = part;
  if ("text" in data) return plainText(data.text);
  if ("url" in data) return { type: "url", url: data.url };
  if ("fileId" in data) return own ? { type: "file", file_id: data.fileId } : undefined;
  const type = typeOf(part, data.base64) ?? (/\.pdf$/i.test(part.filename ?? "") ? "application/pdf" : undefined);
  if (type === "application/pdf") return { type: "base64", media_type: type, data: data.base64 };
  const words = type !== undefined && textual.test(type) ? decoded(data.base64) : undefined;
  return words === undefined ? undefined : plainText(words);
}

const plainText = (data: string): Json => ({ type: "text", media_type: "text/plain", data });

function decoded(base64: string): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
  } catch {
    return undefined;
  }
}

/** Writes files as content parts of a chat completion request. https://platform.openai.com/docs/api-reference/chat/create */
import type { FilePart, Loss } from "../../chat/index.ts";
import { renderDetail } from "../detail.ts";
import { audioFormatOf, toDataUrl } from "./data-url.ts";

type Json = Record<string, unknown>;
/** `own`: the client speaks this protocol too, so ids of uploads and dialects of OpenRouter are meant for who gets them. */
export type FileContext = { lose: (loss: Loss) => void; own: boolean };

function picture(part: FilePart, { lose, own }: FileContext): Json | undefined {
  const { data, mediaType = "image/png", detail } = part;
  if ("fileId" in data) return void lose("uploaded_file");
  if ("text" in data) return { type: "text", text: data.text };
  const url = "url" in data ? data.url : toDataUrl(data.base64, mediaType);
  return { type: "image_url", image_url: { url, ...(own && detail !== undefined ? { detail } : renderDetail(part, lose)) } };
}

function recording({ data, mediaType, transcript }: FilePart, { lose }: FileContext): Json | undefined {
  if ("base64" in data) return { type: "input_audio", input_audio: { data: data.base64, format: audioFormatOf(mediaType) } };
  lose("fileId" in data ? "uploaded_file" : "audio");
  return transcript === undefined ? undefined : { type: "text", text: transcript };
}

function film({ data, mediaType = "video/mp4" }: FilePart, { lose, own }: FileContext): Json | undefined {
  if (!own || "fileId" in data || "text" in data) return void lose("video");
  return { type: "video_url", video_url: { url: "url" in data ? data.url : toDataUrl(data.base64, mediaType) } };
}

function document({ data, mediaType = "application/pdf", filename, title, context, cite, detail = "auto" }: FilePart, { lose, own }: FileContext): Json | undefined {
  if (detail !== "auto") lose("image_detail");
  if (context !== undefined || cite || (title !== undefined && (filename !== undefined || "text" in data))) lose("document_metadata");
  if ("text" in data) {
    if (filename !== undefined) lose("document_metadata");
    return { type: "text", text: data.text };
  }
  const name = filename ?? title;
  if ("fileId" in data) return own ? { type: "file", file: { file_id: data.fileId, ...(name !== undefined && { filename: name }) } } : void lose("uploaded_file");
  if ("url" in data && !own) return void lose("document_url");
  const fileData = "url" in data ? data.url : toDataUrl(data.base64, mediaType);
  return { type: "file", file: { file_data: fileData, ...(name !== undefined || !own ? { filename: name ?? "document.pdf" } : {}) } };
}

const writers = { image: picture, audio: recording, video: film, document } as const;

/** A file as a content part; undefined when it cannot be said, and then the loss is declared. */
export const renderFilePart = (part: FilePart, context: FileContext): Json | undefined => writers[part.kind](part, context);

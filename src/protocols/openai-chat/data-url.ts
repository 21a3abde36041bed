/** Files as chat completions write them: data URLs, addresses, and names of audio formats. */
import type { FilePart } from "../../chat/index.ts";

const dataUrl = /^data:([^;,]*)(?:;[^;,]*)*?;base64,([^]*)$/;

/** A data URL's bytes and media type; any other text is an address. */
export function parseUrl(url: string): { data: FilePart["data"]; mediaType?: string } {
  const [, mediaType, base64] = dataUrl.exec(url) ?? [];
  if (base64 === undefined) return { data: { url } };
  return { data: { base64 }, ...(mediaType && { mediaType }) };
}

export const toDataUrl = (base64: string, mediaType: string): string => `data:${mediaType};base64,${base64}`;

const audioFormats: Readonly<Record<string, string>> = { "audio/mpeg": "mp3", "audio/x-wav": "wav", "audio/wave": "wav", "audio/mp4": "m4a" };
const audioTypes: Readonly<Record<string, string>> = { mp3: "audio/mpeg", m4a: "audio/mp4" };

/** `mp3` of `audio/mpeg`. */
export const audioFormatOf = (mediaType = "audio/wav"): string => audioFormats[mediaType] ?? mediaType.replace(/^audio\//, "");
/** `audio/mpeg` of `mp3`. */
export const audioTypeOf = (format: string): string => audioTypes[format] ?? `audio/${format}`;

const kinds: readonly [RegExp, FilePart["kind"]][] = [[/^image\//, "image"], [/^audio\//, "audio"], [/^video\//, "video"]];

/** What a file is by its media type; what is none of the others is a document. */
export const kindOf = (mediaType: string | undefined): FilePart["kind"] => kinds.find(([pattern]) => pattern.test(mediaType ?? ""))?.[1] ?? "document";

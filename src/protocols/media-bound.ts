/** What a picture, a recording or a document in a request is, in whichever protocol, and how many tokens it can have. */
import type { Json } from "./json.ts";

/** `unseen`: nothing in the request says how much there is to read. `skip`: the field that holds its bytes or its address. */
export type Medium = { is: "picture" | "unseen"; skip: string } | { is: "recording"; tokens: number; skip: string };

/** Tokens of a recording that is all header: Voxtral counts in whole halves of a minute. https://docs.mistral.ai/capabilities/audio */
const shortestRecording = 1_000;
/** Most tokens of a second of speech. Gemini: 32, Voxtral: 12.5, OpenAI: 10; https://ai.google.dev/gemini-api/docs/audio */
export const mostTokensPerSecond = 32;
/** The fewest bytes of a second: telephone PCM of 8 kHz and 8 bit, the lowest bit rate of MP3 (8 kbit/s). Other codecs say silence in almost nothing. */
export const leastBytesPerSecond: Readonly<Record<string, number>> = { wav: 8_000, "x-wav": 8_000, wave: 8_000, pcm16: 8_000, mp3: 1_000, mpeg: 1_000 };

const dataUrl = /^data:([a-z]+)\/([a-z0-9.+-]+)[;,]/i;

function recording(format: string, data: unknown, skip: string): Medium {
  const bytesPerSecond = leastBytesPerSecond[format.toLowerCase()];
  if (bytesPerSecond === undefined || typeof data !== "string") return { is: "unseen", skip };
  return { is: "recording", tokens: shortestRecording + Math.ceil((data.length * 0.75 * mostTokensPerSecond) / bytesPerSecond), skip };
}

/** Text that came as bytes is no longer than they are. */
function ofType(mime: unknown, data: unknown, skip: string): Medium | undefined {
  const [kind, format = ""] = String(mime).toLowerCase().split(/[/;]/);
  if (kind === "image") return { is: "picture", skip };
  if (kind === "audio") return recording(format, data, skip);
  return kind === "text" && typeof data === "string" ? undefined : { is: "unseen", skip };
}

/** A field that holds a file's bytes as a data URL, or else its address or id. */
function atAddress(value: unknown, otherwise: "picture" | "unseen", skip: string): Medium | undefined {
  const [, kind, format] = (typeof value === "string" && dataUrl.exec(value)) || [];
  return kind === undefined ? { is: otherwise, skip } : ofType(`${kind}/${format}`, value, skip);
}

/** Blocks of these types: OpenAI's, Mistral's and Anthropic's. */
const readers: Readonly<Record<string, (value: Json) => Medium | undefined>> = {
  image_url: ({ image_url }) => (typeof image_url === "string" ? atAddress(image_url, "picture", "image_url") : undefined),
  input_image: ({ image_url }) => atAddress(image_url, "picture", "image_url"),
  computer_screenshot: ({ image_url }) => atAddress(image_url, "picture", "image_url"),
  input_file: ({ file_data }) => atAddress(file_data, "unseen", "file_data"),
  document_url: () => ({ is: "unseen", skip: "document_url" }),
  video_url: () => ({ is: "unseen", skip: "video_url" }),
  input_audio: ({ input_audio }) => (typeof input_audio === "string" ? { is: "unseen", skip: "input_audio" } : undefined),
  file: ({ file_id }) => (file_id === undefined ? undefined : { is: "unseen", skip: "file_id" }),
  image_generation_call: () => ({ is: "picture", skip: "result" }),
  container_upload: () => ({ is: "unseen", skip: "file_id" }),
};

/** Objects under these keys, in a block of the type `within`. */
const innerReaders: Readonly<Record<string, (value: Json, within: string) => Medium | undefined>> = {
  image_url: ({ url }) => atAddress(url, "picture", "url"),
  input_audio: ({ data, format }) => recording(String(format), data, "data"),
  file: ({ file_data }) => atAddress(file_data, "unseen", "file_data"),
  audio: ({ id, data }) => (id === undefined ? undefined : { is: "unseen", skip: data === undefined ? "id" : "data" }),
  // Gemini's parts
  inlineData: ({ mimeType, mime_type, data }) => ofType(mimeType ?? mime_type, data, "data"),
  fileData: ({ mimeType, mime_type }) => ofType(mimeType ?? mime_type, undefined, "fileUri"),
  // Anthropic's blocks
  source: ({ type, media_type, data }, within) =>
    type !== "base64" && type !== "url" && type !== "file" ? undefined : within === "image" ? { is: "picture", skip: "data" } : ofType(media_type ?? "application/pdf", data, "data"),
};
const snakeCased: Readonly<Record<string, string>> = { inline_data: "inlineData", file_data: "fileData" };

/** The medium that an object is: a block, or what stands under `key` in a block of type `within`. */
export function mediumOf(value: Json, key: string, within: string): Medium | undefined {
  const name = snakeCased[key] ?? key;
  const type = typeof value.type === "string" ? value.type : "";
  if (Object.hasOwn(innerReaders, name)) return innerReaders[name]!(value, within);
  return Object.hasOwn(readers, type) ? readers[type]!(value) : undefined;
}

/** Reads the content of a client's message: text, or a list of parts. https://platform.openai.com/docs/api-reference/chat/create */
import type { CacheBreakpoint, FilePart, OpaquePart, TextPart } from "../../chat/index.ts";
import { GatewayError } from "../../errors.ts";
import { audioTypeOf, kindOf, parseUrl } from "./data-url.ts";
import { record } from "../json.ts";
import { breakpointIn } from "../openai-breakpoints.ts";
import { protocolId } from "./words.ts";

type ContentPart = TextPart | FilePart | OpaquePart;
type Json = Record<string, unknown>;

/** An `invalid_request` about the field at `path`. */
export const wrong = (path: string, must: string): GatewayError => new GatewayError("invalid_request", `${path}: ${must}`, { param: path });

/** A string at `path`, or an error. */
export function needText(value: unknown, path: string): string {
  if (typeof value !== "string") throw wrong(path, "must be a string");
  return value;
}

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

/** `cache_control` as OpenRouter takes it over from Anthropic. */
export function parseCache(value: unknown): { cache?: CacheBreakpoint } {
  const { type, ttl } = record(value);
  if (type !== "ephemeral") return {};
  return { cache: ttl === "5m" || ttl === "1h" ? { ttl } : {} };
}

/** A picture by its `image_url`. */
export function pictured(part: Json, path: string): FilePart {
  const image = typeof part.image_url === "string" ? { url: part.image_url } : record(part.image_url);
  const detail = text(image.detail);
  return { type: "file", kind: "image", ...parseUrl(needText(image.url, `${path}.image_url.url`)), ...(detail !== undefined && { detail }) };
}

function filmed(part: Json, path: string): FilePart {
  const url = typeof part.video_url === "string" ? part.video_url : record(part.video_url).url;
  return { type: "file", kind: "video", ...parseUrl(needText(url, `${path}.video_url.url`)) };
}

function spoken(part: Json, path: string): FilePart {
  const { data, format } = record(part.input_audio);
  const mediaType = text(format) === undefined ? undefined : audioTypeOf(text(format)!);
  return { type: "file", kind: "audio", data: { base64: needText(data, `${path}.input_audio.data`) }, ...(mediaType !== undefined && { mediaType }) };
}

const address = /^https?:\/\//;

function filed(part: Json, path: string): FilePart {
  const { file_id: fileId, file_data: fileData, filename: name } = record(part.file);
  const filename = text(name) === undefined ? {} : { filename: text(name)! };
  if (typeof fileId === "string") return { type: "file", kind: "document", data: { fileId }, ...filename };
  const data = needText(fileData, `${path}.file.file_data`);
  if (address.test(data)) return { type: "file", kind: "document", data: { url: data }, ...filename };
  const read = parseUrl(data);
  return { type: "file", kind: kindOf(read.mediaType), ...("url" in read.data ? { data: { base64: data } } : read), ...filename };
}

const readers: Readonly<Record<string, (part: Json, path: string) => ContentPart>> = {
  text: (part, path) => ({ type: "text", text: needText(part.text, `${path}.text`) }),
  refusal: (part, path) => ({ type: "text", text: needText(part.refusal, `${path}.refusal`), refusal: true }),
  image_url: pictured,
  input_audio: spoken,
  video_url: filmed,
  file: filed,
};

/** The parts of a message's `content`; none for null and "". */
export function parseContent(content: unknown, path: string): ContentPart[] {
  if (content === undefined || content === null || content === "") return [];
  if (typeof content === "string") return [{ type: "text", text: content }];
  if (!Array.isArray(content)) throw wrong(path, "must be a string or an array of parts");
  return content.map((value: unknown, index) => {
    const at = `${path}[${index}]`;
    const part = record(value);
    if (typeof part.type !== "string") throw wrong(at, "must be a part with a type");
    const read = Object.hasOwn(readers, part.type) ? readers[part.type]!(part, at) : { type: "opaque" as const, protocol: protocolId, value };
    return { ...read, ...breakpointIn(part), ...parseCache(part.cache_control) };
  });
}

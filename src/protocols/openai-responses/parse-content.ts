/** Reads the content of input messages and of tool results. */
import { defined, type FilePart, type TextPart, type ToolResultPart } from "../../chat/index.ts";
import { GatewayError } from "../../errors.ts";
import { breakpointIn } from "../openai-breakpoints.ts";
import { filled, parseCitation, parseLogprobs, record, records, string, type Json } from "./words.ts";

type Said = TextPart | FilePart;
type Reader = (part: Json, param: string) => Said;

const invalid = (param: string, reason: string): GatewayError => new GatewayError("invalid_request", `${param}: ${reason}`, { param });

/** A message's content, text or parts. Throws `invalid_request`. */
export function parseContent(content: unknown, param: string): Said[] {
  if (content === null || content === undefined) return [];
  if (typeof content === "string") return [{ type: "text", text: content }];
  if (!Array.isArray(content)) throw invalid(param, "must be a string or an array of parts");
  return content.map((part, index) => readPart(part, `${param}[${index}]`));
}

/** A tool's result: text, parts, or, as some clients send it, any other JSON, which is taken as its text. */
export function parseOutput(output: unknown, param: string): ToolResultPart["content"] {
  if (typeof output === "string") return output === "" ? [] : [{ type: "text", text: output }];
  if (isContent(output)) return parseContent(output, param);
  return output === null || output === undefined ? [] : [{ type: "text", text: JSON.stringify(output) }];
}

/** Whether it is a list of parts, each of a kind that is read. */
export const isContent = (output: unknown): boolean => Array.isArray(output) && output.every((part) => readers[String(record(part).type)] !== undefined);

function readPart(part: unknown, param: string): Said {
  if (typeof part === "string") return { type: "text", text: part };
  const read = readers[String(record(part).type)];
  if (read === undefined) throw invalid(`${param}.type`, `must be one of ${Object.keys(readers).join(", ")}`);
  return { ...read(record(part), param), ...breakpointIn(record(part)) };
}

const readText: Reader = ({ text, annotations, logprobs }, param) => {
  if (typeof text !== "string") throw invalid(`${param}.text`, "must be a string");
  const citations = records(annotations).map(parseCitation);
  return { type: "text", text, ...(citations.length > 0 && { citations }), ...defined({ logprobs: parseLogprobs(logprobs) }) };
};

const readImage: Reader = ({ image_url, file_id, detail }, param) => {
  const url = filled(image_url) ?? filled(record(image_url).url);
  const id = filled(file_id);
  if (url === undefined && id === undefined) throw invalid(`${param}.image_url`, "must be a string");
  return { type: "file", kind: "image", ...(url === undefined ? { data: { fileId: id! } } : sourceOf(url)), ...lookOf(detail) };
};

const lookOf = (detail: unknown): Pick<FilePart, "detail"> => (detail === "auto" ? {} : defined({ detail: string(detail) }));

const readFile: Reader = ({ file_data, file_url, file_id, filename, detail }, param) => {
  const data = filled(file_data);
  const url = filled(file_url);
  const id = filled(file_id);
  const source = data !== undefined ? bytesOf(data, string(filename)) : url !== undefined ? { data: { url } } : id !== undefined ? { data: { fileId: id } } : undefined;
  if (source === undefined) throw invalid(`${param}.file_data`, "must be a string");
  return { type: "file", kind: "document", ...source, ...defined({ filename: filled(filename) }), ...lookOf(detail) };
};

const readAudio: Reader = ({ input_audio, data, format }, param) => {
  const audio = record(input_audio);
  const base64 = filled(audio.data) ?? filled(data);
  if (base64 === undefined) throw invalid(`${param}.input_audio.data`, "must be a string");
  return { type: "file", kind: "audio", data: { base64 }, mediaType: `audio/${filled(audio.format) ?? filled(format) ?? "wav"}` };
};

const readers: Record<string, Reader> = {
  input_text: readText,
  output_text: readText,
  text: readText,
  summary_text: readText,
  refusal: ({ refusal }) => ({ type: "text", text: string(refusal) ?? "", refusal: true }),
  input_image: readImage,
  computer_screenshot: readImage,
  input_file: readFile,
  input_audio: readAudio,
};

/** An address, or the bytes that it is. */
function sourceOf(url: string): Pick<FilePart, "data" | "mediaType"> {
  const [, mediaType, base64] = /^data:([^;,]*)[^,]*;base64,([^]*)$/.exec(url) ?? [];
  if (base64 === undefined) return { data: { url } };
  return { data: { base64 }, ...(mediaType && { mediaType }) };
}

const types: Record<string, string> = { pdf: "application/pdf", txt: "text/plain", md: "text/markdown", csv: "text/csv", html: "text/html", json: "application/json" };

/** A file's bytes: a data URL, or bare base64 whose type the file's name tells. */
function bytesOf(data: string, filename = ""): Pick<FilePart, "data" | "mediaType"> {
  const source = sourceOf(data);
  if ("base64" in source.data) return source;
  const mediaType = types[filename.split(".").at(-1)!.toLowerCase()];
  return { data: { base64: data }, ...(mediaType && { mediaType }) };
}

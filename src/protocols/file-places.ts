/**
 * Where a request names a file by its id, in any protocol that knows such ids, and how it is written there when its bytes go along instead.
 * https://platform.openai.com/docs/guides/pdf-files · https://docs.anthropic.com/en/docs/build-with-claude/files
 */
import { GatewayError } from "../errors.ts";
import { isObject, type Json } from "./json.ts";

export type InlinedFile = { readonly filename: string; readonly type: string; readonly bytes: Uint8Array };

/** `put` changes the body that the place is in. It throws `invalid_request` where the protocol has no words for such a file. */
export type FilePlace = { readonly fileId: string; readonly path: string; put(file: InlinedFile): void };

const dataUrl = ({ type, bytes }: InlinedFile): string => `data:${type};base64,${bytes.toBase64()}`;
const isImage = ({ type }: InlinedFile): boolean => /^image\/(?!svg)/.test(type);
const isText = ({ type }: InlinedFile): boolean => /^text\/|^application\/(?:jsonl?|x-ndjson|xml|yaml|x-yaml|toml|sql|javascript)$|^image\/svg|\+(?:json|xml)$/.test(type);

function become(part: Json, other: Json): void {
  const kept = Object.fromEntries(["cache_control", "detail"].flatMap((name) => (part[name] === undefined ? [] : [[name, part[name]]])));
  for (const name of Object.keys(part)) delete part[name];
  Object.assign(part, other, kept);
}

/** `{type: "file", file: {file_id}}` of chat completions. */
function ofChat(part: Json, file: InlinedFile): void {
  if (isImage(file)) become(part, { type: "image_url", image_url: { url: dataUrl(file) } });
  else part.file = { filename: file.filename, file_data: dataUrl(file) };
}

/** `{type: "input_file" or "input_image", file_id}` of Responses. */
function ofResponses(part: Json, file: InlinedFile): void {
  if (isImage(file)) become(part, { type: "input_image", image_url: dataUrl(file) });
  else become(part, { type: "input_file", filename: file.filename, file_data: dataUrl(file) });
}

/** `{type: "image" or "document", source: {type: "file", file_id}}` of Messages. */
function ofMessages(block: Json, file: InlinedFile, path: string): void {
  const base64 = (): Json => ({ type: "base64", media_type: file.type, data: file.bytes.toBase64() });
  if (isImage(file)) become(block, { type: "image", source: base64() });
  else if (file.type === "application/pdf") block.source = base64();
  else if (isText(file)) block.source = { type: "text", media_type: "text/plain", data: new TextDecoder().decode(file.bytes) };
  else throw new GatewayError("invalid_request", `${path}: is of the type ${file.type}; here it can be a PDF, a text or a picture`, { param: path });
  if (block.type === "document") block.title ??= file.filename;
}

type Shape = { readonly id: (part: Json) => unknown; readonly at: string; readonly put: (part: Json, file: InlinedFile, path: string) => void };

const messages: Shape = { id: ({ source }) => (isObject(source) && source.type === "file" ? source.file_id : undefined), at: ".source.file_id", put: ofMessages };
const responses: Shape = { id: ({ file_id }) => file_id, at: ".file_id", put: ofResponses };

/** By the type of the part. */
const shapes: Readonly<Record<string, Shape>> = {
  file: { id: ({ file }) => (isObject(file) ? file.file_id : undefined), at: ".file.file_id", put: ofChat },
  input_file: responses,
  input_image: responses,
  image: messages,
  document: messages,
};

/** Fields of a body in which there is something to read; a tool's own input is not. */
const read = ["messages", "input", "system"];

/** The places in a parsed body, in order. */
export function filePlaces(body: unknown): FilePlace[] {
  const found: FilePlace[] = [];
  if (isObject(body)) for (const name of read) walk(body[name], name, found);
  return found;
}

function walk(value: unknown, path: string, found: FilePlace[]): void {
  if (Array.isArray(value)) value.forEach((one, at) => walk(one, `${path}[${at}]`, found));
  if (!isObject(value) || value.type === "tool_use") return;
  const shape = typeof value.type === "string" && Object.hasOwn(shapes, value.type) ? shapes[value.type] : undefined;
  const fileId = shape?.id(value);
  if (shape && typeof fileId === "string") {
    const at = path + shape.at;
    found.push({ fileId, path: at, put: (file) => shape.put(value, file, at) });
  } else for (const [name, one] of Object.entries(value)) walk(one, `${path}.${name}`, found);
}

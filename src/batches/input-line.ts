/** One line of a batch's input: what it must say. Pure. */
import { GatewayError } from "../errors.ts";
import { checkShape } from "../pipeline/shape.ts";
import { rawValue } from "../upstream/splice.ts";
import type { InputError, Shape } from "./batch.ts";

/** `body`: the request's own text, byte for byte; `model` empty: it names none. */
export type InputLine = { readonly customId: string; readonly model: string; readonly body: string; readonly stream: boolean };

/** What a line says wrong, by OpenAI's codes. */
export type Fault = Omit<InputError, "line">;

type Json = Readonly<Record<string, unknown>>;

/** Where the request stands in a line, and which custom ids there are. Anthropic: https://docs.anthropic.com/en/api/creating-message-batches */
const forms: Readonly<Record<Shape, { readonly body: string; readonly id: RegExp; readonly idRule: string }>> = {
  file: { body: "body", id: /^[^]{1,512}$/, idRule: "must be 1 to 512 characters" },
  messages: { body: "params", id: /^[a-zA-Z0-9_-]{1,64}$/, idRule: "must be 1 to 64 letters, digits, - and _" },
};

/** Whose requests may leave the model to us. */
const namesNoModel = "/v1/moderations";

const missing = (param: string): Fault => ({ code: "missing_required_parameter", message: `Missing required parameter: '${param}'.`, param });
const wrong = (code: string, param: string | null, message: string): Fault => ({ code, message, param });
const noJson = wrong("invalid_json_line", null, "This line is not parseable as valid JSON.");

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);

/** Reads a line, or says the first thing that is wrong with it. */
export function readLine(text: string, shape: Shape, endpoint: string): InputLine | { readonly fault: Fault } {
  const { body: field, id, idRule } = forms[shape];
  const line = parsed(text);
  if (line === undefined) return { fault: noJson };
  if (typeof line === "string") return { fault: wrong("invalid_json_line", null, line) };
  const { custom_id: customId, method, url } = line;
  if (customId === undefined) return { fault: missing("custom_id") };
  if (typeof customId !== "string" || !id.test(customId) || !customId.isWellFormed()) return { fault: wrong("invalid_custom_id", "custom_id", `The custom_id ${idRule}.`) };
  if (shape === "file") {
    if (method === undefined) return { fault: missing("method") };
    if (method !== "POST") return { fault: wrong("invalid_method", "method", "The method must be 'POST'.") };
    if (url === undefined) return { fault: missing("url") };
    if (url !== endpoint) return { fault: wrong("url_mismatch", "url", `The URL of this request does not match the batch's endpoint, '${endpoint}'.`) };
  }
  const request = line[field];
  if (request === undefined) return { fault: missing(field) };
  if (!isObject(request)) return { fault: wrong("invalid_type", field, `'${field}' must be an object.`) };
  const { model, stream } = request;
  if (model === undefined && endpoint !== namesNoModel) return { fault: missing(`${field}.model`) };
  if (model !== undefined && typeof model !== "string") return { fault: wrong("invalid_type", `${field}.model`, `'${field}.model' must be a string.`) };
  return { customId, model: model ?? "", body: rawValue(text, field)!, stream: stream === true };
}

/** The line's object; undefined: it is none; a sentence: it is not even looked at. What is nested too deep or holds too much would fill the memory. */
function parsed(text: string): Json | string | undefined {
  try {
    checkShape(text);
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch (error) {
    return error instanceof GatewayError ? error.message.replace("The request body", "This line") : undefined;
  }
}

/** What we read of a chat completion request. https://platform.openai.com/docs/api-reference/chat/create */
import * as z from "zod";
import { GatewayError } from "../../errors.ts";
import { isObject, type Json } from "../json.ts";
import type { RequestFacts } from "../protocol.ts";
import { boundConversation, runsTools } from "../bound.ts";

/** JSON Schema cannot see into a check of ours: the meta says it. */
export const objectField = z.custom<Record<string, unknown>>(isObject, "must be an object").meta({ type: "object" });
/** How many tokens an answer may have. */
export const tokensField = z.number("must be a number").int("must be an integer").min(0, "must not be negative").max(100_000_000, "must be at most 100000000").nullish();

/** How many answers are asked for. */
export const choicesField = z.number("must be a number").int("must be an integer").min(1, "must be at least 1").max(128, "must be at most 128").nullish();

/** A model name: printable, without spaces, at most 256 characters. */
export const modelField = z.string("must be a string").min(1, "must not be empty").max(256, "must have at most 256 characters").regex(/^[\x21-\x7e]+$/, "must be printable characters without spaces");

/** Models to be tried after the first one: read with what else a body says of its routing. */
export const modelsField = z.array(modelField, "must be an array of model names").nullish();

/** Text for a model, in one piece or many, or as its tokens. */
export const textsField = z.union([
  z.string(),
  z.array(z.string()).min(1),
  z.array(z.number().int()).min(1),
  z.array(z.array(z.number().int()).min(1)).min(1),
], "must be a string, an array of strings, or token arrays");

export const requestSchema = z.object({
  model: modelField,
  messages: z.array(objectField, "must be an array of messages").min(1, "must have at least one message"),
  stream: z.boolean("must be true or false").nullish(),
  stream_options: objectField.nullish(),
  max_tokens: tokensField,
  max_completion_tokens: tokensField,
  n: choicesField,
  tools: z.array(z.unknown(), "must be an array").nullish(),
  models: modelsField,
  web_search_options: z.unknown().optional(),
  search_parameters: z.unknown().optional(),
  plugins: z.unknown().optional(),
});

/** As parsers do that do not tell upper from lower case, Go's among them: ſ and K (Kelvin) fold too. */
const folded = (key: string): string => key.toUpperCase().toLowerCase();

/**
 * Reads a request's fields. Throws `invalid_request` with the field and the reason; also for one that only looks like a
 * field we read (`Model`), because some providers take it for that, and what we check must be what the provider reads.
 */
export function readFields<S extends z.ZodObject>(schema: S, body: unknown): z.output<S> {
  const { shape } = schema;
  const fields: Record<string, unknown> = {};
  for (const key of Object.keys(body as object)) {
    if (Object.hasOwn(shape, key)) fields[key] = readField(shape[key]!, key, (body as Record<string, unknown>)[key]);
    else if (Object.hasOwn(shape, folded(key))) throw new GatewayError("invalid_request", `${key}: write it ${folded(key)}`, { param: key });
  }
  for (const key of requiredOf(schema)) if (!Object.hasOwn(fields, key)) readField(shape[key]!, key, undefined);
  return fields as z.output<S>;
}

function readField(field: z.core.$ZodType, key: string, value: unknown): unknown {
  const result = z.safeParse(field, value);
  if (!result.success) throw invalidRequest(key, result.error);
  return result.data;
}

const required = new WeakMap<z.ZodObject, readonly string[]>();
function requiredOf(schema: z.ZodObject): readonly string[] {
  let keys = required.get(schema);
  if (!keys) required.set(schema, (keys = Object.keys(schema.shape).filter((key) => !z.safeParse(schema.shape[key]!, undefined).success)));
  return keys;
}

/** Turns the first zod issue into the client's 400: which field, and why. */
function invalidRequest(field: string, error: z.core.$ZodError): GatewayError {
  const issue = error.issues[0]!;
  const param = issue.path.reduce<string>((path, key) => (typeof key === "number" ? `${path}[${key}]` : `${path}.${String(key)}`), field);
  return new GatewayError("invalid_request", `${param}: ${issue.message}`, { param });
}

/** Reads the facts of a chat completion request. Throws `invalid_request`. */
export function parseRequest(body: unknown): RequestFacts {
  const { model, stream, stream_options, max_tokens, max_completion_tokens, n, tools, web_search_options, search_parameters, plugins } = readFields(requestSchema, body);
  const choices = n ?? 1;
  // OpenAI's, xAI's and OpenRouter's ways to have the provider search, and tools that it runs.
  const hosted = (web_search_options ?? search_parameters ?? plugins) != null || model.endsWith(":online") || runsTools(tools, /^$/);
  const most = max_completion_tokens ?? max_tokens ?? undefined;
  return {
    model,
    stream: stream === true,
    usageAsked: stream_options?.include_usage === true,
    ...boundConversation(body as Json, hosted),
    outputTokens: most === undefined ? undefined : most * choices,
    choices,
  };
}

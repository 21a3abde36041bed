/** What we read of Gemini's requests. https://ai.google.dev/api/generate-content */
import * as z from "zod";
import { GatewayError } from "../../errors.ts";
import { boundConversation, boundParts } from "../bound.ts";
import { isObject, objects, type Json } from "../json.ts";
import { modelField, objectField, readFields } from "../openai-chat/request.ts";
import type { InputFacts, RequestFacts } from "../protocol.ts";

/** Google takes one content where it asks for a list of them. */
const contentsField = z.custom<Json | Json[]>((value) => isObject(value) || (Array.isArray(value) && value.length > 0 && value.every(isObject)), "must be an array of contents").meta({ type: ["array", "object"] });
const integer = (least: number, most: number) => z.number("must be a number").int("must be an integer").min(least, `must be at least ${least}`).max(most, `must be at most ${most}`).nullish();

export const configSchema = z.object({ maxOutputTokens: integer(0, 100_000_000), candidateCount: integer(1, 128) });
export const generateSchema = z.object({
  contents: contentsField,
  tools: z.unknown().optional(),
  generationConfig: objectField.nullish(),
  cachedContent: z.unknown().optional(),
});
export const countSchema = z.object({ contents: contentsField.nullish(), generateContentRequest: objectField.nullish() });
export const embedSchema = z.object({ content: objectField });
export const batchEmbedSchema = z.object({ requests: z.array(objectField, "must be an array of requests").min(1, "must have at least one request") });

/**
 * An object's fields under their names in camel case: Google takes `max_output_tokens` for `maxOutputTokens`. Throws when one
 * stands there under both names, because what we check must be what the provider reads.
 */
export function camelCased(value: Json, within = ""): Json {
  const fields: Json = {};
  for (const [key, field] of Object.entries(value)) {
    const name = key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
    if (Object.hasOwn(fields, name)) throw new GatewayError("invalid_request", `${within}${name}: stands twice in the request`, { param: within + name });
    Object.defineProperty(fields, name, { value: field, enumerable: true });
  }
  return fields;
}

const read = <S extends z.ZodObject>(schema: S, body: unknown): z.output<S> => readFields(schema, isObject(body) ? camelCased(body) : body);

/** Reads `generationConfig`; a fault in it is told with its whole path. */
function readConfig(config: Json | null | undefined): z.output<typeof configSchema> {
  const result = configSchema.safeParse(camelCased(config ?? {}, "generationConfig."));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const param = `generationConfig.${issue!.path.join(".")}`;
  throw new GatewayError("invalid_request", `${param}: ${issue!.message}`, { param });
}

/** The model of a URL. Throws `invalid_request` when it cannot be one. */
function checked(model: string): string {
  const result = modelField.safeParse(model);
  if (!result.success) throw new GatewayError("invalid_request", `model: ${result.error.issues[0]!.message}`, { param: "model" });
  return model;
}

/** Tools of Google's stand beside the client's functions, each under its name. */
const runsTool = (tool: Json): boolean => Object.keys(tool).some((name) => name !== "functionDeclarations" && name !== "function_declarations");

/** Facts of a request that the model answers in words. Usage comes in every stream unasked. */
export function parseGenerate(model: string, stream: boolean, body: unknown): RequestFacts {
  const { tools, generationConfig, cachedContent } = read(generateSchema, body);
  const { maxOutputTokens, candidateCount } = readConfig(generationConfig);
  const choices = candidateCount ?? 1;
  return {
    model: checked(model),
    stream,
    usageAsked: true,
    ...boundConversation(camelCased(body as Json), cachedContent != null || objects(isObject(tools) ? [tools] : tools).some(runsTool)),
    outputTokens: maxOutputTokens == null ? undefined : maxOutputTokens * choices,
    choices,
  };
}

/** A request that uses no output tokens. */
const spendingOnly = (model: string, input: InputFacts, readings = 1): RequestFacts => ({ model: checked(model), stream: false, usageAsked: true, ...input, readings, outputTokens: 0, choices: 1 });

/** Counting costs nothing. */
export function parseCount(model: string, body: unknown): RequestFacts {
  const { contents, generateContentRequest } = read(countSchema, body);
  if (!contents && !generateContentRequest) throw new GatewayError("invalid_request", "contents: must be an array of contents", { param: "contents" });
  return spendingOnly(model, { inputTokens: 0, likelyInputTokens: 0 });
}

export const parseEmbed = (model: string, body: unknown): RequestFacts => spendingOnly(model, boundParts(read(embedSchema, body).content));
export function parseBatchEmbed(model: string, body: unknown): RequestFacts {
  const { requests } = read(batchEmbedSchema, body);
  return spendingOnly(model, boundParts(requests), requests.length);
}

/**
 * The edits that let a request name its model where it names one: beside the URL some have it in their body, and Google
 * wants both to be the same. `nested` fields hold such requests themselves.
 */
export function modelEdits(nested: readonly string[], raw: (key: string) => string | undefined, upstreamId: string): Record<string, string> {
  const edits: Record<string, string> = {};
  const model = `models/${upstreamId}`;
  if (raw("model") !== undefined) edits.model = JSON.stringify(model);
  const renamed = (request: unknown): unknown => (isObject(request) && "model" in request ? { ...request, model } : request);
  for (const key of nested) {
    const text = raw(key);
    if (text === undefined) continue;
    const value: unknown = JSON.parse(text);
    const requests = Array.isArray(value) ? (value as unknown[]) : [value];
    if (requests.every((request) => !isObject(request) || !("model" in request) || request.model === model)) continue;
    edits[key] = JSON.stringify(Array.isArray(value) ? requests.map(renamed) : renamed(value));
  }
  return edits;
}

/** InsForge's request, camelCase, as chat completions has it. Facts: its packages/shared-schemas/src/ai-api.schema.ts. */
import * as z from "zod";
import { GatewayError } from "../../errors.ts";
import { isObject, list, record, type Json } from "../json.ts";
import { modelField, readFields } from "../openai-chat/request.ts";

const defaultTemperature = 0.7;
const defaultMaxTokens = 4_096;
const mostMaxTokens = 16_384;

const optional = <T extends z.ZodType>(schema: T) => schema.nullish();
const text = z.string("must be a string");
const flag = z.boolean("must be true or false");

export const chatSchema = z.object({
  model: modelField,
  messages: z.array(z.custom<Json>(isObject, "must be an object"), "must be an array of messages").min(1, "must have at least one message"),
  temperature: optional(z.number("must be a number").min(0, "must be at least 0").max(2, "must be at most 2")),
  topP: optional(z.number("must be a number").min(0, "must be at least 0").max(1, "must be at most 1")),
  maxTokens: optional(z.number("must be a number").int("must be an integer").positive("must be positive").max(mostMaxTokens, `must be at most ${mostMaxTokens}`)),
  stream: optional(flag),
  thinking: optional(flag),
  webSearch: z.unknown().optional(),
  fileParser: z.unknown().optional(),
  tools: optional(z.array(z.unknown(), "must be an array")),
  toolChoice: z.unknown().optional(),
  parallelToolCalls: optional(flag),
});

export const webSchema = z.object({ enabled: flag.optional(), engine: optional(z.enum(["native", "exa"])), maxResults: optional(z.number().int().min(1).max(10)), searchPrompt: optional(text) });
export const fileSchema = z.object({ enabled: flag.optional(), pdf: optional(z.object({ engine: optional(z.enum(["pdf-text", "mistral-ocr", "native"])) })) });

function read<T>(schema: z.ZodType<T>, value: unknown, field: string): T | undefined {
  if (value === undefined || value === null) return undefined;
  const result = schema.safeParse(value);
  if (!result.success) throw new GatewayError("invalid_request", `${field}: ${result.error.issues[0]!.path.join(".")} ${result.error.issues[0]!.message}`, { param: field });
  return result.data;
}

/** Pictures stood beside the content once. */
function asMessage(message: Json): Json {
  const { images, ...rest } = message;
  const pictures = list(images).map((image) => ({ type: "image_url", image_url: { url: record(image).url } }));
  if (pictures.length === 0) return rest;
  const content = typeof rest.content === "string" ? [{ type: "text", text: rest.content }] : list(rest.content);
  return { ...rest, content: [...content, ...pictures] };
}

const given = (fields: Json): Json => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));

/** The plugins that OpenRouter knows for what is asked here by other names. */
function pluginsOf(webSearch: unknown, fileParser: unknown): Json[] {
  const web = read(webSchema, webSearch, "webSearch");
  const file = read(fileSchema, fileParser, "fileParser");
  return [
    ...(web?.enabled ? [given({ id: "web", engine: web.engine, max_results: web.maxResults, search_prompt: web.searchPrompt })] : []),
    ...(file?.enabled ? [given({ id: "file-parser", pdf: file.pdf })] : []),
  ];
}

/** The body of a chat completion. Throws `invalid_request` with the field and the reason. */
export function chatOf(body: unknown): Json {
  const { model, messages, temperature, topP, maxTokens, stream, thinking, webSearch, fileParser, tools, toolChoice, parallelToolCalls } = readFields(chatSchema, body);
  const plugins = pluginsOf(webSearch, fileParser);
  return given({
    model, messages: messages.map(asMessage), temperature: temperature ?? defaultTemperature, top_p: topP, max_tokens: maxTokens ?? defaultMaxTokens, stream,
    ...(stream && { stream_options: { include_usage: true } }), ...(thinking && { reasoning_effort: "medium" }), ...(plugins.length > 0 && { plugins }),
    tools, tool_choice: toolChoice, parallel_tool_calls: parallelToolCalls,
  });
}

export const imageSchema = z.object({ model: modelField, prompt: text.min(1, "must not be empty"), images: optional(z.array(z.object({ url: text }), "must be an array of {url}")) });

/** The chat completion in which a picture is asked for. Throws as `chatOf`. */
export function pictureOf(body: unknown): Json {
  const { model, prompt, images } = readFields(imageSchema, body);
  return { model, modalities: ["image", "text"], messages: [asMessage({ role: "user", content: prompt, images })] };
}

/** Reads a whole Responses request into a conversation. https://platform.openai.com/docs/api-reference/responses/create */
import * as z from "zod";
import { defined, efforts, type ChatRequest, type Effort, type OutputFormat, type ReasoningWish, type Turn } from "../../chat/index.ts";
import { GatewayError } from "../../errors.ts";
import { modelField, objectField, readFields, tokensField } from "../openai-chat/request.ts";
import { unreadIn } from "../unread.ts";
import { responsesFields } from "./fields.ts";
import { parseInput } from "./parse-input.ts";
import { parseToolChoice, parseTools } from "./parse-tools.ts";
import { filled, list, protocolId, record, string, type Json } from "./words.ts";

const numberField = z.number("must be a number").nullish();
const stringField = z.string("must be a string").nullish();

export const requestSchema = z.object({
  model: modelField,
  input: z.union([z.string(), z.array(objectField)], "must be a string or an array of items").nullish(),
  instructions: z.union([z.string(), z.array(objectField)], "must be a string").nullish(),
  stream: z.boolean("must be true or false").nullish(),
  tools: z.array(objectField, "must be an array of tools").nullish(),
  tool_choice: z.union([z.string(), objectField], "must be a string or an object").nullish(),
  parallel_tool_calls: z.boolean("must be true or false").nullish(),
  text: objectField.nullish(),
  reasoning: objectField.nullish(),
  max_output_tokens: tokensField,
  temperature: numberField,
  top_p: numberField,
  top_logprobs: z.number("must be a number").int("must be an integer").min(0, "must not be negative").nullish(),
  include: z.array(z.string(), "must be an array of strings").nullish(),
  service_tier: stringField,
  user: stringField,
  safety_identifier: stringField,
  metadata: z.record(z.string(), z.string("must be a string"), "must be an object of strings").nullish(),
  prompt_cache_key: stringField,
});

/** Fields that say nothing to anybody: nothing is stored, and nothing but the default is taken of them. */
const stateless = new Set(["store", "background", "previous_response_id", "conversation", "prompt", "models"]);
/** Fields whose default every provider has. */
const defaults: Json = { truncation: "disabled", max_tool_calls: null };
const includes = { encrypted: "reasoning.encrypted_content", logprobs: "message.output_text.logprobs" };

/** Reads a request. Throws `invalid_request` with the field and the reason. */
export function parseRequest(body: unknown): ChatRequest {
  const fields = readFields(requestSchema, body);
  const { model, stream, parallel_tool_calls, max_output_tokens, temperature, top_p, top_logprobs, service_tier, metadata, prompt_cache_key } = fields;
  const tools = parseTools(fields.tools, "tools");
  const toolChoice = fields.tool_choice == null ? undefined : parseToolChoice(fields.tool_choice);
  const include = fields.include ?? [];
  const logprobs = include.includes(includes.logprobs) || top_logprobs ? { top: top_logprobs ?? 0 } : undefined;
  const text = record(fields.text);
  const asked = { instructions: parseInstructions(fields.instructions), turns: parseInput(fields.input ?? []) };
  return {
    model,
    stream: stream === true,
    streamUsage: true,
    turns: [...asked.instructions, ...asked.turns],
    tools,
    ...defined({
      toolChoice,
      parallelTools: parallel_tool_calls ?? undefined,
      output: parseFormat(text.format),
      verbosity: filled(text.verbosity),
      reasoning: parseWish(record(fields.reasoning)),
      maxOutputTokens: max_output_tokens ?? undefined,
      temperature: temperature ?? undefined,
      topP: top_p ?? undefined,
      logprobs,
      serviceTier: service_tier ?? undefined,
      user: fields.safety_identifier ?? fields.user ?? undefined,
      metadata: metadata ?? undefined,
      promptCacheKey: prompt_cache_key ?? undefined,
    }),
    rest: { protocol: protocolId, fields: restOf(record(body), { text, include, choice: toolChoice === undefined ? fields.tool_choice : undefined }) },
    ...unreadIn(record(body), responsesFields),
  };
}

function parseInstructions(instructions: unknown): Turn[] {
  if (typeof instructions === "string") return instructions === "" ? [] : [{ role: "system", parts: [{ type: "text", text: instructions }] }];
  return Array.isArray(instructions) ? parseInput(instructions as Json[], "instructions") : [];
}

function parseFormat(value: unknown): OutputFormat | undefined {
  const { type, name, description, schema, strict } = record(value);
  if (type === "json_object") return { type: "json" };
  if (type === "text") return { type: "text" };
  if (type === undefined) return undefined;
  const param = "text.format";
  if (type !== "json_schema") throw new GatewayError("invalid_request", `${param}.type: must be text, json_object or json_schema`, { param: `${param}.type` });
  if (typeof schema !== "object" || schema === null) throw new GatewayError("invalid_request", `${param}.schema: must be an object`, { param: `${param}.schema` });
  const told = defined({ name: string(name), description: string(description), strict: typeof strict === "boolean" ? strict : undefined });
  return { type: "json-schema", ...told, schema: schema as Json };
}

const shows = new Set(["auto", "concise", "detailed"]);

function parseWish({ effort, summary, generate_summary }: Json): ReasoningWish | undefined {
  if (typeof effort === "string" && !efforts.includes(effort as Effort)) {
    throw new GatewayError("invalid_request", `reasoning.effort: must be one of ${efforts.join(", ")}`, { param: "reasoning.effort" });
  }
  const show = [summary, generate_summary].find((word) => shows.has(word as string)) as ReasoningWish["show"];
  const wish = defined({ effort: (string(effort) as Effort | undefined) ?? undefined, show });
  return Object.keys(wish).length > 0 ? wish : undefined;
}

/** What has no name in a conversation, also of the fields that are only partly read. */
function restOf(body: Json, { text, include, choice }: { text: Json; include: string[]; choice: unknown }): Json {
  const rest: Json = {};
  for (const [name, value] of Object.entries(body)) {
    const known = name in requestSchema.shape || stateless.has(name);
    if (!known && value !== null && value !== defaults[name]) rest[name] = value;
  }
  if (record(rest.stream_options).include_obfuscation !== true) delete rest.stream_options;
  if (body.user != null && body.safety_identifier != null) rest.user = body.user;
  const { format: _, verbosity: __, ...texts } = text;
  const { effort: ___, summary: ____, generate_summary: _____, ...thoughts } = record(body.reasoning);
  const others = list(include).filter((word) => !Object.values(includes).includes(word as string));
  const partly = { text: texts, reasoning: thoughts };
  for (const [name, left] of Object.entries(partly)) if (Object.values(left).some((value) => value !== null)) rest[name] = left;
  if (others.length > 0) rest.include = others;
  if (choice != null) rest.tool_choice = choice;
  return rest;
}

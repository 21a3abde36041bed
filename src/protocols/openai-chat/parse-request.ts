/** Reads a whole chat completion request. https://platform.openai.com/docs/api-reference/chat/create */
import * as z from "zod";
import { defined, efforts, type ChatRequest, type Effort, type ReasoningWish } from "../../chat/index.ts";
import { unreadIn } from "../unread.ts";
import { chatFields } from "./fields.ts";
import { parseFormat, parseToolChoice, parseTools } from "./parse-tools.ts";
import { parseTurns } from "./parse-turns.ts";
import { choicesField, modelField, objectField, readFields, tokensField } from "./request.ts";
import { record } from "../json.ts";
import { protocolId } from "./words.ts";

/** An integer that a double cannot hold comes unread (`parseExact`); as a seed it may lose its last digits. */
const rounded = (value: unknown): unknown => {
  return typeof value === "object" && value !== null && "rawJSON" in value ? Number(value.rawJSON) : value;
};
const number = z.preprocess(rounded, z.number("must be a number").nullish()).optional();
const flag = z.boolean("must be true or false").nullish();
const word = z.string("must be a string").nullish();
const anyList = z.array(z.unknown(), "must be an array").nullish();
const words = z.array(z.string("must be a string"), "must be an array of strings");

/** Sampling fields that legacy completions have too. */
export const samplingFields = {
  model: modelField,
  stream: flag,
  stream_options: objectField.nullish(),
  max_tokens: tokensField,
  temperature: number,
  top_p: number,
  top_k: number,
  min_p: number,
  stop: z.union([z.string(), words], "must be a string or an array of strings").nullish(),
  seed: number,
  frequency_penalty: number,
  presence_penalty: number,
  logit_bias: z.record(z.string(), z.number("must be a number"), "must be an object of numbers").nullish(),
  n: choicesField,
  user: word,
} as const;

export const requestSchema = z.object({
  ...samplingFields,
  messages: z.array(objectField, "must be an array of messages").min(1, "must have at least one message"),
  max_completion_tokens: tokensField,
  tools: anyList,
  functions: anyList,
  tool_choice: z.unknown().optional(),
  function_call: z.unknown().optional(),
  parallel_tool_calls: flag,
  response_format: z.unknown().optional(),
  reasoning_effort: word,
  reasoning: z.unknown().optional(),
  include_reasoning: flag,
  logprobs: flag,
  top_logprobs: number,
  verbosity: word,
  modalities: words.nullish(),
  audio: objectField.nullish(),
  service_tier: word,
  safety_identifier: word,
  metadata: z.record(z.string(), z.string("must be a string"), "must be an object of strings").nullish(),
  prompt_cache_key: word,
});

type Sampling = z.output<z.ZodObject<typeof samplingFields>>;

/** The fields that chat and legacy completions have in common. */
export function readSampling(fields: Sampling): Partial<ChatRequest> & Pick<ChatRequest, "model" | "stream" | "streamUsage"> {
  const { model, stream, stream_options, temperature, top_p, top_k, min_p, stop, seed, frequency_penalty, presence_penalty, logit_bias, n, user } = fields;
  const stops = typeof stop === "string" ? [stop] : (stop ?? []);
  return {
    model,
    stream: stream === true,
    streamUsage: stream_options?.include_usage === true,
    ...defined({
      temperature: temperature ?? undefined, topP: top_p ?? undefined, topK: top_k ?? undefined, minP: min_p ?? undefined,
      stop: stops.length > 0 ? stops : undefined, seed: seed ?? undefined,
      frequencyPenalty: frequency_penalty ?? undefined, presencePenalty: presence_penalty ?? undefined,
      logitBias: logit_bias ?? undefined, choices: n ?? undefined, user: user ?? undefined,
    }),
  };
}

const isEffort = (value: unknown): value is Effort => (efforts as readonly unknown[]).includes(value);
const lengths: ReadonlySet<unknown> = new Set(["auto", "concise", "detailed"]);

/** `reasoning_effort`, and OpenRouter's `reasoning: {effort, max_tokens, exclude, enabled, summary}`. */
function parseReasoning(effort: unknown, value: unknown, include: boolean | null | undefined): ReasoningWish | undefined {
  const { effort: own, max_tokens: budget, exclude, enabled, summary } = record(value);
  const level = own ?? effort;
  const wish: ReasoningWish = {
    ...(isEffort(level) && { effort: level }),
    ...(enabled === false && { effort: "none" }),
    ...(typeof budget === "number" && { budgetTokens: budget }),
    ...(enabled === true && !isEffort(level) && typeof budget !== "number" && { adaptive: true as const }),
    ...(lengths.has(summary) && { show: summary as "auto" }),
    ...((exclude === true || include === false) && { show: "none" }),
  };
  return Object.keys(wish).length > 0 ? wish : undefined;
}

/** Values that say nothing: OpenAI's defaults, and OpenRouter's old way to ask for usage. */
const idle: Readonly<Record<string, (value: unknown) => boolean>> = { store: (value) => value === false, usage: () => true };

/** Fields without a name in the canonical request, but for those that say nothing. */
export function restOf(body: unknown, known: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record(body)).filter(([key, value]) => !Object.hasOwn(known, key) && value !== null && !idle[key]?.(value)));
}

/** Fields that were read, but whose value has no name in the canonical request. */
function unnamed(fields: z.output<typeof requestSchema>, output: unknown): Record<string, unknown> {
  const { response_format: format, reasoning_effort: effort, user, safety_identifier: safety } = fields;
  return {
    ...(format !== undefined && format !== null && !output && { response_format: format }),
    ...(effort && !isEffort(effort) && { reasoning_effort: effort }),
    ...(user && safety && { safety_identifier: safety }),
  };
}

/** Reads a request. Throws `invalid_request` with the field and the reason. */
export function parseConversation(body: unknown): ChatRequest {
  const fields = readFields(requestSchema, body);
  const output = parseFormat(fields.response_format);
  const rest = { ...restOf(body, requestSchema.shape), ...unnamed(fields, output) };
  return {
    ...readSampling(fields),
    turns: parseTurns(fields.messages),
    tools: parseTools(fields.tools ?? [], fields.functions ?? []),
    ...defined({
      toolChoice: parseToolChoice(fields.tool_choice, fields.function_call),
      parallelTools: fields.parallel_tool_calls ?? undefined,
      output,
      reasoning: parseReasoning(fields.reasoning_effort, fields.reasoning, fields.include_reasoning),
      maxOutputTokens: fields.max_completion_tokens ?? fields.max_tokens ?? undefined,
      logprobs: fields.logprobs ? { top: fields.top_logprobs ?? 0 } : undefined,
      verbosity: fields.verbosity ?? undefined,
      modalities: fields.modalities ?? undefined,
      audio: fields.audio ?? undefined,
      serviceTier: fields.service_tier ?? undefined,
      user: fields.user ?? fields.safety_identifier ?? undefined,
      metadata: fields.metadata ?? undefined,
      promptCacheKey: fields.prompt_cache_key ?? undefined,
    }),
    rest: { protocol: protocolId, fields: rest },
    ...unreadIn(record(body), chatFields),
  };
}

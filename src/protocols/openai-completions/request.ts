/** What we read of a legacy completion request. https://platform.openai.com/docs/api-reference/completions/create */
import * as z from "zod";
import { boundTexts } from "../bound.ts";
import { stringIn } from "../json.ts";
import { choicesField, modelField, modelsField, objectField, readFields, textsField, tokensField } from "../openai-chat/request.ts";
import type { RequestFacts } from "../protocol.ts";
import { nativeOnlyOf } from "./native.ts";

/** Tokens of one answer when the client does not say. */
export const usualTokens = 16;
/** More than any budget holds, and still an exact integer when it is priced. */
const mostTokens = 10_000_000_000;

export const requestSchema = z.object({
  model: modelField,
  prompt: textsField.nullish(),
  suffix: z.unknown().optional(),
  stream: z.boolean("must be true or false").nullish(),
  stream_options: objectField.nullish(),
  max_tokens: tokensField,
  n: choicesField,
  best_of: choicesField,
  echo: z.unknown().optional(),
  logprobs: z.unknown().optional(),
  models: modelsField,
});

/** How many prompts a request holds: one list of tokens is one prompt. */
const promptsIn = (prompt: z.output<typeof textsField> | null | undefined): number =>
  Array.isArray(prompt) && typeof prompt[0] !== "number" ? prompt.length : 1;

/** Reads the facts of a completion request. Throws `invalid_request`. */
export function parseRequest(body: unknown): RequestFacts {
  const { model, prompt, suffix, stream, stream_options, max_tokens, n, best_of, echo, logprobs } = readFields(requestSchema, body);
  const prompts = promptsIn(prompt);
  const choices = prompts * Math.max(n ?? 1, best_of ?? 1);
  return {
    model,
    stream: stream === true,
    usageAsked: stream_options?.include_usage === true,
    ...boundTexts([prompt, stringIn(suffix)]),
    readings: prompts,
    outputTokens: Math.min((max_tokens ?? usualTokens) * choices, mostTokens),
    choices,
    nativeOnly: nativeOnlyOf({ prompt, suffix, n, best_of, echo, logprobs, max_tokens }),
  };
}

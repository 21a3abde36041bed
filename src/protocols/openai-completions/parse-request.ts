/** Reads a whole legacy completion request as a conversation of one turn. https://platform.openai.com/docs/api-reference/completions/create */
import * as z from "zod";
import { defined, type ChatRequest } from "../../chat/index.ts";
import { readSampling, restOf, samplingFields } from "../openai-chat/parse-request.ts";
import { readFields, textsField } from "../openai-chat/request.ts";
import { usualTokens } from "./request.ts";

/** Id of this protocol in `rest`. */
export const protocolId = "openai-completions";

export const requestSchema = z.object({
  ...samplingFields,
  prompt: textsField.nullish(),
  echo: z.boolean("must be true or false").nullish(),
  logprobs: z.number("must be a number").int("must be an integer").min(0, "must not be negative").nullish(),
});

/** The one text that a chat model can answer. Whatever else a prompt can be is `nativeOnly`, and says nothing to anybody else. */
export function textOf(prompt: unknown): string {
  const only: unknown = Array.isArray(prompt) && prompt.length === 1 ? prompt[0] : prompt;
  return typeof only === "string" ? only : "";
}

/** With `best_of` as high as `n` the best are all. */
const isDefault = (key: string, value: unknown, n: number): boolean => (key === "best_of" && typeof value === "number" && value <= n) || (key === "suffix" && value === "");

/** Reads a request. Throws `invalid_request` with the field and the reason. */
export function parseConversation(body: unknown): ChatRequest {
  const fields = readFields(requestSchema, body);
  const rest = Object.entries(restOf(body, requestSchema.shape)).filter(([key, value]) => !isDefault(key, value, fields.n ?? 1));
  return {
    ...readSampling(fields),
    turns: [{ role: "user", parts: [{ type: "text", text: textOf(fields.prompt) }] }],
    tools: [],
    maxOutputTokens: fields.max_tokens ?? usualTokens,
    ...defined({ echo: fields.echo ? (true as const) : undefined, logprobs: typeof fields.logprobs === "number" ? { top: fields.logprobs } : undefined }),
    rest: { protocol: protocolId, fields: Object.fromEntries(rest) },
  };
}

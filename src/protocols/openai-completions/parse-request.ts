/** Reads a whole legacy completion request as a conversation of one turn. https://platform.openai.com/docs/api-reference/completions/create */
import { z } from "zod";
import { defined, type ChatRequest } from "../../chat/index.ts";
import { GatewayError } from "../../errors.ts";
import { readSampling, restOf, samplingFields } from "../openai-chat/parse-request.ts";
import { readFields, textsField } from "../openai-chat/request.ts";
import { usualTokens } from "./request.ts";

/** Id of this protocol in `rest`. */
export const protocolId = "openai-completions";

const requestSchema = z.object({
  ...samplingFields,
  prompt: textsField.nullish(),
  logprobs: z.number("must be a number").int("must be an integer").min(0, "must not be negative").nullish(),
});

/** The one text that a chat model can answer. */
function textOf(prompt: z.output<typeof textsField> | null | undefined): string {
  const only = Array.isArray(prompt) && prompt.length === 1 ? prompt[0] : prompt;
  if (typeof only === "string") return only;
  throw new GatewayError("invalid_request", "prompt: no text, several prompts or tokens can only be sent to a provider that offers completions", { param: "prompt" });
}

/** `best_of: 1` and `echo: false` are the defaults. */
const isDefault = (key: string, value: unknown): boolean => (key === "best_of" && value === 1) || (key === "echo" && value === false) || (key === "suffix" && value === "");

/** Reads a request. Throws `invalid_request` with the field and the reason. */
export function parseConversation(body: unknown): ChatRequest {
  const fields = readFields(requestSchema, body);
  const rest = Object.entries(restOf(body, requestSchema.shape)).filter(([key, value]) => !isDefault(key, value));
  return {
    ...readSampling(fields),
    turns: [{ role: "user", parts: [{ type: "text", text: textOf(fields.prompt) }] }],
    tools: [],
    maxOutputTokens: fields.max_tokens ?? usualTokens,
    ...defined({ logprobs: typeof fields.logprobs === "number" ? { top: fields.logprobs } : undefined }),
    rest: { protocol: protocolId, fields: Object.fromEntries(rest) },
  };
}

/** Chat completions' words for what the canonical conversation names itself. */
import type { ChatError, Finish } from "../../chat/index.ts";
import { errorMessage } from "./stream.ts";
import { record } from "../json.ts";

/** Id of this protocol in origins, opaque parts and `rest`. */
export const protocolId = "openai-chat";

/** Why an answer ended, in OpenAI's words and those of its look-alikes (Mistral, DeepSeek, Z.ai, Together). */
const finishes: Readonly<Record<string, Finish["unified"]>> = {
  stop: "stop", end_turn: "stop", eos: "stop", stop_sequence: "stop",
  length: "length", model_length: "length", max_tokens: "length", model_context_window_exceeded: "length",
  tool_calls: "tool-calls", function_call: "tool-calls", tool_use: "tool-calls",
  content_filter: "content-filter", sensitive: "content-filter", safety: "content-filter",
  error: "error", network_error: "error", insufficient_system_resource: "error",
};

/** Look-alikes say `stop` behind a tool call too. */
export function parseFinish(raw: string, calledTools: boolean): Finish {
  const unified = finishes[raw] ?? "other";
  return { unified: unified === "stop" && calledTools ? "tool-calls" : unified, raw };
}

/** The official schema has no word for the last two; what broke is told as an error. */
export const finishWords: Readonly<Record<Finish["unified"], string>> = {
  stop: "stop", length: "length", "tool-calls": "tool_calls", "content-filter": "content_filter", error: "stop", other: "stop",
};

/** https://platform.openai.com/docs/guides/error-codes, https://openrouter.ai/docs/api-reference/errors */
const statuses: Readonly<Record<string, number>> = {
  invalid_request_error: 400, context_length_exceeded: 400, content_filter: 400, invalid_prompt: 400,
  authentication_error: 401, insufficient_quota: 402, permission_error: 403, not_found_error: 404,
  rate_limit_error: 429, rate_limit_exceeded: 429, rate_limit: 429, tokens: 429, requests: 429,
  overloaded_error: 529, server_error: 502, timeout: 504,
};

/** An error object, or text, inside an answer. */
export function parseError(error: unknown): ChatError {
  const { code, type, status } = record(error);
  const said = [code, status].map(Number).find((number) => Number.isInteger(number) && number >= 400 && number <= 599);
  const known = [code, type].find((word): word is string => typeof word === "string" && Object.hasOwn(statuses, word));
  const word = [code, type].find((one): one is string => typeof one === "string");
  return { status: said ?? (known === undefined ? 502 : statuses[known]!), message: errorMessage(error), ...(word !== undefined && { code: word }) };
}

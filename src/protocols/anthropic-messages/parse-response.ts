/** Reads a whole answer, and errors in both forms. https://docs.anthropic.com/en/api/messages */
import { defined, type ChatError, type ChatResponse, type Part } from "../../chat/index.ts";
import { errorMessage } from "../openai-chat/stream.ts";
import { parseReportedCost } from "../openai-chat/usage.ts";
import type { ParseContext } from "../protocol.ts";
import { opaquePart, redactedPart, textPart, thinkingPart, toolCallPart } from "./parse-content.ts";
import { readUsage, usageOf } from "./usage.ts";
import { finishOf, isObject, record, tierOf, words, type Json } from "./words.ts";

const statuses: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  conflict_error: 409,
  request_too_large: 413,
  rate_limit_error: 429,
  timeout_error: 504,
  overloaded_error: 529,
};

/** The `error` object of an error, with the status that its type stands for; 502 for one that nobody knows. */
export function chatErrorOf(error: unknown): ChatError {
  const code = words(record(error).type);
  return { status: statuses[code ?? ""] ?? 502, message: errorMessage(error), ...(code !== undefined && { code }) };
}

type Reader = (block: Json, context: ParseContext, at: number) => Part;

const readers: Readonly<Record<string, Reader>> = {
  text: textPart,
  thinking: (block, { origin }) => thinkingPart(block, origin),
  redacted_thinking: (block, { origin }) => redactedPart(block, origin),
  tool_use: (block, { idSeed }, at) => toolCallPart(block, `toolu_${idSeed}${at}`),
};

/** One block of an answer. */
export const partOfAnswer: Reader = (block, context, at) => (readers[String(block.type)] ?? opaquePart)(block, context, at);

/** Reads a whole answer with status 2xx. What is no message comes as an error. */
export function parseResponse(body: unknown, context: ParseContext): ChatResponse {
  const answer = record(body);
  const { content, usage } = answer;
  if (!Array.isArray(content)) {
    return { choices: [], error: answer.error ? chatErrorOf(answer.error) : { status: 502, message: "the provider's answer is not a message" } };
  }
  const parts = content.filter(isObject).map((block, at) => partOfAnswer(block, context, at));
  return {
    choices: [{ parts, finish: finishOf(answer.stop_reason, answer.stop_sequence) }],
    ...defined({
      id: words(answer.id),
      model: words(answer.model),
      usage: usageOf(readUsage(usage)),
      serviceTier: tierOf(record(usage).service_tier),
      reportedNanoUsd: parseReportedCost(usage),
    }),
  };
}

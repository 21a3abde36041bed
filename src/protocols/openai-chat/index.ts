/** OpenAI's chat completions. https://platform.openai.com/docs/api-reference/chat */
import type { Observation, Protocol } from "../protocol.ts";
import { renderError, renderStreamError } from "./error.ts";
import { parseRequest } from "./request.ts";
import { ChatStreamObserver, errorMessage } from "./stream.ts";
import { parseReportedCost, parseUsage } from "./usage.ts";

export { renderError } from "./error.ts";

type Answer = { usage?: unknown; error?: unknown; choices?: unknown };
type Message = { content?: unknown; reasoning_content?: unknown; reasoning?: unknown; refusal?: unknown; tool_calls?: unknown };
type Choice = { message?: Message | null } | null;

/** Characters that the model wrote in a message: text, reasoning and tool arguments. */
function charactersOf(message: Message | null | undefined): number {
  if (!message) return 0;
  const calls: { function?: { arguments?: unknown } | null }[] = Array.isArray(message.tool_calls) ? message.tool_calls : [];
  const texts = [message.content, message.reasoning_content ?? message.reasoning, message.refusal, ...calls.map((call) => call?.function?.arguments)];
  return texts.reduce<number>((sum, text) => sum + (typeof text === "string" ? text.length : 0), 0);
}

function observe(body: unknown): Observation {
  const answer = (typeof body === "object" && body !== null ? body : {}) as Answer;
  return {
    usage: parseUsage(answer.usage),
    reportedNanoUsd: parseReportedCost(answer.usage),
    error: answer.error && !answer.choices ? errorMessage(answer.error) : undefined,
    terminated: true,
    outputCharacters: Array.isArray(answer.choices) ? answer.choices.reduce<number>((sum, choice: Choice) => sum + charactersOf(choice?.message), 0) : 0,
  };
}

export const openaiChat: Protocol = {
  id: "openai-chat",
  path: "/chat/completions",
  parse: parseRequest,
  /** Usage is always asked for in a stream: it is what the ledger stands on. */
  edits: (facts, raw): Record<string, string> => (facts.stream && !facts.usageAsked ? { stream_options: withUsage(raw("stream_options")) } : {}),
  observe,
  watch: (hideUsage) => new ChatStreamObserver(hideUsage),
  renderError,
  renderStreamError,
};

/** The client's own stream options with `include_usage` on. */
function withUsage(raw: string | undefined): string {
  if (!raw || raw === "null") return '{"include_usage":true}';
  const options = JSON.parse(raw) as Record<string, unknown>;
  return JSON.stringify({ ...options, include_usage: true });
}

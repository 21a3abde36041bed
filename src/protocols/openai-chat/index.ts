/** OpenAI's chat completions. https://platform.openai.com/docs/api-reference/chat */
import { filled, record } from "../json.ts";
import { withOwnCalls } from "../own-calls.ts";
import type { ClientHalf, Observation, Protocol, UpstreamHalf } from "../protocol.ts";
import { renderError, renderStreamError } from "./error.ts";
import { parseConversation } from "./parse-request.ts";
import { parseResponse } from "./parse-response.ts";
import { ChunkReader } from "./parse-stream.ts";
import { renderRequest } from "./render-request.ts";
import { renderResponse } from "./render-response.ts";
import { ChunkRenderer } from "./render-stream.ts";
import { parseRequest } from "./request.ts";
import { ChatStreamObserver, errorMessage } from "./stream.ts";
import { parseReportedCost, parseUsage } from "./usage.ts";
import { protocolId } from "./words.ts";

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
    serviceTier: filled(record(body).service_tier),
    error: answer.error && !answer.choices ? errorMessage(answer.error) : undefined,
    terminated: true,
    outputCharacters: Array.isArray(answer.choices) ? answer.choices.reduce<number>((sum, choice: Choice) => sum + charactersOf(choice?.message), 0) : 0,
  };
}

const path = "/chat/completions";

const conversation: ClientHalf = withOwnCalls({
  parseRequest: parseConversation,
  renderResponse,
  renderStream: (context) => new ChunkRenderer(context),
  streamType: "text/event-stream; charset=utf-8",
});

export const openaiChat: Protocol = {
  id: protocolId,
  path,
  conversation,
  parse: parseRequest,
  /** Usage is always asked for in a stream: it is what the ledger stands on. */
  edits: (facts, raw): Record<string, string> => (facts.stream && !facts.usageAsked ? { stream_options: withUsage(raw("stream_options")) } : {}),
  observe,
  watch: (hideUsage) => new ChatStreamObserver(hideUsage),
  renderError,
  renderStreamError,
};

/** Chat completions as what a provider speaks: OpenAI and its many look-alikes. */
export const openaiChatUpstream: UpstreamHalf = {
  id: protocolId,
  path: () => path,
  renderRequest,
  parseResponse,
  parseStream: (context) => new ChunkReader(context),
};

/** The client's own stream options with `include_usage` on. */
function withUsage(raw: string | undefined): string {
  if (!raw || raw === "null") return '{"include_usage":true}';
  const options = JSON.parse(raw) as Record<string, unknown>;
  return JSON.stringify({ ...options, include_usage: true });
}

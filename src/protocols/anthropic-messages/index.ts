/** Anthropic's Messages, and the counting of their tokens. https://docs.anthropic.com/en/api/messages */
import { noUsage } from "../../chat/usage.ts";
import { filled, record } from "../json.ts";
import { errorMessage } from "../openai-chat/stream.ts";
import { parseReportedCost } from "../openai-chat/usage.ts";
import type { Observation, Protocol } from "../protocol.ts";
import { renderError, renderStreamError } from "./error.ts";
import { parseConversation } from "./parse-request.ts";
import { renderResponse } from "./render-response.ts";
import { MessagesStreamRenderer } from "./render-stream.ts";
import { parseCountRequest, parseRequest } from "./request.ts";
import { MessagesStreamObserver } from "./stream.ts";
import { partOf, readUsage, usageOf } from "./usage.ts";

export { renderError } from "./error.ts";
export { chatErrorOf } from "./parse-response.ts";
export { anthropicMessagesUpstream } from "./upstream.ts";

type Answer = { type?: unknown; usage?: unknown; error?: unknown; content?: unknown };
type Block = { text?: unknown; thinking?: unknown; type?: unknown; input?: unknown } | null;

/** Characters that the model wrote in a block: text, thinking or tool input. */
function charactersOf(block: Block): number {
  const written = block?.text ?? block?.thinking;
  if (typeof written === "string") return written.length;
  return block?.type === "tool_use" ? (JSON.stringify(block.input)?.length ?? 0) : 0;
}

function observe(body: unknown): Observation {
  const answer = (typeof body === "object" && body !== null ? body : {}) as Answer;
  const told = readUsage(answer.usage);
  return {
    usage: usageOf(told),
    usageSoFar: partOf(told),
    reportedNanoUsd: parseReportedCost(answer.usage),
    serviceTier: filled(record(answer.usage).service_tier),
    error: answer.error && !answer.content ? errorMessage(answer.error) : undefined,
    terminated: true,
    outputCharacters: Array.isArray(answer.content) ? answer.content.reduce<number>((sum, block: Block) => sum + charactersOf(block), 0) : 0,
  };
}

export const anthropicMessages: Protocol = {
  id: "anthropic-messages",
  path: "/v1/messages",
  headers: ["anthropic-version", "anthropic-beta"],
  parse: parseRequest,
  edits: () => ({}),
  observe,
  watch: () => new MessagesStreamObserver(),
  renderError,
  renderStreamError,
  conversation: {
    parseRequest: parseConversation,
    renderResponse,
    renderStream: (context) => new MessagesStreamRenderer(context),
    streamType: "text/event-stream; charset=utf-8",
  },
};

/** Costs nothing: its `input_tokens` is the answer, not a usage. */
const { conversation, ...relayed } = anthropicMessages;
export const anthropicCountTokens: Protocol = {
  ...relayed,
  id: "anthropic-count-tokens",
  path: "/v1/messages/count_tokens",
  parse: parseCountRequest,
  observe: (body) => ({ ...observe(body), usage: noUsage, usageSoFar: undefined }),
  counting: { parseRequest: conversation!.parseRequest, render: (inputTokens) => JSON.stringify({ input_tokens: inputTokens }) },
};

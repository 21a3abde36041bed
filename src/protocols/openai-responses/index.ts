/**
 * OpenAI's Responses, without state: nothing is stored at the provider, whose store all our clients would share.
 * https://platform.openai.com/docs/api-reference/responses
 */
import { noUsage } from "../../chat/usage.ts";
import type { GatewayError } from "../../errors.ts";
import { renderError } from "../openai-chat/error.ts";
import { errorMessage } from "../openai-chat/stream.ts";
import { parseReportedCost } from "../openai-chat/usage.ts";
import type { Observation, Protocol } from "../protocol.ts";
import { openaiResponsesClient } from "./client.ts";
import { parseRequest } from "./request.ts";
import { ResponsesStreamObserver } from "./stream.ts";
import { filled, record } from "../json.ts";
import { usageOf } from "./usage.ts";

type Answer = { usage?: unknown; error?: unknown; output?: unknown };
type Part = { text?: unknown; refusal?: unknown } | null;
type Item = { content?: unknown; summary?: unknown; arguments?: unknown; input?: unknown; code?: unknown } | null;

const list = <T>(value: unknown): T[] => (Array.isArray(value) ? value : []);

/** Characters that the model wrote in one item: text, reasoning, tool arguments and code. */
function charactersOf(item: Item): number {
  const parts = [...list<Part>(item?.content), ...list<Part>(item?.summary)];
  const texts = [item?.arguments, item?.input, item?.code, ...parts.map((part) => part?.text ?? part?.refusal)];
  return texts.reduce<number>((sum, text) => sum + (typeof text === "string" ? text.length : 0), 0);
}

function observe(body: unknown): Observation {
  const answer = (typeof body === "object" && body !== null ? body : {}) as Answer;
  return {
    usage: usageOf(record(body)),
    reportedNanoUsd: parseReportedCost(answer.usage),
    serviceTier: filled(record(body).service_tier),
    error: answer.error ? errorMessage(answer.error) : undefined,
    terminated: true,
    outputCharacters: list<Item>(answer.output).reduce((sum, item) => sum + charactersOf(item), 0),
  };
}

/** The `error` event: flat as it is documented, and with the `error` object that OpenAI's servers really send. */
function renderStreamError(error: GatewayError): string {
  const { error: told } = JSON.parse(renderError(error)) as { error: { message: string; type: string; param: string | null; code: string } };
  const { message, param, code } = told;
  return `event: error\ndata: ${JSON.stringify({ type: "error", code, message, param, sequence_number: 0, error: told })}\n\n`;
}

export const openaiResponses: Protocol = {
  id: "openai-responses",
  path: "/responses",
  parse: parseRequest,
  edits: () => ({ store: "false" }),
  observe,
  watch: () => new ResponsesStreamObserver(),
  renderError,
  renderStreamError,
  conversation: openaiResponsesClient,
};

/** How many tokens a request would be. Costs nothing. https://platform.openai.com/docs/api-reference/responses/input-tokens */
const { conversation, ...relayed } = openaiResponses;
export const openaiInputTokens: Protocol = {
  ...relayed,
  id: "openai-input-tokens",
  path: "/responses/input_tokens",
  parse: (body) => ({ ...parseRequest(body), stream: false, inputTokens: 0, outputTokens: 0 }),
  edits: () => ({}),
  observe: (body) => ({ ...observe(body), usage: noUsage, reportedNanoUsd: undefined }),
  counting: {
    parseRequest: conversation!.parseRequest,
    render: (inputTokens) => JSON.stringify({ object: "response.input_tokens", input_tokens: inputTokens }),
  },
};

export { openaiResponsesUpstream } from "./upstream.ts";

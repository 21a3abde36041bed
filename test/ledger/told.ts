/** Answers of providers, read both ways that there are: as they pass to a client of the same protocol, and as they are told in another. */
import { noUsage, type Usage } from "../../src/chat/usage.ts";
import type { LedgerEntry } from "../../src/ledger/entry.ts";
import { costOf, type Price, type PriceClass } from "../../src/ledger/index.ts";
import { outcomeOf, type Ending } from "../../src/pipeline/outcome.ts";
import { observationOf, Retelling } from "../../src/protocols/retelling.ts";
import { anthropicMessages, conversations, gemini, openaiChat, openaiResponses } from "../../src/protocols/index.ts";
import type { Observation, Protocol, RequestFacts } from "../../src/protocols/protocol.ts";
import type { Attempt } from "../../src/router/index.ts";

export type Json = Record<string, unknown>;
/** One event of a stream; `data` a string: as it is. */
export type Frame = { event?: string; data: Json | string };

export const now = Date.UTC(2026, 10, 21);
export const million = 1_000_000;

/** Protocols in which a provider can be asked; those that a client speaks too are also passed through. */
export const protocols = [...conversations.keys()];
const passing: Readonly<Record<string, Protocol>> = {
  "openai-chat": openaiChat, "anthropic-messages": anthropicMessages, "openai-responses": openaiResponses, "gemini-generate": gemini("m", "streamGenerateContent", true)!,
};
const context = (protocol: string) => ({ origin: { protocol, provider: "here" }, idSeed: "seed" });
const silent = { push: () => "", end: () => "", fail: () => "" };

/** What each way sees of a whole answer. */
export const whole = (protocol: string, body: unknown): Observation[] => [
  ...(passing[protocol] ? [passing[protocol].observe(body)] : []), observationOf(conversations.get(protocol)!.parseResponse(body, context(protocol))),
];

/** What each way sees of a stream that closes behind its last frame. */
export function stream(protocol: string, frames: readonly Frame[]): Observation[] {
  const text = frames.map(({ event, data }) => `${event === undefined ? "" : `event: ${event}\n`}data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`).join("");
  const observers = [...(passing[protocol] ? [passing[protocol].watch(false)] : []), new Retelling(conversations.get(protocol)!.parseStream(context(protocol)), silent)];
  return observers.map((observer) => {
    observer.push(text);
    observer.close?.();
    return observer.seen;
  });
}

/** Prices in dollars per million tokens, as providers publish them. */
export const list = (perMillion: Partial<Record<PriceClass, number>>): Price[] =>
  Object.entries(perMillion).map(([name, dollars]) => ({ class: name as PriceClass, picoUsd: Math.round(dollars * 1e6), aboveTokens: 0, validFromMs: 0 }));

export const used = (usage: Partial<Usage>): Usage => ({ ...noUsage, ...usage });
/** What a usage costs in USD. */
export const usd = (prices: readonly Price[], usage: Partial<Usage>): number | undefined => {
  const nano = costOf(prices, used(usage), now);
  return nano === undefined ? undefined : nano / 1e9;
};

/** Claude Sonnet's list. */
export const sonnet = list({ input: 3, cached_input: 0.3, cache_write: 3.75, cache_write_1h: 6, output: 15 });

const facts: RequestFacts = { model: "m", stream: true, usageAsked: true, inputTokens: 100, likelyInputTokens: 50, outputTokens: 50, choices: 1 };

/** What is written down about an answer that ended so. */
export const entryOf = (prices: readonly Price[], seen: Observation | undefined, ending: Partial<Ending> = {}): Omit<LedgerEntry, "id" | "at"> => {
  const attempt = { endpoint: { provider: { id: "openai", selfHosted: false } }, deployment: "openai/m", prices } as unknown as Attempt;
  return outcomeOf(facts, "openai-chat", attempt, seen, { end: "complete", status: 200, way: "pump", firstByteMs: 1, totalMs: 2, attempts: 1, upstreamRequestId: null, reserved: { tokens: 150, nanoUsd: 0 }, refused: [], ...ending }, now);
};

/** The shapes of one answer in each protocol; `usage` is the protocol's own object. */
export const shapes: Readonly<Record<string, { whole: (usage: unknown) => Json; stream: (usage: unknown) => Frame[]; usage: (input: number, output: number) => Json; error: Frame }>> = {
  "openai-chat": {
    whole: (usage) => ({ id: "c", choices: [{ index: 0, message: { role: "assistant", content: "Hello, you" }, finish_reason: "stop" }], usage }),
    stream: (usage) => [
      { data: { id: "c", choices: [{ index: 0, delta: { role: "assistant", content: "Hello, you" } }] } }, { data: { id: "c", choices: [{ index: 0, delta: {}, finish_reason: "stop" }] } },
      { data: { id: "c", choices: [], usage } }, { data: "[DONE]" },
    ],
    usage: (input, output) => ({ prompt_tokens: input, completion_tokens: output, total_tokens: input + output }),
    error: { data: { error: { message: "The engine is overloaded", type: "server_error" } } },
  },
  "anthropic-messages": {
    whole: (usage) => ({ id: "m", type: "message", role: "assistant", content: [{ type: "text", text: "Hello, you" }], stop_reason: "end_turn", usage }),
    stream: (usage) => [
      { event: "message_start", data: { type: "message_start", message: { id: "m", type: "message", role: "assistant", content: [], usage } } },
      { event: "content_block_start", data: { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } } },
      { event: "content_block_delta", data: { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Hello, you" } } },
      { event: "content_block_stop", data: { type: "content_block_stop", index: 0 } },
      { event: "message_delta", data: { type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage } },
      { event: "message_stop", data: { type: "message_stop" } },
    ],
    usage: (input, output) => ({ input_tokens: input, output_tokens: output }),
    error: { event: "error", data: { type: "error", error: { type: "overloaded_error", message: "Overloaded" } } },
  },
  "openai-responses": {
    whole: (usage) => ({ id: "r", status: "completed", output: [{ type: "message", role: "assistant", content: [{ type: "output_text", text: "Hello, you" }] }], usage }),
    stream: (usage) => [
      { event: "response.created", data: { type: "response.created", response: { id: "r", usage: null } } },
      { event: "response.output_text.delta", data: { type: "response.output_text.delta", item_id: "i", output_index: 0, content_index: 0, delta: "Hello, you" } },
      { event: "response.completed", data: { type: "response.completed", response: { id: "r", status: "completed", output: [], usage } } },
    ],
    usage: (input, output) => ({ input_tokens: input, output_tokens: output, total_tokens: input + output }),
    error: { event: "error", data: { type: "error", code: "server_error", message: "The engine is overloaded", param: null } },
  },
  "gemini-generate": {
    whole: (usage) => ({ candidates: [{ content: { parts: [{ text: "Hello, you" }] }, finishReason: "STOP", index: 0 }], usageMetadata: usage }),
    stream: (usage) => [
      { data: { candidates: [{ content: { parts: [{ text: "Hello, you" }] }, index: 0 }] } }, { data: { candidates: [{ content: { parts: [] }, finishReason: "STOP", index: 0 }], usageMetadata: usage } },
    ],
    usage: (input, output) => ({ promptTokenCount: input, candidatesTokenCount: output, totalTokenCount: input + output }),
    error: { data: { error: { code: 503, message: "The model is overloaded", status: "UNAVAILABLE" } } },
  },
  "bedrock-converse": {
    whole: (usage) => ({ output: { message: { role: "assistant", content: [{ text: "Hello, you" }] } }, stopReason: "end_turn", usage }),
    stream: (usage) => [
      { event: "messageStart", data: { role: "assistant" } }, { event: "contentBlockDelta", data: { contentBlockIndex: 0, delta: { text: "Hello, you" } } }, { event: "contentBlockStop", data: { contentBlockIndex: 0 } },
      { event: "messageStop", data: { stopReason: "end_turn" } }, { event: "metadata", data: { usage } },
    ],
    usage: (input, output) => ({ inputTokens: input, outputTokens: output, totalTokens: input + output }),
    error: { event: "internalServerException", data: { message: "The system failed" } },
  },
  "cohere-chat": {
    whole: (usage) => ({ id: "c", finish_reason: "COMPLETE", message: { role: "assistant", content: [{ type: "text", text: "Hello, you" }] }, usage }),
    stream: (usage) => [
      { data: { type: "message-start", id: "c" } }, { data: { type: "content-start", delta: { message: { content: { type: "text", text: "" } } } } },
      { data: { type: "content-delta", delta: { message: { content: { text: "Hello, you" } } } } }, { data: { type: "content-end" } },
      { data: { type: "message-end", delta: { finish_reason: "COMPLETE", usage } } },
    ],
    usage: (input, output) => ({ tokens: { input_tokens: input, output_tokens: output } }),
    error: { data: { type: "message-end", delta: { error: "The system failed", finish_reason: "ERROR" } } },
  },
};

/** Every way in which an answer with this usage can be seen, in every protocol. */
export const everyWay = (usageOf: (protocol: string) => unknown): [name: string, seen: Observation][] =>
  protocols.flatMap((protocol) => [
    ...whole(protocol, shapes[protocol]!.whole(usageOf(protocol))).map((seen, i): [string, Observation] => [`${protocol}, whole, ${i}`, seen]),
    ...stream(protocol, shapes[protocol]!.stream(usageOf(protocol))).map((seen, i): [string, Observation] => [`${protocol}, streamed, ${i}`, seen]),
  ]);

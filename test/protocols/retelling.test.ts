/** Streams told anew that end otherwise than they should: what is whole is told as whole, and half a call never is. */
import { describe, expect, test } from "vitest";
import { GatewayError } from "../../src/errors.ts";
import { Retelling } from "../../src/protocols/retelling.ts";
import { conversations } from "../../src/protocols/conversations.ts";
import { anthropicMessages, gemini, openaiChat } from "../../src/protocols/index.ts";
import type { Protocol } from "../../src/protocols/protocol.ts";
import { drive, type Step } from "../upstream/drive.ts";

const clients: Record<string, Protocol> = { "openai-chat": openaiChat, "anthropic-messages": anthropicMessages, "gemini-generate": gemini("m", "streamGenerateContent", true)! };
const asking = openaiChat.conversation!.parseRequest({ model: "m", messages: [{ role: "user", content: "x" }], stream: true });

/** What a client gets of an upstream that speaks `from`, and what the ledger hears. */
async function retold(from: string, to: string, steps: readonly Step[], idleMs = 120_000) {
  const parser = conversations.get(from)!.parseStream({ origin: { protocol: from, provider: "p" }, idSeed: "seed" });
  const observer = new Retelling(parser, clients[to]!.conversation!.renderStream({ request: asking, requestId: "req_1", nowS: 1 }));
  return drive(steps, { observer, idleMs, words: (end) => observer.fail(new GatewayError("upstream_error", end)) });
}

const data = (value: object): string => `data: ${JSON.stringify(value)}\n\n`;
const candidate = (text: string, rest: object = {}): string => data({ candidates: [{ content: { parts: [{ text }], role: "model" }, index: 0, ...rest }] });
const chunk = (delta: object, finish_reason: string | null = null): string => data({ id: "c", choices: [{ index: 0, delta, finish_reason }] });
const item = { type: "function_call", id: "fc", call_id: "call_1", name: "f" };
const call = [data({ type: "response.created", response: { id: "r" } }), data({ type: "response.output_item.added", output_index: 0, item: { ...item, arguments: "" } }), data({ type: "response.function_call_arguments.delta", output_index: 0, item_id: "fc", delta: '{"ci' })];

describe.each<[string, Step[], number?]>([["breaks", [{ waitMs: 10 }, "break"]], ["goes silent", [{ waitMs: 300 }], 60], ["breaks in the middle of a frame", ['data: {"u', { waitMs: 10 }, "break"]]])("an upstream that %s behind the finish of its answer", (_, ending, idleMs) => {
  test.each([
    ["gemini-generate", [candidate("all"), candidate("", { finishReason: "STOP" })]],
    ["openai-chat", [chunk({ content: "all" }), chunk({}, "stop")]],
  ])("has given a whole one: %s", async (from, steps) => {
    const { text, end, observer } = await retold(from, "anthropic-messages", [...steps, ...ending], idleMs);
    expect(text).toContain('"text":"all"');
    expect(text).toMatch(/event: message_stop\ndata: \{"type":"message_stop"\}\n\n$/);
    expect(text).not.toContain("event: error");
    expect([end, observer.seen.terminated]).toEqual(["done", true]);
  });
});

describe.each<[string, Step[]]>([["closes", []], ["breaks", [{ waitMs: 10 }, "break"]]])("half a call of an upstream that %s", (_, ending) => {
  test("is no call to a client that gets calls whole", async () => {
    const { text } = await retold("openai-responses", "gemini-generate", [...call, ...ending]);
    expect(text).not.toContain("functionCall");
    expect(text).toMatch(/^data: \{"error":.*\}\s+$/);
  });

  test("is not ended, but for the error", async () => {
    const { text, observer } = await retold("openai-responses", "anthropic-messages", [...call, ...ending]);
    expect(text).toContain('"partial_json":"{\\"ci"');
    expect(text).not.toContain("content_block_stop");
    expect(text).toMatch(/event: error\n.*\n\n$/);
    expect(observer.seen.terminated).toBe(false);
  });
});

test("an error inside the stream stays one, also behind the finish", async () => {
  const { text, observer } = await retold("anthropic-messages", "openai-chat", [
    data({ type: "message_start", message: { id: "m" } }), data({ type: "message_delta", delta: { stop_reason: "end_turn" } }), data({ type: "error", error: { type: "overloaded_error", message: "overloaded" } }),
  ]);
  expect(text).toContain('"message":"overloaded"');
  expect(text).not.toContain("[DONE]");
  expect(observer.seen.error).toBe("overloaded");
});

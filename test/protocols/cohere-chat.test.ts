/** Cohere's chat: what a request becomes, and what is read of answers. */
import { expect, test } from "vitest";
import { collect, type ChatRequest, type Turn } from "../../src/chat/index.ts";
import { cohereChatUpstream as cohere } from "../../src/protocols/cohere-chat/index.ts";
import type { Target } from "../../src/protocols/protocol.ts";

const origin = { protocol: "cohere-chat", provider: "there" };
const target: Target = { upstreamId: "command", origin, dialect: {}, maxOutputTokens: undefined };
const context = { origin, idSeed: "0" };
const user: Turn = { role: "user", parts: [{ type: "text", text: "hi" }] };
const rendered = (over: Partial<ChatRequest>) =>
  cohere.renderRequest({ model: "m", stream: false, streamUsage: true, turns: [user], tools: [], rest: { protocol: "openai-chat", fields: {} }, ...over }, target);

test("a turn with a plan, a call and its result; settings by Cohere's names", () => {
  const { body, losses } = rendered({
    turns: [user, { role: "assistant", parts: [{ type: "reasoning", texts: ["plan"], origin }, { type: "tool-call", id: "c1", name: "f", input: '{"id":12345678901234567890}' }] },
      { role: "user", parts: [{ type: "tool-result", id: "c1", content: [{ type: "text", text: "42" }] }, { type: "text", text: "so?" }] }],
    tools: [{ type: "function", name: "f", strict: true, parameters: { type: "object" } }], toolChoice: { type: "required" }, topP: 0.5, topK: 3, stop: ["x"], seed: 1, maxOutputTokens: 9,
  });
  expect(losses).toEqual([]);
  expect(body).toEqual({
    model: "command", p: 0.5, k: 3, stop_sequences: ["x"], seed: 1, max_tokens: 9, strict_tools: true, tool_choice: "REQUIRED",
    tools: [{ type: "function", function: { name: "f", parameters: { type: "object" } } }],
    messages: [
      { role: "user", content: "hi" },
      { role: "assistant", tool_plan: "plan", tool_calls: [{ id: "c1", type: "function", function: { name: "f", arguments: '{"id":12345678901234567890}' } }] },
      { role: "tool", tool_call_id: "c1", content: "42" }, { role: "user", content: "so?" },
    ],
  });
});

test.each([
  ["logit_bias", { logitBias: { 1: 1 } }], ["choices", { choices: 2 }], ["user", { user: "u" }], ["audio", { turns: [{ role: "user" as const, parts: [{ type: "file" as const, kind: "audio" as const, data: { base64: "AA==" } }] }] }],
  ["reasoning", { turns: [user, { role: "assistant" as const, parts: [{ type: "reasoning" as const, texts: ["hm"], origin: { protocol: "gemini-generate" } }, { type: "text" as const, text: "so" }] }] }],
])("%s is a declared loss", (loss, over) => {
  expect(rendered(over).losses).toEqual([loss]);
});

const usage = { billed_units: { input_tokens: 1, output_tokens: 1 }, tokens: { input_tokens: 9, output_tokens: 4 }, cached_tokens: 5 };
const call = { id: "c1", type: "function", function: { name: "f", arguments: '{"a":1}' } };
const frames: object[] = [
  { id: "i", type: "message-start", delta: { message: { role: "assistant" } } },
  { type: "tool-plan-delta", delta: { message: { tool_plan: "pl" } } }, { type: "tool-plan-delta", delta: { message: { tool_plan: "an" } } },
  { type: "tool-call-start", delta: { message: { tool_calls: { ...call, function: { name: "f", arguments: "" } } } } },
  { type: "tool-call-delta", delta: { message: { tool_calls: { function: { arguments: '{"a":1}' } } } } }, { type: "tool-call-end" },
  { type: "message-end", delta: { finish_reason: "TOOL_CALL", usage } },
];
const streamed = (some: object[]) => {
  const parser = cohere.parseStream(context);
  return [...some.flatMap((frame) => parser.push({ data: JSON.stringify(frame) })), ...parser.end()];
};

test("an answer is the same whole and streamed, and one that stops says no finish", () => {
  const response = cohere.parseResponse({ id: "i", message: { tool_plan: "plan", tool_calls: [call] }, finish_reason: "TOOL_CALL", usage }, context);
  expect(collect(streamed(frames))).toEqual(response);
  expect(response).toMatchObject({
    choices: [{ parts: [{ type: "reasoning", texts: ["plan"] }, { type: "tool-call", id: "c1", name: "f", input: '{"a":1}' }], finish: { unified: "tool-calls" } }],
    usage: { inputTokens: 9, cachedTokens: 5, outputTokens: 4 },
  });
  expect(streamed(frames.slice(0, -1)).some(({ type }) => type === "finish" || type === "end")).toBe(false);
});

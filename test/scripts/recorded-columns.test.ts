/** The columns of `npm run test:translate`: an answer as recorded is clean, and every single fault is seen. */
import { describe, expect, test } from "vitest";
import { completionsColumn } from "../recorded/column-completions.ts";
import { geminiColumn } from "../recorded/column-gemini.ts";
import type { Answer, Exchange } from "../recorded/column.ts";
import { judge, judgeCut, type Wire } from "../recorded/judge.ts";

const said: Answer = {
  text: "Rome it is.", reasoning: "Think.", finish: "STOP", calls: [{ id: "a", name: "get", args: '{"x":1}' }],
  usage: { input: 10, output: 7, total: 17, cached: 4, cache_write: 2, reasoning: 5 },
};
const exchange: Exchange = {
  id: "rec-0", stream: true, format: "sse", status: 200, response: {},
  expected: {
    text: "Rome it is.", reasoning: "Think.", finish: "tool_calls", finish_norm: "tool_calls", tool_calls: [{ id: "a", name: "get", args: '{ "x": 1 }' }],
    usage: {}, usage_norm: { input: 10, output: 7, total: 17, cached: 4, cache_write: 2, reasoning: 5 },
  },
};
const frames = (text: string) => text.split("\n\n").filter(Boolean).map((frame) => ({ data: frame.slice(6) }));
const tools = { frames, schema: () => [] };
const streamOf = (...chunks: (object | "[DONE]")[]): string => chunks.map((chunk) => `data: ${chunk === "[DONE]" ? chunk : JSON.stringify(chunk)}\n\n`).join("");
const chunk = (part: object, rest: object = {}, end: object = {}) => ({ candidates: [{ index: 0, content: { role: "model", parts: [part] }, ...end }], modelVersion: "m", responseId: "r", ...rest });
const whole = [chunk({ text: "Rome it is." }), chunk({ functionCall: { name: "get" } }, { usageMetadata: {} }, { finishReason: "STOP" })];
const wire = (text: string): Wire => ({ status: 200, type: "text/event-stream", text });
const wrongIn = (outcome: Answer, text = streamOf(...whole)): string[] => {
  const { checks } = judge(geminiColumn, exchange, outcome, wire(text), tools);
  return Object.keys(checks).filter((name) => checks[name] === false);
};

describe("the Gemini client", () => {
  test("an answer as recorded is clean, what the protocol cannot say is named", () => {
    const { checks, rules } = judge(geminiColumn, exchange, said, wire(streamOf(...whole)), tools);
    expect(Object.values(checks).every((mark) => mark === true)).toBe(true);
    expect(rules).toEqual(["no finish for calls", "writes are input"]);
  });

  test.each<[string, Partial<Answer>]>([
    ["text", { text: "Rome it was." }],
    ["reasoning", { reasoning: "" }],
    ["tool_count", { calls: [] }],
    ["tool_names", { calls: [{ id: "a", name: "put", args: '{"x":1}' }] }],
    ["tool_args", { calls: [{ id: "a", name: "get", args: '{"x":2}' }] }],
    ["tool_ids", { calls: [{ name: "get", args: '{"x":1}' }] }],
    ["finish", { finish: "MAX_TOKENS" }],
    ["usage_present", { usage: undefined }],
    ["usage_in", { usage: { ...said.usage, input: 6 } }],
    ["usage_out", { usage: { ...said.usage, output: 2 } }],
    ["usage_cached", { usage: { ...said.usage, cached: 0 } }],
    ["usage_reasoning", { usage: { ...said.usage, reasoning: 0 } }],
    ["usage_sum", { usage: { ...said.usage, total: 12 } }],
  ])("%s is seen", (name, fault) => {
    expect(wrongIn({ ...said, ...fault })).toContain(name);
  });

  test.each<[string, object[]]>([
    ["finishReason x0", [whole[0]!]],
    ["the head changes", [whole[0]!, { ...whole[1], responseId: "s" }]],
    ["content behind the finish", [whole[1]!, whole[0]!]],
    ["a content without parts", [{ ...whole[0], candidates: [{ index: 0, content: { role: "model", parts: [] } }] }, whole[1]!]],
    ["no counts at the end", [whole[0]!, chunk({ text: "" }, {}, { finishReason: "STOP" })]],
  ])("a stream's grammar: %s", (fault, chunks) => {
    expect(geminiColumn.grammar(frames(streamOf(...chunks)), true)).toContain(fault);
  });

  test("an input that is no object is expected where it was put", () => {
    const custom = { ...exchange, expected: { ...exchange.expected, tool_calls: [{ id: "a", name: "get", args: "ls -l" }] } };
    const { checks, rules } = judge(geminiColumn, custom, { ...said, calls: [{ id: "a", name: "get", args: '{"input":"ls -l"}' }] }, wire(streamOf(...whole)), tools);
    expect([checks.tool_args, rules.includes("input wrapped")]).toEqual([true, true]);
  });
});

describe("the completions client", () => {
  const piece = (text: string, reason: string | null) => ({ id: "c", object: "text_completion", created: 1, model: "m", choices: [{ index: 0, text, finish_reason: reason }] });
  const counts = { ...piece("", null), choices: [], usage: { prompt_tokens: 1 } };
  const stream = [piece("Rome", null), piece("", "stop"), counts, "[DONE]"] as const;

  test("a whole stream has no fault", () => {
    expect(completionsColumn.grammar(frames(streamOf(...stream)), true)).toEqual([]);
  });

  test.each<[string, readonly (object | "[DONE]")[]]>([
    ["[DONE] x0", stream.slice(0, 3)],
    ["usage x0", [stream[0], stream[1], stream[3]]],
    ["finish_reason x0", [stream[0], stream[2], stream[3]]],
    ["text behind the finish", [stream[1], stream[0], stream[2], stream[3]]],
    ["the id changes", [{ ...stream[0], id: "d" }, ...stream.slice(1)]],
  ])("a stream's grammar: %s", (fault, chunks) => {
    expect(completionsColumn.grammar(frames(streamOf(...chunks)), true)).toContain(fault);
  });

  test("cache writes and audio are compared, reasoning has no place", () => {
    const usage = { prompt_tokens_details: { audio_tokens: 3 } };
    const texts = { ...exchange, stream: false, expected: { ...exchange.expected, tool_calls: [], finish_norm: "stop", usage } };
    const got = { ...said, reasoning: "", calls: [], finish: "stop", usage: { ...said.usage, cache_write: 1, audio_in: 0, audio_out: 0 } };
    const { checks, rules } = judge(completionsColumn, texts, got, wire("{}"), tools);
    expect(Object.keys(checks).filter((name) => checks[name] === false)).toEqual(["usage_cache_write", "usage_audio"]);
    expect(rules).toEqual(["no reasoning"]);
  });

  test("only exchanges of text are taken", () => {
    const row = { id: "rec-0", provider: "p", endpoint: "chat", stream: false, format: "json", status: 200, res_bytes: 1 };
    const taken = (...features: string[]): boolean => completionsColumn.takes({ ...row, features });
    expect([taken(), taken("system", "thinking"), taken("tools"), taken("image_in"), taken("item_web_search_call")]).toEqual([true, true, false, false, false]);
  });
});

test("a stream that was cut must not end well", () => {
  const { checks } = judgeCut(said, wire(""), 10);
  expect(checks).toEqual({ no_hang: true, not_reported_as_success: false });
});

import { describe, expect, test } from "vitest";
import type { Part } from "../../src/chat/index.ts";
import { noUsage } from "../../src/chat/usage.ts";
import { GatewayError } from "../../src/errors.ts";
import { openaiChat, openaiCompletions } from "../../src/protocols/index.ts";
import { rawValue, splice } from "../../src/upstream/index.ts";
import { observe, testStreams, type Case } from "./contract.ts";
import { APIError } from "./openai-sdk.mjs";

const event = (data: object | string): string => `data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;
const chunk = (text: string, finish: string | null = null, rest: object = {}): string => event({ id: "cmpl-1", object: "text_completion", choices: [{ text, index: 0, logprobs: null, finish_reason: finish }], ...rest });
const five = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
const fiveRead = { ...noUsage, inputTokens: 3, outputTokens: 2 };
const usageEvent = event({ id: "cmpl-1", object: "text_completion", choices: [], usage: five });
const done = event("[DONE]");

const cases: Record<string, Case> = {
  "a stream as OpenAI sends it": {
    stream: chunk("Hel", null, { usage: null }) + chunk("lo") + chunk("", "stop") + usageEvent + done, shown: chunk("Hel", null, { usage: null }) + chunk("lo") + chunk("", "stop") + done,
    seen: { usage: fiveRead, terminated: true, error: undefined, outputCharacters: 5 },
  },
  "usage beside the finish (vLLM, Together)": { stream: chunk("Hello", "length", { usage: five }) + done, seen: { usage: fiveRead, terminated: true, outputCharacters: 5 } },
  "log probabilities": {
    stream: event({ choices: [{ text: "é🌍", index: 1, logprobs: { tokens: ["text"], text_offset: [0], top_logprobs: [{ text: -1 }] }, finish_reason: "stop" }] }), seen: { terminated: true, outputCharacters: 3 },
  },
  "text that speaks of usage and ends": { stream: chunk('"usage":{"prompt_tokens":9} "finish_reason":"stop"'), seen: { usage: undefined, terminated: false } },
  "an error": { stream: chunk("so far") + event({ error: { message: "overloaded" } }), seen: { error: "overloaded", terminated: false, outputCharacters: 6 } },
};

testStreams(openaiCompletions, cases);

describe("a whole answer", () => {
  test("says what it used and wrote", () => {
    expect(openaiCompletions.observe({ choices: [{ text: "Hello" }, { text: "you" }, { text: null }, null], usage: five })).toEqual({ usage: fiveRead, reportedNanoUsd: undefined, error: undefined, terminated: true, outputCharacters: 8 });
  });

  test("that is an error under status 200", () => {
    expect(openaiCompletions.observe({ error: { message: "no" } })).toMatchObject({ error: "no", outputCharacters: 0 });
  });

  test.each([undefined, null, 7, "x", [], {}, { choices: {} }, { choices: [7] }])("%j breaks nothing", (body) => {
    expect(openaiCompletions.observe(body)).toMatchObject({ usage: undefined, outputCharacters: 0 });
  });
});

test("what is not text is named when it is left out", () => {
  const { parseRequest, renderResponse } = openaiCompletions.conversation!;
  const context = { request: parseRequest({ model: "m", prompt: "x" }), requestId: "req_1", nowS: 1 };
  const rendered = (...parts: Part[]) => renderResponse({ choices: [{ parts, finish: { unified: "stop" } }] }, context);
  const { body, losses } = rendered(
    { type: "reasoning", texts: ["hm"], origin: { protocol: "p" } }, { type: "text", text: "No", refusal: true },
    { type: "text", text: ".", citations: [{ url: "https://a.b", raw: { protocol: "p", value: {} } }] }, { type: "opaque", protocol: "p", value: {} },
  );
  expect(JSON.parse(body)).toMatchObject({ choices: [{ text: "No.", finish_reason: "stop" }] });
  expect(losses).toEqual(["refusal", "citations", "provider_content"]);
  expect(rendered({ type: "text", text: "a" }).losses).toEqual([]);
});

describe("a request", () => {
  const parse = (over: object = {}) => openaiCompletions.parse({ model: "gpt-3.5-turbo-instruct", prompt: "hello", ...over });

  test.each<[string, object, object]>([
    ["plain: OpenAI's own limit", {}, { stream: false, usageAsked: false, inputTokens: 9, outputTokens: 16, choices: 1 }],
    ["a limit", { max_tokens: 100 }, { outputTokens: 100 }],
    ["none allowed", { max_tokens: 0, echo: true }, { outputTokens: 0 }],
    ["several answers", { n: 3, max_tokens: 100 }, { outputTokens: 300, choices: 3 }],
    ["the best of several", { n: 2, best_of: 5, max_tokens: 10 }, { outputTokens: 50, choices: 5 }],
    ["several prompts", { prompt: ["hello", "world"], n: 2, max_tokens: 10 }, { inputTokens: 18, readings: 2, outputTokens: 40, choices: 4 }],
    ["tokens, which are one prompt", { prompt: [1, 2, 3] }, { inputTokens: 3, outputTokens: 16, choices: 1 }],
    ["lists of tokens", { prompt: [[1, 2, 3], [4]] }, { inputTokens: 4, outputTokens: 32, choices: 2 }],
    ["no prompt", { prompt: null }, { inputTokens: 0, outputTokens: 16, choices: 1 }],
    ["a suffix", { suffix: "x".repeat(100) }, { inputTokens: 113 }],
    ["stream with usage", { stream: true, stream_options: { include_usage: true } }, { stream: true, usageAsked: true }],
    ["null everywhere", { max_tokens: null, n: null, best_of: null, stream: null, stream_options: null, suffix: null }, { outputTokens: 16, choices: 1, stream: false }],
  ])("%s", (_, over, facts) => expect(parse(over)).toMatchObject(facts));

  test.each<[object, string, string]>([
    [{ prompt: [1, 2] }, "prompt", "a prompt of tokens"], [{ prompt: [[1], [2]] }, "prompt", "a prompt of tokens"], [{ prompt: ["a", "b"] }, "prompt", "several prompts at once"], [{ prompt: null }, "prompt", "an answer to no prompt"],
    [{ suffix: "}" }, "suffix", "what follows (suffix)"], [{ n: 2, best_of: 3 }, "best_of", "the best of several (best_of)"],
    [{ echo: true, logprobs: 0 }, "echo", "the tokens of the prompt itself (echo with logprobs, or without an answer)"], [{ echo: true, max_tokens: 0 }, "echo", "the tokens of the prompt itself (echo with logprobs, or without an answer)"],
  ])("%j can only be told in completions", (over, param, what) => expect(parse(over).nativeOnly).toEqual({ param, what: [what], must: true, ...(param === "suffix" && { also: ["mistral-fim"] }) }));

  test.each([{}, { prompt: ["a"] }, { echo: true }, { suffix: "", logprobs: 3, n: 2, best_of: 2 }])("%j can be told to any model", (over) => expect(parse(over).nativeOnly).toBeUndefined());

  test("for more than there is stays a number that can be priced", () => {
    const { outputTokens } = parse({ prompt: Array.from({ length: 100_000 }, () => "x"), n: 128, max_tokens: 100_000_000 });
    expect(outputTokens! * 60_000_000 / 1_000).toBeLessThan(Number.MAX_SAFE_INTEGER);
  });

  test.each<[object, string]>([
    [{ model: undefined }, "model"], [{ prompt: 7 }, "prompt"], [{ prompt: [] }, "prompt"], [{ prompt: [1, "a"] }, "prompt"], [{ prompt: [[]] }, "prompt[0]"], [{ prompt: {} }, "prompt"], [{ max_tokens: -1 }, "max_tokens"],
    [{ n: 0 }, "n"], [{ best_of: 129 }, "best_of"], [{ stream: 1 }, "stream"], [{ stream_options: [] }, "stream_options"], [{ Prompt: "x" }, "Prompt"],
  ])("%j names the field", (over, param) => {
    expect(() => parse(over)).toThrow(expect.objectContaining({ code: "invalid_request", detail: { param } }));
  });
});

test("usage is asked for in a stream, as in chat", () => {
  const edited = (body: string): string => splice(body, openaiCompletions.edits(openaiCompletions.parse(JSON.parse(body)), (key) => rawValue(body, key), "m"));
  expect(edited('{"model":"m","prompt":"x","stream":true}')).toBe('{"model":"m","prompt":"x","stream":true,"stream_options":{"include_usage":true}}');
  expect(edited('{"model":"m","prompt":"x"}')).toBe('{"model":"m","prompt":"x"}');
});

test("errors look as they do in chat", () => {
  const error = new GatewayError("rate_limit_exceeded", "slow down");
  expect(openaiCompletions.renderError(error, "req_1")).toBe(openaiChat.renderError(error, "req_1"));
  expect(APIError.generate(429, JSON.parse(openaiCompletions.renderError(error, "req_1")) as object, undefined, new Headers()).constructor.name).toBe("RateLimitError");
  expect(observe(openaiCompletions, openaiCompletions.renderStreamError(error, "req_1")).seen.error).toBe("slow down");
});

import { describe, expect, test } from "vitest";
import { noUsage } from "../../src/chat/usage.ts";
import { GatewayError } from "../../src/errors.ts";
import { openaiChat, openaiEmbeddings } from "../../src/protocols/index.ts";

const parse = (input: unknown, over: object = {}) => openaiEmbeddings.parse({ model: "text-embedding-3-small", input, ...over });

describe("a request", () => {
  test.each<[string, unknown, number, number?]>([
    ["a text", "hello world", 15],
    ["texts", ["hello", "world"], 18, 2],
    ["tokens", [1, 2, 3], 3],
    ["lists of tokens", [[1, 2, 3], [4]], 4, 2],
    ["an empty text", "", 4],
  ])("%s", (_, input, inputTokens, readings = 1) => {
    expect(parse(input)).toEqual({ model: "text-embedding-3-small", stream: false, usageAsked: false, inputTokens, likelyInputTokens: expect.any(Number), readings, outputTokens: 0, choices: 1 });
  });

  test.each([undefined, null, 7, {}, [], [[]], [1, "a"], [1.5], ["a", 1], [[1], "a"], [null]])("%j is no input", (input) => {
    expect(() => parse(input)).toThrow(expect.objectContaining({ code: "invalid_request", detail: { param: expect.stringMatching(/^input/) as unknown } }));
  });

  test("needs a model", () => {
    expect(() => parse("x", { model: undefined })).toThrow(expect.objectContaining({ detail: { param: "model" } }));
  });

  test("does not stream, whatever it says, and passes as it is", () => {
    expect(parse("x", { stream: true, dimensions: "many", encoding_format: 7 }).stream).toBe(false);
    expect(openaiEmbeddings.edits(parse("x"), () => undefined, "theirs")).toEqual({});
  });

  test("of a thousand long texts is bounded by all of them", () => {
    expect(parse(Array.from({ length: 1_000 }, () => "x".repeat(1_000))).inputTokens).toBe(1_004_000);
  });
});

test("an answer says what it used", () => {
  const seen = openaiEmbeddings.observe({ object: "list", data: [{ embedding: "AAAAPw==" }], usage: { prompt_tokens: 8, total_tokens: 8 } });
  expect(seen).toEqual({ usage: { ...noUsage, inputTokens: 8 }, reportedNanoUsd: undefined, error: undefined, terminated: true, outputCharacters: 0 });
});

test("errors look as they do in chat", () => {
  const error = new GatewayError("invalid_request", "input: no", { param: "input" });
  expect(openaiEmbeddings.renderError(error, "req_1")).toEqual(openaiChat.renderError(error, "req_1"));
  expect([openaiEmbeddings.id, openaiEmbeddings.path]).toEqual(["openai-embeddings", "/embeddings"]);
});

import { describe, expect, test } from "vitest";
import { bound } from "../../src/pipeline/admit.ts";
import { mostInput, mostOutput, roomForAnswer } from "../../src/pipeline/most.ts";
import { providerOf } from "../../src/providers/index.ts";
import type { RequestFacts } from "../../src/protocols/protocol.ts";
import type { Attempt } from "../../src/router/index.ts";

const attempt = (over: Partial<Attempt> = {}, provider = "openai"): Attempt => ({
  endpoint: { provider: providerOf(provider)!, baseUrl: "", secret: "" }, upstreamId: "gpt-5", deployment: `${provider}/gpt-5`, vital: "", prices: [], protocols: ["openai-chat"],
  contextTokens: 100_000, maxOutputTokens: 1_000, ...over,
});
const facts = (over: Partial<RequestFacts> = {}): RequestFacts => ({
  model: "m", stream: false, usageAsked: true, inputTokens: 500, likelyInputTokens: 100, outputTokens: undefined, choices: 1, ...over,
});

describe("what can be read", () => {
  test.each<[string, Partial<Attempt>, Partial<RequestFacts>, number]>([
    ["what is seen", {}, {}, 500],
    ["never more than the window", {}, { inputTokens: 4_000_000 }, 100_000],
    ["of a model without a known window", { contextTokens: undefined }, { inputTokens: 4_000_000 }, 4_000_000],
    ["as many windows as prompts", {}, { inputTokens: 4_000_000, readings: 3 }, 300_000],
    ["the window, where not all is seen", {}, { unseen: true }, 100_000],
    ["a window for each round", {}, { unseen: true, readings: 11 }, 1_100_000],
    ["the widest window, where nobody knows it", { contextTokens: undefined }, { unseen: true }, 1_048_576],
    ["a picture of GPT-4o mini's: eight tiles", { upstreamId: "gpt-4o-mini-2024-07-18" }, { pictures: 1 }, 48_669],
    ["the same through OpenRouter, two of them", { upstreamId: "openai/gpt-4o-mini" }, { pictures: 2 }, 96_838],
    ["pictures of Claude's", { upstreamId: "us.anthropic.claude-sonnet-5" }, { pictures: 2 }, 10_068],
    ["any other picture", {}, { pictures: 1 }, 16_884],
    ["a number that can be priced, whatever is asked", {}, { unseen: true, readings: 100_000_001 }, 10_000_000_000],
  ])("%s", (_, over, asked, tokens) => expect(mostInput(attempt(over), facts(asked))).toBe(tokens));

  test("with Cohere's preamble, where a model reads at all", () => {
    expect(mostInput(attempt({}, "cohere"), facts())).toBe(2_000);
    expect(mostInput(attempt({}, "cohere"), facts({ inputTokens: 0 }))).toBe(0);
  });
});

describe("what can be written", () => {
  test.each<[string, Partial<Attempt>, Partial<RequestFacts>, number]>([
    ["the model's cap", {}, {}, 1_000],
    ["for each answer", {}, { choices: 3 }, 3_000],
    ["the client's limit", {}, { outputTokens: 20 }, 20],
    ["never more than the model can", {}, { outputTokens: 5_000 }, 1_000],
    ["something, where nobody knows", { maxOutputTokens: undefined }, { choices: 2 }, 32_768],
    ["nothing", {}, { outputTokens: 0 }, 0],
  ])("%s", (_, over, asked, tokens) => expect(mostOutput(attempt(over), facts(asked))).toBe(tokens));
});

describe("what one answer has room for", () => {
  test.each<[string, Partial<Attempt>, Partial<RequestFacts>, number | undefined]>([
    ["what the model can say", {}, {}, 1_000],
    ["what is left of the window beside half as much again as is probably read", { contextTokens: 600, maxOutputTokens: 1_000 }, {}, 450],
    ["never less than what is left beside all that can be read", { contextTokens: 600, maxOutputTokens: undefined }, { inputTokens: 120 }, 480],
    ["one token, where there is no room", { contextTokens: 100 }, { inputTokens: 900, likelyInputTokens: 900 }, 1],
    ["the model's cap, where nobody knows its window", { contextTokens: undefined }, {}, 1_000],
    ["nobody knows", { contextTokens: undefined, maxOutputTokens: undefined }, {}, undefined],
  ])("%s", (_, over, asked, tokens) => expect(roomForAnswer(attempt(over), facts(asked))).toBe(tokens));
});

test("the dearest of the plan's attempts is reserved: unseen input on the widest window", () => {
  const prices = [{ class: "input" as const, picoUsd: 2_000, aboveTokens: 0, validFromMs: 0 }, { class: "output" as const, picoUsd: 10_000, aboveTokens: 0, validFromMs: 0 }];
  const attempts = [attempt({ prices }), attempt({ prices, contextTokens: 1_000_000 })];
  expect(bound(attempts, facts({ unseen: true, outputTokens: 100 }), "openai-chat", 1)).toEqual({ tokens: 1_000_100, nanoUsd: 2_001_000 });
});

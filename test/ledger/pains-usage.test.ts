/** pains.md, part A, where usage is read: what others' gateways lost, counted twice or made up. Wire shapes as the providers send them. */
import { describe, expect, test } from "vitest";
import type { Usage } from "../../src/chat/usage.ts";
import { anthropicMessages } from "../../src/protocols/index.ts";
import type { Observation } from "../../src/protocols/protocol.ts";
import { entryOf, everyWay, list, million, protocols, shapes, sonnet, stream, usd, used, whole, type Frame, type Json } from "./told.ts";

const usagesOf = (seen: Observation[]): (Usage | undefined)[] => seen.map(({ usage }) => usage);
/** Both ways of reading see the same, and it is this. */
function expectUsage(seen: Observation[], usage: Partial<Usage>): void {
  expect(seen.length).toBeGreaterThan(0);
  expect(usagesOf(seen)).toEqual(seen.map(() => used(usage)));
}

describe("pains.md 4: upstream error text or nothing at all billed as output", () => {
  const longWords = 'no "content": "billed as if the model had written it" '.repeat(50);

  test("an answer of status 4xx or 5xx, and one that never came, cost nothing", () => {
    for (const status of [400, 429, 500, 502, 529]) expect(entryOf(sonnet, undefined, { end: "upstream_error", status })).toMatchObject({ usage: used({}), costNanoUsd: 0, estimated: false });
  });

  test.each(protocols)("%s: an error inside a stream is no output", (protocol) => {
    const { error, stream: frames, usage } = shapes[protocol]!;
    const loud: Frame = JSON.parse(JSON.stringify(error).replace(/The engine is overloaded|Overloaded|The model is overloaded|The system failed/, JSON.stringify(longWords).slice(1, -1))) as Frame;
    for (const seen of stream(protocol, [loud])) {
      expect([seen.error, seen.outputCharacters]).toEqual([expect.stringContaining("billed as if"), 0]);
      expect(entryOf(sonnet, seen, { end: "unterminated" })).toMatchObject({ end: "upstream_error", usage: used({}), costNanoUsd: 0 });
    }
    // Partial text is billed, the error behind it is not: ten characters are three tokens.
    const text = frames(usage(9, 9)).slice(0, protocol === "openai-responses" ? 2 : 3).filter(({ data }) => JSON.stringify(data).includes("Hello") || !JSON.stringify(data).includes("usage"));
    for (const seen of stream(protocol, [...text, loud])) expect(entryOf(sonnet, seen, { end: "unterminated" })).toMatchObject({ end: "upstream_error", estimated: true, usage: { outputTokens: 3 } });
  });

  test("an empty answer costs its input", () => {
    for (const [name, seen] of everyWay((protocol) => shapes[protocol]!.usage(1_000, 0))) expect([name, entryOf(sonnet, seen)]).toEqual([name, expect.objectContaining({ costNanoUsd: 3_000_000, costSource: "price" })]);
  });
});

describe("pains.md 5: an explicit zero is not a missing usage", () => {
  test("zeros stay zeros, also when the client has left", () => {
    for (const [name, seen] of everyWay((protocol) => shapes[protocol]!.usage(0, 0))) {
      expect([name, entryOf(sonnet, seen, { end: "client_gone" })]).toEqual([name, expect.objectContaining({ usage: used({}), costNanoUsd: 0, estimated: false, costSource: "price" })]);
    }
  });

  test.each<[string, (protocol: string) => unknown]>([
    ["no usage", () => undefined], ["null", () => null], ["an empty object", () => ({})],
    ["counts that are null", (protocol) => JSON.parse(JSON.stringify(shapes[protocol]!.usage(7, 7)).replaceAll(/\b(?:7|14)\b/g, "null"))],
    ["counts that are words", (protocol) => JSON.parse(JSON.stringify(shapes[protocol]!.usage(7, 7)).replaceAll(/\b(?:7|14)\b/g, '"7"'))],
    ["counts below nothing", (protocol) => JSON.parse(JSON.stringify(shapes[protocol]!.usage(7, 7)).replaceAll(/\b(?:7|14)\b/g, "-7"))],
  ])("%s is missing, and estimated", (_, usageOf) => {
    for (const [name, seen] of everyWay(usageOf)) {
      const { costNanoUsd, estimated, usage } = entryOf(sonnet, seen, { end: "client_gone" });
      expect([name, estimated, usage.outputTokens, costNanoUsd > 0]).toEqual([name, true, 3, true]);
    }
  });
});

/** The frames without those that end the answer. */
const endless: Readonly<Record<string, (usage: Json) => Frame[]>> = {
  "openai-chat": (usage) => [shapes["openai-chat"]!.stream(usage)[0]!, { data: { choices: [], usage } }],
  "anthropic-messages": (usage) => shapes["anthropic-messages"]!.stream(usage).slice(0, 4),
  "openai-responses": (usage) => shapes["openai-responses"]!.stream(usage).slice(0, 2),
  "gemini-generate": (usage) => [{ data: { ...(shapes["gemini-generate"]!.stream(usage)[0]!.data as Json), usageMetadata: usage } }],
  "bedrock-converse": (usage) => shapes["bedrock-converse"]!.stream(usage).filter(({ event }) => event !== "messageStop"),
  "cohere-chat": (usage) => shapes["cohere-chat"]!.stream(usage).slice(0, -1),
};

test.each(protocols)("pains.md 7: usage of a stream without a terminal event is kept: %s", (protocol) => {
  const { usage } = shapes[protocol]!;
  const told = { exact: ["openai-chat", "gemini-generate", "bedrock-converse"], input: ["anthropic-messages"] };
  for (const seen of stream(protocol, endless[protocol]!(usage(5_000, 40)))) {
    expect(seen.terminated).toBe(false);
    const entry = entryOf(sonnet, seen, { end: "unterminated" });
    if (told.exact.includes(protocol)) expect(entry).toMatchObject({ end: "unterminated", estimated: false, usage: used({ inputTokens: 5_000, outputTokens: 40 }), costNanoUsd: 15_600_000 });
    else if (told.input.includes(protocol)) expect(entry).toMatchObject({ estimated: true, usage: { inputTokens: 5_000 } });
    // The protocol says its usage in its last event alone: half of the bound, and what was written.
    else expect(entry).toMatchObject({ estimated: true, usage: { inputTokens: 50, outputTokens: 3 }, costNanoUsd: 50 * 3_000 + 3 * 15_000 });
  }
});

describe("pains.md 8: usage on a chunk that has choices", () => {
  const usage = { prompt_tokens: 1_000, completion_tokens: 20, total_tokens: 1_020 };
  const delta = (fields: Json, rest: Json = {}): Frame => ({ data: { id: "c", choices: [{ index: 0, delta: { content: "Hello" }, finish_reason: null, ...fields }], ...rest } });
  const done: Frame = { data: "[DONE]" };

  test.each<[string, Frame[]]>([
    ["on the chunk that finishes", [delta({}), delta({ delta: {}, finish_reason: "stop" }, { usage }), done]],
    ["on the only chunk", [delta({ finish_reason: "stop" }, { usage }), done]],
    ["on every chunk, as far as it has come", [delta({}, { usage: { ...usage, completion_tokens: 5, total_tokens: 1_005 } }), delta({ finish_reason: "stop" }, { usage }), done]],
    ["null on all but the last", [delta({}, { usage: null }), delta({ finish_reason: "stop" }, { usage: null }), { data: { choices: [], usage } }, done]],
    ["before the finish", [delta({}, { usage }), delta({ delta: {}, finish_reason: "stop" }, { usage: null }), done]],
    ["behind the finish, with an empty delta", [delta({ finish_reason: "stop" }), delta({ delta: {} }, { usage }), done]],
    ["in Moonshot's choice", [delta({}), delta({ delta: {}, finish_reason: "stop", usage }), done]],
    ["in Groq's x_groq", [delta({}), delta({ delta: {}, finish_reason: "stop" }, { x_groq: { id: "r", usage } }), done]],
    ["behind [DONE], without it", [delta({ finish_reason: "stop" }), { data: { choices: [], usage } }]],
  ])("%s", (_, frames) => expectUsage(stream("openai-chat", frames), { inputTokens: 1_000, outputTokens: 20 }));
});

describe("pains.md 9: cache tokens of a Messages stream, wherever they are told", () => {
  const classes = { input_tokens: 100, cache_read_input_tokens: 700, cache_creation_input_tokens: 200 };
  const expected = { inputTokens: 1_000, cachedTokens: 700, cacheWriteTokens: 200, outputTokens: 50 };
  const zeros = { input_tokens: 0, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 };
  const told = (start: unknown, ...deltas: Json[]): Frame[] => {
    const [head, open, text, close, , stop] = shapes["anthropic-messages"]!.stream(start);
    return [head!, open!, text!, close!, ...deltas.map((usage, i): Frame => ({ event: "message_delta", data: { type: "message_delta", delta: i === deltas.length - 1 ? { stop_reason: "end_turn" } : {}, usage } })), stop!];
  };

  /** Each of the three in the start, in the delta, or in both: all ways. */
  const places = ["start", "delta", "both"] as const;
  const ways = places.flatMap((a) => places.flatMap((b) => places.map((c) => [a, b, c] as const)));
  test.each(ways)("input in %s, read in %s, written in %s", (...where) => {
    const of = (side: "start" | "delta"): Json => Object.fromEntries(Object.entries(classes).filter((_, i) => where[i] === side || where[i] === "both"));
    expectUsage(stream("anthropic-messages", told({ ...of("start"), output_tokens: 1 }, { ...of("delta"), output_tokens: 50 })), expected);
  });

  test.each<[string, Frame[]]>([
    ["Anthropic: all in the start", told({ ...classes, output_tokens: 1 }, { output_tokens: 50 })],
    ["Anthropic, newer: all of it again in the delta", told({ ...classes, output_tokens: 1 }, { ...classes, output_tokens: 50 })],
    ["GLM: zeros in the start, all in the delta", told({ ...zeros, output_tokens: 0 }, { ...classes, output_tokens: 50 })],
    ["Kimi: all in the start, zeros in the delta", told({ ...classes, output_tokens: 0 }, { ...zeros, output_tokens: 50 })],
    ["DeepSeek: input alone repeated, with the cache's in it", told({ ...classes, output_tokens: 1 }, { input_tokens: 1_000, output_tokens: 50 })],
    ["DeepSeek: input alone repeated, without the cache's", told({ ...classes, output_tokens: 1 }, { input_tokens: 100, output_tokens: 50 })],
    ["a look-alike: nothing in the start", told(undefined, { ...classes, output_tokens: 50 })],
    ["a look-alike: null in the start", told(null, { ...classes, output_tokens: 50 })],
    ["nulls in the delta", told({ ...classes, output_tokens: 1 }, { input_tokens: null, cache_read_input_tokens: null, cache_creation_input_tokens: null, output_tokens: 50 })],
    ["output as far as it has come, in three deltas", told({ ...classes, output_tokens: 1 }, { output_tokens: 10 }, { output_tokens: 30 }, { output_tokens: 50 })],
    ["all of it in three deltas", told({ ...classes, output_tokens: 1 }, { ...classes, output_tokens: 10 }, { ...classes, output_tokens: 30 }, { ...classes, output_tokens: 50 })],
  ])("%s", (_, frames) => expectUsage(stream("anthropic-messages", frames), expected));

  test("costs the same streamed as whole", () => {
    const [whole1] = whole("anthropic-messages", shapes["anthropic-messages"]!.whole({ ...classes, output_tokens: 50 }));
    const [streamed] = stream("anthropic-messages", told({ ...classes, output_tokens: 1 }, { ...classes, output_tokens: 50 }));
    expect(entryOf(sonnet, streamed).costNanoUsd).toBe(entryOf(sonnet, whole1).costNanoUsd);
    expect(entryOf(sonnet, streamed).costNanoUsd).toBe(100 * 3_000 + 700 * 300 + 200 * 3_750 + 50 * 15_000);
  });
});

test("pains.md 12: cache creation is charged once, as the invoice has it", () => {
  // 21 fresh, 188,086 read and 1,420 written for five minutes, 393 written out: an invoice of 0.0677 USD at Sonnet's list.
  const usage = {
    input_tokens: 21, cache_creation_input_tokens: 1_420, cache_read_input_tokens: 188_086, output_tokens: 393,
    cache_creation: { ephemeral_5m_input_tokens: 1_420, ephemeral_1h_input_tokens: 0 },
  };
  const invoice = (21 * 3 + 1_420 * 3.75 + 188_086 * 0.3 + 393 * 15) / million;
  for (const seen of [...whole("anthropic-messages", shapes["anthropic-messages"]!.whole(usage)), ...stream("anthropic-messages", shapes["anthropic-messages"]!.stream(usage))]) {
    expect(entryOf(sonnet, seen).costNanoUsd / 1e9).toBeCloseTo(invoice, 9);
  }
  // OpenAI and OpenRouter count what was written within the prompt.
  const within = { prompt_tokens: 10_000, completion_tokens: 0, prompt_tokens_details: { cached_tokens: 6_000, cache_write_tokens: 3_000 } };
  for (const seen of whole("openai-chat", shapes["openai-chat"]!.whole(within))) expect(entryOf(sonnet, seen).costNanoUsd).toBe(1_000 * 3_000 + 6_000 * 300 + 3_000 * 3_750);
});

/** Per provider: is what was cached within the prompt's count? Each row is 1,000,000 tokens in, 800,000 of them cached. */
const cachedShapes: Readonly<Record<13 | 14 | 15, readonly (readonly [provider: string, protocol: string, usage: Json, within: boolean])[]>> = {
  13: [
    ["Gemini", "gemini-generate", { promptTokenCount: million, cachedContentTokenCount: 800_000, totalTokenCount: million }, true],
    ["Gemini, told by modality", "gemini-generate", { promptTokenCount: million, cachedContentTokenCount: 800_000, candidatesTokenCount: 0, cacheTokensDetails: [{ modality: "TEXT", tokenCount: 800_000 }], promptTokensDetails: [{ modality: "TEXT", tokenCount: million }], totalTokenCount: million }, true],
    ["Gemini as chat completions", "openai-chat", { prompt_tokens: million, completion_tokens: 0, total_tokens: million, prompt_tokens_details: { cached_tokens: 800_000 } }, true],
  ],
  14: [
    ["Bedrock's Converse", "bedrock-converse", { inputTokens: 200_000, outputTokens: 0, totalTokens: million, cacheReadInputTokens: 800_000, cacheWriteInputTokens: 0 }, false],
    ["Claude on Bedrock", "anthropic-messages", { input_tokens: 200_000, cache_read_input_tokens: 800_000, output_tokens: 0 }, false],
    ["Anthropic", "anthropic-messages", { input_tokens: 200_000, cache_read_input_tokens: 800_000, cache_creation_input_tokens: 0, output_tokens: 0 }, false],
  ],
  15: [
    ["OpenAI", "openai-chat", { prompt_tokens: million, completion_tokens: 0, prompt_tokens_details: { cached_tokens: 800_000, audio_tokens: 0 } }, true],
    ["OpenAI's Responses", "openai-responses", { input_tokens: million, input_tokens_details: { cached_tokens: 800_000 }, output_tokens: 0 }, true],
    ["DeepSeek", "openai-chat", { prompt_tokens: million, completion_tokens: 0, prompt_cache_hit_tokens: 800_000, prompt_cache_miss_tokens: 200_000 }, true],
    ["xAI", "openai-chat", { prompt_tokens: million, completion_tokens: 0, total_tokens: million, prompt_tokens_details: { text_tokens: million, audio_tokens: 0, image_tokens: 0, cached_tokens: 800_000 } }, true],
    ["Moonshot and Together", "openai-chat", { prompt_tokens: million, completion_tokens: 0, total_tokens: million, cached_tokens: 800_000 }, true],
    ["Z.ai, Groq, Mistral", "openai-chat", { prompt_tokens: million, completion_tokens: 0, total_tokens: million, prompt_tokens_details: { cached_tokens: 800_000 } }, true],
    ["Cohere", "cohere-chat", { tokens: { input_tokens: million, output_tokens: 0 }, cached_tokens: 800_000 }, true],
  ],
};
test.each(cachedShapes[13])("pains.md 13: Gemini's cached tokens are billed once, not beside the prompt: %s", (_, protocol, usage) => expectCachedOnce(protocol, usage));
test.each(cachedShapes[14])("pains.md 14: a cache read that stands beside the input is not folded into it: %s", (_, protocol, usage) => expectCachedOnce(protocol, usage));
test.each(cachedShapes[15])("pains.md 15: cached tokens are not billed as fresh ones: %s", (_, protocol, usage) => expectCachedOnce(protocol, usage));

/** 200,000 fresh at 3 USD and 800,000 cached at 0.3 USD a million. */
function expectCachedOnce(protocol: string, usage: Json): void {
  const seen = [...whole(protocol, shapes[protocol]!.whole(usage)), ...stream(protocol, shapes[protocol]!.stream(usage))];
  expectUsage(seen, { inputTokens: million, cachedTokens: 800_000 });
  expect(seen.map((one) => entryOf(sonnet, one).costNanoUsd / 1e9)).toEqual(seen.map(() => 0.6 + 0.24));
}

describe("pains.md 17: a write that is kept for an hour costs more than one of five minutes", () => {
  const claude = { input_tokens: 0, cache_creation_input_tokens: million, cache_creation: { ephemeral_5m_input_tokens: 400_000, ephemeral_1h_input_tokens: 600_000 }, output_tokens: 0 };
  const converse = { inputTokens: 0, outputTokens: 0, cacheWriteInputTokens: million, cacheDetails: [{ ttl: "5m", inputTokens: 400_000 }, { ttl: "1h", inputTokens: 600_000 }] };

  test.each<[string, string, Json]>([
    ["Anthropic", "anthropic-messages", claude], ["Anthropic without the sum", "anthropic-messages", { ...claude, cache_creation_input_tokens: undefined }], ["Bedrock", "bedrock-converse", converse],
  ])("%s", (_, protocol, usage) => {
    const seen = [...whole(protocol, shapes[protocol]!.whole(usage)), ...stream(protocol, shapes[protocol]!.stream(usage))];
    expectUsage(seen, { inputTokens: million, cacheWriteTokens: million, cacheWrite1hTokens: 600_000 });
    for (const one of seen) {
      expect(entryOf(sonnet, one).costNanoUsd / 1e9).toBeCloseTo(0.4 * 3.75 + 0.6 * 6, 9);
      // Without a price of its own it costs twice its input, never what five minutes cost.
      expect(entryOf(sonnet.filter((price) => price.class !== "cache_write_1h"), one).costNanoUsd / 1e9).toBeCloseTo(0.4 * 3.75 + 0.6 * 6, 9);
    }
  });

  test("the hour told once, in the stream's start, is not forgotten by its end", () => {
    const [head, ...rest] = shapes["anthropic-messages"]!.stream(claude);
    const frames = [head!, ...rest.map((frame): Frame => (frame.event === "message_delta" ? { ...frame, data: { ...(frame.data as Json), usage: { output_tokens: 7 } } } : frame))];
    expectUsage(stream("anthropic-messages", frames), { inputTokens: million, cacheWriteTokens: million, cacheWrite1hTokens: 600_000, outputTokens: 7 });
  });
});

describe("pains.md 18: what counts is the tier it was served in", () => {
  const prices = [...list({ input: 2, output: 8, "input:flex": 1, "output:flex": 4, "input:priority": 3.5, "output:priority": 14, "input:batch": 1, "output:batch": 4 })];
  const cost: Record<string, number> = { flex: 5, priority: 17.5, batch: 5, default: 10, standard: 10 };
  /** Where each protocol says it. The model is a dated snapshot: what is billed is the deployment that was asked. */
  const served = (protocol: string, tier: string): Observation[] => {
    const { whole: body, stream: frames, usage } = shapes[protocol]!;
    const told = usage(million, million);
    if (protocol === "openai-chat") {
      const tiered = { service_tier: tier, model: "gpt-5-2025-08-07" };
      return [...whole(protocol, { ...body(told), ...tiered }), ...stream(protocol, frames(told).map(({ data }) => ({ data: typeof data === "string" ? data : { ...data, ...tiered } })))];
    }
    if (protocol === "openai-responses") {
      const [created, text, completed] = frames(told);
      const response = { ...(completed!.data as { response: Json }).response, service_tier: tier, model: "gpt-5-2025-08-07" };
      return [...whole(protocol, { ...body(told), service_tier: tier }), ...stream(protocol, [created!, text!, { ...completed!, data: { type: "response.completed", response } }])];
    }
    if (protocol === "anthropic-messages") {
      const [head, ...rest] = frames(told);
      const start = { ...head!, data: { type: "message_start", message: { ...(head!.data as { message: Json }).message, usage: { ...told, service_tier: tier } } } };
      return [...whole(protocol, body({ ...told, service_tier: tier })), ...stream(protocol, [start, ...rest])];
    }
    if (protocol === "gemini-generate") return [...whole(protocol, body({ ...told, serviceTier: tier.toUpperCase() })), ...stream(protocol, frames({ ...told, serviceTier: tier }))];
    return [...whole(protocol, { ...body(told), serviceTier: { type: tier } }), ...stream(protocol, frames(told).map((frame) => (frame.event === "metadata" ? { ...frame, data: { ...(frame.data as Json), serviceTier: { type: tier } } } : frame)))];
  };

  test.each(["openai-chat", "openai-responses", "anthropic-messages", "gemini-generate", "bedrock-converse"].flatMap((protocol) => Object.keys(cost).map((tier) => [protocol, tier] as const)))("%s served as %s", (protocol, tier) => {
    const seen = served(protocol, tier);
    expect(seen.length).toBeGreaterThan(1);
    // Messages' canonical form calls the standard tier "default".
    for (const one of seen) expect(entryOf(prices, one)).toMatchObject({ costNanoUsd: cost[tier]! * 1e9, serviceTier: expect.stringMatching(tier === "standard" ? /standard|default/ : tier) });
  });

  test("Vertex AI says it in its kind of traffic", () => {
    for (const [traffic, usdOf] of [["ON_DEMAND", 10], ["ON_DEMAND_FLEX", 5], ["ON_DEMAND_PRIORITY", 17.5]] as const) {
      const usage = { ...shapes["gemini-generate"]!.usage(million, million), trafficType: traffic };
      for (const one of whole("gemini-generate", shapes["gemini-generate"]!.whole(usage))) expect([traffic, entryOf(prices, one).costNanoUsd / 1e9]).toEqual([traffic, usdOf]);
    }
  });

  test("a surcharged tier without a price is no free upgrade: the ledger says unpriced", () => {
    const [seen] = served("openai-chat", "priority");
    expect(entryOf(list({ input: 2, output: 8 }), seen)).toMatchObject({ costSource: "unpriced", costNanoUsd: 10e9, serviceTier: "priority" });
  });
});

describe("pains.md 26: Anthropic's usage is read", () => {
  const usage = { input_tokens: 12, cache_creation_input_tokens: 5, cache_read_input_tokens: 7, output_tokens: 9, output_tokens_details: { thinking_tokens: 4 }, server_tool_use: { web_search_requests: 2 }, service_tier: "standard" };
  const expected = { inputTokens: 24, cachedTokens: 7, cacheWriteTokens: 5, outputTokens: 9, reasoningTokens: 4, searches: 2 };

  test("in a whole message and in a stream, as it passes and as it is told anew", () => {
    expectUsage(whole("anthropic-messages", shapes["anthropic-messages"]!.whole(usage)), expected);
    expectUsage(stream("anthropic-messages", shapes["anthropic-messages"]!.stream(usage)), expected);
  });

  test("whatever is between its events: pings, comments, other line ends", () => {
    const observer = anthropicMessages.watch(false);
    const text = shapes["anthropic-messages"]!.stream(usage).map(({ event, data }) => `: hi\r\n\r\nevent: ping\r\ndata: {"type": "ping"}\r\n\r\nevent: ${event}\r\ndata: ${JSON.stringify(data, undefined, 1).replaceAll("\n", "\r\ndata: ")}\r\n\r\n`).join("");
    observer.push(text);
    expect(observer.seen.usage).toEqual(used(expected));
  });
});

describe("pains.md 28: usage that is told again and again is a total, not a sum", () => {
  const running = (protocol: string, n: number): Json => shapes[protocol]!.usage(1_000, n);

  test.each<[string, Frame[], Partial<Usage>]>([
    ["openai-responses", [
      ...["response.created", "response.in_progress", "response.in_progress"].map((type, i): Frame => ({ event: type, data: { type, response: { id: "r", usage: running("openai-responses", i) } } })),
      shapes["openai-responses"]!.stream({})[1]!,
      { event: "response.completed", data: { type: "response.completed", response: { id: "r", status: "completed", output: [], usage: running("openai-responses", 40) } } },
      { event: "response.completed", data: { type: "response.completed", response: { id: "r", status: "completed", output: [], usage: running("openai-responses", 40) } } },
    ], { inputTokens: 1_000, outputTokens: 40 }],
    ["openai-chat", [1, 2, 3, 40].map((n): Frame => ({ data: { choices: [{ index: 0, delta: { content: "a" }, finish_reason: n === 40 ? "stop" : null }], usage: running("openai-chat", n) } })), { inputTokens: 1_000, outputTokens: 40 }],
    ["gemini-generate", [1, 2, 3, 40].map((n): Frame => ({ data: { candidates: [{ content: { parts: [{ text: "a" }] }, index: 0, ...(n === 40 && { finishReason: "STOP" }) }], usageMetadata: running("gemini-generate", n) } })), { inputTokens: 1_000, outputTokens: 40 }],
    ["anthropic-messages", [
      ...shapes["anthropic-messages"]!.stream(running("anthropic-messages", 1)).slice(0, 4),
      ...[1, 2, 40].map((n): Frame => ({ event: "message_delta", data: { type: "message_delta", delta: n === 40 ? { stop_reason: "end_turn" } : {}, usage: running("anthropic-messages", n) } })),
      { event: "message_stop", data: { type: "message_stop" } },
    ], { inputTokens: 1_000, outputTokens: 40 }],
    ["bedrock-converse", [...shapes["bedrock-converse"]!.stream(running("bedrock-converse", 2)), { event: "metadata", data: { usage: running("bedrock-converse", 40) } }], { inputTokens: 1_000, outputTokens: 40 }],
  ])("%s", (protocol, frames, usage) => {
    expectUsage(stream(protocol, frames), usage);
    for (const seen of stream(protocol, frames)) expect(entryOf(sonnet, seen).costNanoUsd / 1e9).toBe(usd(sonnet, usage));
  });
});

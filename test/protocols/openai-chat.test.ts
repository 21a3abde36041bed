import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { noUsage } from "../../src/chat/usage.ts";
import { GatewayError, type ErrorCode } from "../../src/errors.ts";
import { openaiChat, renderOpenaiError } from "../../src/protocols/index.ts";
import { parseReportedCost, parseUsage } from "../../src/protocols/openai-chat/usage.ts";
import { rawValue, splice } from "../../src/upstream/index.ts";
import { observe, testStreams, type Case } from "./contract.ts";
import { APIError, Stream } from "./openai-sdk.mjs";

const event = (data: object | string): string => `data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;
const chunk = (delta: object, finish: string | null = null, rest: object = {}) => event({ id: "c", choices: [{ index: 0, delta, finish_reason: finish }], ...rest });
const hello = chunk({ role: "assistant", content: "" }) + chunk({ content: "Hello" });
const stop = chunk({}, "stop");
const done = event("[DONE]");
const five = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
const fiveRead = { ...noUsage, inputTokens: 3, outputTokens: 2 };
const usageEvent = event({ id: "c", choices: [], usage: five });

const cases: Record<string, Case> = {
  "a stream as OpenAI sends it": {
    stream: chunk({ content: "Hello" }, null, { usage: null }) + chunk({}, "stop", { usage: null }) + usageEvent + done,
    shown: chunk({ content: "Hello" }, null, { usage: null }) + chunk({}, "stop", { usage: null }) + done,
    seen: { usage: fiveRead, terminated: true, error: undefined, outputCharacters: 5 },
  },
  "one that never says what it used": { stream: hello + stop + done, seen: { usage: undefined, terminated: true, outputCharacters: 5 } },
  "usage on the last chunk with choices (Mistral)": { stream: hello + chunk({}, "stop", { usage: five }) + done, seen: { usage: fiveRead, terminated: true } },
  "usage in every chunk (Perplexity, Gemini)": {
    stream: chunk({ content: "He" }, null, { usage: { ...five, completion_tokens: 1, total_tokens: 4 } }) + chunk({ content: "llo" }, "stop", { usage: five }),
    seen: { usage: fiveRead, terminated: true, outputCharacters: 5 },
  },
  "usage in x_groq (Groq)": { stream: hello + chunk({}, "stop", { x_groq: { id: "req", usage: five } }) + done, seen: { usage: fiveRead } },
  "usage before an empty last chunk (xAI)": {
    stream: hello + chunk({}, "stop", { usage: five }) + event({ id: "c", choices: [] }) + done, seen: { usage: fiveRead, terminated: true },
  },
  "prompt filter results without choices (Azure)": {
    stream: event({ choices: [], prompt_filter_results: [{ prompt_index: 0 }], usage: null }) + hello + stop + usageEvent + done,
    shown: event({ choices: [], prompt_filter_results: [{ prompt_index: 0 }], usage: null }) + hello + stop + done,
    seen: { usage: fiveRead },
  },
  "usage that is zero": {
    stream: event({ choices: [], usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 } }) + done, shown: done, seen: { usage: noUsage },
  },
  "usage that is no usage": { stream: event({ choices: [], usage: {} }) + event({ choices: [], usage: "5" }) + done, seen: { usage: undefined } },
  "a cost (OpenRouter)": { stream: hello + event({ choices: [], usage: { ...five, cost: 0.00012345 } }), shown: hello, seen: { reportedNanoUsd: 123_450 } },
  "CRLF, comments, fields and odd spacing": {
    stream: ': PROCESSING\r\n\r\nevent: message\r\nid: 1\r\ndata:{"choices":[{"delta":{"content":"a"},"finish_reason" : "stop" }] }\r\n\r\nretry: 10\r\n\r\n'
      + 'data:   {"choices" : [ ] , "usage" : {"prompt_tokens":3,"completion_tokens":2}}\r\n\r\ndata:[DONE]\r\n\r\n',
    shown: ': PROCESSING\r\n\r\nevent: message\r\nid: 1\r\ndata:{"choices":[{"delta":{"content":"a"},"finish_reason" : "stop" }] }\r\n\r\nretry: 10\r\n\r\ndata:[DONE]\r\n\r\n',
    seen: { usage: fiveRead, terminated: true, outputCharacters: 1 },
  },
  "CR alone": { stream: `${hello}${stop}${usageEvent}${done}`.replaceAll("\n", "\r"), shown: `${hello}${stop}${done}`.replaceAll("\n", "\r"), seen: { usage: fiveRead, terminated: true } },
  "line ends that change in the middle": { stream: 'data: {"a":1}\n\r\ndata: {"b":2}\r\n\n' + stop + usageEvent + done, shown: 'data: {"a":1}\n\r\ndata: {"b":2}\r\n\n' + stop + done, seen: { usage: fiveRead, terminated: true } },
  "data over several lines": {
    stream: 'data: {"choices":[],\ndata: "usage":{"prompt_tokens":3,\ndata: "completion_tokens":2}}\n\n' + done, shown: done, seen: { usage: fiveRead, terminated: true },
  },
  "escapes, big integers and number spelling": {
    stream: 'data: {"choices":[{"delta":{"content":"\\u00e9\\ud83c\\udf0d\\"usage\\": {"}}],"seed":12345678901234567890,"x":1.0e+02}\n\n' + stop + done,
    seen: { usage: undefined, terminated: true },
  },
  "text that speaks of usage, errors and ends": {
    stream: chunk({ content: '"usage": {"prompt_tokens": 9} "error": {} "finish_reason": "stop" data: [DONE]' }) + chunk({ content: "\n\ndata: [DONE]\n\n" }),
    seen: { usage: undefined, error: undefined, terminated: false },
  },
  "an error in the stream (OpenAI)": { stream: hello + event({ error: { message: "overloaded", type: "server_error" } }), seen: { error: "overloaded", terminated: false } },
  "an error beside a finish (OpenRouter)": {
    stream: hello + chunk({ content: "" }, "error", { error: { code: 502, message: "provider disconnected" } }), seen: { error: "provider disconnected", terminated: true },
  },
  "an error that is a text": { stream: event({ error: "no" }), seen: { error: "no" } },
  "an error without a message": { stream: event({ error: { code: 7 } }), seen: { error: '{"code":7}' } },
  "what is not JSON, and JSON that is no chunk": {
    stream: 'data: {"usage": {\n\ndata: ["usage": {\n\ndata: "finish_reason":"x"\n\ndata: null\n\ndata:\n\n: \n\n' + event({ choices: [null, 7], usage: five }) + event({ choices: "x", usage: five }),
    seen: { usage: fiveRead, terminated: false, error: undefined },
  },
  "tool calls, reasoning and refusals": {
    stream: chunk({ tool_calls: [{ index: 0, function: { arguments: '{"a":1}' } }] }) + chunk({ reasoning_content: "hmm" }) + chunk({ refusal: "no" }) + chunk({}, "tool_calls"),
    seen: { terminated: true, outputCharacters: '{\\"a\\":1}'.length + 3 + 2 },
  },
};

testStreams(openaiChat, cases);

describe("a stream of any chunks", () => {
  const frame = fc.oneof(
    fc.string().map((content) => chunk({ content })),
    fc.constantFrom(stop, usageEvent, done, ": ping\n\n", event({ choices: [], usage: null }), event({ id: "c" })),
  );
  test("keeps every byte but our usage event (property)", () => {
    fc.assert(fc.property(fc.array(frame), (frames) => {
      expect(observe(openaiChat, frames.join("")).shown).toBe(frames.filter((text) => text !== usageEvent).join(""));
      expect(observe(openaiChat, frames.join(""), false).shown).toBe(frames.join(""));
    }));
  });

  test("of megabytes in one event is read in linear time and without a deep stack", () => {
    for (const piece of ["x", '\\"', "\\\\", "\\\\\\u0041"]) {
      const text = `data: {"choices":[{"delta":{"content":"${piece.repeat(4_000_000 / piece.length)}"},"finish_reason":"stop"}]}\n\n`;
      const startedMs = performance.now();
      expect(observe(openaiChat, text).seen).toMatchObject({ terminated: true, outputCharacters: 4_000_000 });
      expect(performance.now() - startedMs).toBeLessThan(1_000);
    }
  });
});

describe("usage", () => {
  test.each<[string, object, object]>([
    ["OpenAI's", { prompt_tokens: 20, completion_tokens: 30, total_tokens: 50, prompt_tokens_details: { cached_tokens: 5, audio_tokens: 2 }, completion_tokens_details: { reasoning_tokens: 10, audio_tokens: 1 } },
      { inputTokens: 20, cachedTokens: 5, outputTokens: 30, reasoningTokens: 10, inputAudioTokens: 2, outputAudioTokens: 1 }],
    ["DeepSeek's cache hits", { prompt_tokens: 20, completion_tokens: 30, total_tokens: 50, prompt_cache_hit_tokens: 15, prompt_cache_miss_tokens: 5 }, { inputTokens: 20, cachedTokens: 15, outputTokens: 30 }],
    ["xAI's reasoning beside the completion", { prompt_tokens: 49, completion_tokens: 32, total_tokens: 264, prompt_tokens_details: { cached_tokens: 7 }, completion_tokens_details: { reasoning_tokens: 183 } },
      { inputTokens: 49, cachedTokens: 7, outputTokens: 215, reasoningTokens: 183 }],
    ["Gemini's thoughts, which only the total knows", { prompt_tokens: 9, completion_tokens: 3, total_tokens: 105 }, { inputTokens: 9, outputTokens: 96, reasoningTokens: 93 }],
    ["Gemini's thoughts before any text", { prompt_tokens: 21, completion_tokens: 0, total_tokens: 81 }, { inputTokens: 21, outputTokens: 60, reasoningTokens: 60 }],
    ["Mistral's audio beside the prompt", { prompt_audio_seconds: 3, prompt_tokens: 9, completion_tokens: 248, total_tokens: 632, prompt_tokens_details: { cached_tokens: 0, audio_tokens: 375 } },
      { inputTokens: 384, inputAudioTokens: 375, outputTokens: 248 }],
    ["cache writes (OpenRouter)", { prompt_tokens: 20, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 4, cache_write_tokens: 6 } }, { inputTokens: 20, cachedTokens: 4, cacheWriteTokens: 6, outputTokens: 1 }],
    ["cache writes (Anthropic's word)", { prompt_tokens: 20, completion_tokens: 1, cache_creation_input_tokens: 6 }, { inputTokens: 20, cacheWriteTokens: 6, outputTokens: 1 }],
    ["embeddings", { prompt_tokens: 8, total_tokens: 8 }, { inputTokens: 8 }],
    ["embeddings with a total alone", { total_tokens: 8 }, { inputTokens: 8 }],
    ["details that are null", { ...five, prompt_tokens_details: null, completion_tokens_details: null }, { inputTokens: 3, outputTokens: 2 }],
    ["one count that is none", { prompt_tokens: 3, completion_tokens: "2", total_tokens: Number.NaN }, { inputTokens: 3 }],
    ["a total that is too small", { prompt_tokens: 3, completion_tokens: 2, total_tokens: 1 }, { inputTokens: 3, outputTokens: 2 }],
  ])("%s", (_, told, read) => expect(parseUsage(told)).toEqual({ ...noUsage, ...read }));

  test.each([
    undefined, null, {}, [], 5, "5", { input_tokens: 3 }, { prompt_tokens: null, completion_tokens: null, total_tokens: null }, { prompt_tokens: -3, completion_tokens: "2", total_tokens: Number.NaN },
  ])("%j is none", (told) => expect(parseUsage(told)).toBeUndefined());

  test("nobody is charged less than the total says (property)", () => {
    const count = fc.nat(1_000_000);
    fc.assert(fc.property(count, count, count, count, (prompt, completion, beside, reasoning) => {
      const read = parseUsage({ prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion + beside, completion_tokens_details: { reasoning_tokens: reasoning } })!;
      expect(read.inputTokens + read.outputTokens).toBe(prompt + completion + beside);
    }));
  });
});

describe("a cost that the provider tells", () => {
  test.each<[string, object, number | undefined]>([
    ["OpenRouter's", { cost: 0.00012345 }, 123_450],
    ["OpenRouter's for a free model", { cost: 0 }, 0],
    ["Perplexity's, with its searches", { cost: { input_tokens_cost: 0.00005, output_tokens_cost: 0.00009, request_cost: 0.006, total_cost: 0.00614 } }, 6_140_000],
    ["xAI's", { cost_in_usd_ticks: 37_756_000 }, 3_775_600],
    ["Azure's for xAI's models: none", { cost_in_usd_ticks: 0 }, undefined],
    ["Perplexity's, before it is known", { cost: { total_cost: 0 } }, undefined],
    ["one below nothing", { cost: -1 }, undefined],
    ["one in words", { cost: "0.1" }, undefined],
    ["none", five, undefined],
  ])("%s", (_, told, nanoUsd) => expect(parseReportedCost(told)).toBe(nanoUsd));
});

describe("a whole answer", () => {
  test("says what it used, cost and wrote", () => {
    const message = { role: "assistant", content: "Hello", reasoning_content: "hm", tool_calls: [{ function: { name: "f", arguments: "{}" } }, null] };
    expect(openaiChat.observe({ choices: [{ message }, { message: null }, null], usage: { ...five, cost: 1e-6 } }))
      .toEqual({ usage: fiveRead, reportedNanoUsd: 1_000, error: undefined, terminated: true, outputCharacters: 9 });
  });

  test("that is an error under status 200", () => {
    expect(openaiChat.observe({ error: { message: "no such model" } })).toMatchObject({ error: "no such model", outputCharacters: 0 });
    expect(openaiChat.observe({ error: null, choices: [] }).error).toBeUndefined();
  });

  test.each([undefined, null, 7, "x", [], {}, { choices: {} }, { choices: "x" }, { choices: [7] }, { choices: [{ message: 7 }] }, { choices: [{ message: { content: [{}], tool_calls: {} } }] }, { usage: [] }])("%j breaks nothing", (body) => {
    expect(openaiChat.observe(body)).toMatchObject({ usage: undefined, outputCharacters: 0 });
  });
});

describe("a request", () => {
  const base = { model: "gpt-4o", messages: [{ role: "user", content: "hi" }] };
  const parse = (over: object = {}) => openaiChat.parse({ ...base, ...over });

  test.each<[string, object, object]>([
    ["plain", {}, { model: "gpt-4o", stream: false, usageAsked: false, outputTokens: undefined, choices: 1 }],
    ["max_tokens", { max_tokens: 10 }, { outputTokens: 10 }],
    ["max_completion_tokens", { max_completion_tokens: 20 }, { outputTokens: 20 }],
    ["both: the newer one", { max_tokens: 10, max_completion_tokens: 20 }, { outputTokens: 20 }],
    ["none allowed", { max_completion_tokens: 0 }, { outputTokens: 0 }],
    ["several answers", { n: 3, max_tokens: 10 }, { choices: 3, outputTokens: 30 }],
    ["stream", { stream: true }, { stream: true, usageAsked: false }],
    ["stream with usage", { stream: true, stream_options: { include_usage: true } }, { stream: true, usageAsked: true }],
    ["stream with usage refused", { stream: true, stream_options: { include_usage: false } }, { usageAsked: false }],
    ["null everywhere", { stream: null, stream_options: null, max_tokens: null, max_completion_tokens: null, n: null, tools: null }, { stream: false, usageAsked: false, outputTokens: undefined, choices: 1 }],
    ["null for the newer limit", { max_tokens: 10, max_completion_tokens: null }, { outputTokens: 10 }],
    ["fields that we do not know", { temperature: "hot", future: { field: 1 } }, { choices: 1 }],
  ])("%s", (_, over, facts) => expect(parse(over)).toMatchObject(facts));

  test.each<[object, string]>([
    [{ model: undefined }, "model"], [{ model: 7 }, "model"], [{ model: "" }, "model"], [{ model: "gpt 4" }, "model"], [{ model: "gpt\n4" }, "model"], [{ model: "x".repeat(257) }, "model"], [{ model: "模型" }, "model"],
    [{ messages: undefined }, "messages"], [{ messages: [] }, "messages"], [{ messages: "hi" }, "messages"], [{ messages: ["hi"] }, "messages[0]"], [{ messages: [base.messages[0], null] }, "messages[1]"], [{ messages: [[]] }, "messages[0]"],
    [{ stream: "true" }, "stream"], [{ stream: 1 }, "stream"], [{ stream_options: [] }, "stream_options"], [{ stream_options: true }, "stream_options"],
    [{ max_tokens: "10" }, "max_tokens"], [{ max_tokens: 1.5 }, "max_tokens"], [{ max_tokens: -1 }, "max_tokens"], [{ max_completion_tokens: 1e12 }, "max_completion_tokens"],
    [{ n: 0 }, "n"], [{ n: 129 }, "n"], [{ n: "2" }, "n"], [{ tools: {} }, "tools"],
  ])("%j names the field", (over, param) => {
    expect(() => parse(over)).toThrow(expect.objectContaining({ code: "invalid_request", status: 400, detail: expect.objectContaining({ param }) as unknown }));
    expect(() => parse(over)).toThrow(new RegExp(`^${param.replaceAll(/[[\]]/g, "\\$&")}: `));
  });

  test("is bounded by all that a model may read of it", () => {
    const bound = (over: object): number => parse(over).inputTokens;
    const text = "x".repeat(10_000);
    const plain = bound({});
    expect(bound({ messages: [{ role: "user", content: text }] }) - plain).toBeGreaterThanOrEqual(9_990);
    expect(bound({ messages: [{ role: "user", content: [{ type: "text", text }] }] }) - plain).toBeGreaterThanOrEqual(9_990);
    expect(bound({ tools: [{ type: "function", function: { name: "f", description: text } }] }) - plain).toBeGreaterThanOrEqual(11_000);
    expect(bound({ tools: [{ type: "function", function: { name: "f", parameters: { type: "object", properties: { [text]: { type: "string" } } } } }] }) - plain).toBeGreaterThanOrEqual(11_000);
  });

  test("100,000 levels deep is read, bounded and spliced without a deep stack", () => {
    const deep = `${'{"a":['.repeat(50_000)}1${"]}".repeat(50_000)}`;
    const text = `{"messages":[{"role":"user","content":"hi","x":${deep}}],"model":"gpt-4o","metadata":${deep}}`;
    const facts = openaiChat.parse(JSON.parse(text));
    expect(facts.inputTokens).toBeGreaterThan(100_000);
    expect(splice(text, { model: '"other"' })).toBe(text.replace('"gpt-4o"', '"other"'));
  });
});

describe("what we set in a request", () => {
  const edited = (text: string): string => splice(text, openaiChat.edits(openaiChat.parse(JSON.parse(text)), (key) => rawValue(text, key), "theirs"));
  const base = '"model":"m","messages":[{"role":"user","content":"hi"}]';

  test.each([
    ["nothing without a stream", `{${base}}`, `{${base}}`],
    ["nothing when the client asked itself", `{${base},"stream":true,"stream_options":{"include_usage":true}}`, `{${base},"stream":true,"stream_options":{"include_usage":true}}`],
    ["usage in a stream", `{${base},"stream":true}`, `{${base},"stream":true,"stream_options":{"include_usage":true}}`],
    ["usage for null", `{${base},"stream":true,"stream_options":null}`, `{${base},"stream":true,"stream_options":{"include_usage":true}}`],
    ["usage for false", `{${base},"stream":true,"stream_options":{"include_usage":false}}`, `{${base},"stream":true,"stream_options":{"include_usage":true}}`],
    ["usage beside the client's other options", `{${base},"stream_options":{"include_obfuscation":false},"stream":true}`, `{${base},"stream_options":{"include_obfuscation":false,"include_usage":true},"stream":true}`],
    ["nothing for options without a stream", `{${base},"stream_options":{"include_obfuscation":false}}`, `{${base},"stream_options":{"include_obfuscation":false}}`],
  ])("%s", (_, text, expected) => expect(edited(text)).toBe(expected));
});

describe("an error", () => {
  const codes: Record<ErrorCode, [status: number, type: string]> = {
    previous_response_not_found: [400, "invalid_request_error"], invalid_json: [400, "invalid_request_error"], invalid_request: [400, "invalid_request_error"],
    upstream_refused: [400, "invalid_request_error"],
    missing_api_key: [401, "invalid_request_error"], invalid_api_key: [401, "invalid_request_error"], key_revoked: [401, "invalid_request_error"], key_expired: [401, "invalid_request_error"],
    invalid_admin_secret: [401, "invalid_request_error"], insufficient_credits: [402, "insufficient_quota"], subscription_expired: [402, "insufficient_quota"], plan_required: [403, "permission_error"], header_credentials_not_allowed: [403, "permission_error"], model_not_allowed: [403, "permission_error"], model_not_priced: [403, "permission_error"], not_permitted: [403, "permission_error"], organisation_suspended: [403, "permission_error"],
    model_not_found: [404, "not_found_error"], not_found: [404, "not_found_error"], thread_not_found: [404, "not_found_error"], method_not_allowed: [405, "invalid_request_error"], conflict: [409, "invalid_request_error"],
    idempotency_conflict: [409, "invalid_request_error"], idempotency_unknown: [409, "invalid_request_error"],
    request_too_large: [413, "invalid_request_error"], unsupported_media_type: [415, "invalid_request_error"], range_not_satisfiable: [416, "invalid_request_error"], mcp_server_error: [424, "invalid_request_error"],
    rate_limit_exceeded: [429, "rate_limit_error"], token_rate_limit_exceeded: [429, "rate_limit_error"], concurrency_limit_exceeded: [429, "rate_limit_error"], quota_exceeded: [429, "rate_limit_error"],
    internal_error: [500, "server_error"], upstream_error: [502, "server_error"], no_provider: [503, "server_error"], sovereign_unavailable: [503, "server_error"], limiter_unavailable: [503, "server_error"],
    upstream_timeout: [504, "server_error"],
  };
  const classes: Record<number, string> = {
    400: "BadRequestError", 401: "AuthenticationError", 403: "PermissionDeniedError", 404: "NotFoundError", 409: "ConflictError", 422: "UnprocessableEntityError", 429: "RateLimitError",
  };
  test.each(Object.entries(codes) as [ErrorCode, [number, string]][])("%s is what OpenAI's own client expects", (code, [status, type]) => {
    const error = new GatewayError(code, "What went wrong: \"quoted\"\n", { param: "messages[2]" });
    expect(error.status).toBe(status);
    const thrown = APIError.generate(status, JSON.parse(openaiChat.renderError(error, "req_1")) as object, undefined, new Headers({ "x-request-id": "req_1" }));
    expect(thrown).toBeInstanceOf(APIError);
    expect(thrown).toMatchObject({ status, code, type, param: "messages[2]", requestID: "req_1", message: `${status} What went wrong: "quoted"\n` });
    expect(thrown.constructor.name).toBe(classes[status] ?? (status >= 500 ? "InternalServerError" : "APIError"));
  });

  test("without a field says null, not nothing", () => {
    expect(JSON.parse(renderOpenaiError(new GatewayError("not_found", "x")))).toEqual({ error: { message: "x", type: "not_found_error", param: null, code: "not_found" } });
  });

  test("in a stream ends it for OpenAI's own client", async () => {
    const frame = openaiChat.renderStreamError(new GatewayError("upstream_error", "It broke\n\noff."), "req_1");
    expect(frame.match(/\n\n/g)).toHaveLength(1);
    const stream = Stream.fromSSEResponse(new Response(hello + frame), new AbortController());
    const texts: string[] = [];
    const reading = (async () => {
      for await (const part of stream) texts.push(part.choices[0]?.delta.content ?? "");
    })();
    await expect(reading).rejects.toMatchObject({ message: "It broke\n\noff.", code: "upstream_error", type: "server_error" });
    expect(texts.join("")).toBe("Hello");
    expect(observe(openaiChat, frame).seen.error).toBe("It broke\n\noff.");
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { noUsage, type Usage } from "../../src/chat/usage.ts";
import { GatewayError, type ErrorCode } from "../../src/errors.ts";
import { anthropicCountTokens, anthropicMessages } from "../../src/protocols/index.ts";
import { merge, nothingTold, readUsage, usageOf } from "../../src/protocols/anthropic-messages/usage.ts";
import { bytesOf, drive } from "../upstream/drive.ts";
import { splice } from "../../src/upstream/index.ts";
import { observe, testStreams, type Case } from "./contract.ts";
import { APIError, OldAPIError, OldStream, Stream } from "./anthropic-sdk.mjs";

const event = (data: { type: string; [field: string]: unknown }): string => `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
const start = (usage?: object) => event({ type: "message_start", message: { id: "msg_1", type: "message", role: "assistant", content: [], stop_reason: null, ...(usage && { usage }) } });
const delta = (part: object) => event({ type: "content_block_delta", index: 0, delta: part });
const hello = event({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }) + delta({ type: "text_delta", text: "Hello" }) + event({ type: "content_block_stop", index: 0 });
const finish = (usage?: object, reason: string | null = "end_turn") => event({ type: "message_delta", delta: { stop_reason: reason, stop_sequence: null }, ...(usage && { usage }) });
const stop = event({ type: "message_stop" });
const ping = event({ type: "ping" });

const read = (usage: Partial<Usage>): Usage => ({ ...noUsage, ...usage });
const cached = { input_tokens: 10, cache_read_input_tokens: 80, cache_creation_input_tokens: 5 };
const cachedRead = read({ inputTokens: 95, cachedTokens: 80, cacheWriteTokens: 5, outputTokens: 7 });

const cases: Record<string, Case> = {
  "a stream as Anthropic sends it": {
    stream: start({ ...cached, output_tokens: 1 }) + ping + hello + finish({ ...cached, output_tokens: 7 }) + stop,
    seen: { usage: cachedRead, terminated: true, error: undefined, outputCharacters: 5 },
  },
  "input at the start, output at the end": { stream: start({ ...cached, output_tokens: 1 }) + hello + finish({ output_tokens: 7 }) + stop, seen: { usage: cachedRead } },
  "everything at the end": { stream: start() + hello + finish({ ...cached, output_tokens: 7 }) + stop, seen: { usage: cachedRead } },
  "zeros at the start, everything at the end": { stream: start({ input_tokens: 0, output_tokens: 0 }) + hello + finish({ ...cached, output_tokens: 7 }) + stop, seen: { usage: cachedRead } },
  "input repeated as zeros": {
    stream: start({ ...cached, output_tokens: 1 }) + hello + finish({ input_tokens: 0, cache_read_input_tokens: 0, cache_creation_input_tokens: 0, output_tokens: 7 }) + stop, seen: { usage: cachedRead },
  },
  "input repeated as nulls": { stream: start(cached) + hello + finish({ input_tokens: null, cache_read_input_tokens: null, output_tokens: 7 }) + stop, seen: { usage: cachedRead } },
  "input repeated without the cache": { stream: start(cached) + hello + finish({ input_tokens: 10, output_tokens: 7 }) + stop, seen: { usage: cachedRead } },
  "input repeated with the cache in it": { stream: start(cached) + hello + finish({ input_tokens: 95, output_tokens: 7 }) + stop, seen: { usage: cachedRead } },
  "input that was one number and comes apart": {
    stream: start({ input_tokens: 95 }) + hello + finish({ ...cached, output_tokens: 7 }) + stop, seen: { usage: cachedRead },
  },
  "input that was one number and all of which was cached": {
    stream: start({ input_tokens: 95 }) + hello + finish({ input_tokens: 0, cache_read_input_tokens: 95, output_tokens: 7 }) + stop, seen: { usage: read({ inputTokens: 95, cachedTokens: 95, outputTokens: 7 }) },
  },
  "input that grew by a search": { stream: start({ input_tokens: 10, output_tokens: 1 }) + hello + finish({ input_tokens: 2_010, output_tokens: 7, server_tool_use: { web_search_requests: 1 } }) + stop, seen: { usage: read({ inputTokens: 2_010, outputTokens: 7, searches: 1 }) } },
  "output that is told as it grows": {
    stream: start(cached) + hello + finish({ output_tokens: 3 }, null) + finish({ output_tokens: 5 }, null) + finish({ output_tokens: 7 }) + stop, seen: { usage: cachedRead },
  },
  "usage after the reason": { stream: start(cached) + hello + finish() + finish({ output_tokens: 7 }, null) + stop, seen: { usage: cachedRead } },
  "usage in the last event": { stream: start(cached) + hello + finish() + event({ type: "message_stop", usage: { output_tokens: 7 } }), seen: { usage: cachedRead } },
  "nothing written": { stream: start({ input_tokens: 3, output_tokens: 1 }) + finish({ output_tokens: 0 }) + stop, seen: { usage: read({ inputTokens: 3 }), terminated: true } },
  "thinking within the output": {
    stream: start({ input_tokens: 3 }) + delta({ type: "thinking_delta", thinking: "hmm" }) + delta({ type: "signature_delta", signature: "abc" }) + hello + finish({ output_tokens: 9, output_tokens_details: { thinking_tokens: 4 } }) + stop,
    seen: { usage: read({ inputTokens: 3, outputTokens: 9, reasoningTokens: 4 }), outputCharacters: 8 },
  },
  "tool input": {
    stream: start({ input_tokens: 3 }) + delta({ type: "input_json_delta", partial_json: "{\"a\"" }) + delta({ type: "input_json_delta", partial_json: ":1}" }) + finish({ output_tokens: 9 }, "tool_use") + stop,
    seen: { usage: read({ inputTokens: 3, outputTokens: 9 }), outputCharacters: '{\\"a\\"'.length + 3 },
  },
  "one that never says what it used": { stream: start() + hello + finish() + stop, seen: { usage: undefined, usageSoFar: {}, terminated: true, outputCharacters: 5 } },
  "one that never says what went in": { stream: start() + hello + finish({ output_tokens: 7 }) + stop, seen: { usage: undefined, usageSoFar: { outputTokens: 7, reasoningTokens: 0 } } },
  "one that never says what came out": { stream: start({ ...cached, output_tokens: 1 }) + hello + finish() + stop, seen: { usage: undefined, usageSoFar: { inputTokens: 95, cachedTokens: 80, cacheWriteTokens: 5 } } },
  "one that breaks off": { stream: start({ ...cached, output_tokens: 1 }) + hello, seen: { usage: undefined, usageSoFar: { inputTokens: 95, cachedTokens: 80, cacheWriteTokens: 5 }, terminated: false, outputCharacters: 5 } },
  "a stop without a reason": { stream: start(cached) + hello + finish({ output_tokens: 7 }, null) + stop, seen: { usage: cachedRead, terminated: true } },
  "a reason without a stop": { stream: start(cached) + hello + finish({ output_tokens: 7 }), seen: { usage: cachedRead, terminated: true } },
  "what a compaction used": {
    stream: start({ input_tokens: 3 }) + hello
      + finish({ output_tokens: 9, iterations: [{ type: "compaction", input_tokens: 1_000, output_tokens: 50 }, { type: "message", input_tokens: 3, output_tokens: 9 }] }) + stop,
    seen: { usage: read({ inputTokens: 1_003, outputTokens: 59 }) },
  },
  "a cost (OpenRouter)": { stream: start(cached) + hello + finish({ output_tokens: 7, cost: 0.00012345 }) + stop + "data: [DONE]\n\n", seen: { usage: cachedRead, reportedNanoUsd: 123_450 } },
  "an error in the stream": {
    stream: start(cached) + hello + event({ type: "error", error: { type: "overloaded_error", message: "Overloaded" } }), seen: { error: "Overloaded", terminated: false, usage: undefined, outputCharacters: 5 },
  },
  "an error in the words of others": { stream: 'event: error\ndata: {"error":"no"}\n\n', seen: { error: "no" } },
  "CRLF, comments, odd spacing, padding and no event lines": {
    stream: `: hi\r\n\r\ndata:{"type" : "message_start" ,"message":{"usage" : {"input_tokens":3}}            }\r\n\r\nretry: 10\r\n\r\ndata:   {"type":"message_delta","delta":{"stop_reason" : "end_turn"},"usage" : {"output_tokens":2}}\r\n\r\n`,
    seen: { usage: read({ inputTokens: 3, outputTokens: 2 }), terminated: true },
  },
  "text that speaks of usage, errors and ends": {
    stream: start({ input_tokens: 3 }) + delta({ type: "text_delta", text: '{"type":"message_stop"} "usage": {"output_tokens": 9} "error": {} "stop_reason": "end_turn"' }) + delta({ type: "text_delta", text: "\n\nevent: message_stop\n\n" }),
    seen: { usage: undefined, error: undefined, terminated: false },
  },
  "escapes beyond ASCII": { stream: `event: content_block_delta\ndata: {"delta":{"type":"text_delta","text":"\\u00e9é漢🌳"}}\n\n` + stop, seen: { terminated: true, outputCharacters: 10 } },
  "what is not JSON, and JSON that is no event": {
    stream: 'data: {"usage": {\n\ndata: ["usage": {\n\ndata: "message_stop"\n\ndata: null\n\ndata:\n\ndata: {"message":null,"delta":null,"usage":{}}\n\ndata: {"message":7,"delta":7,"usage":{"input_tokens":-1,"output_tokens":"2"}}\n\n',
    seen: { usage: undefined, terminated: false, error: undefined },
  },
};

testStreams(anthropicMessages, cases);

describe("passed on by the runtime", () => {
  const stream = cases["a stream as Anthropic sends it"]!.stream;
  test("a stream is whole and read the same, cut at every byte", async () => {
    const bytes = bytesOf(stream);
    const whole = observe(anthropicMessages, stream).seen;
    for (let at = 1; at < bytes.length; at += 1) {
      const observer = anthropicMessages.watch(false);
      const { text, end } = await drive([bytes.subarray(0, at), bytes.subarray(at)], { observer, native: true, settleMs: 0, words: () => "" });
      if (text !== stream || end !== "done") expect([at, text, end]).toEqual([at, stream, "done"]);
      if (at % 8 === 0) expect(observer.seen, `cut at ${at}`).toEqual(whole);
    }
  });

  test("events of megabytes are read in linear time and without a deep stack", () => {
    for (const piece of ["x", '\\"', "\\\\", '\\"text\\":\\"']) {
      const times = Math.floor(4_000_000 / piece.length);
      const startedMs = performance.now();
      const { seen } = observe(anthropicMessages, `event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"type":"text_delta","text":"${piece.repeat(times)}"}}\n\n${stop}`);
      expect(seen).toMatchObject({ terminated: true, outputCharacters: times * piece.length });
      expect(performance.now() - startedMs).toBeLessThan(1_000);
    }
  });
});

describe("usage", () => {
  test.each<[string, object, object]>([
    ["plain", { input_tokens: 3, output_tokens: 2 }, { inputTokens: 3, outputTokens: 2 }],
    ["with the cache", { ...cached, output_tokens: 7 }, cachedRead],
    ["with the cache's two lifetimes", { ...cached, cache_creation: { ephemeral_5m_input_tokens: 2, ephemeral_1h_input_tokens: 3 }, output_tokens: 7 }, { ...cachedRead, cacheWrite1hTokens: 3 }],
    ["with the cache's two lifetimes alone", { input_tokens: 10, cache_creation: { ephemeral_5m_input_tokens: 2, ephemeral_1h_input_tokens: 3 }, output_tokens: 7 }, { inputTokens: 15, cacheWriteTokens: 5, cacheWrite1hTokens: 3, outputTokens: 7 }],
    ["with nulls", { input_tokens: 3, output_tokens: 2, cache_read_input_tokens: null, cache_creation_input_tokens: null, cache_creation: null, output_tokens_details: null, iterations: null }, { inputTokens: 3, outputTokens: 2 }],
    ["of nothing", { input_tokens: 0, output_tokens: 0 }, {}],
    ["with an advisor", { input_tokens: 3, output_tokens: 2, iterations: [{ type: "advisor_message", ...cached, output_tokens: 4 }, { type: "message", input_tokens: 3, output_tokens: 2 }, null] }, { inputTokens: 98, outputTokens: 6 }],
  ])("%s", (_, told, expected) => expect(usageOf(readUsage(told))).toEqual({ ...noUsage, ...expected }));

  test.each([undefined, null, {}, [], 5, "5", { input_tokens: 3 }, { output_tokens: 3 }, { input_tokens: "3", output_tokens: 2 }, { input_tokens: Number.NaN, output_tokens: 2 }, { prompt_tokens: 3, completion_tokens: 2 }])("%j is none, or half of one", (told) => {
    expect(usageOf(readUsage(told))).toBeUndefined();
  });

  test("is the same however often and in however many pieces it is told (property)", () => {
    const whole = { ...cached, output_tokens: 7 };
    const keys = Object.keys(whole) as (keyof typeof whole)[];
    const piece = fc.subarray(keys).map((some) => Object.fromEntries(some.map((key) => [key, whole[key]])));
    fc.assert(fc.property(fc.array(fc.oneof(piece, fc.constant({}), fc.constant(null))), (pieces) => {
      const told = [whole, ...pieces].map(readUsage).reduce(merge, nothingTold);
      expect(usageOf(told)).toEqual(cachedRead);
    }));
  });
});

describe("a whole answer", () => {
  const content = [{ type: "thinking", thinking: "hm" }, { type: "text", text: "Hello" }, { type: "tool_use", id: "t", name: "f", input: { a: 1 } }, null];

  test("says what it used and wrote", () => {
    expect(anthropicMessages.observe({ type: "message", content, usage: { ...cached, output_tokens: 7 } }))
      .toMatchObject({ usage: cachedRead, reportedNanoUsd: undefined, error: undefined, terminated: true, outputCharacters: 14 });
  });

  test("that is an error under status 200", () => {
    expect(anthropicMessages.observe({ type: "error", error: { type: "api_error", message: "broken" } })).toMatchObject({ error: "broken", outputCharacters: 0, usage: undefined });
  });

  test("to a count is no usage, whatever it says", () => {
    for (const body of [{ input_tokens: 14 }, {}, undefined, { usage: { input_tokens: 3, output_tokens: 2 } }]) expect(anthropicCountTokens.observe(body).usage).toBe(noUsage);
  });

  test.each([undefined, null, 7, "x", [], {}, { content: {} }, { content: "x" }, { content: [7, { text: {} }, { type: "tool_use" }] }, { usage: [] }])("%j breaks nothing", (body) => {
    expect(anthropicMessages.observe(body)).toMatchObject({ usage: undefined, outputCharacters: 0 });
  });
});

describe("a request", () => {
  const base = { model: "claude", max_tokens: 100, messages: [{ role: "user", content: "hi" }] };
  const parse = (over: object = {}) => anthropicMessages.parse({ ...base, ...over });

  test.each<[string, object, object]>([
    ["plain", {}, { model: "claude", stream: false, usageAsked: true, outputTokens: 100, choices: 1 }],
    ["stream", { stream: true }, { stream: true, usageAsked: true }],
    ["null where it may be", { stream: null, system: null, tools: null, fallbacks: null, models: null }, { stream: false }],
    ["fields that we do not know", { temperature: "hot", thinking: { type: "adaptive" }, future: { field: 1 } }, { choices: 1 }],
    ["a system turn", { messages: [{ role: "system", content: "x" }, ...base.messages] }, { choices: 1 }],
    ["models that nobody planned", { fallbacks: [{ model: "b", max_tokens: 3 }], models: ["a"], tools: [{ type: "advisor", model: "c" }, { name: "f" }] }, { otherModels: ["b", "c"] }],
  ])("%s", (_, over, facts) => expect(parse(over)).toMatchObject(facts));

  test("names no other models unless it does", () => expect(parse({ tools: [{ name: "f" }] }).otherModels).toBeUndefined());

  test.each<[object, string]>([
    [{ model: undefined }, "model"], [{ model: "" }, "model"], [{ messages: undefined }, "messages"], [{ messages: [] }, "messages"], [{ messages: ["hi"] }, "messages[0]"],
    [{ max_tokens: undefined }, "max_tokens"], [{ max_tokens: null }, "max_tokens"], [{ max_tokens: "100" }, "max_tokens"], [{ max_tokens: 1.5 }, "max_tokens"], [{ max_tokens: -1 }, "max_tokens"],
    [{ stream: "true" }, "stream"], [{ system: 7 }, "system"], [{ tools: {} }, "tools"], [{ tools: ["f"] }, "tools[0]"], [{ fallbacks: ["b"] }, "fallbacks[0]"], [{ models: "a" }, "models"], [{ Model: "other" }, "Model"], [{ MAX_TOKENS: 9 }, "MAX_TOKENS"],
  ])("%j is refused by name", (over, param) => {
    expect(() => parse(over)).toThrow(expect.objectContaining({ code: "invalid_request", message: expect.stringContaining(param), detail: { param } }));
  });

  test("is bounded from above: text, tools and documents of text", () => {
    const bound = (content: unknown, over: object = {}) => parse({ messages: [{ role: "user", content }], ...over }).inputTokens;
    const plain = bound("");
    expect(bound("x".repeat(1_000))).toBeGreaterThanOrEqual(plain + 1_000);
    expect(bound("", { system: "x".repeat(1_000) })).toBeGreaterThanOrEqual(plain + 1_000);
    expect(bound("", { tools: [{ name: "f", input_schema: { source: { type: "string", description: "x".repeat(1_000) } } }] })).toBeGreaterThanOrEqual(plain + 1_000);
    expect(bound([{ type: "document", source: { type: "text", media_type: "text/plain", data: "x".repeat(100_000) } }])).toBeGreaterThanOrEqual(100_000);
    expect(bound([{ type: "document", source: { type: "content", content: [{ type: "text", text: "x".repeat(100_000) }] } }])).toBeGreaterThanOrEqual(100_000);
  });

  test("goes on with the client's own bytes", () => {
    const text = '{ "model" : "claude", "max_tokens":100,"messages":[{"role":"user","content":"hi"}],"stream":true,"x":12345678901234567890 }';
    const edits = (anthropicMessages.edits as () => Record<string, string>)();
    expect(splice(text, { ...edits, model: '"claude-x"' })).toBe(text.replace('"claude"', '"claude-x"'));
  });

  test("to count tokens needs no max_tokens and uses nothing", () => {
    expect(anthropicCountTokens.parse({ model: "claude", messages: base.messages, system: "x".repeat(1_000) })).toEqual({ model: "claude", stream: false, usageAsked: true, inputTokens: 0, likelyInputTokens: 0, outputTokens: 0, choices: 1 });
    expect(() => anthropicCountTokens.parse({ model: "claude" })).toThrow(expect.objectContaining({ detail: { param: "messages" } }));
  });
});

describe("an error", () => {
  const types: Partial<Record<number, string>> = {
    400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error", 404: "not_found_error", 405: "invalid_request_error",
    409: "conflict_error", 413: "request_too_large", 415: "invalid_request_error", 416: "invalid_request_error", 424: "invalid_request_error", 429: "rate_limit_error", 500: "api_error", 502: "api_error", 503: "api_error", 504: "timeout_error",
  };
  const classes: Record<number, string> = {
    400: "BadRequestError", 401: "AuthenticationError", 402: "PaymentRequiredError", 403: "PermissionDeniedError", 404: "NotFoundError", 409: "ConflictError", 413: "ContentTooLargeError",
    429: "RateLimitError", 503: "ServiceUnavailableError", 504: "GatewayTimeoutError",
  };
  const oldClasses: Record<number, string> = { 400: "BadRequestError", 401: "AuthenticationError", 403: "PermissionDeniedError", 404: "NotFoundError", 409: "ConflictError", 429: "RateLimitError" };
  const codes: Record<ErrorCode, true> = {
    invalid_json: true, invalid_request: true, previous_response_not_found: true, upstream_refused: true, missing_api_key: true, invalid_api_key: true, key_revoked: true, organisation_suspended: true, key_expired: true, invalid_admin_secret: true, insufficient_credits: true, subscription_expired: true, plan_required: true, header_credentials_not_allowed: true,
    model_not_allowed: true, model_not_priced: true, not_permitted: true, model_not_found: true, not_found: true, thread_not_found: true, method_not_allowed: true, conflict: true, idempotency_conflict: true, idempotency_unknown: true, request_too_large: true, unsupported_media_type: true, range_not_satisfiable: true, mcp_server_error: true, rate_limit_exceeded: true,
    token_rate_limit_exceeded: true, concurrency_limit_exceeded: true, quota_exceeded: true, internal_error: true, upstream_error: true, no_provider: true, sovereign_unavailable: true, limiter_unavailable: true, upstream_timeout: true,
  };

  test.each(Object.keys(codes) as ErrorCode[])("%s is what Anthropic's own clients expect", (code) => {
    const error = new GatewayError(code, "What went wrong: \"quoted\"\n", { param: "messages[2]" });
    const { status } = error;
    const body = JSON.parse(anthropicMessages.renderError(error, "req_1")) as object;
    expect(body).toEqual({ type: "error", error: { type: types[status], message: error.message, details: { error_code: code } }, request_id: "req_1" });
    const headers = new Headers({ "request-id": "req_1" });
    const thrown = APIError.generate(status, body, undefined, headers);
    expect(thrown).toMatchObject({ status, type: types[status], apiMessage: error.message, errorCode: code, requestID: "req_1" });
    expect(thrown.name).toBe(classes[status] ?? (status >= 500 ? "InternalServerError" : "APIError"));
    const old = OldAPIError.generate(status, body, undefined, headers);
    expect(old).toMatchObject({ status, type: types[status], requestID: "req_1", error: body });
    expect(old.constructor.name).toBe(oldClasses[status] ?? (status >= 500 ? "InternalServerError" : "APIError"));
  });

  test("of an overloaded provider is called so", () => {
    expect(JSON.parse(anthropicMessages.renderError(new GatewayError("upstream_refused", "x", {}, 529), "r"))).toMatchObject({ error: { type: "overloaded_error" } });
  });

  test.each([["the current", Stream], ["the older", OldStream]])("in a stream ends it for %s client", async (_, sdk) => {
    const frame = anthropicMessages.renderStreamError(new GatewayError("upstream_error", "It broke\n\noff."), "req_1");
    expect(frame.match(/\n\n/g)).toHaveLength(1);
    const texts: string[] = [];
    const reading = (async () => {
      for await (const part of sdk.fromSSEResponse(new Response(start(cached) + hello + frame), new AbortController())) texts.push(part.delta?.text ?? "");
    })();
    await expect(reading).rejects.toMatchObject({ type: "api_error", message: expect.stringContaining("It broke") });
    expect(texts.join("")).toBe("Hello");
    expect(observe(anthropicMessages, frame).seen.error).toBe("It broke\n\noff.");
  });
});

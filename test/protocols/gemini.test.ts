import { describe, expect, test } from "vitest";
import { noUsage } from "../../src/chat/usage.ts";
import { GatewayError, type ErrorCode } from "../../src/errors.ts";
import { gemini, geminiMethods, renderGoogleError, type Protocol } from "../../src/protocols/index.ts";
import { parseUsage } from "../../src/protocols/gemini/usage.ts";
import { rawValue, splice } from "../../src/upstream/index.ts";
import { bytesOf, drive } from "../upstream/drive.ts";
import { testStreams, type Case } from "./contract.ts";

const of = (method: string, events = false, model = "gemini-2.5-flash"): Protocol => gemini(model, method, events)!;
const generate = of("generateContent");
const stream = of("streamGenerateContent", true);

const event = (data: object | string): string => `data: ${typeof data === "string" ? data : JSON.stringify(data)}\r\n\r\n`;
const chunk = (parts: object[], rest: object = {}, candidate: object = {}) => ({ candidates: [{ content: { parts, role: "model" }, ...candidate, index: 0 }], ...rest, modelVersion: "gemini-2.5-flash" });
const counts = (prompt: number, candidates?: number, rest: object = {}) => ({ usageMetadata: { promptTokenCount: prompt, ...(candidates !== undefined && { candidatesTokenCount: candidates }), totalTokenCount: prompt + (candidates ?? 0), ...rest } });
const stop = { finishReason: "STOP" };

const cases: Record<string, Case> = {
  "a stream as Google sends it, counts growing": {
    stream: event(chunk([{ text: "Hel" }], counts(5, 1))) + event(chunk([{ text: "lo" }], counts(5, 2), stop)),
    seen: { usage: { ...noUsage, inputTokens: 5, outputTokens: 2 }, terminated: true, error: undefined, outputCharacters: 5 },
  },
  "thoughts, cache and audio": {
    stream: event(chunk([{ text: "hmm", thought: true }], counts(9))) + event(chunk([{ text: "Bäume 🌳", thoughtSignature: "c2ln" }], counts(9, 3, {
      cachedContentTokenCount: 4, thoughtsTokenCount: 7, toolUsePromptTokenCount: 2,
      promptTokensDetails: [{ modality: "TEXT", tokenCount: 3 }, { modality: "AUDIO", tokenCount: 6 }], candidatesTokensDetails: [{ modality: "AUDIO", tokenCount: 1 }],
    }), stop)),
    seen: { usage: { ...noUsage, inputTokens: 11, cachedTokens: 4, outputTokens: 10, reasoningTokens: 7, inputAudioTokens: 6, outputAudioTokens: 1 }, terminated: true, outputCharacters: 11 },
  },
  "a call of a function": {
    stream: event(chunk([{ functionCall: { name: "f", args: { city: "Rom" } } }], counts(5, 8), stop)),
    seen: { outputCharacters: '{"city":"Rom"}'.length, terminated: true },
  },
  "a call without arguments, and code": {
    stream: event(chunk([{ functionCall: { name: "f" } }, { executableCode: { language: "PYTHON", code: "1+1" } }, { inlineData: { mimeType: "image/png", data: "AAAA" } }])), seen: { outputCharacters: 3, terminated: false },
  },
  "a prompt that is blocked": {
    stream: event({ promptFeedback: { blockReason: "SAFETY" }, ...counts(7) }), seen: { usage: { ...noUsage, inputTokens: 7 }, terminated: true, outputCharacters: 0 },
  },
  "usage in an event of its own": { stream: event(chunk([{ text: "a" }], {}, stop)) + event(counts(3, 1)), seen: { usage: { ...noUsage, inputTokens: 3, outputTokens: 1 }, terminated: true } },
  "usage that never comes": { stream: event(chunk([{ text: "a" }], {}, stop)), seen: { usage: undefined, outputCharacters: 1 } },
  "usage that is zero": { stream: event(chunk([], counts(0, 0), stop)), seen: { usage: noUsage } },
  "an end that never comes": { stream: event(chunk([{ text: "a" }], counts(3, 1))), seen: { terminated: false } },
  "an error in the middle": {
    stream: event(chunk([{ text: "so far" }])) + event({ error: { code: 503, message: "The model is overloaded.", status: "UNAVAILABLE" } }),
    seen: { error: "The model is overloaded.", terminated: false, outputCharacters: 6 },
  },
  "plain newlines, comments and data over several lines": {
    stream: ': ping\n\ndata: {"candidates":[{"content":{"parts":[{"text":"a"}]},\ndata: "finishReason":"MAX_TOKENS"}],\ndata: "usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":1}}\n\n',
    seen: { usage: { ...noUsage, inputTokens: 3, outputTokens: 1 }, terminated: true, outputCharacters: 1 },
  },
  "text that speaks of usage, errors and ends": {
    stream: event(chunk([{ text: '"usageMetadata":{"promptTokenCount":9} "finishReason":"STOP" "error":{}\r\n\r\ndata: {}' }])), seen: { usage: undefined, error: undefined, terminated: false },
  },
  "what is no answer": {
    stream: event("{") + event("null") + event("7") + event("[]") + event({ candidates: "x" }) + event({ candidates: [null, 7, { content: null }, { content: { parts: [null, 7] } }] }) + event({ error: "no" }),
    seen: { usage: undefined, terminated: false, error: '"no"', outputCharacters: 0 },
  },
};

testStreams(stream, cases);

test.each(Object.entries(cases))("%s passes natively, cut at every byte", async (_, { stream: text }) => {
  const bytes = bytesOf(text);
  const whole = stream.watch(true);
  whole.push(text);
  for (let at = 1; at < bytes.length; at += 1) {
    const driven = await drive([bytes.subarray(0, at), bytes.subarray(at)], { native: true, observer: stream.watch(true), settleMs: 0, words: () => "" });
    if (driven.text !== text || driven.end !== "done") expect([at, driven.text, driven.end]).toEqual([at, text, "done"]);
    if (at % 16 === 0) expect(driven.observer.seen, `cut at ${at}`).toEqual(whole.seen);
  }
}, 30_000);

describe("a whole answer", () => {
  const answer = chunk([{ text: "Hello" }], counts(5, 2), stop);

  test("says what it used", () => {
    expect(generate.observe(answer)).toEqual({ usage: { ...noUsage, inputTokens: 5, outputTokens: 2 }, reportedNanoUsd: undefined, error: undefined, terminated: true, outputCharacters: 5 });
  });

  test("that is a stream in an array says it in its last element", () => {
    expect(of("streamGenerateContent").observe([chunk([{ text: "Hel" }], counts(5, 1)), chunk([{ text: "lo" }], counts(5, 2), stop)])).toEqual(generate.observe(answer));
  });

  test("of a count costs nothing", () => {
    expect(of("countTokens").observe({ totalTokens: 31, promptTokensDetails: [] }).usage).toBe(noUsage);
  });

  test("of embeddings says it in newer versions only", () => {
    expect(of("embedContent").observe({ embedding: { values: [0.1] }, usageMetadata: { promptTokenCount: 4, promptTokenDetails: [{ modality: "AUDIO", tokenCount: 4 }] } }).usage).toEqual({ ...noUsage, inputTokens: 4, inputAudioTokens: 4 });
    expect(of("batchEmbedContents").observe({ embeddings: [{ values: [0.1] }] }).usage).toBeUndefined();
  });

  test.each([undefined, null, 7, "x", [], {}])("%j is none", (body) => expect(generate.observe(body)).toMatchObject({ usage: undefined, error: undefined, outputCharacters: 0 }));

  test("may be an error", () => {
    expect(generate.observe({ error: { code: 500, message: "no", status: "INTERNAL" } }).error).toBe("no");
  });
});

test.each([undefined, null, {}, [], 7, { prompt_tokens: 3 }])("%j is no usage", (value) => expect(parseUsage(value)).toBeUndefined());
test("counts that are no counts are none", () => expect(parseUsage({ promptTokenCount: -3, candidatesTokenCount: "2", thoughtsTokenCount: null })).toBeUndefined());

describe("a request", () => {
  const contents = [{ role: "user", parts: [{ text: "hello world!" }] }];

  test("is read from its URL and its body", () => {
    expect(generate.parse({ contents })).toEqual({ model: "gemini-2.5-flash", stream: false, usageAsked: true, inputTokens: expect.any(Number), likelyInputTokens: expect.any(Number), outputTokens: undefined, choices: 1 });
    expect(stream.parse({ contents, generationConfig: { maxOutputTokens: 100, candidateCount: 3 } })).toMatchObject({ stream: true, outputTokens: 300, choices: 3 });
  });

  test("is bounded by all that the model reads", () => {
    const { inputTokens } = generate.parse({ contents });
    const more = [{ systemInstruction: { parts: [{ text: "x".repeat(100) }] } }, { tools: [{ functionDeclarations: [{ name: "x".repeat(100) }] }] }, { generationConfig: { responseSchema: { description: "x".repeat(100) } } }];
    for (const fields of more) expect(generate.parse({ contents, ...fields }).inputTokens).toBeGreaterThanOrEqual(inputTokens + 50);
  });

  test("may be written in snake case, as protobuf has it, but not in both", () => {
    expect(generate.parse({ contents, generation_config: { max_output_tokens: 7 } }).outputTokens).toBe(7);
    expect(generate.parse({ contents, system_instruction: { parts: [{ text: "x".repeat(1_000) }] } }).inputTokens).toBeGreaterThan(500);
    for (const [body, param] of [[{ contents, generation_config: {}, generationConfig: {} }, "generationConfig"], [{ contents, generationConfig: { maxOutputTokens: 1, max_output_tokens: 9 } }, "generationConfig.maxOutputTokens"]] as const) {
      expect(() => generate.parse(body)).toThrow(expect.objectContaining({ code: "invalid_request", detail: { param } }));
    }
  });

  test.each<[unknown, string]>([
    [{}, "contents"], [{ contents: [] }, "contents"], [{ contents: "hi" }, "contents"], [{ contents: ["hi"] }, "contents"], [{ contents, generationConfig: [] }, "generationConfig"],
    [{ contents, generationConfig: { maxOutputTokens: -1 } }, "generationConfig.maxOutputTokens"], [{ contents, generationConfig: { maxOutputTokens: "9" } }, "generationConfig.maxOutputTokens"],
    [{ contents, generationConfig: { candidateCount: 0 } }, "generationConfig.candidateCount"], [{ contents, Contents: [] }, "Contents"],
  ])("%j is none", (body, param) => {
    expect(() => generate.parse(body)).toThrow(expect.objectContaining({ code: "invalid_request", detail: { param } }));
  });

  test.each(["", "a b", "ä", "a\u0000", "x".repeat(257)])("for the model %j is none", (model) => {
    for (const method of geminiMethods) expect(() => of(method, false, model).parse({ contents, content: {}, requests: [{}] })).toThrow(expect.objectContaining({ detail: { param: "model" } }));
  });

  test("to count costs nothing", () => {
    for (const body of [{ contents }, { generateContentRequest: { contents } }, { generate_content_request: { contents } }]) expect(of("countTokens").parse(body)).toMatchObject({ inputTokens: 0, outputTokens: 0 });
    expect(() => of("countTokens").parse({})).toThrow(GatewayError);
  });

  test("for embeddings is bounded and has no output", () => {
    expect(of("embedContent").parse({ content: contents[0] })).toMatchObject({ outputTokens: 0, inputTokens: expect.any(Number) });
    const one = of("batchEmbedContents").parse({ requests: [{ content: contents[0] }] }).inputTokens;
    expect(of("batchEmbedContents").parse({ requests: [{ content: contents[0] }, { content: contents[0] }] }).inputTokens).toBe(2 * one);
    expect(() => of("embedContent").parse({})).toThrow(expect.objectContaining({ detail: { param: "content" } }));
    expect(() => of("batchEmbedContents").parse({ requests: [] })).toThrow(expect.objectContaining({ detail: { param: "requests" } }));
  });
});

describe("what goes on", () => {
  const edited = (method: string, text: string): string => {
    const protocol = of(method);
    return splice(text, protocol.edits(protocol.parse(JSON.parse(text)), (key) => rawValue(text, key), "theirs"));
  };

  test("is the client's own bytes", () => {
    const text = '{ "contents":[{"parts":[{"text":"\\u00e9"}]}], "generationConfig" : {"seed":12345678901234567890} }';
    expect(edited("generateContent", text)).toBe(text);
    const batch = '{"requests": [ {"model":"models/theirs", "content":{"parts":[]}} ]}';
    expect(edited("batchEmbedContents", batch)).toBe(batch);
  });

  test("names the provider's model where the body names one", () => {
    expect(edited("generateContent", '{"model":"models/ours", "contents":[{}]}')).toBe('{"model":"models/theirs", "contents":[{}]}');
    expect(edited("embedContent", '{"model":"ours","content":{}}')).toBe('{"model":"models/theirs","content":{}}');
    expect(edited("batchEmbedContents", '{"requests":[{"model":"models/ours","content":{}},{"content":{}}]}')).toBe('{"requests":[{"model":"models/theirs","content":{}},{"content":{}}]}');
    expect(edited("countTokens", '{"generateContentRequest":{"model":"models/ours","contents":[{}]}}')).toBe('{"generateContentRequest":{"model":"models/theirs","contents":[{}]}}');
  });

  test("has the model in its path, where it can be nothing but a model", () => {
    const path = (protocol: Protocol, id: string): string => (protocol.path as (upstreamId: string) => string)(id);
    expect(path(stream, "gemini-2.5-flash")).toBe("/models/gemini-2.5-flash:streamGenerateContent?alt=sse");
    expect(path(of("streamGenerateContent"), "m")).toBe("/models/m:streamGenerateContent");
    expect(path(of("countTokens", true), "m")).toBe("/models/m:countTokens");
    for (const id of ["..", "../../x", "a?b=c", "a#b", "a/b", "a:deleteIt", "%2e%2e/x"]) {
      const url = new URL(`https://google.example/v1beta${path(generate, id)}`);
      expect([url.pathname, url.search, url.hash]).toEqual([`/v1beta/models/${encodeURIComponent(id)}:generateContent`, "", ""]);
    }
  });

  test("is a method that there is", () => {
    for (const method of ["", "predict", "toString", "__proto__", "generatecontent"]) expect(gemini("m", method, false)).toBeUndefined();
  });
});

describe("errors", () => {
  const statuses: Record<number, string> = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 402: "FAILED_PRECONDITION", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 405: "UNIMPLEMENTED", 409: "ALREADY_EXISTS",
    413: "INVALID_ARGUMENT", 415: "INVALID_ARGUMENT", 416: "INVALID_ARGUMENT", 424: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 502: "UNAVAILABLE", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
  };
  /** Every code; the type holds it to be complete. */
  const codes: Record<ErrorCode, true> = {
    invalid_json: true, invalid_request: true, previous_response_not_found: true, missing_api_key: true, invalid_api_key: true, key_revoked: true, organisation_suspended: true, key_expired: true, invalid_admin_secret: true, insufficient_credits: true, subscription_expired: true, plan_required: true, header_credentials_not_allowed: true,
    model_not_allowed: true, model_not_priced: true, not_permitted: true, model_not_found: true, not_found: true, thread_not_found: true, method_not_allowed: true, conflict: true, idempotency_conflict: true, idempotency_unknown: true, request_too_large: true, unsupported_media_type: true, range_not_satisfiable: true, mcp_server_error: true,
    rate_limit_exceeded: true, token_rate_limit_exceeded: true, concurrency_limit_exceeded: true, quota_exceeded: true, internal_error: true, upstream_refused: true, upstream_error: true,
    no_provider: true, sovereign_unavailable: true, limiter_unavailable: true, upstream_timeout: true,
  };

  test.each(Object.keys(codes) as ErrorCode[])("%s", (code) => {
    const error = new GatewayError(code, "no", { param: "contents", retryAfterSeconds: 7 });
    const body = JSON.parse(renderGoogleError(error, "req_1")) as object;
    expect(body).toEqual({
      error: {
        code: error.status, message: "no", status: statuses[error.status],
        details: [
          { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: code.toUpperCase(), domain: "forge" },
          { "@type": "type.googleapis.com/google.rpc.BadRequest", fieldViolations: [{ field: "contents", description: "no" }] },
          { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "7s" },
          { "@type": "type.googleapis.com/google.rpc.RequestInfo", requestId: "req_1" },
        ],
      },
    });
    const observer = stream.watch(true);
    observer.push(stream.renderStreamError(error, "req_1"));
    expect(observer.seen.error).toBe("no");
  });
});

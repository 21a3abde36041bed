import { describe, expect, test } from "vitest";
import { noUsage } from "../../src/chat/usage.ts";
import { GatewayError } from "../../src/errors.ts";
import { openaiChat, openaiInputTokens, openaiResponses } from "../../src/protocols/index.ts";
import { parseUsage } from "../../src/protocols/openai-responses/usage.ts";
import { rawValue, splice } from "../../src/upstream/index.ts";
import { bytesOf, drive } from "../upstream/drive.ts";
import { observe, testStreams, type Case } from "./contract.ts";
import { APIError, Stream } from "./openai-sdk.mjs";

let sequence = 0;
const event = (type: string, rest: object = {}): string => `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence++, ...rest })}\n\n`;
const usage = { input_tokens: 30, input_tokens_details: { cached_tokens: 8, cache_write_tokens: 4 }, output_tokens: 20, output_tokens_details: { reasoning_tokens: 12 }, total_tokens: 50 };
const usageRead = { ...noUsage, inputTokens: 30, cachedTokens: 8, cacheWriteTokens: 4, outputTokens: 20, reasoningTokens: 12 };
const created = event("response.created", { response: { id: "resp_1", status: "in_progress", error: null, usage: null, output: [] } });
const text = (delta: string): string => event("response.output_text.delta", { item_id: "msg_1", output_index: 0, content_index: 0, delta });
const ended = (how: string, response: object = {}): string => event(`response.${how}`, { response: { id: "resp_1", status: how, error: null, output: [], usage, ...response } });
const hello = created + text("Hello");

const cases: Record<string, Case> = {
  "a stream as OpenAI sends it": {
    stream: hello + text(", wörld 🌍") + event("response.output_text.done", { text: "Hello, wörld 🌍" }) + ended("completed"),
    seen: { usage: usageRead, terminated: true, error: undefined, outputCharacters: 15 },
  },
  "one cut short by its limit": { stream: hello + ended("incomplete", { incomplete_details: { reason: "max_output_tokens" } }), seen: { usage: usageRead, terminated: true, error: undefined } },
  "one that failed": {
    stream: hello + ended("failed", { error: { code: "server_error", message: "no more" } }), seen: { usage: usageRead, terminated: true, error: "no more", outputCharacters: 5 },
  },
  "one that failed without a reason or usage": { stream: created + ended("failed", { usage: null }), seen: { usage: undefined, terminated: true, error: "The response failed." } },
  "an error event as OpenAI sends it, before the failure": {
    stream: created + event("error", { error: { type: "tokens", code: "rate_limit_exceeded", message: "too large", param: null } }), seen: { usage: undefined, terminated: false, error: "too large" },
  },
  "an error event as it is documented": { stream: hello + event("error", { code: "x", message: "lost", param: null }), seen: { terminated: false, error: "lost" } },
  "an error chunk without a type": { stream: hello + 'data: {"error":{"message":"gone"}}\n\n', seen: { terminated: false, error: "gone" } },
  "no usage": { stream: hello + ended("completed", { usage: undefined }), seen: { usage: undefined, terminated: true, outputCharacters: 5 } },
  "usage that is zero": { stream: ended("completed", { usage: { input_tokens: 0, output_tokens: 0 } }), seen: { usage: noUsage, terminated: true } },
  "a cost (xAI)": { stream: ended("completed", { usage: { ...usage, cost_in_usd_ticks: 12_345 } }), seen: { usage: usageRead, reportedNanoUsd: 1_235 } },
  "the end twice: the last counts, and nothing is added up": {
    stream: ended("completed", { usage: { input_tokens: 1, output_tokens: 1 } }) + ended("completed"), seen: { usage: usageRead },
  },
  "everything that a model writes": {
    stream: event("response.reasoning_summary_text.delta", { delta: "hm" }) + event("response.reasoning_text.delta", { delta: "ok" }) + event("response.refusal.delta", { delta: "no" })
      + event("response.function_call_arguments.delta", { delta: '{"a"' }) + event("response.custom_tool_call_input.delta", { delta: "x" }) + event("response.shell_call_output_content.delta", { delta: { stdout: "not the model's" } }),
    seen: { outputCharacters: 2 + 2 + 2 + 6 + 1, terminated: false },
  },
  "text that speaks of ends, errors and deltas": {
    stream: text('"type":"response.completed" "error":{"message":"x"} event: error') + event("response.output_text.done", { text: '{"type":"response.failed","delta":"zzz"}' })
      + event("response.output_item.done", { item: { type: "mcp_call", error: { message: "a tool's own" } } }),
    seen: { usage: undefined, terminated: false, error: undefined },
  },
  "comments, CRLF, no event names, odd spacing and a sentinel (OpenRouter)": {
    stream: ': PROCESSING\r\n\r\ndata:{"delta" : "abc" , "type" : "response.output_text.delta"}\r\n\r\ndata: { "response":{"usage":{"input_tokens":3,"output_tokens":2}},"type" : "response.completed" }\r\n\r\ndata: [DONE]\r\n\r\n',
    seen: { usage: { ...noUsage, inputTokens: 3, outputTokens: 2 }, terminated: true, outputCharacters: 3 },
  },
  "what is not JSON, and JSON that is no event": {
    stream: 'event: response.completed\ndata: {"type":"response.completed"\n\nevent: error\n\ndata: ["type":"error"]\n\ndata: "error":{"x"\n\nevent: error\ndata: null\n\ndata: {"type":"response.completed","response":null}\n\n',
    seen: { usage: undefined, terminated: true, error: undefined },
  },
};

testStreams(openaiResponses, cases);

test("piped natively, as it is, a stream is read the same wherever it is cut", async () => {
  const { stream, seen } = cases["a stream as OpenAI sends it"]!;
  const bytes = bytesOf(stream);
  await Promise.all(Array.from({ length: bytes.length / 4 }, async (_, i) => {
    const observer = openaiResponses.watch(false);
    const { text: shown, end } = await drive([bytes.subarray(0, 4 * i + 1), bytes.subarray(4 * i + 1)], { observer, native: true, settleMs: 0, words: () => "" });
    expect([shown, end]).toEqual([stream, "done"]);
    expect(observer.seen).toMatchObject(seen);
  }));
});

test("megabytes in one event are read in linear time and without a deep stack", () => {
  for (const piece of ["x", '\\"', "\\\\", '\\"type\\":\\"response.']) {
    const long = piece.repeat(4_000_000 / piece.length);
    const stream = `data: {"type":"response.output_text.delta","delta":"${long}"}\n\ndata: {"type":"response.completed","response":{"output":[{"text":"${long}"}],"usage":{"input_tokens":1}}}\n\n`;
    const startedMs = performance.now();
    expect(observe(openaiResponses, stream).seen).toMatchObject({ terminated: true, outputCharacters: long.length, usage: { inputTokens: 1 } });
    expect(performance.now() - startedMs).toBeLessThan(1_500);
  }
});

describe("usage", () => {
  test.each<[string, unknown, object | undefined]>([
    ["in full", usage, usageRead],
    ["without details", { input_tokens: 3, output_tokens: 2, total_tokens: 5 }, { ...noUsage, inputTokens: 3, outputTokens: 2 }],
    ["with null details", { input_tokens: 3, input_tokens_details: null, output_tokens: 2, output_tokens_details: null }, { ...noUsage, inputTokens: 3, outputTokens: 2 }],
    ["zero, which is not missing", { input_tokens: 0, output_tokens: 0 }, noUsage],
    ["nonsense", { input_tokens: "3", output_tokens: -1 }, undefined],
    ["missing", undefined, undefined], ["null", null, undefined], ["empty", {}, undefined], ["a number", 7, undefined],
  ])("%s", (_, told, read) => expect(parseUsage(told)).toEqual(read));
});

describe("a whole answer", () => {
  test("says what it used, cost and wrote", () => {
    const output = [
      { type: "reasoning", summary: [{ type: "summary_text", text: "hm" }] }, { type: "message", content: [{ type: "output_text", text: "Hello" }, { type: "refusal", refusal: "no" }, null] },
      { type: "function_call", arguments: "{}" }, { type: "custom_tool_call", input: "x" }, null,
    ];
    expect(openaiResponses.observe({ status: "completed", error: null, output, usage: { ...usage, cost: 1e-6 } }))
      .toEqual({ usage: usageRead, reportedNanoUsd: 1_000, error: undefined, terminated: true, outputCharacters: 2 + 5 + 2 + 2 + 1 });
  });

  test("that failed under status 200", () => {
    expect(openaiResponses.observe({ status: "failed", error: { code: "server_error", message: "no" }, output: [], usage: null })).toMatchObject({ error: "no", usage: undefined, outputCharacters: 0 });
  });

  test.each([undefined, null, 7, "x", [], {}, { output: {} }, { output: [7, [], { content: "x" }, { content: [7], summary: {} }] }, { usage: [] }])("%j breaks nothing", (body) => {
    expect(openaiResponses.observe(body)).toMatchObject({ usage: undefined, outputCharacters: 0, error: undefined });
  });

  test("that only counts tokens costs nothing, said or unsaid", () => {
    for (const body of [{ object: "response.input_tokens", input_tokens: 42 }, { usage }, {}]) expect(openaiInputTokens.observe(body).usage).toBe(noUsage);
    expect(openaiInputTokens.observe({ usage: { ...usage, cost: 1 } }).reportedNanoUsd).toBeUndefined();
  });
});

describe("a request", () => {
  const parse = (over: object = {}) => openaiResponses.parse({ model: "gpt-5", input: "hi", ...over });

  test.each<[string, object, object]>([
    ["plain", {}, { model: "gpt-5", stream: false, usageAsked: true, outputTokens: undefined, choices: 1 }],
    ["stream", { stream: true }, { stream: true, usageAsked: true }],
    ["a limit", { max_output_tokens: 20 }, { outputTokens: 20 }],
    ["null everywhere", { instructions: null, tools: null, stream: null, max_output_tokens: null, store: null, background: null, previous_response_id: null, conversation: null, prompt: null, models: null }, { stream: false, outputTokens: undefined }],
    ["no state asked for", { store: false, background: false }, { choices: 1 }],
    ["state asked for, which it does not get", { store: true }, { choices: 1 }],
    ["no input", { input: undefined }, { choices: 1 }],
    ["items of every kind", { input: [{ role: "user", content: "hi" }, { type: "message", id: "msg_1", role: "assistant", content: [] }, { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "x" }, { type: "function_call", id: "fc_1", call_id: "c", name: "f", arguments: "{}" }, { type: "function_call_output", call_id: "c", output: "1" }] }, { choices: 1 }],
    ["fields that we do not know", { temperature: "hot", future: { field: 1 } }, { choices: 1 }],
  ])("%s", (_, over, facts) => expect(parse(over)).toMatchObject(facts));

  test.each<[object, string]>([
    [{ model: undefined }, "model"], [{ model: 7 }, "model"], [{ input: 7 }, "input"], [{ input: ["hi"] }, "input"], [{ input: {} }, "input"], [{ tools: {} }, "tools"], [{ stream: "true" }, "stream"],
    [{ max_output_tokens: -1 }, "max_output_tokens"], [{ store: "no" }, "store"], [{ Store: true }, "Store"], [{ Previous_Response_Id: "resp_1" }, "Previous_Response_Id"],
  ])("%j names the field", (over, param) => {
    expect(() => parse(over)).toThrow(expect.objectContaining({ code: "invalid_request", status: 400, detail: expect.objectContaining({ param }) as unknown }));
  });

  test.each<[object, string]>([
    [{ previous_response_id: "resp_1" }, "previous_response_id"], [{ previous_response_id: "" }, "previous_response_id"], [{ conversation: "conv_1" }, "conversation"], [{ conversation: { id: "conv_1" } }, "conversation"],
    [{ background: true }, "background"], [{ prompt: { id: "pmpt_1" } }, "prompt"],
    [{ input: [{ role: "user", content: "hi" }, { type: "item_reference", id: "msg_1" }] }, "input[1]"], [{ input: [{ id: "msg_1" }] }, "input[0]"], [{ input: [{ type: null, id: "msg_1" }] }, "input[0]"],
  ])("%j wants what a provider keeps for all our clients, and is refused", (over, param) => {
    for (const protocol of [openaiResponses, openaiInputTokens]) {
      const refused = (): unknown => protocol.parse({ model: "gpt-5", input: "hi", ...over });
      expect(refused).toThrow(expect.objectContaining({ code: "invalid_request", status: 400, detail: { param } }));
      expect(refused).toThrow(`${param}: `);
      expect(refused).toThrow("is not supported");
    }
  });

  test("is bounded by all that a model may read of it", () => {
    const bound = (over: object): number => parse(over).inputTokens;
    const user = (...content: object[]) => ({ input: [{ role: "user", content }] });
    const long = "x".repeat(10_000);
    for (const over of [
      { input: long }, user({ type: "input_text", text: long }), { instructions: long }, { tools: [{ type: "function", name: "f", description: long }] }, { text: { format: { type: "json_schema", schema: { description: long } } } },
      { input: [{ type: "function_call_output", call_id: "c", output: long }] },
    ]) expect(bound(over)).toBeGreaterThanOrEqual(10_000);
  });

  test("that only counts tokens reserves none", () => {
    expect(openaiInputTokens.parse({ model: "gpt-5", input: "x".repeat(1_000), stream: true })).toMatchObject({ stream: false, inputTokens: 0, outputTokens: 0 });
  });
});

test.each([
  ["functions, custom tools and searches of the client's", [{ type: "function", name: "f" }, { type: "custom", name: "c" }, { type: "tool_search", execution: "client" }, { type: "namespace", name: "n", tools: [{ type: "function", name: "f" }] }], undefined, undefined],
  ["a file search beside functions", [{ type: "function", name: "f" }, { type: "file_search" }], undefined, { param: "tools", what: ["file_search"], must: true }],
  ["a web search alone", [{ type: "web_search" }], undefined, { param: "tools", what: ["web_search"], must: true }],
  ["a web search beside functions, which is an offer", [{ type: "function", name: "f" }, { type: "web_search_preview" }], "auto", { param: "tools", what: ["web_search_preview"], must: false }],
  ["a web search that the model shall call", [{ type: "function", name: "f" }, { type: "web_search" }], { type: "web_search" }, { param: "tools", what: ["web_search"], must: true }],
  ["tools in a namespace", [{ type: "namespace", name: "n", tools: [{ type: "computer_use_preview" }] }], undefined, { param: "tools", what: ["computer_use_preview"], must: true }],
])("a provider's own tools: %s", (_, tools, tool_choice, expected) => expect(openaiResponses.parse({ model: "m", input: "hi", tools, tool_choice }).nativeOnly).toEqual(expected));

describe("what we set in a request", () => {
  const edited = (protocol: typeof openaiResponses, body: string): string => splice(body, protocol.edits(protocol.parse(JSON.parse(body)), (key) => rawValue(body, key), "m"));

  test.each([
    ['{"model":"m","input":"hi"}', '{"model":"m","input":"hi","store":false}'],
    ['{"store" : true,"model":"m", "input":"hi","stream":true}', '{"store" : false,"model":"m", "input":"hi","stream":true}'],
    ['{"model":"m","store":null,"metadata":{"store":true,"n":12345678901234567890}}', '{"model":"m","store":false,"metadata":{"store":true,"n":12345678901234567890}}'],
  ])("%s is not stored", (body, expected) => expect(edited(openaiResponses, body)).toBe(expected));

  test("nothing where tokens are counted: that endpoint knows no store", () => {
    expect(edited(openaiInputTokens, '{"model":"m","input":"hi"}')).toBe('{"model":"m","input":"hi"}');
  });
});

describe("an error", () => {
  test("looks as it does in chat", () => {
    const error = new GatewayError("invalid_request", "input: no", { param: "input" });
    expect(openaiResponses.renderError(error, "req_1")).toBe(openaiChat.renderError(error, "req_1"));
    const thrown = APIError.generate(400, JSON.parse(openaiResponses.renderError(error, "req_1")) as object, undefined, new Headers());
    expect(thrown).toMatchObject({ status: 400, code: "invalid_request", param: "input" });
    expect(thrown.constructor.name).toBe("BadRequestError");
  });

  test("in a stream ends it for OpenAI's own client", async () => {
    const frame = openaiResponses.renderStreamError(new GatewayError("upstream_error", "It broke\n\noff.", { param: "input" }), "req_1");
    expect(frame).toMatch(/^event: error\ndata: [^\n]+\n\n$/);
    expect(JSON.parse(frame.slice(frame.indexOf("{")))).toMatchObject({ type: "error", code: "upstream_error", message: "It broke\n\noff.", param: "input", sequence_number: expect.any(Number) as number });
    const stream = Stream.fromSSEResponse(new Response(hello + frame), new AbortController());
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const part of stream) seen.push(part);
    })();
    await expect(reading).rejects.toMatchObject({ message: "It broke\n\noff.", code: "upstream_error", type: "server_error", param: "input" });
    await expect(reading).rejects.toBeInstanceOf(APIError);
    expect(seen).toHaveLength(2);
    expect(observe(openaiResponses, frame).seen.error).toBe("It broke\n\noff.");
  });
});

import { describe, expect, test } from "vitest";
import { collect, eventsOf, noUsage, parseExact, seal, type ChatEvent, type ChatResponse } from "../../src/chat/index.ts";
import { GatewayError } from "../../src/errors.ts";
import { openaiChat, openaiChatUpstream } from "../../src/protocols/openai-chat/index.ts";
import { openaiCompletions } from "../../src/protocols/openai-completions/index.ts";
import type { Dialect, RenderContext } from "../../src/protocols/protocol.ts";
import { dataOf, splitFrames } from "../../src/protocols/sse.ts";

const origin = { protocol: "openai-chat", provider: "here" };
const parsing = { origin, idSeed: "seed" };
const client = openaiChat.conversation!;
const vendor: Dialect = { developerRole: true, jsonSchema: true, reasoning: "effort", reasoningBack: "reasoning_details" };
const render = (body: object, dialect: Dialect = vendor) =>
  openaiChatUpstream.renderRequest(client.parseRequest({ model: "m", messages: [{ role: "user", content: "Hi" }], ...body }), { upstreamId: "m", origin, dialect, maxOutputTokens: undefined });
const context = (fields: object = {}): RenderContext => ({ request: client.parseRequest({ model: "asked", messages: [{ role: "user", content: "Hi" }], ...fields }), requestId: "req_1", nowS: 1_700_000_000 });

const chunk = (delta: object, fields: object = {}, top: object = {}): string =>
  `data: ${JSON.stringify({ id: "c1", object: "chat.completion.chunk", created: 7, model: "real", choices: [{ index: 0, delta, finish_reason: null, ...fields }], ...top })}\n\n`;
const call = (index: number | undefined, id: string | undefined, name: string | undefined, input: unknown): object => ({ tool_calls: [{ index, id, type: "function", function: { name, arguments: input } }] });
const done = `${chunk({}, { finish_reason: "tool_calls" })}data: [DONE]\n\n`;

function parse(stream: string): ChatEvent[] {
  const parser = openaiChatUpstream.parseStream(parsing);
  const events = splitFrames(stream).flatMap((frame) => parser.push({ data: dataOf(frame) ?? "" }));
  return [...events, ...parser.end()];
}

/** The laws of `ChatEvent`. */
function expectLawful(events: readonly ChatEvent[]): void {
  let open = false;
  let at = -1;
  expect(events[0]?.type).toBe("start");
  for (const event of events) {
    if (event.type.endsWith("-start") || event.type === "part") {
      expect(open).toBe(false);
      at += 1;
      open = event.type !== "part";
    }
    if ("at" in event) expect(event.at).toBe(at);
    if (event.type.endsWith("-end")) open = false;
    if (event.type === "finish") expect(open).toBe(false);
  }
}

const callsOf = (response: ChatResponse): unknown[] => response.choices[0]!.parts.filter((part) => part.type === "tool-call").map(({ id, name, input }) => [id, name, input]);

describe("a request", () => {
  test("comes back as it was", () => {
    const body = {
      model: "m",
      messages: [
        { role: "system", content: [{ type: "text", text: "Be short.", cache_control: { type: "ephemeral", ttl: "1h" } }] },
        { role: "user", content: [{ type: "text", text: "Look" }, { type: "image_url", image_url: { url: "data:image/png;base64,AAAA", detail: "low" } }, { type: "input_audio", input_audio: { data: "BBBB", format: "mp3" } }, { type: "file", file: { file_data: "data:application/pdf;base64,CCCC", filename: "a.pdf" } }], name: "ann" },
        { role: "assistant", content: null, reasoning_details: [{ type: "reasoning.text", text: "hm", signature: "sig", format: "anthropic-claude-v1", index: 0 }], tool_calls: [{ id: "t1", type: "function", function: { name: "f", arguments: "{\"b\": 1,\"a\":12345678901234567890}" } }] },
        { role: "tool", tool_call_id: "t1", content: "done" },
      ],
      tools: [{ type: "function", function: { name: "f", description: "d", parameters: { type: "object" }, strict: true } }],
      tool_choice: { type: "function", function: { name: "f" } },
      parallel_tool_calls: false, max_tokens: 9, temperature: 0.5, top_p: 0.9, top_k: 3, stop: ["x"], seed: 3, n: 2, logprobs: true, top_logprobs: 2, reasoning_effort: "low",
      response_format: { type: "json_schema", json_schema: { name: "o", schema: { type: "object" }, strict: true } },
      service_tier: "flex", user: "u", metadata: { a: "b" }, prompt_cache_key: "k", verbosity: "low", prediction: { type: "content", content: "x" },
    };
    expect(render(body)).toEqual({ body, losses: [] });
  });

  test("of another protocol is split into messages, and says what is lost", () => {
    const request = {
      ...client.parseRequest({ model: "m", messages: [{ role: "user", content: "Hi" }] }),
      turns: [
        { role: "assistant" as const, parts: [{ type: "reasoning" as const, texts: ["hm"], signature: "s", origin: { protocol: "anthropic-messages", provider: "p" } }, { type: "tool-call" as const, id: "t1", name: "f", input: "{}" }, { type: "tool-call" as const, id: "t2", name: "f", input: "{}" }] },
        { role: "user" as const, parts: [
          { type: "tool-result" as const, id: "t1", isError: true as const, content: [{ type: "text" as const, text: "no" }, { type: "file" as const, kind: "image" as const, data: { base64: "AA" }, mediaType: "image/png" }] },
          { type: "tool-result" as const, id: "t2", content: [] },
          { type: "text" as const, text: "Go on", cache: {} },
        ] },
      ],
      topK: 4,
      rest: { protocol: "anthropic-messages", fields: { container: "c" } },
    };
    const { body, losses } = openaiChatUpstream.renderRequest(request, { upstreamId: "m", origin, dialect: {}, maxOutputTokens: undefined });
    expect(body.messages).toEqual([
      { role: "assistant", content: null, tool_calls: [{ id: "t1", type: "function", function: { name: "f", arguments: "{}" } }, { id: "t2", type: "function", function: { name: "f", arguments: "{}" } }] },
      { role: "tool", tool_call_id: "t1", content: "Error:\n\nno" },
      { role: "tool", tool_call_id: "t2", content: "" },
      { role: "user", content: [{ type: "image_url", image_url: { url: "data:image/png;base64,AA" } }, { type: "text", text: "Go on" }] },
    ]);
    expect(losses.toSorted()).toEqual(["cache_breakpoint", "field:container", "reasoning", "tool_result_error", "tool_result_media", "top_k"]);
  });

  test("obeys the dialect", () => {
    expect(render({ stream: true, max_tokens: 5, reasoning: { max_tokens: 900 }, seed: 1, response_format: { type: "json_schema", json_schema: { schema: {} } } }, { streamOptions: "refused", maxTokensField: "max_completion_tokens", reasoning: "effort", refuses: ["seed"] })).toEqual({
      body: { model: "m", messages: [{ role: "user", content: "Hi" }], stream: true, max_completion_tokens: 5, reasoning_effort: "low", response_format: { type: "json_object" } },
      losses: ["output_schema", "reasoning_budget", "seed"],
    });
  });

  test("of legacy functions is one of tools", () => {
    expect(render({ messages: [{ role: "assistant", content: null, function_call: { name: "f", arguments: "{}" } }, { role: "function", name: "f", content: "1" }], functions: [{ name: "f" }], function_call: { name: "f" } }).body).toMatchObject({
      messages: [{ tool_calls: [{ id: "call_function0" }] }, { role: "tool", tool_call_id: "call_function0" }],
      tool_choice: { type: "function", function: { name: "f" } },
    });
  });

  test.each([
    [{ messages: [{ role: "bot" }] }, "messages[0].role"],
    [{ messages: [{ role: "user", content: 5 }] }, "messages[0].content"],
    [{ messages: [{ role: "user", content: [{ type: "text" }] }] }, "messages[0].content[0].text"],
    [{ tools: [{ type: "function", function: {} }] }, "tools[0].function.name"],
    [{ temperature: "hot" }, "temperature"],
  ])("of the wrong shape is refused by its field: %j", (fields, param) => {
    expect(() => client.parseRequest({ model: "m", messages: [{ role: "user", content: "Hi" }], ...fields })).toThrowError(expect.objectContaining({ code: "invalid_request", detail: { param } }));
  });
});

describe("a stream", () => {
  test.each<[string, string, unknown[]]>([
    ["calls interleaved", chunk(call(0, "a", "f", "{\"x\":")) + chunk(call(1, "b", "g", "{\"y\"")) + chunk(call(0, undefined, undefined, "1}")) + chunk(call(1, undefined, undefined, ":2}")), [["a", "f", "{\"x\":1}"], ["b", "g", "{\"y\":2}"]]],
    ["index always 0", chunk(call(0, "a", "f", "{}")) + chunk(call(0, "b", "g", "{}")), [["a", "f", "{}"], ["b", "g", "{}"]]],
    ["no index", chunk(call(undefined, "a", "f", "{\"x\"")) + chunk(call(undefined, undefined, undefined, ":1}")), [["a", "f", "{\"x\":1}"]]],
    ["no id, input as an object", chunk(call(0, undefined, "f", { x: 1 })), [["call_seed0", "f", "{\"x\":1}"]]],
    ["no input", chunk(call(0, "a", "f", "")) + chunk(call(1, "b", "g", "{}")), [["a", "f", "{}"], ["b", "g", "{}"]]],
    ["legacy", chunk({ function_call: { name: "f", arguments: "{\"x\"" } }) + chunk({ function_call: { arguments: ":1}" } }), [["call_seed0", "f", "{\"x\":1}"]]],
  ])("with %s", (_, stream, calls) => {
    const events = parse(stream + done);
    expectLawful(events);
    expect(callsOf(collect(events))).toEqual(calls);
    expect(events.at(-1)).toEqual({ type: "end" });
  });

  test("keeps thoughts, text, citations and usage apart", () => {
    const events = parse(
      chunk({ role: "assistant", content: [{ type: "thinking", thinking: [{ type: "text", text: "hm" }] }] }) + chunk({ reasoning_content: "!" }) + chunk({ content: "A" }, {}, { citations: ["https://a.example"] }) + chunk({ content: "B" }, { finish_reason: "stop" }) +
        `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 } })}\n\ndata: [DONE]\n\n`,
    );
    expectLawful(events);
    expect(collect(events)).toMatchObject({
      id: "c1", model: "real", createdAtS: 7, usage: { inputTokens: 3, outputTokens: 4 },
      choices: [{ finish: { unified: "stop", raw: "stop" }, parts: [{ type: "reasoning", texts: ["hm!"], origin }, { type: "text", text: "AB", citations: [{ url: "https://a.example" }] }] }],
    });
  });

  test("that only stops has no finish", () => {
    expect(parse(chunk({ content: "A" })).map(({ type }) => type)).toEqual(["start", "text-start", "text-delta", "text-end"]);
  });

  test.each([
    [`data: {"error":{"message":"busy","code":429}}\n\n`, 429],
    [`data: {"error":"gone"}\n\n`, 502],
    [chunk({ content: "" }, { finish_reason: "error" }), 502],
  ])("tells an error inside it: %s", (stream, status) => {
    expect(collect(parse(stream)).error).toMatchObject({ status });
  });
});

const signed: ChatResponse = {
  id: "x", model: "real", createdAtS: 7,
  usage: { ...noUsage, inputTokens: 3, cachedTokens: 1, outputTokens: 4, reasoningTokens: 2 },
  choices: [{
    finish: { unified: "tool-calls" },
    parts: [
      { type: "reasoning", texts: ["hm"], signature: "sig", origin: { protocol: "anthropic-messages", provider: "p" } },
      { type: "text", text: "Wait." },
      { type: "reasoning", texts: [], signature: "mini", origin: { protocol: "gemini-generate", provider: "q" } },
      { type: "tool-call", id: "t", name: "f", input: "{\"a\":12345678901234567890}" },
    ],
  }],
};
const given = [
  { type: "reasoning", texts: ["hm"], signature: "sig", origin: { protocol: "anthropic-messages", provider: "p" } },
  { type: "text", text: "Wait." },
  { type: "reasoning", texts: [], signature: "mini", origin: { protocol: "gemini-generate", provider: "q" } },
  { type: "tool-call", id: "t", name: "f", input: "{\"a\":12345678901234567890}" },
];

describe("an answer", () => {
  test("given back by the client loses nothing", () => {
    const { body, losses } = client.renderResponse(signed, context());
    const { choices: [choice], usage } = parseExact(body) as { choices: { message: object; finish_reason: string }[]; usage: object };
    expect(losses).toEqual([]);
    expect(choice!.finish_reason).toBe("tool_calls");
    expect(usage).toMatchObject({ prompt_tokens: 3, completion_tokens: 4, total_tokens: 7, prompt_tokens_details: { cached_tokens: 1 } });
    expect(choice!.message).toMatchObject({ content: "Wait.", reasoning_content: "hm", reasoning_details: [{ type: "reasoning.text", text: "hm", signature: seal({ texts: ["hm"], signature: "sig", origin: { protocol: "anthropic-messages", provider: "p" } }), index: 0 }] });
    expect(client.parseRequest({ model: "m", messages: [choice!.message] }).turns[0]!.parts).toEqual(given);
  });

  test("streamed has one id, one role, one finish, and usage only where it was asked for", () => {
    for (const asked of [true, false]) {
      const renderer = client.renderStream(context({ stream: true, stream_options: { include_usage: asked } }));
      const stream = eventsOf(signed).map((event) => renderer.push(event)).join("") + renderer.end();
      const frames = splitFrames(stream).map((frame) => dataOf(frame)!);
      const chunks = frames.slice(0, -1).map((data) => JSON.parse(data) as { id: string; usage?: object; choices: { delta: { role?: string; tool_calls?: { index: number }[] }; finish_reason: string | null }[] });
      expect(frames.at(-1)).toBe("[DONE]");
      expect(new Set(chunks.map(({ id }) => id))).toEqual(new Set(["x"]));
      expect(chunks.flatMap(({ choices }) => choices.flatMap(({ finish_reason: reason }) => reason ?? []))).toEqual(["tool_calls"]);
      expect(chunks.flatMap(({ choices }) => choices.flatMap(({ delta }) => delta.role ?? []))).toEqual(["assistant"]);
      expect(chunks.some(({ usage }) => usage)).toBe(asked);
      expect(collect(parse(stream)).choices[0]!.parts.map(({ type }) => type)).toEqual(given.map(({ type }) => type));
    }
  });

  test("that breaks ends in an error chunk", () => {
    expect(client.renderStream(context()).fail(new GatewayError("upstream_error", "broken"))).toBe('data: {"error":{"message":"broken","type":"server_error","param":null,"code":"upstream_error"}}\n\n');
  });

  test("in one piece and in a stream is read the same", () => {
    const { body } = client.renderResponse(signed, context());
    const renderer = client.renderStream(context({ stream: true, stream_options: { include_usage: true } }));
    const stream = eventsOf(signed).map((event) => renderer.push(event)).join("") + renderer.end();
    expect(collect(parse(stream))).toEqual(openaiChatUpstream.parseResponse(JSON.parse(body), parsing));
  });
});

test("a hundred thousand thoughts at a hundred thousand places of one text are read in time", () => {
  const count = 100_000;
  const reasoning_details = Array.from({ length: count }, (_, index) => ({ type: "reasoning.text", text: "t", index, signature: `forge.anthropic-messages.p.s;spot=${index},0.x` }));
  const { turns } = client.parseRequest({ model: "m", messages: [{ role: "assistant", content: "x".repeat(count), reasoning_details }] });
  expect(turns[0]!.parts).toHaveLength(2 * count);
  expect(turns[0]!.parts.slice(-2).map(({ type }) => type)).toEqual(["reasoning", "text"]);
}, 5_000);

describe("a legacy completion", () => {
  const legacy = openaiCompletions.conversation!;
  test("is one user turn", () => {
    expect(legacy.parseRequest({ model: "m", prompt: "Say", echo: false, best_of: 1, suffix: "!" })).toMatchObject({ turns: [{ role: "user", parts: [{ type: "text", text: "Say" }] }], maxOutputTokens: 16, rest: { protocol: "openai-completions", fields: { suffix: "!" } } });
  });

  test("begins with what was asked, where that is wanted", () => {
    const request = legacy.parseRequest({ model: "m", prompt: ["Say: "], echo: true, n: 2, best_of: 2 });
    expect(request).toMatchObject({ echo: true, choices: 2, rest: { fields: {} } });
    const said = (text: string): ChatResponse["choices"][number] => ({ parts: [{ type: "text", text }], finish: { unified: "stop" } });
    const response: ChatResponse = { choices: [said("Hi"), said("")] };
    const own = { ...context(), request };
    const { choices } = JSON.parse(legacy.renderResponse(response, own).body) as { choices: { text: string }[] };
    expect(choices.map(({ text }) => text)).toEqual(["Say: Hi", "Say: "]);
    const renderer = legacy.renderStream(own);
    const chunks = splitFrames(eventsOf(response).map((event) => renderer.push(event)).join("")).map((frame) => (JSON.parse(dataOf(frame)!) as { choices: { text: string; index: number }[] }).choices[0]!);
    expect([0, 1].map((index) => chunks.filter((chunk) => chunk.index === index).map(({ text }) => text).join(""))).toEqual(["Say: Hi", "Say: "]);
  });

  test("is answered with text", () => {
    const response: ChatResponse = { choices: [{ parts: [{ type: "text", text: "Hi", logprobs: [{ token: "Hi", logprob: -1, top: [{ token: "Ho", logprob: -2 }] }] }], finish: { unified: "length" } }] };
    const logprobs = { tokens: ["Hi"], token_logprobs: [-1], top_logprobs: [{ Hi: -1, Ho: -2 }], text_offset: [0] };
    const head = { id: "cmpl-req_1", object: "text_completion", created: 1_700_000_000, model: "asked" };
    expect(JSON.parse(legacy.renderResponse(response, context()).body)).toEqual({ ...head, choices: [{ index: 0, text: "Hi", logprobs, finish_reason: "length" }] });
    const renderer = legacy.renderStream(context());
    const stream = eventsOf(response).map((event) => renderer.push(event)).join("") + renderer.end();
    expect(splitFrames(stream).slice(0, -1).map((frame) => JSON.parse(dataOf(frame)!) as object)).toEqual([
      { ...head, choices: [{ index: 0, text: "Hi", logprobs, finish_reason: null }] },
      { ...head, choices: [{ index: 0, text: "", logprobs: null, finish_reason: "length" }] },
    ]);
  });
});

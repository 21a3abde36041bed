/** Both halves of Messages as a conversation. */
import { describe, expect, test } from "vitest";
import { collect, defined, eventsOf, noUsage, parseExact, type ChatEvent, type ChatRequest, type ChatResponse, type Turn } from "../../src/chat/index.ts";
import { GatewayError } from "../../src/errors.ts";
import { anthropicMessages, anthropicMessagesUpstream as upstream } from "../../src/protocols/anthropic-messages/index.ts";
import type { Dialect, Target } from "../../src/protocols/protocol.ts";
import { dataOf, splitFrames } from "../../src/protocols/sse.ts";
import { MessageStream, OldMessageStream } from "./anthropic-accumulators.mjs";
import { Stream } from "./anthropic-sdk.mjs";

const client = anthropicMessages.conversation!;
const origin = { protocol: "anthropic-messages", provider: "here" };
const target = (dialect: Dialect = {}): Target => ({ upstreamId: "claude", origin, dialect, maxOutputTokens: 8_000 });
const context = { origin, idSeed: "seed" };
const plain: ChatRequest = { model: "m", stream: false, streamUsage: false, turns: [{ role: "user", parts: [{ type: "text", text: "Hi" }] }], tools: [], rest: { protocol: "openai-chat", fields: {} } };
const rendering = { request: plain, requestId: "req_1", nowS: 0 };

const body = ({ body: rendered }: { body: object }): Record<string, any> => JSON.parse(JSON.stringify(rendered));
const render = (request: Partial<ChatRequest>, dialect?: Dialect) => {
  const rendered = upstream.renderRequest({ ...plain, ...request }, target(dialect));
  return { body: body(rendered), losses: rendered.losses };
};
const user = (text: string): Turn => ({ role: "user", parts: [{ type: "text", text }] });
const add = { type: "function", name: "add", parameters: {} } as const;

/** Reads a stream as the wire has it, frame by frame. */
function parse(text: string): ChatEvent[] {
  const parser = upstream.parseStream(context);
  const events = splitFrames(text).flatMap((one) => parser.push({ data: dataOf(one) ?? "" }));
  return [...events, ...parser.end()];
}

function write(events: readonly ChatEvent[]): string {
  const renderer = client.renderStream(rendering);
  return events.map((event) => renderer.push(event)).join("") + renderer.end();
}

const sse = (...events: ({ type: string } & Record<string, unknown>)[]): string => events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");

/** Breaches of the laws that `ChatEvent` states. */
function breaches(events: readonly ChatEvent[]): string[] {
  const found: string[] = [];
  let open: number | undefined;
  let next = 0;
  events.forEach((event, i) => {
    if ((event.type === "start") !== (i === 0)) found.push(`${event.type} as event ${i}`);
    if (event.type === "end" && i < events.length - 1) found.push("something after the end");
    if (!("at" in event)) return;
    if (event.type.endsWith("-start") || event.type === "part") {
      if (open !== undefined || event.at !== next) found.push(`${event.type} at ${event.at}`);
      next += 1;
      open = event.type === "part" ? undefined : event.at;
    } else if (open !== event.at) found.push(`${event.type} outside its part`);
    if (event.type.endsWith("-end")) open = undefined;
  });
  if (open !== undefined) found.push("a part that never ends");
  return found;
}

const everything = {
  model: "claude",
  max_tokens: 5_000,
  stream: true,
  system: [{ type: "text", text: "Be kind.", cache_control: { type: "ephemeral", ttl: "1h" } }],
  messages: [
    {
      role: "user",
      content: [
        { type: "text", text: "Look" },
        { type: "image", source: { type: "base64", media_type: "image/png", data: "iVBORw==" } },
        { type: "image", source: { type: "url", url: "https://a.test/b.png" } },
        { type: "image", source: { type: "file", file_id: "file_1" } },
        { type: "document", source: { type: "base64", media_type: "application/pdf", data: "JVBERi0=" }, title: "A", context: "c", citations: { enabled: true } },
        { type: "document", source: { type: "text", media_type: "text/plain", data: "words" }, cache_control: { type: "ephemeral" } },
      ],
    },
    {
      role: "assistant",
      content: [
        { type: "thinking", thinking: "hmm", signature: "c2ln" },
        { type: "redacted_thinking", data: "ZGF0YQ==" },
        { type: "text", text: "Cited", citations: [{ type: "web_search_result_location", url: "https://a.test", title: "T", cited_text: "q", encrypted_index: "e" }] },
        { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: { query: "q" } },
        { type: "web_search_tool_result", tool_use_id: "srvtoolu_1", content: [] },
        { type: "tool_use", id: "toolu_1", name: "add", input: { z: 1, a: [2] } },
        { type: "tool_use", id: "toolu_2", name: "add", input: {} },
      ],
    },
    {
      role: "user",
      content: [
        { type: "tool_result", tool_use_id: "toolu_1", content: "3" },
        { type: "tool_result", tool_use_id: "toolu_2", content: [{ type: "text", text: "no" }, { type: "image", source: { type: "base64", media_type: "image/png", data: "iVBORw==" } }], is_error: true },
        { type: "text", text: "Go on" },
      ],
    },
  ],
  tools: [
    { name: "add", description: "Adds", input_schema: { type: "object", properties: { a: { type: "number" } } }, strict: true, defer_loading: true },
    { type: "web_search_20250305", name: "web_search", max_uses: 2 },
  ],
  tool_choice: { type: "auto", disable_parallel_tool_use: true },
  thinking: { type: "enabled", budget_tokens: 2_000, display: "summarized" },
  output_config: { effort: "low", format: { type: "json_schema", schema: { type: "object" } } },
  stop_sequences: ["END"],
  metadata: { user_id: "u" },
  service_tier: "standard_only",
  container: "c_1",
  mcp_servers: [{ type: "url", url: "https://mcp.test" }],
};

const answer = {
  id: "msg_1", type: "message", role: "assistant", model: "claude-1",
  content: [
    { type: "thinking", thinking: "Let me see", signature: "c2ln" },
    { type: "redacted_thinking", data: "ZGF0YQ==" },
    { type: "text", text: "Hello", citations: [{ type: "char_location", cited_text: "q", document_index: 0, document_title: "D", start_char_index: 0, end_char_index: 1 }] },
    { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: { query: "x" } },
    { type: "web_search_tool_result", tool_use_id: "srvtoolu_1", content: [] },
    { type: "tool_use", id: "toolu_1", name: "add", input: { a: 1 } },
    { type: "tool_use", id: "toolu_2", name: "now", input: {} },
  ],
  stop_reason: "tool_use", stop_sequence: null,
  usage: { input_tokens: 10, cache_read_input_tokens: 80, cache_creation_input_tokens: 5, output_tokens: 7, service_tier: "standard" },
};
const read = upstream.parseResponse(answer, context);

const streamed = sse(
  { type: "message_start", message: { ...answer, content: [], stop_reason: null, usage: { ...answer.usage, output_tokens: 1 } } },
  { type: "ping" },
  ...answer.content.flatMap((block, index) => {
    const { thinking, signature, text, citations, input, ...head } = block as Record<string, any>;
    const delta = (fields: object) => ({ type: "content_block_delta", index, delta: fields });
    return [
      { type: "content_block_start", index, content_block: { ...head, ...(thinking && { thinking: "", signature: "" }), ...(text && { text: "" }), ...(input && { input: {} }) } },
      ...(thinking ? [delta({ type: "thinking_delta", thinking }), delta({ type: "signature_delta", signature })] : []),
      ...(text ? [delta({ type: "text_delta", text }), ...citations.map((citation: object) => delta({ type: "citations_delta", citation }))] : []),
      ...(input && Object.keys(input).length > 0 ? [delta({ type: "input_json_delta", partial_json: "" }), delta({ type: "input_json_delta", partial_json: JSON.stringify(input) })] : []),
      { type: "content_block_stop", index },
    ];
  }),
  { type: "message_delta", delta: { stop_reason: "tool_use", stop_sequence: null }, usage: { output_tokens: 7, service_tier: "standard" } },
  { type: "message_stop" },
);

describe("a request of Messages", () => {
  test("comes out as it went in", () => {
    const request = client.parseRequest(everything);
    expect(body(upstream.renderRequest(request, target()))).toEqual({ ...everything, max_tokens: 5_000 });
    expect(upstream.renderRequest(request, target()).losses).toEqual([]);
    expect(client.parseRequest(body(upstream.renderRequest(request, target())))).toEqual(request);
  });

  test("is not changed by being rendered", () => {
    const request = client.parseRequest({ ...everything, messages: [{ role: "user", content: Array.from({ length: 6 }, (_, i) => ({ type: "container_upload", file_id: `${i}`, cache_control: { type: "ephemeral" } })) }] });
    const before = structuredClone(request);
    expect(upstream.renderRequest(request, target()).losses).toContain("cache_breakpoint");
    expect(request).toEqual(before);
  });

  test("keeps large integers of a tool's input", () => {
    const text = '{"model":"m","messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"n","input":{"id":12345678901234567890}}]}]}';
    expect(JSON.stringify(upstream.renderRequest(client.parseRequest(parseExact(text)), target()).body)).toContain('{"id":12345678901234567890}');
  });

  test("knows whose thoughts are sealed", () => {
    const thinking = (signature: string) => client.parseRequest({ model: "m", messages: [{ role: "assistant", content: [{ type: "thinking", thinking: "t", signature }] }] }).turns[0]!.parts[0];
    expect(thinking("forge.gemini-generate.google.s.abc")).toEqual({ type: "reasoning", texts: ["t"], signature: "abc", origin: { protocol: "gemini-generate", provider: "google" } });
    expect(thinking("forge.openai-responses.o.e.abc")).toEqual({ type: "reasoning", texts: ["t"], encrypted: "abc", origin: { protocol: "openai-responses", provider: "o" } });
    expect(thinking("abc")).toEqual({ type: "reasoning", texts: ["t"], signature: "abc", origin: { protocol: "anthropic-messages" } });
  });

  test.each([
    [{ messages: [] }, "model: must be a string"],
    [{ model: "m" }, "messages: must be an array of messages"],
    [{ model: "m", messages: [{ role: "robot", content: "" }] }, "messages[0].role: must be user, assistant or system"],
    [{ model: "m", messages: [{ role: "user", content: 1 }] }, "messages[0].content: must be a string or an array of content blocks"],
    [{ model: "m", messages: [{ role: "user", content: [{ type: "text" }] }] }, "messages[0].content[0].text: must be a string"],
    [{ model: "m", messages: [], tools: [{ name: "a" }] }, "tools[0].input_schema: must be an object"],
  ])("of the wrong shape says where: %#", (wrong, message) => {
    expect(() => client.parseRequest(wrong)).toThrow(message);
  });

  /** Anthropic's tool runner goes on with what it has just been given as a thread, and sends all of it again when told so. */
  test("that begins a thread is read, one that continues it is not", () => {
    const messages = [{ role: "user", content: "Hi" }];
    const { turns, rest } = client.parseRequest({ model: "m", messages, thread: { type: "create" } });
    expect({ turns: turns.length, rest: rest.fields }).toEqual({ turns: 1, rest: { thread: { type: "create" } } });
    expect(() => client.parseRequest({ model: "m", messages, thread: { type: "continue", previous_message_id: "msg_1" } }))
      .toThrow(expect.objectContaining({ code: "thread_not_found", status: 404 }) as Error);
  });
});

describe("a request of somebody else", () => {
  test("joins turns, puts results first and the system prompt on top", () => {
    const { body: sent, losses } = render({
      turns: [
        { role: "system", parts: [{ type: "text", text: "S" }] },
        user("a"),
        user("b"),
        { role: "assistant", parts: [{ type: "text", text: "" }, { type: "tool-call", id: "call.1", name: "add", input: "" }] },
        { role: "tool", parts: [{ type: "tool-result", id: "call.1", content: [{ type: "text", text: "1" }] }] },
        { role: "system", parts: [{ type: "text", text: "late" }] },
      ],
    });
    expect(sent).toMatchObject({ system: "S", max_tokens: 8_000 });
    expect(sent.messages).toEqual([
      { role: "user", content: [{ type: "text", text: "a" }, { type: "text", text: "b" }] },
      { role: "assistant", content: [{ type: "tool_use", id: "call_1", name: "add", input: {} }] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "call_1", content: "1" }, { type: "text", text: "late" }] },
    ]);
    expect(losses).toEqual(["system_position"]);
  });

  test("thinks by a budget, and yields what the vendor refuses beside it", () => {
    const { body: sent, losses } = render({ reasoning: { effort: "medium" }, maxOutputTokens: 10_000, temperature: 0.5, topK: 3, tools: [add], toolChoice: { type: "auto" }, parallelTools: false });
    expect(sent).toMatchObject({ thinking: { type: "enabled", budget_tokens: 5_000 }, max_tokens: 10_000, tool_choice: { type: "auto", disable_parallel_tool_use: true } });
    expect(losses).toEqual(["temperature", "top_k"]);
    expect(render({ reasoning: { effort: "low" }, maxOutputTokens: 100 }).body).toMatchObject({ thinking: { budget_tokens: 1_024 }, max_tokens: 1_124 });
    expect(render({ reasoning: { budgetTokens: 9_000 }, maxOutputTokens: 100 })).toMatchObject({ body: { thinking: { budget_tokens: 7_999 }, max_tokens: 8_000 }, losses: ["reasoning_budget"] });
    expect(render({ reasoning: { effort: "none" } }).body.thinking).toEqual({ type: "disabled" });
    expect(render({ reasoning: { adaptive: true, effort: "high" } }).body).toMatchObject({ thinking: { type: "adaptive" }, output_config: { effort: "high" } });
  });

  test.each([[{ type: "required" }, { type: "any" }], [{ type: "tool", name: "add" }, { type: "tool", name: "add" }]] as const)("does not think where a tool must be called: %#", (toolChoice, said) => {
    const { body: sent, losses } = render({ reasoning: { effort: "medium" }, maxOutputTokens: 10_000, temperature: 0.5, tools: [add], toolChoice });
    expect(sent).toMatchObject({ tool_choice: said, temperature: 0.5 });
    expect([sent.thinking, losses]).toEqual([undefined, ["reasoning_effort"]]);
  });

  test("does not think on behind a tool call without thoughts", () => {
    const { body: sent, losses } = render({
      reasoning: { effort: "high" },
      turns: [user("a"), { role: "assistant", parts: [{ type: "reasoning", texts: ["x"], signature: "s", origin: { protocol: "gemini-generate" } }, { type: "tool-call", id: "1", name: "add", input: "{}" }] }],
    });
    expect(sent.thinking).toBeUndefined();
    expect(losses).toEqual(["reasoning", "reasoning_effort"]);
  });

  test("keeps the last four cache breakpoints", () => {
    const { body: sent, losses } = render({ turns: [{ role: "user", parts: Array.from({ length: 6 }, (_, i) => ({ type: "text", text: `${i}`, cache: {} }) as const) }] });
    expect(sent.messages[0].content.map((block: object) => "cache_control" in block)).toEqual([false, false, true, true, true, true]);
    expect(losses).toEqual(["cache_breakpoint"]);
  });

  test.each<[string, Partial<ChatRequest>, string[]]>([
    ["sampling", { seed: 1, frequencyPenalty: 1, presencePenalty: 1, minP: 0.1, logitBias: { 1: 1 }, logprobs: { top: 1 }, choices: 2, temperature: 1.5 }, ["temperature", "min_p", "seed", "frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "choices"]],
    ["the answer's form", { output: { type: "json" }, verbosity: "low", modalities: ["text", "audio"] }, ["output_format", "verbosity", "modalities"]],
    ["bookkeeping", { metadata: { a: "b" }, promptCacheKey: "k", serviceTier: "flex" }, ["service_tier", "metadata", "cache_key"]],
    ["custom tools", { tools: [{ type: "custom", name: "c" }, { type: "opaque", protocol: "openai-responses", value: {} }] }, ["custom_tool", "provider_tool"]],
    ["some tools allowed", { tools: [add, { ...add, name: "b" }, { ...add, name: "c" }], toolChoice: { type: "allowed", mode: "required", names: ["add", "b"] } }, ["tool_choice"]],
    ["all tools allowed", { tools: [add], toolChoice: { type: "allowed", mode: "auto", names: ["add"] } }, []],
    ["media", { turns: [{ role: "user", parts: [{ type: "file", kind: "audio", data: { base64: "" } }, { type: "file", kind: "image", data: { fileId: "f" } }, { type: "opaque", protocol: "x", value: 1 }] }] }, ["audio", "uploaded_file", "provider_content"]],
    ["fields nobody knows", { rest: { protocol: "openai-chat", fields: { store: true } } }, ["field:store"]],
    ["nothing", { serviceTier: "auto", choices: 1, parallelTools: true, tools: [{ ...add, strict: false }], frequencyPenalty: 0 }, []],
  ])("declares what is lost: %s", (_, request, losses) => {
    expect(render(request).losses).toEqual(losses);
  });

  test("forces the one tool that is allowed", () => {
    expect(render({ tools: [add], toolChoice: { type: "allowed", mode: "required", names: ["add"] } }).body.tool_choice).toEqual({ type: "tool", name: "add" });
  });

  test("has documents of words sent as words", () => {
    const { body: sent } = render({ turns: [{ role: "user", parts: [{ type: "file", kind: "document", data: { base64: btoa("a,b") }, mediaType: "text/csv", filename: "t.csv" }] }] });
    expect(sent.messages[0].content).toEqual([{ type: "document", source: { type: "text", media_type: "text/plain", data: "a,b" }, title: "t.csv" }]);
  });

  test("can be counted", () => {
    const counted = upstream.count!.render({ ...plain, stream: true, temperature: 1 }, target());
    expect(Object.keys(counted)).toEqual(["model", "messages"]);
    expect(upstream.count!.parse({ input_tokens: 5 })).toBe(5);
  });
});

describe("an answer", () => {
  test("is the same streamed and whole", () => {
    const events = parse(streamed);
    expect(breaches(events)).toEqual([]);
    expect(collect(events)).toEqual(read);
    expect(read.usage).toEqual({ ...noUsage, inputTokens: 95, cachedTokens: 80, cacheWriteTokens: 5, outputTokens: 7 });
  });

  test("comes out as it went in, its thoughts sealed", () => {
    const { body: text, losses } = client.renderResponse(read, rendering);
    const { content, ...head } = JSON.parse(text);
    expect(losses).toEqual([]);
    expect(head).toEqual({ ...defined({ ...answer, content: undefined }), id: "msg_1" });
    expect(content.slice(2)).toEqual(answer.content.slice(2));
    expect(content.slice(0, 2)).toEqual([
      { type: "thinking", thinking: "Let me see", signature: "forge.anthropic-messages.here.s.c2ln" },
      { type: "redacted_thinking", data: "forge.anthropic-messages.here.e.ZGF0YQ==" },
    ]);
  });

  test.each([["current", MessageStream], ["older", OldMessageStream]])("streamed is put together by the %s client", async (_, sdk) => {
    const lines = splitFrames(write(parse(streamed))).map((one) => `${dataOf(one)}\n`).join("");
    const message = await sdk.fromReadableStream(new Blob([lines]).stream()).finalMessage();
    const whole = JSON.parse(client.renderResponse(read, rendering).body);
    expect(message.stop_reason).toBe("tool_use");
    expect(JSON.parse(JSON.stringify(message.content))).toEqual(whole.content);
    expect(message.usage).toMatchObject({ input_tokens: 10, cache_read_input_tokens: 80, cache_creation_input_tokens: 5, output_tokens: 7 });
  });

  test("of another protocol survives the way through the client", () => {
    const theirs = { protocol: "openai-responses", provider: "o" };
    const response: ChatResponse = {
      choices: [{
        parts: [
          { type: "reasoning", texts: ["one", "two"], encrypted: "enc", summarised: true, id: "rs_1", origin: theirs },
          { type: "reasoning", texts: [], encrypted: "enc2", origin: theirs },
          { type: "reasoning", texts: ["unsigned"], origin: { protocol: "openai-chat", provider: "d" } },
          { type: "tool-call", id: "call|1", name: "c", input: 'say "hi" \u{1f600}', custom: true },
          { type: "tool-call", id: "call_2", name: "f", input: '{"id":12345678901234567890}' },
        ],
        finish: { unified: "tool-calls", raw: "tool_calls" },
      }],
      usage: { ...noUsage, inputTokens: 3, outputTokens: 4, reasoningTokens: 2 },
    };
    const whole = client.renderResponse(response, rendering).body;
    expect(whole).toContain('"input":{"id":12345678901234567890}');
    expect(JSON.parse(whole).content[3]).toEqual({ type: "tool_use", id: "call_1", name: "c", input: { input: 'say "hi" \u{1f600}' } });
    const back = (content: unknown) => client.parseRequest({ model: "m", messages: [{ role: "assistant", content }] }).turns[0]!.parts;
    const parts = back((parseExact(whole) as { content: unknown }).content);
    expect(parts.slice(0, 3)).toEqual([
      { type: "reasoning", texts: ["one", "two"], encrypted: "enc", summarised: true, id: "rs_1", origin: theirs },
      { type: "reasoning", texts: [], encrypted: "enc2", origin: theirs },
      { type: "reasoning", texts: ["unsigned"], origin: { protocol: "openai-chat", provider: "d" } },
    ]);
    const streamedParts = collect(parse(write(eventsOf(response)))).choices[0]!.parts;
    const ofAnthropic = upstream.parseResponse(parseExact(whole), context).choices[0]!.parts;
    expect(streamedParts).toEqual(ofAnthropic);
  });

  test.each([
    [{ unified: "stop" }, "end_turn"], [{ unified: "length" }, "max_tokens"], [{ unified: "content-filter" }, "refusal"],
    [{ unified: "stop", raw: "pause_turn" }, "pause_turn"], [{ unified: "stop", stopSequence: "END" }, "stop_sequence"], [{ unified: "other", raw: "weird" }, "end_turn"],
  ] as const)("that ended with %o says so", (finish, reason) => {
    expect(JSON.parse(client.renderResponse({ choices: [{ parts: [], finish }] }, rendering).body)).toMatchObject({ stop_reason: reason, usage: { input_tokens: 0, output_tokens: 0 } });
  });

  test("that is an error is one", () => {
    const error = { type: "error", error: { type: "overloaded_error", message: "Overloaded" } };
    expect(upstream.parseResponse(error, context)).toEqual({ choices: [], error: { status: 529, message: "Overloaded", code: "overloaded_error" } });
    expect(parse(sse(error))).toEqual([{ type: "error", error: { status: 529, message: "Overloaded", code: "overloaded_error" } }]);
    expect(upstream.parseResponse("what", context).error?.status).toBe(502);
  });

  test("of a look-alike without starts and stops keeps the laws", () => {
    const delta = (index: number, fields: object) => ({ type: "content_block_delta", index, delta: fields });
    const events = parse(sse(
      delta(0, { type: "thinking_delta", thinking: "a" }), delta(1, { type: "text_delta", text: "b" }), delta(0, { type: "thinking_delta", thinking: "c" }),
      { type: "content_block_start", index: 2, content_block: { type: "tool_use", id: "t", name: "n", input: { a: 1 } } },
      { type: "message_delta", delta: { stop_reason: "tool_use" }, usage: { input_tokens: 1, output_tokens: 2 } },
    ));
    expect(breaches(events)).toEqual([]);
    expect(collect(events).choices[0]).toMatchObject({ parts: [{ texts: ["a"] }, { text: "b" }, { texts: ["c"] }, { input: '{"a":1}' }], finish: { unified: "tool-calls" } });
  });

  test("that stops halfway has its part ended and no finish made up", () => {
    const events = parse(streamed.slice(0, streamed.indexOf("event: content_block_stop")));
    expect(breaches(events)).toEqual([]);
    expect(events.some(({ type }) => type === "finish" || type === "end")).toBe(false);
  });

  test("that breaks throws in the client, before and after its start", async () => {
    for (const events of [[], parse(streamed).slice(0, 3)]) {
      const renderer = client.renderStream(rendering);
      const text = events.map((event) => renderer.push(event)).join("") + renderer.fail(new GatewayError("upstream_error", "it broke"));
      const reading = async (): Promise<void> => {
        for await (const event of Stream.fromSSEResponse(new Response(text), new AbortController())) void event;
      };
      await expect(reading()).rejects.toThrow("it broke");
    }
  });
});

/** Both halves of Responses as a conversation. */
import { describe, expect, test } from "vitest";
import { collect, eventsOf, noUsage, parseExact, type ChatEvent, type ChatRequest, type ChatResponse, type Origin, type Part, type Turn } from "../../src/chat/index.ts";
import { GatewayError } from "../../src/errors.ts";
import { openaiResponses, openaiResponsesUpstream as upstream } from "../../src/protocols/openai-responses/index.ts";
import type { Dialect, Target } from "../../src/protocols/protocol.ts";
import { dataOf, splitFrames } from "../../src/protocols/sse.ts";
import { ResponseStream } from "./openai-responses-accumulator.mjs";

const client = openaiResponses.conversation!;
const origin = { protocol: "openai-responses", provider: "here" };
const target = (dialect: Dialect = {}): Target => ({ upstreamId: "gpt", origin, dialect, maxOutputTokens: undefined });
const context = { origin, idSeed: "seed" };
const plain: ChatRequest = { model: "m", stream: false, streamUsage: true, turns: [{ role: "user", parts: [{ type: "text", text: "Hi" }] }], tools: [], rest: { protocol: "openai-chat", fields: {} } };
const rendering = (request: ChatRequest = plain) => ({ request, requestId: "req_1", nowS: 7 });

const render = (request: Partial<ChatRequest>, dialect?: Dialect): { body: Record<string, any>; losses: string[] } => {
  const { body, losses } = upstream.renderRequest({ ...plain, ...request }, target(dialect));
  return { body: JSON.parse(JSON.stringify(body)), losses };
};
const assistant = (...parts: Part[]): Turn => ({ role: "assistant", parts });
const text = (words: string): Part => ({ type: "text", text: words });

type Frame = { type: string } & Record<string, unknown>;
function parse(...frames: Frame[]): ChatEvent[] {
  const parser = upstream.parseStream(context);
  return [...frames.flatMap((frame) => parser.push({ data: JSON.stringify(frame) })), ...parser.end()];
}
function write(events: readonly ChatEvent[], request?: ChatRequest): Record<string, any>[] {
  const renderer = client.renderStream(rendering(request));
  return framesOf(events.map((event) => renderer.push(event)).join("") + renderer.end());
}
const framesOf = (stream: string): Record<string, any>[] => splitFrames(stream).map((frame) => JSON.parse(dataOf(frame)!));
const accumulate = (frames: object[]) => ResponseStream.fromReadableStream(new Blob(frames.map((frame) => `${JSON.stringify(frame)}\n`)).stream()).finalResponse();

/** Breaches of the laws that `ChatEvent` states. */
function breaches(events: readonly ChatEvent[]): string[] {
  const found: string[] = [];
  let at = -1;
  let open = false;
  events.forEach((event, index) => {
    if ((event.type === "start") !== (index === 0)) found.push("start");
    if (!("at" in event)) return open && event.type === "finish" ? void found.push("finish") : undefined;
    if (event.type === "part" || event.type.endsWith("-start")) {
      at += 1;
      if (open) found.push(`${event.type} inside a part`);
    } else if (!open) found.push(`${event.type} outside a part`);
    if (event.at !== at) found.push(`${event.type} at ${event.at}`);
    open = event.type !== "part" && !event.type.endsWith("-end");
  });
  return found;
}

const call = { type: "function_call", id: "fc_1", call_id: "call_1", name: "add", arguments: "" };
const added: Frame = { type: "response.output_item.added", output_index: 0, item: call };
const piece = (delta: string): Frame => ({ type: "response.function_call_arguments.delta", output_index: 0, item_id: "fc_1", delta });
const argumentsDone: Frame = { type: "response.function_call_arguments.done", output_index: 0, item_id: "fc_1", arguments: '{"a":1}' };
const whole = { ...call, arguments: '{"a":1}', status: "completed" };
const itemDone: Frame = { type: "response.output_item.done", output_index: 0, item: whole };
const completed = (...output: object[]): Frame => ({ type: "response.completed", response: { id: "resp_1", status: "completed", output, usage: { input_tokens: 3, output_tokens: 2 } } });
const created: Frame = { type: "response.created", response: { id: "resp_1", model: "gpt" } };

describe("a stream is read", () => {
  test.each<[string, Frame[]]>([
    ["in deltas", [created, added, piece('{"a"'), piece(":1}"), argumentsDone, itemDone, completed(whole)]],
    ["only in arguments.done", [created, added, argumentsDone, itemDone, completed()]],
    ["only in output_item.done", [created, added, itemDone, completed(whole)]],
    ["only in deltas", [created, added, piece('{"a":1}'), completed()]],
    ["without being announced", [created, itemDone, completed(whole)]],
    ["with its name at the end", [created, { ...added, item: { ...call, name: undefined } }, piece('{"a":1}'), itemDone, completed(whole)]],
    ["only in the last event", [created, completed(whole)]],
  ])("one call whose input comes %s", (_, frames) => {
    const events = parse(...frames);
    expect(breaches(events)).toEqual([]);
    expect(collect(events).choices).toEqual([{ parts: [{ type: "tool-call", id: "call_1", name: "add", input: '{"a":1}' }], finish: { unified: "tool-calls", raw: "completed" } }]);
    expect(events.slice(-2).map(({ type }) => type)).toEqual(["usage", "end"]);
  });

  test("items that interleave come one after the other", () => {
    const second = { ...call, id: "fc_2", call_id: "call_2" };
    const events = parse(created, added, { type: "response.output_item.added", output_index: 1, item: second },
      { type: "response.function_call_arguments.delta", output_index: 1, delta: '{"b":2}' }, piece('{"a":1}'), completed(whole, { ...second, arguments: '{"b":2}' }));
    expect(breaches(events)).toEqual([]);
    expect(collect(events).choices[0]!.parts.map((part) => part.type === "tool-call" && part.input)).toEqual(['{"a":1}', '{"b":2}']);
  });

  test.each<[string, Frame, object]>([
    ["a flat error event", { type: "error", code: "rate_limit_exceeded", message: "slow" }, { status: 429, code: "rate_limit_exceeded", message: "slow" }],
    ["a nested one", { type: "error", error: { type: "invalid_request_error", message: "bad" } }, { status: 400, code: "invalid_request_error", message: "bad" }],
    ["a failed response", { type: "response.failed", response: { status: "failed", error: { code: "server_error", message: "broke" } } }, { status: 502, code: "server_error", message: "broke" }],
  ])("%s is an error", (_, frame, error) => {
    const events = parse(created, added, frame);
    expect(breaches(events)).toEqual([]);
    expect(events.at(-1)).toEqual({ type: "error", error });
  });

  test("a stream that stops has no finish", () => {
    const events = parse(created, added, piece("{"));
    expect(events.map(({ type }) => type)).toEqual(["start", "tool-call-start", "tool-call-delta", "tool-call-end"]);
  });
});

const answer: ChatResponse = {
  id: "resp_9", model: "gpt", createdAtS: 5, usage: { ...noUsage, inputTokens: 10, cachedTokens: 4, outputTokens: 6, reasoningTokens: 2 },
  choices: [{
    parts: [
      { type: "reasoning", texts: ["one", "two"], signature: "sig", origin: { protocol: "anthropic-messages", provider: "there" } },
      { type: "text", text: "Sunny.", citations: [{ url: "https://a.example", title: "A", start: 0, end: 5, raw: { protocol: "gemini-generate", value: {} } }] },
      { type: "text", text: "No.", refusal: true },
      { type: "tool-call", id: "call_1", name: "add", input: '{"a":12345678901234567890}' },
    ],
    finish: { unified: "tool-calls" },
  }],
};

describe("an answer is written", () => {
  test("whole and streamed alike, as the vendor's client reads it", async () => {
    const { body, losses } = client.renderResponse(answer, rendering());
    const frames = write(eventsOf(answer));
    expect(losses).toEqual([]);
    expect(frames.map(({ sequence_number }) => sequence_number)).toEqual(frames.keys().toArray());
    expect(frames.at(-1)!.response).toEqual(JSON.parse(body));
    const folded = await accumulate(frames);
    expect(folded.output_text).toBe("Sunny.");
    expect(folded.output).toMatchObject([
      { type: "reasoning", id: "rs_1_0", summary: [{ text: "one" }, { text: "two" }], encrypted_content: "forge.anthropic-messages.there.s;texts=3,3.sig" },
      { type: "message", id: "msg_1_1", content: [{ type: "output_text", annotations: [{ type: "url_citation", url: "https://a.example" }] }, { type: "refusal", refusal: "No." }] },
      { type: "function_call", id: "fc_1_2", call_id: "call_1", arguments: '{"a":12345678901234567890}' },
    ]);
    expect(frames.at(-1)!.response).toMatchObject({ status: "completed", usage: { input_tokens: 10, input_tokens_details: { cached_tokens: 4 }, total_tokens: 16 } });
  });

  test.each([["length", "max_output_tokens"], ["content-filter", "content_filter"]] as const)("%s is incomplete", (unified, reason) => {
    const last = write(eventsOf({ choices: [{ parts: [{ type: "text", text: "a" }], finish: { unified } }] })).at(-1)!;
    expect(last).toMatchObject({ type: "response.incomplete", response: { status: "incomplete", incomplete_details: { reason }, output: [{ status: "incomplete" }] } });
  });

  test("a call of a custom tool through a provider without them is a custom call again", () => {
    const request = client.parseRequest({ model: "m", input: "x", tools: [{ type: "custom", name: "apply_patch", format: { type: "grammar", syntax: "lark", definition: "start: x" } }] });
    const one: ChatResponse = { choices: [{ parts: [{ type: "tool-call", id: "c", name: "apply_patch", input: '{"input":"*** Begin\\n"}' }], finish: { unified: "tool-calls" } }] };
    const frames = write(eventsOf(one), request);
    expect(frames.map(({ type }) => type)).toEqual([
      "response.created", "response.in_progress", "response.output_item.added", "response.custom_tool_call_input.delta", "response.custom_tool_call_input.done",
      "response.output_item.done", "response.completed",
    ]);
    expect(frames.at(-1)!.response.output).toMatchObject([{ type: "custom_tool_call", call_id: "c", name: "apply_patch", input: "*** Begin\n" }]);
    expect(JSON.parse(client.renderResponse(one, rendering(request)).body).output[0]).toMatchObject({ type: "custom_tool_call", input: "*** Begin\n" });
  });

  test.each([0, 1, 4, 9])("a failure after %d events is response.failed", (events) => {
    const renderer = client.renderStream(rendering());
    const said = eventsOf(answer).slice(0, events).map((event) => renderer.push(event)).join("");
    const frames = framesOf(said + renderer.fail(new GatewayError("upstream_timeout", "too slow")));
    expect(frames[0]!.type).toBe("response.created");
    expect(frames.at(-1)).toMatchObject({ type: "response.failed", response: { status: "failed", error: { code: "server_error", message: "too slow" } } });
    expect(frames.filter(({ type }) => type === "response.output_item.added").length).toBe(frames.at(-1)!.response.output.length);
  });
});

describe("a request", () => {
  const own = {
    model: "m", instructions: "Be brief.", stream: true, parallel_tool_calls: false, max_output_tokens: 100, temperature: 0.5, top_p: 0.9, truncation: "auto",
    input: [
      { role: "developer", content: "Rules." },
      { role: "user", content: [{ type: "input_text", text: "Look" }, { type: "input_image", image_url: "data:image/png;base64,AAAA", detail: "low" }, { type: "input_file", file_id: "file-1", detail: "low" }] },
      { type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text: "hm" }], encrypted_content: "gAAA" },
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "I call.", annotations: [] }] },
      { type: "function_call", call_id: "c1", name: "add", arguments: '{"a":12345678901234567890}' },
      { type: "custom_tool_call", call_id: "c2", name: "apply_patch", input: "patch" },
      { type: "local_shell_call", id: "ls_1", call_id: "c3", action: { type: "exec", command: ["ls"] }, status: "completed" },
      { type: "function_call_output", call_id: "c1", output: [{ type: "input_text", text: "3" }, { type: "input_image", image_url: "https://a.example/b.png" }] },
      { type: "custom_tool_call_output", call_id: "c2", output: "done" },
      { type: "local_shell_call_output", id: "ls_1", output: "file" },
    ],
    tools: [
      { type: "function", name: "add", parameters: { type: "object" }, strict: true }, { type: "custom", name: "apply_patch", format: { type: "text" } },
      { type: "local_shell" }, { type: "namespace", name: "mcp", tools: [] },
    ],
    tool_choice: { type: "allowed_tools", mode: "required", tools: [{ type: "function", name: "add" }] },
    reasoning: { effort: "high", summary: "auto" }, include: ["reasoning.encrypted_content"], metadata: { a: "b" }, prompt_cache_key: "k", safety_identifier: "u", service_tier: "flex",
    text: { format: { type: "json_schema", name: "n", schema: { type: "object" }, strict: true }, verbosity: "low" },
  };

  test("of the protocol itself comes back as it was", () => {
    const read = client.parseRequest(own);
    expect(read.turns.map(({ role, parts }) => [role, ...parts.map(({ type }) => type)])).toEqual([
      ["system", "text"], ["developer", "text"], ["user", "text", "file", "file"], ["assistant", "reasoning", "text", "tool-call", "tool-call", "opaque"],
      ["tool", "tool-result", "tool-result", "opaque"],
    ]);
    const { body, losses } = render(read);
    expect(losses).toEqual([]);
    expect(client.parseRequest({ ...body, model: "m" })).toEqual(read);
    expect(body).toMatchObject({ store: false, truncation: "auto", input: { length: own.input.length } });
  });

  test("may be a bare string, and input integers stay what they are", () => {
    expect(client.parseRequest({ model: "m", input: "Hi" }).turns).toEqual([{ role: "user", parts: [{ type: "text", text: "Hi" }] }]);
    const parts = client.parseRequest(parseExact('{"model":"m","input":[{"type":"function_call","call_id":"c","name":"f","arguments":{"a":12345678901234567890}}]}')).turns[0]!.parts;
    expect(parts).toMatchObject([{ input: '{"a":12345678901234567890}' }]);
  });

  test.each<[string, object]>([
    ["input[0].role", { input: [{ role: "robot", content: "x" }] }],
    ["input[1].content[0].type", { input: [{ role: "user", content: "x" }, { role: "user", content: [{ type: "hologram" }] }] }],
    ["input[0].call_id", { input: [{ type: "function_call", name: "f", arguments: "{}" }] }],
    ["tools[0].name", { tools: [{ type: "function" }] }],
    ["reasoning.effort", { reasoning: { effort: "heroic" } }],
    ["text.format.type", { text: { format: { type: "yaml" } } }],
  ])("is refused with the field: %s", (param, fields) => {
    const refusal = (() => {
      try {
        client.parseRequest({ model: "m", input: "x", ...fields });
      } catch (error) {
        return error as GatewayError;
      }
    })();
    expect([refusal?.code, refusal?.detail.param]).toEqual(["invalid_request", param]);
  });

  test("holds sealed thoughts of others, which go back to their origin only", () => {
    const back = (there: Origin, fields: Partial<Extract<Part, { type: "reasoning" }>>): Part => {
      const [item] = JSON.parse(client.renderResponse({ choices: [{ parts: [{ type: "reasoning", texts: ["t"], origin: there, ...fields }], finish: { unified: "stop" } }] }, rendering()).body).output;
      return client.parseRequest({ model: "m", input: [item] }).turns[0]!.parts[0]!;
    };
    const there = { protocol: "anthropic-messages", provider: "there" };
    expect(back(there, { signature: "s" })).toEqual({ type: "reasoning", texts: ["t"], signature: "s", origin: there });
    expect(back(there, { texts: [], encrypted: "e" })).toEqual({ type: "reasoning", texts: [], encrypted: "e", origin: there });
    expect(back(there, {})).toEqual({ type: "reasoning", texts: ["t"], origin: there });
    const mine = back(origin, { id: "rs_5", summarised: true, encrypted: "e" });
    expect(mine).toEqual({ type: "reasoning", id: "rs_5", summarised: true, texts: ["t"], encrypted: "e", origin });
    const { body, losses } = render({ turns: [assistant(mine)] });
    expect([body.input, body.include, losses]).toEqual([
      [{ type: "reasoning", id: "rs_5", summary: [{ type: "summary_text", text: "t" }], encrypted_content: "e" }], ["reasoning.encrypted_content"], [],
    ]);
    expect(render({ turns: [assistant(back(there, { signature: "s" }), text("a")), ...plain.turns] })).toMatchObject({ losses: ["reasoning"], body: { input: { length: 2 } } });
  });

  test("of another protocol says what it loses", () => {
    const { body, losses } = render({
      stop: ["x"], seed: 1, frequencyPenalty: 1, presencePenalty: 1, logitBias: { 1: 1 }, choices: 2, topK: 3, minP: 0.1, maxOutputTokens: 4, modalities: ["audio"],
      reasoning: { budgetTokens: 9_000 }, tools: [{ type: "opaque", protocol: "anthropic-messages", value: {} }, { type: "function", name: "f" }],
      rest: { protocol: "anthropic-messages", fields: { container: 1 } },
      turns: [
        { role: "user", name: "Bob", parts: [{ type: "file", kind: "audio", data: { base64: "" } }, { type: "file", kind: "document", data: { fileId: "file_x" } }, { type: "text", text: "x", cache: {} }] },
        assistant({ type: "opaque", protocol: "anthropic-messages", value: {} }, { type: "tool-call", id: "c", name: "f", input: "" }),
        { role: "user", parts: [{ type: "tool-result", id: "c", content: [{ type: "text", text: "no" }], isError: true }] },
        assistant(text("And")),
      ],
    });
    expect(losses.sort()).toEqual([
      "assistant_prefill", "audio", "cache_breakpoint", "choices", "field:container", "frequency_penalty", "logit_bias", "max_output_tokens", "message_name", "min_p", "modalities",
      "presence_penalty", "provider_content", "provider_tool", "reasoning_budget", "seed", "stop", "tool_result_error", "top_k", "uploaded_file",
    ]);
    expect(body).toMatchObject({
      max_output_tokens: 16, reasoning: { effort: "medium" }, tools: [{ type: "function", name: "f", strict: false }],
      input: [{ role: "user", content: "x" }, { type: "function_call", arguments: "{}" }, { type: "function_call_output", output: "Error: no" }, { role: "assistant" }],
    });
  });

  test("loses what a dialect refuses, and is counted without what does not count", () => {
    const asked = { temperature: 1, user: "u", maxOutputTokens: 50, stream: true };
    expect(render(asked, { refuses: ["temperature"] })).toMatchObject({ losses: ["temperature"], body: { safety_identifier: "u" } });
    expect(upstream.count!.render({ ...plain, ...asked }, target())).toEqual({ model: "gpt", input: [{ type: "message", role: "user", content: "Hi" }] });
    expect(upstream.count!.parse({ object: "response.input_tokens", input_tokens: 12 })).toBe(12);
  });
});

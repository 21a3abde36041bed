/** Tools of Codex and its kind (namespaces, free text, search) at providers that have only functions, and their calls on the way back. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { collect, eventsOf, functionTools, OwnCalls, type ChatEvent, type ChatRequest, type ChatResponse, type Part, type Tool, type ToolCallPart } from "../../src/chat/index.ts";
import { GatewayError } from "../../src/errors.ts";
import { conversations } from "../../src/protocols/conversations.ts";
import { openaiChat, openaiResponses } from "../../src/protocols/index.ts";
import type { Dialect, Rendered } from "../../src/protocols/protocol.ts";
import { dataOf, splitFrames } from "../../src/protocols/sse.ts";
import { streamed } from "./arbitraries.ts";
import { ResponseStream } from "./openai-responses-accumulator.mjs";

const client = openaiResponses.conversation!;
const rendering = (request: ChatRequest) => ({ request, requestId: "req_1", nowS: 7 });
const render = (id: string, request: ChatRequest, dialect: Dialect = {}): Rendered =>
  conversations.get(id)!.renderRequest(request, { upstreamId: "model-1", origin: { protocol: id, provider: "here" }, dialect, maxOutputTokens: 64_000 });

const schema = { type: "object", properties: { query: { type: "string" } } };
const functionTool = (name: string) => ({ type: "function", name, description: `Does ${name}`, strict: false, parameters: schema });
const grammar = { type: "grammar", syntax: "lark", definition: "start: /.+/" };
const exec = { type: "custom", name: "exec", description: "Runs code", format: grammar };

/** As Codex 0.169.0 asks models of its newest kind: all tools in an item, in namespaces. */
const lite = {
  model: "m", stream: true, tool_choice: "auto", parallel_tool_calls: false,
  input: [
    {
      type: "additional_tools", id: "at_1", role: "developer",
      tools: [
        { type: "namespace", name: "functions", description: "", tools: [exec, functionTool("wait")] },
        { type: "namespace", name: "agents", description: "Tools for sub-agents.", tools: [functionTool("spawn"), functionTool("wait")] },
      ],
    },
    { type: "message", role: "developer", content: [{ type: "input_text", text: "Be brief." }] },
    { type: "message", role: "user", content: [{ type: "input_text", text: "Hi" }] },
    { type: "custom_tool_call", id: "ctc_1", call_id: "c1", name: "exec", namespace: "functions", input: 'text("ok");' },
    { type: "function_call", id: "fc_1", call_id: "c2", name: "wait", namespace: "agents", arguments: '{"query":"x"}' },
    { type: "custom_tool_call_output", call_id: "c1", output: [{ type: "input_text", text: "ok" }] },
    { type: "function_call_output", call_id: "c2", output: "done" },
  ],
};

/** As it asks others: tools of every kind beside each other, some to be found. */
const classic = {
  model: "m", stream: true, tool_choice: "auto", parallel_tool_calls: true, instructions: "Be brief.",
  tools: [
    functionTool("exec_command"), { ...exec, name: "apply_patch" }, { type: "namespace", name: "mcp__sky", description: "The sky.", tools: [functionTool("look")] },
    { type: "tool_search", execution: "client", description: "Finds tools", parameters: schema },
  ],
  input: [
    { type: "message", role: "user", content: "Hi" },
    { type: "tool_search_call", id: "tsc_1", call_id: "c1", status: "completed", execution: "client", arguments: { query: "moon" } },
    { type: "tool_search_output", id: "tso_1", call_id: "c1", status: "completed", execution: "client", tools: [{ type: "namespace", name: "mcp__moon", description: "The moon.", tools: [{ ...functionTool("land"), defer_loading: true }] }] },
    { type: "function_call", id: "fc_1", call_id: "c2", name: "land", namespace: "mcp__moon", arguments: "{}" },
    { type: "function_call_output", call_id: "c2", output: "landed" },
  ],
};

const others = [...conversations.keys()].filter((id) => id !== "openai-responses");
const namesIn = (body: unknown): Set<string> => new Set([...JSON.stringify(body).matchAll(/"name":"(\w+)"/g)].map(([, name]) => name!));

describe.each(others)("a request to %s", (id) => {
  test("has the tools that an item brings as functions, and their calls by the same names", () => {
    const { body, losses } = render(id, client.parseRequest(lite));
    expect(namesIn(body)).toEqual(new Set(["exec", "wait", "agents__spawn", "agents__wait"]));
    expect(losses).toContain("custom_tool");
    expect(losses.filter((loss) => loss.startsWith("provider_") || loss.startsWith("field:"))).toEqual([]);
    expect(JSON.stringify(body)).toContain(String.raw`In this lark grammar:\nstart: /.+/`);
    expect(JSON.stringify(body)).toContain(String.raw`Tools for sub-agents.\n\nDoes spawn`);
  });

  test("has those that a search has found", () => {
    const { body, losses } = render(id, client.parseRequest(classic));
    expect(namesIn(body)).toEqual(new Set(["exec_command", "apply_patch", "mcp__sky__look", "tool_search", "mcp__moon__land"]));
    expect(losses.filter((loss) => loss.startsWith("provider_") || loss.startsWith("field:"))).toEqual([]);
    expect(JSON.stringify(body)).toContain("Tools that can be called now: mcp__moon__land");
  });
});

test("a request that goes on in Responses keeps namespaces, searches and items as they were", () => {
  for (const own of [lite, classic]) {
    const read = client.parseRequest(own);
    const { body, losses } = render("openai-responses", read);
    expect(losses).toEqual([]);
    expect(client.parseRequest(JSON.parse(JSON.stringify({ ...body, model: "m" })))).toEqual(read);
    expect(body).toMatchObject({ tool_choice: own.tool_choice, parallel_tool_calls: own.parallel_tool_calls });
    expect(body.tools).toEqual("tools" in own ? own.tools : undefined);
    expect((body.input as object[])[own === lite ? 0 : 2]).toMatchObject(own === lite ? lite.input[0]! : { type: "tool_search_output", tools: (classic.input[2] as { tools: object }).tools });
  }
});

test.each([
  ["tools[0].name", { tools: [{ type: "namespace", tools: [] }] }],
  ["tools[0].tools[1].name", { tools: [{ type: "namespace", name: "n", tools: [functionTool("a"), { type: "function" }] }] }],
  ["input[0].tools[0].name", { input: [{ type: "additional_tools", role: "developer", tools: [{ type: "custom" }] }] }],
  ["input[0].call_id", { input: [{ type: "tool_search_call", execution: "client", arguments: {} }] }],
])("what is wrong is refused by its field: %s", (param, fields) => {
  expect(() => client.parseRequest({ model: "m", input: "x", ...fields })).toThrowError(expect.objectContaining({ code: "invalid_request", detail: { param } }));
});

test("a search that the provider runs itself, and what else only it knows, is a declared loss", () => {
  const tools = [{ type: "tool_search" }, { type: "namespace", name: "n", tools: [functionTool("f"), { type: "mcp" }] }, { type: "namespace", name: "empty" }];
  const input = [{ type: "message", role: "user", content: "Hi" }, { type: "tool_search_call", execution: "server", arguments: {} }, { type: "tool_search_output", execution: "server", tools: [] }];
  const read = client.parseRequest({ model: "m", input, tools });
  const { body, losses } = render("anthropic-messages", read);
  expect(losses).toEqual(["provider_content", "provider_tool"]);
  expect(namesIn(body)).toEqual(new Set(["n__f"]));
  expect(render("openai-responses", read)).toMatchObject({ losses: [], body: { tools: [tools[0], { name: "n", tools: [{ name: "f" }] }, { name: "n", tools: [{ type: "mcp" }] }], input } });
});

test("look-alikes of chat completions get custom tools as functions, OpenAI itself as they are", () => {
  const request = client.parseRequest({ model: "m", input: "x", tools: [exec] });
  expect(render("openai-chat", request)).toMatchObject({ losses: ["custom_tool"], body: { tools: [{ type: "function", function: { name: "exec", parameters: { required: ["input"] } } }] } });
  const { type, ...told } = grammar;
  expect(render("openai-chat", request, { developerRole: true })).toMatchObject({ losses: [], body: { tools: [{ type: "custom", custom: { name: "exec", format: { type, grammar: told } } }] } });
});

const call = (id: string, name: string, input: string): ToolCallPart => ({ type: "tool-call", id, name, input });
const answer = (...parts: Part[]): ChatResponse => ({ id: "x", model: "m", createdAtS: 7, choices: [{ parts, finish: { unified: "tool-calls" } }] });

/** All that a client gets of an answer, in pieces of three characters. */
function framesOf(half: typeof client, response: ChatResponse, request: ChatRequest): Record<string, any>[] {
  const renderer = half.renderStream(rendering(request));
  const told = streamed(response, [3]).map((event) => renderer.push(event)).join("") + renderer.end();
  return splitFrames(told).map((frame) => dataOf(frame)!).filter((data) => data !== "[DONE]").map((data) => JSON.parse(data));
}

const called = answer(
  call("c1", "exec", '{"input":"a \\"b\\"\\nc"}'), call("c2", "wait", '{"query":"x"}'), call("c3", "agents__wait", '{"query":12345678901234567890}'), call("c4", "agents__gone", "{}"),
);

describe("an answer to a Responses client", () => {
  const items = [
    { type: "custom_tool_call", id: "ctc_1_0", call_id: "c1", name: "exec", namespace: "functions", input: 'a "b"\nc' },
    { type: "function_call", id: "fc_1_1", call_id: "c2", name: "wait", namespace: "functions", arguments: '{"query":"x"}' },
    { type: "function_call", id: "fc_1_2", call_id: "c3", name: "wait", namespace: "agents", arguments: '{"query":12345678901234567890}' },
    { type: "function_call", id: "fc_1_3", call_id: "c4", name: "agents__gone", arguments: "{}" },
  ].map((item) => ({ ...item, status: "completed" }));

  test("whole and streamed has the calls as the client named their tools", async () => {
    const request = client.parseRequest(lite);
    expect(JSON.parse(client.renderResponse(called, rendering(request)).body).output).toEqual(items);
    const frames = framesOf(client, called, request);
    expect(frames.at(-1)!.response.output).toEqual(items);
    expect(frames.filter(({ type }) => type === "response.output_item.added").map(({ item }) => item.namespace)).toEqual(["functions", "functions", "agents", undefined]);
    expect(frames.filter(({ type }) => type.startsWith("response.custom_tool_call_input."))).toMatchObject([{ delta: 'a "b"\nc' }, { input: 'a "b"\nc' }]);
    const stream = new ReadableStream({
      start(controller) {
        for (const frame of frames) controller.enqueue(new TextEncoder().encode(`${JSON.stringify(frame)}\n`));
        controller.close();
      },
    });
    expect((await ResponseStream.fromReadableStream(stream).finalResponse()).output).toMatchObject(items.map(({ call_id, name }) => ({ call_id, name })));
  });

  test("tells a search with its arguments as an object, and no deltas", () => {
    const request = client.parseRequest(classic);
    const found = answer(call("c1", "tool_search", '{"query":"moon"}'), call("c2", "mcp__moon__land", "{}"));
    const search = { type: "tool_search_call", id: "tsc_1_0", status: "completed", call_id: "c1", execution: "client", arguments: { query: "moon" } };
    const frames = framesOf(client, found, request);
    expect(frames.at(-1)!.response.output).toMatchObject([search, { type: "function_call", name: "land", namespace: "mcp__moon" }]);
    expect(frames.filter(({ output_index }) => output_index === 0).map(({ type }) => type)).toEqual(["response.output_item.added", "response.output_item.done"]);
    expect(JSON.parse(client.renderResponse(found, rendering(request)).body).output[0]).toEqual(search);
  });

  test("leaves what the provider itself calls so", () => {
    const own: Part[] = [{ ...call("c1", "exec", '{"input":"x"}'), custom: true }, { ...call("c2", "wait", "{}"), namespace: "agents" }];
    const [first, second] = JSON.parse(client.renderResponse(answer(...own), rendering(client.parseRequest(lite))).body).output;
    expect([first.input, second.namespace]).toEqual(['{"input":"x"}', "agents"]);
  });

  test.each([
    ["{}", "{}"], ['{"patch":"x"}', "x"], ['{"input":"x","why":"y"}', "x"], ['{"a":"x","b":"y"}', '{"a":"x","b":"y"}'], ['{"input":7}', '{"input":7}'], ["*** Begin", "*** Begin"], ['"x"', '"x"'], ["", ""],
  ])("reads the free text of %s", (input, text) => {
    expect(JSON.parse(client.renderResponse(answer(call("c1", "exec", input)), rendering(client.parseRequest(lite))).body).output[0].input).toBe(text);
  });
});

test("an answer to a chat client has custom calls, whole and streamed", () => {
  const half = openaiChat.conversation!;
  const request = half.parseRequest({ model: "m", stream: true, messages: [{ role: "user", content: "Hi" }], tools: [{ type: "custom", custom: { name: "exec", format: { type: "grammar", grammar: { syntax: "lark", definition: "start: /.+/" } } } }] });
  expect(request.tools).toEqual([{ type: "custom", name: "exec", format: grammar }]);
  const one = answer(call("c1", "exec", '{"input":"a \\"b\\"\\nc"}'), call("c2", "other", "{}"));
  const { body } = half.renderResponse(one, rendering(request));
  expect(JSON.parse(body).choices[0].message.tool_calls).toEqual([{ id: "c1", type: "custom", custom: { name: "exec", input: 'a "b"\nc' } }, { id: "c2", type: "function", function: { name: "other", arguments: "{}" } }]);
  const deltas = framesOf(half, one, request).flatMap(({ choices }) => choices[0].delta.tool_calls ?? []);
  expect(deltas.filter(({ index }) => index === 0)).toEqual([{ index: 0, id: "c1", type: "custom", custom: { name: "exec", input: "" } }, { index: 0, custom: { input: 'a "b"\nc' } }]);
});

/* Any tools at all. */

const odd = fc.oneof(fc.constantFrom("a", "b", "a__b", "functions", "é", "è", "-x", "1", "x".repeat(70), `${"x".repeat(70)}y`), fc.string({ minLength: 1, maxLength: 80 }));
const tool: fc.Arbitrary<Tool> = fc.record({ name: odd, namespace: fc.option(odd.map((name) => ({ name })), { nil: undefined }), form: fc.constantFrom("function", "custom", "search") }).map(({ name, namespace, form }) => {
  const within = namespace && { namespace };
  return form === "custom" ? { type: "custom", name, ...within } : { type: "function", name, ...within, ...(form === "search" && { search: true as const }) };
});
const named = (one: Tool): string => (one.type === "opaque" ? "" : JSON.stringify([one.name, one.namespace?.name]));
const toolSets = fc.uniqueArray(tool, { minLength: 1, maxLength: 12, selector: named });
const requestOf = (tools: Tool[], parts: Part[] = []): ChatRequest => ({ model: "m", stream: true, streamUsage: true, turns: [{ role: "assistant", parts }], tools, rest: { protocol: "openai-responses", fields: {} } });

describe("any tools", () => {
  test("have flat names of their own, which every provider takes where they were in a namespace", () => {
    fc.assert(fc.property(toolSets, (tools) => {
      const flat = functionTools(requestOf(tools), () => {}).tools.map((one) => (one.type === "opaque" ? "" : one.name));
      const made = flat.filter((_, at) => "namespace" in tools[at]!);
      expect(made.filter((name) => !/^[A-Za-z_][\w-]{0,63}$/.test(name))).toEqual([]);
      const plain = new Set(flat.filter((_, at) => !("namespace" in tools[at]!)));
      expect(new Set(made).size).toBe(made.length);
      expect(made.filter((name) => plain.has(name))).toEqual([]);
    }), { seed: 20_260, numRuns: 300 });
  });

  test("are called by these names, and the calls come back as they were, whole and in pieces", () => {
    fc.assert(fc.property(toolSets, fc.string(), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }), (tools, words, rhythm) => {
      const calls = tools.map((one, at): ToolCallPart => {
        const { name, namespace, type } = one as Exclude<Tool, { type: "opaque" }>;
        const form = type === "custom" ? { custom: true as const } : one.type === "function" && one.search ? { search: true as const } : {};
        return { type: "tool-call", id: `c${at}`, name, ...(namespace && { namespace: namespace.name }), input: type === "custom" ? words : JSON.stringify({ words }), ...form };
      });
      const request = requestOf(tools, calls);
      const told = functionTools(request, () => {}).turns[0]!.parts;
      expect(told.filter((part) => "namespace" in part || "custom" in part || "search" in part)).toEqual([]);
      const own = new OwnCalls(request);
      expect(told.map((part) => own.part(part))).toEqual(calls);
      const events = streamed(answer(...told), rhythm).flatMap((event): ChatEvent[] => own.push(event));
      expect(collect(events).choices[0]!.parts).toEqual(calls);
    }), { seed: 20_260, numRuns: 300 });
  });

  test("that are many and alike are named in no time", () => {
    const tools = Array.from({ length: 20_000 }, (_, at): Tool => ({ type: "function", name: String.fromCodePoint(0x4e00 + at), namespace: { name: "n" } }));
    const flat = new Set(functionTools(requestOf(tools), () => {}).tools.map((one) => (one.type === "opaque" ? "" : one.name)));
    expect(flat.size).toBe(tools.length);
  }, 2_000);
});

test("a stream that breaks within a call of free text says nothing of its half", () => {
  const renderer = client.renderStream(rendering(client.parseRequest(lite)));
  const events = eventsOf(answer(call("c1", "exec", '{"input":"rm -rf /tm'))).slice(0, 3);
  const told = events.map((event) => renderer.push(event)).join("") + renderer.fail(new GatewayError("upstream_timeout", "too slow"));
  expect(told).not.toContain("rm -rf");
  expect(JSON.parse(dataOf(splitFrames(told).at(-1)!)!).response).toMatchObject({ status: "failed", output: [{ type: "custom_tool_call", status: "incomplete", input: "" }] });
});

/** Remote MCP servers: a real one on a socket, the official SDK, and models that speak three protocols. */
import OpenAI, { APIError } from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startLocal, type LocalGateway } from "../../scripts/local.ts";
import { readServers } from "../../src/mcp/server.ts";
import { admin, createKey } from "../support/admin.ts";
import { Model } from "./mcp-model.ts";
import { ToolServer } from "./mcp-server.ts";
import { entryOf } from "../support/entry.ts";

type Request = Omit<OpenAI.Responses.ResponseCreateParamsNonStreaming, "stream">;
type Item = OpenAI.Responses.ResponseOutputItem;

const model = new Model();
const weather = new ToolServer("weather");
const maps = new ToolServer("maps", "only");
const secret = "mcp-secret-canary-0123456789";
let gateway: LocalGateway;
let url: string;
let mapsUrl: string;
let key: { secret: string };
let openai: OpenAI;
const log: string[] = [];

beforeAll(async () => {
  const origin = await model.start();
  [url, mapsUrl] = await Promise.all([weather.start(), maps.start()]) as [string, string];
  gateway = await startLocal({
    port: 0, onLog: (line) => void log.push(line),
    vars: {
      ...createKey.secrets, ALLOW_PRIVATE_UPSTREAMS: "true", CEREBRAS_API_KEY: "csk-upstream", CEREBRAS_BASE_URL: `${origin}/v1`,
      ANTHROPIC_API_KEY: "sk-ant-upstream", ANTHROPIC_BASE_URL: origin, OPENAI_API_KEY: "sk-upstream", OPENAI_BASE_URL: `${origin}/v1`, SOVEREIGN_ORIGIN: `${origin}/v1`, UPSTREAM_RETRIES: "0",
      // A client that has left is noticed when something is written.
      STREAM_HEARTBEAT_MS: "20",
    },
  });
  key = await createKey(gateway.url, { limits: { requestsPerMinute: 10_000 } });
  openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key.secret, maxRetries: 0 });
});
afterAll(async () => {
  await gateway?.stop();
  model.stop();
  weather.stop();
  maps.stop();
});
beforeEach(() => {
  for (const server of [weather, maps]) {
    server.visits.length = 0;
    server.status = undefined;
    server.delayMs = 0;
    server.floods = false;
  }
  log.length = 0;
});

const server = (more: object = {}): OpenAI.Responses.Tool => ({ type: "mcp", server_label: "weather", server_url: url, require_approval: "never", ...more }) as OpenAI.Responses.Tool;
const chatModel = "cerebras/m";
const base = { model: chatModel, input: "How is the weather in Bern?" };
const lookUp = (city: string, name = "weather__look_up") => ({ name, input: { city } });

/** The whole answer, and as the SDK's accumulator has it, whose events must be well-formed. */
async function streamed(request: Request): Promise<{ response: OpenAI.Responses.Response; types: string[]; id: string | null }> {
  const runner = openai.responses.stream(request as never);
  const types: string[] = [];
  const numbers: number[] = [];
  for await (const { sequence_number, type } of runner) {
    numbers.push(sequence_number);
    types.push(type);
  }
  const response = (await runner.finalResponse()) as OpenAI.Responses.Response;
  expect(numbers).toEqual(numbers.map((_, index) => index));
  return { response, types, id: response.id };
}

const ways: [string, (request: Request) => Promise<OpenAI.Responses.Response>][] = [
  ["whole", (request) => openai.responses.create(request) as Promise<OpenAI.Responses.Response>],
  ["streamed", async (request) => (await streamed(request)).response],
];
const kinds = (output: Item[]): string[] => output.map(({ type }) => type);
const mcpCalls = (output: Item[]) => output.filter((item) => item.type === "mcp_call");

function catching(act: () => unknown): Error {
  try {
    act();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

async function refusal(act: Promise<unknown>): Promise<APIError> {
  const error = await act.then(() => undefined, (reason: unknown) => reason);
  expect(error).toBeInstanceOf(APIError);
  return error as APIError;
}

describe.each(ways)("a response, %s", (_, ask) => {
  test.each([["chat completions", chatModel], ["Messages", "anthropic/m"], ["Responses", "openai/m"]])("has tools called by a model that speaks %s, in parallel and turn by turn", async (_name, name) => {
    model.play({ text: "Let me see.", calls: [lookUp("Bern"), lookUp("Basel")] }, { calls: [lookUp("Genf")] }, { text: "Sunny everywhere." });
    const whole = await ask({ ...base, model: name, tools: [server()] });
    expect(kinds(whole.output).filter((type) => type !== "reasoning")).toEqual(["mcp_list_tools", "message", "mcp_call", "mcp_call", "mcp_call", "message"]);
    expect(mcpCalls(whole.output)).toMatchObject(["Bern", "Basel", "Genf"].map((city) => ({ name: "look_up", server_label: "weather", arguments: JSON.stringify({ city }), output: `weather: ${city} is sunny.`, error: null, status: "completed" })));
    expect(model.results).toEqual(["weather: Bern is sunny.", "weather: Basel is sunny.", "weather: Genf is sunny."]);
    expect(whole).toMatchObject({ status: "completed", usage: { input_tokens: 30, output_tokens: 15, total_tokens: 45 } });
    expect(whole.output_text).toBe("Let me see.Sunny everywhere.");
    expect(new Set(whole.output.map(({ id }) => id)).size).toBe(whole.output.length);
    expect(whole.tools).toEqual([{ type: "mcp", server_label: "weather", server_url: `${new URL(url).origin}/<redacted>`, server_description: null, allowed_tools: null, require_approval: "never", headers: null }]);
  });
});

test.each(ways)("a model's signed thoughts come back to it in its next turn, %s", async (_, ask) => {
  model.play({ thought: "Hm.", calls: [lookUp("Bern"), lookUp("Basel")] }, { text: "Sunny." });
  const { output } = await ask({ ...base, model: "anthropic/m", reasoning: { effort: "low", summary: "auto" }, tools: [server()] });
  expect(kinds(output)).toEqual(["mcp_list_tools", "reasoning", "mcp_call", "mcp_call", "message"]);
  const turns = model.asked[1]!.body.messages as { role: string; content: { type: string }[] }[];
  expect(turns.map(({ role, content }) => [role, ...(Array.isArray(content) ? content.map(({ type }) => type) : [])].join(" "))).toEqual(["user text", "assistant thinking tool_use tool_use", "user tool_result tool_result"].map((turn) => expect.stringMatching(new RegExp(`^${turn.replace(" text", "( text)?")}$`))));
  expect(turns[1]!.content[0]).toEqual({ type: "thinking", thinking: "Hm.", signature: "signed-1" });
});

describe.each(ways)("approvals, %s", (_, ask) => {
  const asking = () => ({ tools: [server({ require_approval: undefined })] });
  const asked = async (): Promise<{ output: Item[]; request: OpenAI.Responses.ResponseOutputItem.McpApprovalRequest }> => {
    model.play({ text: "May I?", calls: [lookUp("Bern")] });
    const { output, status } = await ask({ ...base, ...asking() });
    expect([status, kinds(output)]).toEqual(["completed", ["mcp_list_tools", "message", "mcp_approval_request"]]);
    const request = output.at(-1) as OpenAI.Responses.ResponseOutputItem.McpApprovalRequest;
    expect(request).toEqual({ id: expect.stringMatching(/^mcpr_/), type: "mcp_approval_request", name: "look_up", server_label: "weather", arguments: '{"city":"Bern"}' });
    expect(weather.visits.some(({ body }) => body.includes("tools/call"))).toBe(false);
    return { output, request };
  };
  const going = (output: Item[], ...more: object[]) => [{ role: "user", content: base.input }, ...output, ...more] as OpenAI.Responses.ResponseInput;

  test("given: the call is made, its tools are not listed again", async () => {
    const { output, request } = await asked();
    weather.visits.length = 0;
    model.play({ text: "It is sunny." });
    const after = await ask({ ...base, ...asking(), input: going(output, { type: "mcp_approval_response", approval_request_id: request.id, approve: true }) });
    expect(after.output).toMatchObject([{ type: "mcp_call", approval_request_id: request.id, output: "weather: Bern is sunny.", status: "completed" }, { type: "message" }]);
    expect(model.results).toEqual(["weather: Bern is sunny."]);
    expect(weather.visits.some(({ body }) => body.includes("tools/list"))).toBe(false);
    weather.visits.length = 0;
    model.play({ text: "As I said." });
    expect(kinds((await ask({ ...base, ...asking(), input: going(output, { type: "mcp_approval_response", approval_request_id: request.id, approve: true }, ...after.output, { role: "user", content: "Sure?" }) })).output)).toEqual(["message"]);
    expect(weather.visits).toEqual([]);
    expect(model.results).toEqual(["weather: Bern is sunny."]);
  });

  test("refused, or not given: the model hears so, and nobody is called", async () => {
    const { output, request } = await asked();
    weather.visits.length = 0;
    model.play({ text: "A pity." }, { text: "A pity." });
    await ask({ ...base, ...asking(), input: going(output, { type: "mcp_approval_response", approval_request_id: request.id, approve: false, reason: "too dear" }) });
    expect(model.results).toEqual(["Error: the user refused this call. It was not made. Reason: too dear"]);
    await ask({ ...base, ...asking(), input: going(output, { role: "user", content: "Something else." }) });
    expect(model.results).toEqual(["Error: the user has not approved this call. It was not made."]);
    expect(weather.visits).toEqual([]);
  });

  test("of what nobody asked for, or what is not allowed, are refused", async () => {
    const { output, request } = await asked();
    const wrong = async (tools: OpenAI.Responses.Tool[], id: string) => refusal(ask({ ...base, tools, input: going(output, { type: "mcp_approval_response", approval_request_id: id, approve: true }) }));
    expect(await wrong(asking().tools, "mcpr_other")).toMatchObject({ status: 400, param: "input[4].approval_request_id" });
    for (const tools of [[server({ allowed_tools: ["write_down"] })], [server({ server_label: "other" })]]) expect(await wrong(tools, request.id)).toMatchObject({ status: 400, param: "input[4]", code: "invalid_request" });
    expect(weather.visits.some(({ body }) => body.includes("tools/call"))).toBe(false);
  });
});

describe("over turns that are kept here", () => {
  test.each(ways)("a call is approved by previous_response_id alone, %s", async (_, ask) => {
    const tools = [server({ require_approval: undefined })];
    model.play({ text: "May I?", calls: [lookUp("Bern")] });
    const first = await ask({ ...base, tools });
    const { id } = first.output.find(({ type }) => type === "mcp_approval_request")!;
    model.play({ text: "It is sunny." });
    const after = await ask({ model: chatModel, previous_response_id: first.id, tools, input: [{ type: "mcp_approval_response", approval_request_id: id!, approve: true }] });
    expect(after.output).toMatchObject([{ type: "mcp_call", approval_request_id: id, output: "weather: Bern is sunny.", status: "completed" }, { type: "message" }]);
    expect([after.previous_response_id, model.results]).toEqual([first.id, ["weather: Bern is sunny."]]);
    const again = await openai.responses.retrieve(after.id);
    expect(after.output).toMatchObject(again.output);
  });

  test("in the background: a stream that is left is taken up where it was, and the tool was called once", async () => {
    model.play({ calls: [lookUp("Bern")] }, { text: "It is sunny." });
    weather.delayMs = 300;
    const stream = await openai.responses.create({ ...base, background: true, stream: true, tools: [server()] });
    const seen: OpenAI.Responses.ResponseStreamEvent[] = [];
    for await (const event of stream) if (seen.push(event) === 4) break;
    const { id } = (seen[0] as OpenAI.Responses.ResponseCreatedEvent).response;
    const rest = await Array.fromAsync(await openai.responses.retrieve(id, { stream: true, starting_after: seen.at(-1)!.sequence_number }));
    const whole = await Array.fromAsync(await openai.responses.retrieve(id, { stream: true }));
    expect([...seen, ...rest]).toEqual(whole);
    expect([whole.at(-1)!.type, whole.map(({ sequence_number }) => sequence_number)]).toEqual(["response.completed", whole.map((_, index) => index)]);
    expect(kinds((await openai.responses.retrieve(id)).output)).toEqual(["mcp_list_tools", "mcp_call", "message"]);
    expect([model.asked.length, weather.visits.filter(({ body }) => body.includes("tools/call")).length]).toEqual([2, 1]);
  });
});

describe("tools", () => {
  const told = async (...tools: OpenAI.Responses.Tool[]): Promise<unknown[]> => {
    model.play({ text: "ok" });
    await openai.responses.create({ ...base, tools });
    return model.tools;
  };

  test("are those that are allowed", async () => {
    expect(await told(server({ allowed_tools: ["fail", "unknown"] }))).toEqual(["weather__fail"]);
    expect(await told(server({ allowed_tools: { read_only: true } }))).toEqual(["weather__look_up"]);
    expect(await told(server({ allowed_tools: { read_only: false, tool_names: ["look_up", "fail"] } }))).toEqual(["weather__fail"]);
  });

  test("need approval as filters say", async () => {
    model.play({ calls: [lookUp("Bern"), lookUp("Bern", "weather__write_down")] });
    const { output } = await openai.responses.create({ ...base, tools: [server({ require_approval: { never: { read_only: true } } })] });
    expect(output.slice(1)).toMatchObject([{ type: "mcp_call", output: "weather: Bern is sunny." }, { type: "mcp_approval_request", name: "write_down" }]);
    model.play({ calls: [lookUp("Bern"), lookUp("Bern", "weather__write_down")] }, { text: "done" });
    const other = await openai.responses.create({ ...base, tools: [server({ require_approval: { always: { tool_names: ["look_up"] } } })] });
    expect(other.output.slice(1)).toMatchObject([{ type: "mcp_approval_request", name: "look_up" }, { type: "mcp_call", output: "Bern is written down." }]);
  });

  test("of two servers, one of them from 2025, may be called alike, and like a function of the client's", async () => {
    const own = { type: "function" as const, name: "maps__look_up", parameters: { type: "object", properties: {} }, strict: false };
    model.play({ calls: [lookUp("Bern"), lookUp("Bern", "maps__look_up_2")] }, { text: "ok" });
    const { output } = await openai.responses.create({ ...base, tools: [own, server({ allowed_tools: ["look_up"] }), server({ server_label: "maps", server_url: mapsUrl, allowed_tools: ["look_up"] })] });
    expect(mcpCalls(output).map(({ server_label, output: said }) => [server_label, said])).toEqual([["weather", "weather: Bern is sunny."], ["maps", "maps: Bern is sunny."]]);
    expect(model.tools).toEqual(["maps__look_up", "weather__look_up", "maps__look_up_2"]);
  });

  test.each(ways)("called beside a function of the client's end the turn, %s", async (_, ask) => {
    const own = { type: "function" as const, name: "now", parameters: { type: "object", properties: {} }, strict: false };
    model.play({ calls: [{ name: "now", input: {} }, lookUp("Bern")] });
    const { output } = await ask({ ...base, tools: [own, server()] });
    expect(kinds(output)).toEqual(["mcp_list_tools", "function_call", "mcp_call"]);
    const { call_id } = output[1] as OpenAI.Responses.ResponseFunctionToolCall;
    model.play({ text: "ok" });
    await ask({ ...base, tools: [own, server()], input: [{ role: "user", content: "hi" }, ...output, { type: "function_call_output", call_id, output: "noon" }] as OpenAI.Responses.ResponseInput });
    const messages = model.asked.at(-1)!.body.messages as { role: string; tool_calls?: unknown[] }[];
    expect(messages.map(({ role, tool_calls }) => `${role}${tool_calls?.length ?? ""}`)).toEqual(["user", "assistant2", "tool", "tool"]);
    expect(model.results).toEqual(["weather: Bern is sunny.", "noon"]);
  });

  test("a choice of one is a choice for one turn", async () => {
    model.play({ calls: [lookUp("Bern")] }, { text: "ok" });
    const { tool_choice } = await openai.responses.create({ ...base, model: "openai/m", tools: [server()], tool_choice: { type: "mcp", server_label: "weather", name: "look_up" } });
    expect(model.asked.map(({ body }) => body.tool_choice)).toEqual([{ type: "allowed_tools", mode: "required", tools: [{ type: "function", name: "weather__look_up" }] }, "auto"]);
    expect(tool_choice).toEqual({ type: "mcp", server_label: "weather", name: "look_up" });
  });

  test("tell in words what is none", async () => {
    model.play({ calls: [{ name: "weather__show", input: {} }] }, { text: "ok" });
    await openai.responses.create({ ...base, tools: [server()] });
    expect(model.results).toEqual(["[image of type image/png, which cannot be shown]"]);
  });
});

describe.each(ways)("what goes wrong, %s", (_, ask) => {
  test("in a tool is for the model to hear", async () => {
    model.play({ calls: [{ name: "weather__fail", input: {} }, { name: "weather__look_up", input: { town: 1 } }] }, { text: "It failed." });
    const { output, status } = await ask({ ...base, tools: [server()] });
    expect(mcpCalls(output)[0]).toMatchObject({ status: "failed", output: null, error: { type: "mcp_tool_execution_error", content: [{ type: "text", text: "It is broken." }] } });
    expect(mcpCalls(output)[1]).toMatchObject({ status: "failed", output: null });
    expect(model.results[0]).toBe("Error: It is broken.");
    expect(model.results[1]).toMatch(/^Error: .*city/s);
    expect([status, output.at(-1)!.type]).toEqual(["completed", "message"]);
  });

  test.each([[500, "The server answered 500."], [401, "The server answered 401."], [302, "The server could not be reached, or did not answer as an MCP server."]])("in a server's list (%i) is the request's failure, before the model is asked", async (status, why) => {
    weather.status = status;
    model.play();
    expect(await refusal(ask({ ...base, tools: [server()] }))).toMatchObject({ status: 424, code: "mcp_server_error", param: "tools[0]", message: `424 tools[0]: the MCP server "weather" did not list its tools: ${why}` });
    expect(model.asked).toEqual([]);
  });

  test("in a server between list and call is for the model to hear", async () => {
    model.play({ text: "ok" });
    const { output } = await ask({ ...base, tools: [server()] });
    weather.status = 503;
    model.play({ calls: [lookUp("Bern")] }, { text: "Later, then." });
    const after = await ask({ ...base, tools: [server()], input: [{ role: "user", content: "hi" }, ...output] as OpenAI.Responses.ResponseInput });
    expect(after.output).toMatchObject([{ type: "mcp_call", status: "failed", error: { type: "http_error", code: 503 } }, { type: "message" }]);
  });

  test("more calls than the request allows are not made, and the model has to answer", async () => {
    model.play({ calls: [lookUp("Bern"), lookUp("Basel"), lookUp("Genf")] }, { text: "Enough." });
    const { output, max_tool_calls } = await ask({ ...base, max_tool_calls: 2, tools: [server()] } as Request);
    expect(mcpCalls(output).map(({ status }) => status)).toEqual(["completed", "completed", "failed"]);
    expect(model.asked.map(({ body }) => body.tool_choice)).toEqual([undefined, "none"]);
    expect(weather.visits.filter(({ body }) => body.includes("tools/call"))).toHaveLength(2);
    expect(max_tool_calls).toBe(2);
  });

  test("an answer that is cut makes no calls; its bound is one for all turns", async () => {
    model.play({ calls: [lookUp("Bern")] }, { text: "It is", cut: true });
    const { status, incomplete_details, max_output_tokens } = await ask({ ...base, max_output_tokens: 100, tools: [server()] });
    expect([status, incomplete_details, max_output_tokens]).toEqual(["incomplete", { reason: "max_output_tokens" }, 100]);
    expect(model.asked.map(({ body }) => body.max_completion_tokens ?? body.max_tokens)).toEqual([100, 95]);
    model.play({ calls: [lookUp("Bern")], cut: true });
    const cut = await ask({ ...base, tools: [server()] });
    expect(cut.output.at(-1)).toMatchObject({ type: "mcp_call", status: "incomplete", output: null, error: null });
    model.play({ calls: [lookUp("Bern")] });
    expect(await ask({ ...base, max_output_tokens: 5, tools: [server()] })).toMatchObject({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } });
  });
});

test("a later turn that is refused is the response's failure, which no client sends again by itself", async () => {
  const steps = [{ calls: [lookUp("Bern")] }, { refuse: 503 }];
  model.play(...steps);
  const error = await refusal(openai.responses.create({ ...base, tools: [server()] }));
  expect([error.status, error.headers!.get("x-should-retry")]).toEqual([503, "false"]);
  model.play(...steps);
  const { response, types } = await streamed({ ...base, tools: [server()] });
  expect(response).toMatchObject({ status: "failed", error: { code: "server_error" } });
  expect(response.output).toMatchObject([{ type: "mcp_list_tools" }, { type: "mcp_call", output: "weather: Bern is sunny." }]);
  expect(types.at(-1)).toBe("response.failed");
});

test("a stream tells each list and each call", async () => {
  model.play({ calls: [lookUp("Bern")] }, { text: "ok" });
  const { types } = await streamed({ ...base, tools: [server()] });
  expect(types).toEqual([
    "response.created", "response.in_progress",
    "response.output_item.added", "response.mcp_list_tools.in_progress", "response.mcp_list_tools.completed", "response.output_item.done",
    "response.output_item.added", "response.mcp_call.in_progress", ...Array(2).fill("response.mcp_call_arguments.delta"), "response.mcp_call_arguments.done", "response.mcp_call.completed", "response.output_item.done",
    "response.output_item.added", "response.content_part.added", ...Array(2).fill("response.output_text.delta"), "response.output_text.done", "response.content_part.done", "response.output_item.done",
    "response.completed",
  ]);
});

describe("each turn", () => {
  const priced = { ...base, model: "openai/gpt-4o-mini" };
  type Entry = { costNanoUsd: number; usage: { inputTokens: number }; status: number };
  const entry = (id: string): Promise<Entry> => entryOf(gateway.url, key.secret, id);

  test("is a request of its own in the ledger; the whole has the first one's id and the sum of costs", async () => {
    model.play({ calls: [lookUp("Bern")] }, { text: "ok" });
    const { response } = await openai.responses.create({ ...priced, tools: [server()] }).withResponse();
    const id = response.headers.get("x-request-id")!;
    const entries = await Promise.all([id, `${id}r2`].map(entry));
    expect(entries.map(({ usage, status }) => [usage.inputTokens, status])).toEqual([[10, 200], [10, 200]]);
    expect(entries[0]!.costNanoUsd).toBeGreaterThan(0);
    expect(Math.round(Number(response.headers.get("x-forge-cost")) * 1e9)).toBe(entries[0]!.costNanoUsd + entries[1]!.costNanoUsd);
  });

  test.each(ways)("runs once, whoever asks again by the same Idempotency-Key, %s", async (way) => {
    model.play({ calls: [lookUp("Bern")] }, { text: "ok" }, { text: "again" });
    const body = { ...priced, tools: [server()], stream: way === "streamed" };
    const ask = async () => {
      const answer = await fetch(`${gateway.url}/v1/responses`, { method: "POST", body: JSON.stringify(body), headers: { authorization: `Bearer ${key.secret}`, "content-type": "application/json", "idempotency-key": `mcp-${way}` } });
      return [answer.headers.get("x-request-id"), await answer.text()];
    };
    const first = await ask();
    expect(await ask()).toEqual(first);
    expect(first[1]).toContain("weather: Bern is sunny.");
    expect(model.asked).toHaveLength(2);
  });

  test("is no more asked for when the client has left", async () => {
    model.play({ calls: [lookUp("Bern")] }, { text: "never" });
    const controller = new AbortController();
    const answer = await fetch(`${gateway.url}/v1/responses`, { method: "POST", signal: controller.signal, body: JSON.stringify({ ...priced, tools: [server({ server_url: await slow() })], stream: true, store: false }), headers: { authorization: `Bearer ${key.secret}`, "content-type": "application/json" } });
    const reader = answer.body!.getReader();
    let text = "";
    while (!text.includes("mcp_call_arguments.done")) text += new TextDecoder().decode((await reader.read()).value);
    controller.abort();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(model.asked).toHaveLength(1);
  });

  /** The same server, whose calls take a while. */
  async function slow(): Promise<string> {
    weather.delayMs = 200;
    return url;
  }
});

describe("secrets and walls", () => {
  const headers = { "x-api-key": secret, "x-tenant": "eu" };

  test("headers reach their own server and nobody else", async () => {
    model.play({ calls: [{ name: "weather__echo_headers", input: {} }, lookUp("Bern", "maps__look_up")] }, { text: "ok" });
    const tools = [server({ headers, authorization: `${secret}-token` }), server({ server_label: "maps", server_url: mapsUrl })];
    const { response } = await streamed({ ...base, tools });
    const visits = weather.visits.filter(({ method }) => method === "POST");
    expect(visits.length).toBeGreaterThan(1);
    for (const visit of visits) expect(visit.headers).toMatchObject({ ...headers, authorization: `Bearer ${secret}-token`, "user-agent": "forge" });
    expect(mcpCalls(response.output)[0]!.output).toContain("[redacted]");
    for (const told of [response, model.asked, maps.visits, log]) expect(JSON.stringify(told)).not.toContain(secret);
    expect(JSON.stringify([response, maps.visits, model.asked])).not.toContain(key.secret);
    expect(JSON.stringify(weather.visits)).not.toContain(key.secret);
  });

  test("a sovereign request reaches no MCP server: by its header, its key, its organisation, or a key that has just become one", async () => {
    model.play({ text: "ok" });
    const [own, ours, new_] = await Promise.all([createKey(gateway.url, { sovereign: true }), createKey(gateway.url), createKey(gateway.url)]);
    const listed = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: new_.secret, maxRetries: 0 });
    await listed.responses.create({ ...base, tools: [server()] });
    await Promise.all([admin(gateway.url, "PATCH", `/organisations/${ours.organisation}`, { sovereign: true }), admin(gateway.url, "PATCH", `/keys/${new_.id}`, { policy: { sovereign: true } })]);
    model.play();
    weather.visits.length = 0;
    for (const [apiKey, defaultHeaders] of [[key.secret, { "x-sovereign": "true" }], [own.secret, {}], [ours.secret, {}], [new_.secret, {}]] as const) {
      const sdk = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey, defaultHeaders, maxRetries: 0 });
      const error = await refusal(sdk.responses.create({ ...base, model: "selfhosted/m", tools: [server()] }));
      expect(error).toMatchObject({ status: 400, code: "invalid_request", param: "tools[0]", message: "400 tools[0]: a sovereign request may reach no MCP server." });
    }
    expect([weather.visits, model.asked]).toEqual([[], []]);
  });

  test("servers of private networks are not asked, nor odd addresses", () => {
    const read = (server_url: unknown, more: object = {}) => () => readServers([{ type: "mcp", server_label: "s", server_url, ...more }], false);
    for (const address of ["http://mcp.example.com/", "https://127.0.0.1/mcp", "https://[::1]/mcp", "https://169.254.169.254/latest", "https://localhost/mcp", "https://db.internal/mcp", "https://mcp.example.com:8443/", "https://2130706433/", "https://10.0.0.1.nip.io/mcp", "https://u:p@mcp.example.com/", "file:///etc/passwd", "nonsense", 7, undefined]) {
      expect(read(address), String(address)).toThrow(/^tools\[0\]\.server_url: /);
    }
    expect(read("https://mcp.example.com/mcp?key=1")()).toMatchObject([{ label: "s", echo: { server_url: "https://mcp.example.com/<redacted>", require_approval: "always" } }]);
    for (const [field, value] of [["headers", { host: "x" }], ["headers", { "mcp-session-id": "x" }], ["headers", { "x-key": `${secret}\nx` }], ["authorization", `${secret}\nx`], ["connector_id", "connector_x"], ["require_approval", "sometimes"], ["allowed_tools", 1], ["server_label", "a b"]] as const) {
      const error = catching(read("https://mcp.example.com/", { [field]: value }));
      expect([error.message.startsWith(`tools[0].${field}: `), error.message.includes(secret)], error.message).toEqual([true, false]);
    }
    expect(() => readServers([server(), server()], true)).toThrow("tools[1].server_label: \"weather\" is another server's too");
  });

  test("an answer without end is not read to it", async () => {
    weather.floods = true;
    expect(await refusal(openai.responses.create({ ...base, tools: [server()] }))).toMatchObject({ status: 424 });
  });

  test("servers are asked no oftener than the key may ask models", async () => {
    const few = await createKey(gateway.url, { limits: { requestsPerMinute: 2 } });
    const sdk = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: few.secret, maxRetries: 0 });
    weather.status = 500;
    const statuses: unknown[] = [];
    for (let i = 0; i < 5; i += 1) statuses.push((await refusal(sdk.responses.create({ ...base, tools: [server()] }))).status);
    expect([424, 429]).toContain(statuses[2]);
    expect(statuses.at(-1)).toBe(429);
  });

  test("a caller without a key hears only that", async () => {
    const error = await refusal(new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "sk-forge-unknown", maxRetries: 0 }).responses.create({ ...base, tools: [server()] }));
    expect([error.status, weather.visits]).toEqual([401, []]);
  });
});

describe("tools that a provider runs itself", () => {
  const search: OpenAI.Responses.Tool = { type: "file_search", vector_store_ids: ["vs_1"] };
  const connector = { type: "mcp", server_label: "drive", connector_id: "connector_googledrive", authorization: secret } as const;

  test.each([search, connector, { type: "code_interpreter", container: { type: "auto" } }, { type: "image_generation" }, { type: "web_search" }])("$type goes to whoever speaks Responses, and is refused by name elsewhere", async (tool) => {
    model.play({ text: "ok" }, { text: "ok" });
    await openai.responses.create({ ...base, model: "openai/m", tools: [tool as OpenAI.Responses.Tool] });
    expect(model.asked.at(-1)).toMatchObject({ path: "/responses", body: { tools: [tool as object] } });
    const error = await refusal(openai.responses.create({ ...base, model: "anthropic/m", tools: [tool as OpenAI.Responses.Tool] }));
    expect(error).toMatchObject({ status: 400, code: "invalid_request", param: "tools" });
    expect(error.message).toContain(`tools: ${tool.type} can only be told in openai-responses, which is not spoken by anthropic/m.`);
    expect(error.message).not.toContain(secret);
  });

  test("are no hindrance where they are MCP servers, nor are several prompts: a dry run says so", async () => {
    const planned = async (endpoint: string, body: object): Promise<unknown> => {
      const answer = await fetch(`${gateway.url}/v1/route?endpoint=${endpoint}`, { method: "POST", body: JSON.stringify(body), headers: { authorization: `Bearer ${key.secret}`, "content-type": "application/json" } });
      const { attempts, excluded, error } = (await answer.json()) as { attempts: { deployment: string }[]; excluded: unknown; error: { code: string } | null };
      return [attempts.map(({ deployment }) => deployment), excluded, error?.code];
    };
    expect(await planned("/v1/responses", { model: "anthropic/m", tools: [server()] })).toEqual([["anthropic/m"], [], undefined]);
    expect(await planned("/v1/responses", { model: "anthropic/m", tools: [search] })).toEqual([[], [{ deployment: "anthropic/m", reason: "not_native" }], "invalid_request"]);
    expect(await planned("/v1/completions", { model: "anthropic/m", prompt: ["a", "b"] })).toEqual([["anthropic/m"], [], undefined]);
    expect(await planned("/v1/completions", { model: "anthropic/m", prompt: [[1], [2]] })).toEqual([[], [{ deployment: "anthropic/m", reason: "not_native" }], "invalid_request"]);
    expect(weather.visits).toEqual([]);
  });

  test("stand beside MCP servers", async () => {
    model.play({ calls: [lookUp("Bern")] }, { text: "ok" });
    const { tools } = await openai.responses.create({ ...base, model: "openai/m", tools: [search, server(), connector as OpenAI.Responses.Tool] });
    expect(model.tools.slice(0, 3)).toEqual(["file_search", "mcp", "weather__look_up"]);
    expect(JSON.stringify(tools)).not.toContain(secret);
    expect(tools.map((tool) => [tool.type, "server_label" in tool && tool.server_label])).toEqual([["file_search", false], ["mcp", "weather"], ["mcp", "drive"]]);
  });
});

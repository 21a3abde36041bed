/** Remote MCP servers: a real one on a socket, the official SDK, and models that speak three protocols. */
import OpenAI, { APIError } from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startLocal, type LocalGateway } from "../../scripts/local.ts";
import { createKey } from "../support/admin.ts";
import { Model } from "./mcp-model.ts";
import { ToolServer } from "./mcp-server.ts";

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
      ...createKey.secrets, ALLOW_PRIVATE_UPSTREAMS: "true", GROQ_API_KEY: "gsk-upstream", GROQ_BASE_URL: `${origin}/v1`,
      ANTHROPIC_API_KEY: "sk-ant-upstream", ANTHROPIC_BASE_URL: origin, OPENAI_API_KEY: "sk-upstream", OPENAI_BASE_URL: `${origin}/v1`, SOVEREIGN_ORIGIN: `${origin}/v1`, UPSTREAM_RETRIES: "0",
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
  }
  log.length = 0;
});

const server = (more: object = {}): OpenAI.Responses.Tool => ({ type: "mcp", server_label: "weather", server_url: url, require_approval: "never", ...more }) as OpenAI.Responses.Tool;
const chatModel = "groq/m";
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

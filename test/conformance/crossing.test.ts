/** Conversations that cross from one protocol to another, through the real Worker on a socket, with the official SDKs. */
import Anthropic from "@anthropic-ai/sdk";
import { LLMock } from "@copilotkit/aimock";
import { GoogleGenAI } from "@google/genai";
import OldAnthropic from "anthropic-sdk-0";
import OpenAI from "openai";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startLocal, type LocalGateway } from "../../scripts/local.ts";
import { createKey } from "../support/admin.ts";
import { AnthropicUpstream, toolInput, usage, words } from "./anthropic-upstream.ts";

const upstream = new AnthropicUpstream();
const mock = new LLMock({ port: 0, chunkSize: 5 });
let gateway: LocalGateway;
let key: string;

beforeAll(async () => {
  await mock.start();
  mock.onMessage("weather", { toolCalls: [{ name: "weather", arguments: JSON.stringify(toolInput) }] });
  mock.onMessage(/.*/, { content: words.join("") });
  gateway = await startLocal({
    port: 0,
    vars: {
      ...createKey.secrets, ANTHROPIC_API_KEY: "sk-ant-upstream", ANTHROPIC_BASE_URL: await upstream.start(), OPENAI_API_KEY: "sk-upstream",
      OPENAI_BASE_URL: `${mock.url}/v1`, GEMINI_API_KEY: "g-upstream", GEMINI_BASE_URL: `${mock.url}/v1beta`, ALLOW_PRIVATE_UPSTREAMS: "true",
    },
  });
  key = (await createKey(gateway.url, { limits: { requestsPerMinute: 10_000 } })).secret;
});
afterAll(async () => {
  await gateway?.stop();
  upstream.stop();
  await mock.stop();
});

/** What a client's SDK read: the same words whatever the client. */
type Read = { text: string; calls: { name: string; input: unknown }[]; end: string; input: number | undefined; output: number | undefined };
type Ask = { model: string; text: string; stream: boolean; tool?: boolean };
type Client = { end: { stop: string; call: string }; ask(ask: Ask): Promise<Read> };

const schema = { type: "object" as const, properties: { city: { type: "string" } } };
const openai = () => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key, maxRetries: 0 });

const messagesClient = (sdk: typeof Anthropic): Client => ({
  end: { stop: "end_turn", call: "tool_use" },
  async ask({ model, text, stream, tool }) {
    const client = new sdk({ baseURL: gateway.url, apiKey: key, authToken: null, maxRetries: 0 });
    const body = { model, max_tokens: 64, messages: [{ role: "user" as const, content: text }], ...(tool && { tools: [{ name: "weather", input_schema: schema }] }) };
    const message = stream ? await client.messages.stream(body).finalMessage() : await client.messages.create(body);
    return {
      text: message.content.map((block) => (block.type === "text" ? block.text : "")).join(""),
      calls: message.content.flatMap((block) => (block.type === "tool_use" ? [{ name: block.name, input: block.input }] : [])),
      end: String(message.stop_reason),
      input: message.usage.input_tokens + (message.usage.cache_read_input_tokens ?? 0) + (message.usage.cache_creation_input_tokens ?? 0), output: message.usage.output_tokens,
    };
  },
});

const clients: Record<string, Client> = {
  "chat completions": {
    end: { stop: "stop", call: "tool_calls" },
    async ask({ model, text, stream, tool }) {
      const body = { model, messages: [{ role: "user" as const, content: text }], ...(tool && { tools: [{ type: "function" as const, function: { name: "weather", parameters: schema } }] }) };
      const answer = stream
        ? await openai().chat.completions.stream({ ...body, stream_options: { include_usage: true } }).finalChatCompletion()
        : await openai().chat.completions.create(body);
      const { message, finish_reason } = answer.choices[0]!;
      const calls = (message.tool_calls ?? []).flatMap((call) => (call.type === "function" ? [{ name: call.function.name, input: JSON.parse(call.function.arguments) as unknown }] : []));
      return { text: message.content ?? "", calls, end: finish_reason, input: answer.usage?.prompt_tokens, output: answer.usage?.completion_tokens };
    },
  },
  responses: {
    end: { stop: "completed", call: "completed" },
    async ask({ model, text, stream, tool }) {
      const body = { model, input: text, ...(tool && { tools: [{ type: "function" as const, name: "weather", parameters: schema, strict: false }] }) };
      const answer = stream ? await openai().responses.stream(body).finalResponse() : await openai().responses.create(body);
      const calls = answer.output.flatMap((item) => (item.type === "function_call" ? [{ name: item.name, input: JSON.parse(item.arguments) as unknown }] : []));
      return { text: answer.output_text, calls, end: String(answer.status), input: answer.usage?.input_tokens, output: answer.usage?.output_tokens };
    },
  },
  "messages, SDK 1.11.0": messagesClient(Anthropic),
  "messages, SDK 0.137.0": messagesClient(OldAnthropic as unknown as typeof Anthropic),
  gemini: {
    end: { stop: "STOP", call: "STOP" },
    async ask({ model, text, stream, tool }) {
      const client = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: gateway.url, retryOptions: { attempts: 1 } } });
      const body = { model, contents: text, ...(tool && { config: { tools: [{ functionDeclarations: [{ name: "weather", parametersJsonSchema: schema }] }] } }) };
      const chunks = stream ? await Array.fromAsync(await client.models.generateContentStream(body)) : [await client.models.generateContent(body)];
      const parts = chunks.flatMap((chunk) => chunk.candidates?.[0]?.content?.parts ?? []);
      const { usageMetadata, candidates } = chunks.at(-1)!;
      return {
        text: parts.map((part) => part.text ?? "").join(""),
        calls: parts.flatMap(({ functionCall }) => (functionCall ? [{ name: functionCall.name ?? "", input: functionCall.args }] : [])),
        end: String(candidates?.[0]?.finishReason), input: usageMetadata?.promptTokenCount, output: usageMetadata?.candidatesTokenCount,
      };
    },
  },
};

const inputTokens = usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens;

describe.each(Object.entries(clients))("%s", (name, client) => {
  describe.each([["whole", false], ["streamed", true]] as const)("%s", (_, stream) => {
    test("a text and its usage arrive from Anthropic", async () => {
      const { end, text, input } = await client.ask({ model: "anthropic/say", text: "hello", stream });
      expect({ text, end, input }).toEqual({ text: words.join(""), end: client.end.stop, input: inputTokens });
    });

    test("a tool call arrives from Anthropic", async () => {
      const { end, calls } = await client.ask({ model: "anthropic/tool", text: "hello", stream, tool: true });
      expect({ end, calls }).toEqual({ end: client.end.call, calls: [{ name: "weather", input: toolInput }] });
    });

    test.each(["openai", "gemini"])("a text and a tool call arrive from %s", async (provider) => {
      expect(await client.ask({ model: `${provider}/gpt-4o`, text: "hello", stream })).toMatchObject({ text: words.join(""), end: client.end.stop });
      const { calls, end } = await client.ask({ model: `${provider}/gpt-4o`, text: "the weather", stream, tool: true });
      // The mock ends Gemini's calls with a word that Google does not have.
      expect({ calls, end }).toEqual({ calls: [{ name: "weather", input: toolInput }], end: provider === "gemini" ? end : client.end.call });
    });

    test.each(["bad-request", "overloaded", "hangup"])("%s of Anthropic is an error to the SDK", async (model) => {
      await expect(client.ask({ model: `anthropic/${model}`, text: "hello", stream })).rejects.toThrow();
    });
  });

  test.each(["error-event", "cut"])("%s in the middle of a stream is never a success", async (model) => {
    const read = await client.ask({ model: `anthropic/${model}`, text: "hello", stream: true }).catch(() => "thrown");
    expect(typeof read === "string" ? read : read.end).not.toBe(client.end.stop);
    expect(name).toBeTruthy();
  });
});

describe("losses", () => {
  const ask = (headers: Record<string, string>) => fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST", headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
    body: JSON.stringify({ model: "anthropic/say", seed: 7, logit_bias: { 1: 2 }, messages: [{ role: "user", content: "hello" }] }),
  });

  test("what cannot be said is listed in a header", async () => {
    const answer = await ask({});
    expect([answer.status, answer.headers.get("x-forge-losses")!.split(", ").sort()]).toEqual([200, ["logit_bias", "seed"]]);
  });

  test("what stands within a message and nobody reads is named by its place, and refused where nothing may be lost", async () => {
    const say = (headers: Record<string, string>) => fetch(`${gateway.url}/v1/chat/completions`, {
      method: "POST", headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
      body: JSON.stringify({ model: "anthropic/say", messages: [{ role: "user", content: [{ type: "text", text: "hello", weight: 2, annotations: [] }] }] }),
    });
    const answer = await say({});
    expect([answer.status, answer.headers.get("x-forge-losses")]).toEqual([200, "field:messages.content.weight"]);
    const refused = await say({ "x-forge-strict": "true" });
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining("field:messages.content.weight")]);
  });

  test("a bound that is wider than the model can say is the model's own: who must say one says what another model could", async () => {
    const answer = await fetch(`${gateway.url}/v1/messages`, {
      method: "POST", headers: { "x-api-key": key, "anthropic-version": "2023-06-01", "content-type": "application/json" },
      body: JSON.stringify({ model: "openai/gpt-4o-mini", max_tokens: 128_000, messages: [{ role: "user", content: "hello" }] }),
    });
    expect([answer.status, answer.headers.get("x-forge-losses")]).toEqual([200, "max_output_tokens"]);
    expect(mock.getLastRequest()?.body).toMatchObject({ max_tokens: 16_384 });
  });

  test("with X-Forge-Strict it is a 400 that names it, nothing is sent and nothing is charged", async () => {
    const before = upstream.calls.length;
    const answer = await ask({ "x-forge-strict": "true" });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { message: expect.stringMatching(/seed.*logit_bias|logit_bias.*seed/) as unknown, code: "invalid_request", param: "X-Forge-Strict" } });
    expect(upstream.calls.length).toBe(before);
    await sleep(300);
    const entry = await (await fetch(`${gateway.url}/dashboard/requests/${answer.headers.get("x-request-id")}`, { headers: { authorization: `Bearer ${key}` } })).json() as { costNanoUsd: number };
    expect(entry.costNanoUsd).toBe(0);
  });
});

test("X-Forge-Cost is what the ledger says, to the nano", async () => {
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST", headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "openai/gpt-4o", messages: [{ role: "user", content: "hello" }] }),
  });
  await answer.text();
  await sleep(300);
  const entry = await (await fetch(`${gateway.url}/dashboard/requests/${answer.headers.get("x-request-id")}`, { headers: { authorization: `Bearer ${key}` } })).json() as { costNanoUsd: number };
  expect(entry.costNanoUsd).toBeGreaterThan(0);
  expect(answer.headers.get("x-forge-cost")).toMatch(/^0\.0*[1-9]\d*$/);
  expect(Math.round(Number(answer.headers.get("x-forge-cost")) * 1e9)).toBe(entry.costNanoUsd);
});

describe("X-Forge-Protocol", () => {
  const ask = (protocol: string) => fetch(`${gateway.url}/v1/messages`, {
    method: "POST", headers: { "x-api-key": key, "content-type": "application/json", "x-forge-protocol": protocol },
    body: JSON.stringify({ model: "openai/gpt-4o", max_tokens: 64, messages: [{ role: "user", content: "hello" }] }),
  });

  test.each(["openai-chat", "openai-responses"])("%s is what the provider hears", async (protocol) => {
    expect((await ask(protocol)).status).toBe(200);
    expect(mock.getLastRequest()?.path).toContain(protocol === "openai-chat" ? "/chat/completions" : "/responses");
  });

  test("one that there is not is refused", async () => {
    expect((await ask("smoke-signals")).status).toBe(400);
  });
});

describe("counting", () => {
  const count = (path: string, body: object) => fetch(gateway.url + path, {
    method: "POST", headers: { authorization: `Bearer ${key}`, "content-type": "application/json" }, body: JSON.stringify(body),
  });

  test("a Responses or Gemini client counts with Anthropic, and no answer is asked for", async () => {
    const counted = await count("/v1/responses/input_tokens", { model: "anthropic/say", input: "hello" });
    expect([counted.status, await counted.json()]).toEqual([200, { object: "response.input_tokens", input_tokens: 241 }]);
    expect(upstream.last).toMatchObject({ path: "/v1/messages/count_tokens", body: { model: "say" } });
    expect(upstream.last.text).toContain("hello");
    const google = await count("/v1beta/models/anthropic/say:countTokens", { contents: [{ role: "user", parts: [{ text: "hello" }] }] });
    expect([google.status, await google.json()]).toEqual([200, { totalTokens: 241 }]);
    expect(upstream.last.path).toBe("/v1/messages/count_tokens");
  });

  test("where no provider counts, the client hears it", async () => {
    expect((await count("/v1/messages/count_tokens", { model: "groq/llama", messages: [{ role: "user", content: "hello" }] })).status).toBe(503);
  });
});

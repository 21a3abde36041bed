/** OpenRouter's own clients at /api/v1, through the real Worker on a socket: its SDK checks every answer by its schema. */
import { OpenRouter } from "@openrouter/sdk";
import { createOpenRouter } from "@openrouter/ai-sdk-provider";
import { generateText, jsonSchema, streamText } from "ai";
import { ChatResult$inboundSchema, ChatStreamChunk$inboundSchema, type ChatResult, type ChatStreamChunk } from "@openrouter/sdk/models";
import OpenAI from "openai";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { startLocal, type LocalGateway } from "../../scripts/local.ts";
import { Retelling } from "../../src/protocols/retelling.ts";
import { openaiChatUpstream } from "../../src/protocols/openai-chat/index.ts";
import { openrouterChat } from "../../src/protocols/index.ts";
import { admin, createKey } from "../support/admin.ts";
import { AnthropicUpstream, words } from "./anthropic-upstream.ts";
import { Upstream } from "./upstream.ts";

const likeOpenai = new Upstream();
const claude = new AnthropicUpstream();
let gateway: LocalGateway;
let organisation: string;
let key: string;
let router: OpenRouter;

const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18, prompt_tokens_details: { cached_tokens: 4 } };
type Message = Record<string, unknown>;

/** An answer of a server that is like OpenAI's, whole or streamed as it was asked. */
const says = (message: Message, { finish = "stop", afterMs = 0 } = {}) => (response: ServerResponse): void => {
  const head = { id: "chatcmpl-upstream", created: 1_700_000_000, model: "as-the-provider-calls-it", system_fingerprint: "fp_1" };
  if (likeOpenai.calls.at(-1)!.body.stream !== true) {
    response.writeHead(200, { "content-type": "application/json", "x-request-id": "req-upstream" });
    return void response.end(JSON.stringify({ ...head, object: "chat.completion", choices: [{ index: 0, message: { role: "assistant", content: null, ...message }, finish_reason: finish }], usage }));
  }
  const chunk = (delta: object, finish_reason: string | null = null, rest: object = {}): string =>
    `data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason }], ...rest })}\n\n`;
  const { content, tool_calls: calls, ...others } = message as { content?: string; tool_calls?: object[] };
  const pieces = [
    chunk({ role: "assistant", content: "" }), ...(Object.keys(others).length > 0 ? [chunk(others)] : []), ...(content?.match(/\S+\s*/g) ?? []).map((word) => chunk({ content: word })),
    ...(calls ?? []).map((call, index) => chunk({ tool_calls: [{ index, ...call }] })), chunk({}, finish),
    `data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", choices: [], usage })}\n\ndata: [DONE]\n\n`,
  ];
  response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
  setTimeout(() => response.end(pieces.join("")), afterMs);
};

beforeAll(async () => {
  const origin = await likeOpenai.start();
  gateway = await startLocal({
    port: 0,
    vars: {
      ...createKey.secrets, ALLOW_PRIVATE_UPSTREAMS: "true", OPENAI_API_KEY: "sk-upstream", OPENAI_BASE_URL: origin, ANTHROPIC_API_KEY: "sk-ant-upstream",
      ANTHROPIC_BASE_URL: await claude.start(), OPENROUTER_API_KEY: "sk-or-upstream", OPENROUTER_BASE_URL: origin, CEREBRAS_API_KEY: "csk-upstream", CEREBRAS_BASE_URL: origin, STREAM_HEARTBEAT_MS: "40",
    },
  });
  ({ organisation, secret: key } = await createKey(gateway.url, { limits: { requestsPerMinute: 10_000 } }));
  router = sdk();
  likeOpenai.scripts.set("gpt-4o", says({ content: "The capital of France is Paris." }));
  likeOpenai.scripts.set("gpt-4o-mini", says({ content: "It is summarised." }));
});
afterAll(async () => {
  await gateway?.stop();
  likeOpenai.stop();
  claude.stop();
});

const sdk = (apiKey = key): OpenRouter => new OpenRouter({ apiKey, serverURL: `${gateway.url}/api/v1`, retryConfig: { strategy: "none" }, httpReferer: "https://app.example/some/page?secret=1", appTitle: "The <b>App</b>" });
const openai = (apiKey = key): OpenAI => new OpenAI({ baseURL: `${gateway.url}/api/v1`, apiKey, maxRetries: 0, defaultHeaders: { "HTTP-Referer": "https://your-app.example", "X-Title": "Your App" } });
const call = (path: string, init: RequestInit = {}): Promise<Response> => fetch(`${gateway.url}/api/v1${path}`, { ...init, headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...init.headers } });
const hello = [{ role: "user" as const, content: "hi" }];
/** The SDK's types tell neither of these from the other. */
const whole = async (model: string, by = router): Promise<ChatResult> => (await by.chat.send({ chatRequest: { model, messages: hello, stream: false } })) as ChatResult;
const streamed = async (model: string): Promise<AsyncIterable<ChatStreamChunk>> => (await router.chat.send({ chatRequest: { model, messages: hello, stream: true } })) as AsyncIterable<ChatStreamChunk>;

describe("@openrouter/sdk", () => {
  test("tells the way that a request took where it is asked to, whole and at the end of a stream", async () => {
    const enabled = { xOpenRouterMetadata: "enabled" as const };
    const answered = (await router.chat.send({ ...enabled, chatRequest: { model: "openai/gpt-4o", messages: hello, stream: false } })) as ChatResult;
    expect(answered.openrouterMetadata).toMatchObject({
      requested: "openai/gpt-4o", strategy: "direct", attempt: 1, attempts: [{ provider: "OpenAI", model: "gpt-4o", status: 200 }], isByok: false, region: null,
      endpoints: { available: expect.arrayContaining([{ provider: "OpenAI", model: "gpt-4o", selected: true }]) }, summary: expect.stringMatching(/^available=\d+, selected=OpenAI$/),
    });
    likeOpenai.scripts.set("way-down", (response) => void response.writeHead(503).end());
    const fallen = (await router.chat.send({ ...enabled, chatRequest: { model: "cerebras/way-down", models: ["openai/gpt-4o"], messages: hello, stream: true } })) as AsyncIterable<ChatStreamChunk>;
    const chunks = await Array.fromAsync(fallen);
    expect(chunks.slice(0, -1).every(({ openrouterMetadata }) => openrouterMetadata === undefined)).toBe(true);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { promptTokens: 11 }, openrouterMetadata: {
      requested: "cerebras/way-down", strategy: "fallback", attempt: 2, attempts: [{ provider: "Cerebras", status: 503 }, { provider: "OpenAI", model: "gpt-4o", status: 200 }],
      endpoints: { total: expect.any(Number), available: [{ provider: "Cerebras", selected: false }, { provider: "OpenAI", selected: true }] },
    } });
    const body = JSON.stringify({ model: "openai/gpt-4o", messages: hello });
    for (const [headers, told] of [[{ "x-openrouter-experimental-metadata": "enabled" }, true], [{ "x-openrouter-metadata": "disabled" }, false], [{ "x-openrouter-metadata": "<script>" }, false], [{}, false]] as const) {
      expect(Object.hasOwn((await (await call("/chat/completions", { method: "POST", body, headers })).json()) as object, "openrouter_metadata"), JSON.stringify(headers)).toBe(told);
    }
  });

  test.each([["openai/gpt-4o", "The capital of France is Paris.", "OpenAI", "stop"], ["anthropic/claude-3.5-haiku", words.join(""), "Anthropic", "end_turn"]])("%s, whole", async (model, text, provider, native) => {
    const answer = await whole(model);
    expect(answer.choices[0]!.message.content).toBe(text);
    expect(answer).toMatchObject({ object: "chat.completion", id: expect.stringMatching(/^gen-[0-9a-f]{32}$/) as string, systemFingerprint: null, choices: [{ finishReason: "stop" }], usage: { isByok: false } });
    const raw = await call("/chat/completions", { method: "POST", body: JSON.stringify({ model, messages: hello }) });
    const body = (await raw.json()) as { id: string };
    expect(body).toMatchObject({ provider, choices: [{ native_finish_reason: native }] });
    expect(raw.headers.get("x-generation-id")).toBe(body.id);
  });
  test.each([["openai/gpt-4o", "The capital of France is Paris."], ["anthropic/claude-3.5-haiku", words.join("")]])("%s, streamed: usage comes once, in the last chunk", async (model, text) => {
    const chunks = [];
    for await (const chunk of await streamed(model)) chunks.push(chunk);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe(text);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(chunks.filter((chunk) => chunk.usage)).toEqual([chunks.at(-1)]);
    expect(chunks.at(-1)!.choices).toEqual([]);
    expect(chunks.at(-2)!.choices[0]!.finishReason).toBe("stop");
  });
});

describe("errors of @openrouter/sdk are its typed ones", () => {
  const failure = (model: string, rest: object = {}, apiKey = key): Promise<Message> =>
    sdk(apiKey).chat.send({ chatRequest: { model, messages: hello, ...rest } as never }).then(() => Promise.reject(new Error("It was answered.")), (error: Message) => error);

  test.each([
    ["BadRequestResponseError", 400, "openai/bad-request", { provider_name: "OpenAI", raw: expect.stringContaining("upstream says context_length_exceeded") as string, error_type: "invalid_request" }],
    ["BadRequestResponseError", 400, "anthropic/bad-request", { provider_name: "Anthropic", raw: expect.stringContaining("upstream says") as string }],
    ["NotFoundResponseError", 404, "no-such-model", { code: "model_not_found", param: "model" }],
    ["TooManyRequestsResponseError", 429, "openai/busy", { provider_name: "OpenAI", error_type: "rate_limit_exceeded" }],
    ["BadGatewayResponseError", 502, "openai/html", { error_type: "provider_unavailable" }],
    ["BadGatewayResponseError", 502, "anthropic/no-key", { code: "upstream_error" }],
    ["ProviderOverloadedResponseError", 529, "anthropic/overloaded", { error_type: "provider_overloaded" }],
  ])("%s (%i): %s", async (name, status, model, metadata) => {
    expect(await failure(model)).toMatchObject({ name, statusCode: status, error: { code: status, message: expect.stringMatching(/\S/) as string, metadata } });
  });
  test("UnauthorizedResponseError, and a wrong body", async () => {
    expect(await failure("openai/gpt-4o", {}, "sk-or-v1-nobody")).toMatchObject({ name: "UnauthorizedResponseError", error: { code: 401 } });
    const answer = await call("/chat/completions", { method: "POST", body: JSON.stringify({ model: "openai/gpt-4o" }) });
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: { code: 400, metadata: { param: "messages" } } }]);
  });
  test("an address that is none", async () => {
    const answer = await call("/nothing/here");
    expect([answer.status, await answer.json()]).toMatchObject([404, { error: { code: 404, message: expect.any(String) as string, metadata: { error_type: "not_found" } } }]);
  });
  test.each(["openai/error-chunk", "openai/cut", "anthropic/error-event"])("%s: a stream that breaks says so in a chunk", async (model) => {
    const chunks = [];
    for await (const chunk of await streamed(model)) chunks.push(chunk);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe("so far");
    expect(chunks.at(-1)).toMatchObject({ error: { code: expect.any(Number) as number, metadata: { errorType: expect.any(String) as string } }, choices: [{ finishReason: "error" }] });
    expect(chunks.slice(0, -1).some((chunk) => chunk.error)).toBe(false);
  });
  test("a silence is filled with what its clients know", async () => {
    likeOpenai.scripts.set("slow", says({ content: "at last" }, { afterMs: 150 }));
    const text = await (await call("/chat/completions", { method: "POST", body: JSON.stringify({ model: "openai/slow", messages: hello, stream: true }) })).text();
    expect(text).toContain(": OPENROUTER PROCESSING\n\n");
    expect(text).toContain('"content":"at "');
  });
});

describe("what a request may say beside OpenAI's fields", () => {
  const ask = (model: string, rest: object): Promise<Response> => call("/chat/completions", { method: "POST", body: JSON.stringify({ model, messages: hello, ...rest }) });
  const extras = {
    models: ["openai/gpt-4o-mini"], provider: { sort: "price", data_collection: "allow" }, session_id: "s1", usage: { include: true }, transforms: ["middle-out"], top_k: 5, top_a: 0.2,
    min_p: 0.1, repetition_penalty: 1.1, trace: { generation_name: "x" }, include_reasoning: true, plugins: [{ id: "response-healing" }, { id: "web", enabled: false }], route: "fallback", user: "u1",
  };
  test("reaches nobody who would refuse it, and what is left out is declared", async () => {
    const answer = await ask("openai/gpt-4o", extras);
    expect(answer.status).toBe(200);
    const sent = likeOpenai.last("gpt-4o").text;
    for (const field of ["models", "provider", "session_id", "transforms", "top_k", "top_a", "min_p", "repetition_penalty", "trace", "include_reasoning", "plugins", "route", '"usage"']) expect(sent).not.toContain(`${field}`);
    expect(answer.headers.get("x-forge-losses")!.split(", ").sort()).toEqual(["field:plugins", "field:repetition_penalty", "field:top_a", "field:trace", "field:transforms", "min_p", "top_k"]);
  });
  test("reaches OpenRouter itself", async () => {
    likeOpenai.scripts.set("some/model", says({ content: "ok" }));
    const answer = await ask("openrouter/some/model", extras);
    expect(answer.headers.get("x-forge-losses")).toBeNull();
    expect(JSON.parse(likeOpenai.last("some/model").text)).toMatchObject({ transforms: ["middle-out"], top_k: 5, top_a: 0.2, plugins: [{ id: "response-healing" }], provider: { sort: "price", data_collection: "allow" } });
  });
  test.each([["moderation", [{ id: "moderation" }]], ["auto-router", [{ id: "auto-router", allowed_models: ["openai/*"] }]], ["of a wrong form", [{ enabled: true }]]])("a plugin that must not be missed (%s) is a 400", async (_, plugins) => {
    const answer = await ask("anthropic/claude-3.5-haiku", { plugins });
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: { code: 400, metadata: { param: expect.stringContaining("plugins") as string } } }]);
  });
  test("a search of the web is asked of a provider in its own words, and refused where there are none", async () => {
    const plugins = [{ id: "web", max_results: 3, include_domains: ["example.com"] }];
    const body = { messages: hello, plugins };
    expect((await ask("anthropic/claude-3.5-haiku", body)).status).toBe(200);
    expect(claude.last.body.tools).toEqual([{ type: "web_search_20250305", name: "web_search", max_uses: 10, allowed_domains: ["example.com"] }]);
    expect((await ask("anthropic/claude-3.5-haiku:online", {})).status).toBe(200);
    expect([claude.last.body.model, claude.last.body.tools?.[0]?.name]).toEqual(["claude-3.5-haiku", "web_search"]);
    await (await ask("openai/gpt-4o", body)).text();
    expect(likeOpenai.calls.at(-1)).toMatchObject({ path: "/v1/responses", body: { tools: [{ type: "web_search", filters: { allowed_domains: ["example.com"] } }] } });
    likeOpenai.scripts.set("some/model", says({ content: "ok" }));
    expect((await ask("openrouter/some/model", body)).status).toBe(200);
    expect(likeOpenai.last("some/model").body).toMatchObject({ plugins });
    const serverTools = { tools: [{ type: "openrouter:web_fetch" }] };
    expect((await ask("openrouter/some/model", serverTools)).status).toBe(200);
    expect(likeOpenai.last("some/model").body).toMatchObject(serverTools);
    for (const refused of [ask("cerebras/gpt-4o", serverTools), ask("anthropic/claude-3.5-haiku", serverTools), ask("cerebras/gpt-4o", body), ask("openai/gpt-4o", { plugins: [{ id: "web", engine: "exa" }] })]) {
      const answer = await refused;
      expect([answer.status, await answer.json()]).toMatchObject([400, { error: { code: 400, message: expect.stringMatching(/provider_tool|field:plugins/) as string } }]);
    }
  });
  test("a bare prompt is answered as a completion", async () => {
    for (const path of ["/chat/completions", "/completions"]) {
      const answer = await call(path, { method: "POST", body: JSON.stringify({ model: "anthropic/claude-3.5-haiku", prompt: "Say hello" }) });
      expect(await answer.json()).toMatchObject({ id: expect.stringMatching(/^gen-/) as string, object: "text_completion", provider: "Anthropic", choices: [{ text: words.join(""), finish_reason: "stop", native_finish_reason: "end_turn" }], usage: { total_tokens: 248 } });
    }
  });
  test("messages, responses and vectors are here too", async () => {
    for (const [bound, sent] of [[{ max_tokens: 64 }, 64], [{}, 4_096]] as const) {
      const message = await call("/messages", { method: "POST", body: JSON.stringify({ model: "anthropic/claude-3.5-haiku", messages: hello, ...bound }) });
      expect(await message.json()).toMatchObject({ type: "message", content: [{ text: words.join("") }] });
      expect(claude.last.body.max_tokens).toBe(sent);
    }
    const refused = await call("/messages", { method: "POST", body: JSON.stringify({ model: "anthropic/bad-request", max_tokens: 64, messages: hello }) });
    expect([refused.status, await refused.json()]).toMatchObject([400, { type: "error", error: { type: "invalid_request_error", details: { error_code: "upstream_refused" } } }]);
    expect(await router.embeddings.generate({ requestBody: { model: "openai/text-embedding-3-small", input: ["a", "b"] } })).toMatchObject({ data: [{ embedding: expect.any(Array) as number[] }, {}], usage: { promptTokens: 6 } });
    const ranked = await router.rerank.rerank({ requestBody: { model: "openai/text-embedding-3-small", query: "a", documents: ["b", "c"], topN: 1 } });
    expect(ranked).toMatchObject({ results: [{ index: expect.any(Number) as number, document: { text: expect.any(String) as string } }] });
    for (const model of ["cerebras/gpt-4o", "anthropic/claude-3.5-haiku"]) {
      const response = await router.responses.send({ responsesRequest: { model, input: "hi" } });
      expect(response).toMatchObject({ object: "response", status: "completed", frequencyPenalty: 0, completedAt: expect.any(Number) as number });
      const events = [];
      for await (const event of (await router.responses.send({ responsesRequest: { model, input: "hi", stream: true } })) as AsyncIterable<{ type: string }>) events.push(event.type);
      expect([events[0], events.at(-1), events.includes("UNKNOWN")]).toEqual(["response.created", "response.completed", false]);
    }
  });
});

describe("@openrouter/ai-sdk-provider", () => {
  const provider = () => createOpenRouter({ apiKey: key, baseURL: `${gateway.url}/api/v1`, compatibility: "strict" });
  const thinking = { reasoning_content: "Let me think.", content: "It is 4." };

  test.each([["openai/gpt-4o", "The capital of France is Paris."], ["anthropic/claude-3.5-haiku", words.join("")]])("%s, whole and streamed", async (model, text) => {
    const whole = await generateText({ model: provider().chat(model), prompt: "hi" });
    expect([whole.text, whole.finishReason]).toEqual([text, "stop"]);
    expect(whole.providerMetadata).toMatchObject({ openrouter: { provider: model.startsWith("openai") ? "OpenAI" : "Anthropic", usage: { totalTokens: expect.any(Number) as number } } });
    const stream = streamText({ model: provider().chat(model, { usage: { include: true } }), prompt: "hi" });
    expect([await stream.text, await stream.finishReason]).toEqual([text, "stop"]);
    expect((await stream.usage).outputTokens).toBe(7);
  });
  test("thoughts come once, and go back as they came", async () => {
    likeOpenai.scripts.set("thinker", says(thinking));
    const model = provider().chat("openai/thinker");
    const whole = await generateText({ model, prompt: "2+2" });
    expect([whole.reasoningText, whole.text]).toEqual(["Let me think.", "It is 4."]);
    const stream = streamText({ model, prompt: "2+2" });
    expect([await stream.reasoningText, await stream.text]).toEqual(["Let me think.", "It is 4."]);
    await generateText({ model, messages: [{ role: "user", content: "2+2" }, ...(await stream.response).messages, { role: "user", content: "again" }] });
    expect(likeOpenai.last("thinker").text).toContain("It is 4.");
  });
  test("tools are called", async () => {
    const { toolCalls } = await generateText({ model: provider().chat("anthropic/tool"), prompt: "weather", tools: { weather: { inputSchema: jsonSchema({ type: "object", properties: { city: { type: "string" } } }) } } });
    expect(toolCalls).toMatchObject([{ toolName: "weather", input: { city: "Zürich" } }]);
  });
  test("a provider's refusal is told in its words", async () => {
    await expect(generateText({ model: provider().chat("openai/bad-request"), prompt: "hi", maxRetries: 0 })).rejects.toThrow("[OpenAI] upstream says context_length_exceeded");
  });
  test("providers' keys in its header are refused where the organisation does not take them", async () => {
    const own = createOpenRouter({ apiKey: key, baseURL: `${gateway.url}/api/v1`, api_keys: { openai: "sk-of-mine" } });
    await expect(generateText({ model: own.chat("openai/gpt-4o"), prompt: "hi", maxRetries: 0 })).rejects.toMatchObject({ statusCode: 403, message: expect.stringContaining("X-Provider-API-Keys") as string });
    await admin(gateway.url, "PATCH", `/organisations/${organisation}`, { headerCredentials: true });
    const { providerMetadata } = await generateText({ model: own.chat("openai/gpt-4o"), prompt: "hi", maxRetries: 0 });
    expect(likeOpenai.last("gpt-4o").authorization).toBe("Bearer sk-of-mine");
    expect(providerMetadata!.openrouter).toBeDefined();
  });
});

describe("models, by @openrouter/sdk", () => {
  test("the list has pages, filters and exact prices", async () => {
    const pages = [];
    for await (const page of await router.models.list({ limit: 100, outputModalities: "all" })) pages.push(page.result);
    const all = pages.flatMap(({ data }) => data);
    expect(all.length).toBe(pages[0]!.totalCount);
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    const { count } = (await router.models.count({ outputModalities: "all" })).data;
    expect(count).toBe(all.length);
    expect(await router.models.get({ author: "openai", slug: "gpt-4o-mini" })).toMatchObject({
      data: { id: "openai/gpt-4o-mini", pricing: { prompt: "0.00000015", completion: "0.0000006", inputCacheRead: "0.000000075" }, architecture: { inputModalities: expect.arrayContaining(["text", "image"]) as string[] }, contextLength: 128_000 },
    });
    const cheap = (await (await call("/models?max_price=0.2&supported_parameters=tools&sort=pricing-low-to-high&q=gpt")).json()) as { object: string; data: { id: string; owned_by: string; pricing: { prompt: string } }[] };
    const prices = cheap.data.map(({ pricing }) => Number(pricing.prompt));
    expect([cheap.object, prices.length > 2, prices.every((price) => price <= 0.2e-6)]).toEqual(["list", true, true]);
    const refused = await call("/models?category=legal");
    expect([refused.status, await refused.json()]).toMatchObject([400, { error: { code: 400 } }]);
    for await (const { result } of await router.embeddings.listModels({ limit: 100 })) expect(result.data.every(({ architecture }) => architecture.outputModalities.includes("embeddings"))).toBe(true);
  });
  test("an endpoint tells how it does", async () => {
    likeOpenai.scripts.set("gpt-4o", says({ content: "The capital of France is Paris." }, { afterMs: 20 }));
    await Promise.all(Array.from({ length: 24 }, async () => (await call("/chat/completions", { method: "POST", body: JSON.stringify({ model: "openai/gpt-4o", messages: hello, stream: true }) })).text()));
    const { data } = await router.endpoints.list({ author: "openai", slug: "gpt-4o" });
    expect(data).toMatchObject({ id: "openai/gpt-4o", endpoints: [{ providerName: "OpenAI", tag: "openai", status: 0, uptimeLast30m: 100, pricing: { prompt: "0.0000025" } }] });
    const { p50, p99 } = data.endpoints[0]!.latencyLast30m!;
    expect(p50).toBeGreaterThan(15);
    expect(p99).toBeGreaterThanOrEqual(p50);
  });
  test("a model that is none, providers, and who keeps nothing", async () => {
    await expect(router.models.get({ author: "no", slug: "such" })).rejects.toMatchObject({ name: "NotFoundResponseError" });
    expect((await router.providers.list({})).data).toContainEqual(expect.objectContaining({ name: "OpenAI", slug: "openai" }));
    expect(await router.endpoints.listZdrEndpoints({})).toEqual({ data: [] });
  });
});

describe("the account, by @openrouter/sdk", () => {
  const managing = { limits: { requestsPerMinute: 10_000, budgetNanoUsd: 50e9 }, managesKeys: true, models: ["openai/*", "gpt-4o"], project: "web" };
  let manager: OpenRouter;
  let foreign: OpenRouter;
  beforeAll(async () => {
    const { secret } = await admin<{ secret: string }>(gateway.url, "POST", "/keys", { organisation, name: "manager", policy: managing });
    manager = sdk(secret);
    foreign = sdk((await createKey(gateway.url, { managesKeys: true })).secret);
  });
  const told = <T>(promise: Promise<T>): Promise<Message> => promise.then(() => Promise.reject(new Error("It was answered.")), (error: Message) => error);

  test("a generation has every figure, and is nobody else's", async () => {
    const { data, response } = await openai().chat.completions.create({ model: "openai/gpt-4o", messages: hello }).withResponse();
    expect(response.headers.get("x-generation-id")).toBe(data.id);
    const generation = await vi.waitFor(() => router.generations.getGeneration({ id: data.id }), { timeout: 5_000, interval: 50 });
    const cost = (data.usage as unknown as { cost: number }).cost;
    expect(generation.data).toMatchObject({ id: data.id, model: "openai/gpt-4o", providerName: "OpenAI", streamed: false, nativeTokensPrompt: 11, nativeTokensCached: 4, totalCost: cost, httpReferer: "https://your-app.example", upstreamId: "req-upstream" });
    expect(cost).toBeCloseTo(7 * 2.5e-6 + 4 * 1.25e-6 + 7 * 10e-6, 12);
    expect((data.usage as unknown as { cost_details: object }).cost_details).toEqual({ upstream_inference_cost: cost, upstream_inference_prompt_cost: 7 * 2.5e-6 + 4 * 1.25e-6, upstream_inference_completions_cost: 7e-5 });
    expect(await told(foreign.generations.getGeneration({ id: data.id }))).toMatchObject({ name: "NotFoundResponseError" });
  });
  test("usage is told by application", async () => {
    await whole("openai/gpt-4o");
    const usageBy = async (query: string) => (await (await fetch(`${gateway.url}/dashboard/usage${query}`, { headers: { authorization: `Bearer ${key}` } })).json()) as { totals: { requests: number }; rows: { app: string | null; requests: number }[]; byApp: { app: string | null; requests: number }[] };
    await vi.waitFor(async () => expect((await usageBy("")).byApp.map(({ app }) => app)).toEqual([null, "The bApp/b", "Your App"]), { timeout: 5_000, interval: 50 });
    const { totals, rows } = await usageBy("?group_by=app");
    expect(rows.reduce((sum, { requests }) => sum + requests, 0)).toBe(totals.requests);
    expect((await usageBy("?app=Your%20App")).totals.requests).toBe(rows.find(({ app }) => app === "Your App")!.requests);
  });
  test("the key says what it may and what it used", async () => {
    const { data } = await router.apiKeys.getCurrentKeyMetadata({});
    expect(data).toMatchObject({ limit: null, limitReset: null, isManagementKey: false, organizationId: organisation, rateLimit: { requests: 10_000, interval: "1m" } });
    expect(data.usage).toBeGreaterThan(0);
    expect([data.usageDaily, data.usageWeekly, data.usageMonthly]).toEqual([data.usage, data.usage, data.usage]);
    expect((await manager.apiKeys.getCurrentKeyMetadata({})).data).toMatchObject({ limit: 50, limitRemaining: 50, isManagementKey: true, isProvisioningKey: true });
  });
  test("credits are the organisation's", async () => {
    expect(await told(router.credits.getCredits({}))).toMatchObject({ name: "ForbiddenResponseError" });
    const paid = await createKey(gateway.url, { usageScope: "organisation" });
    await admin(gateway.url, "PATCH", `/organisations/${paid.organisation}/account`, { prepaid: true });
    await admin(gateway.url, "POST", `/organisations/${paid.organisation}/credits`, { kind: "top_up", nanoUsd: 12_500_000_000, reason: "test" });
    expect(await sdk(paid.secret).credits.getCredits({})).toEqual({ data: { totalCredits: 12.5, totalUsage: 0 } });
  });
  test("a management key makes keys that may do no more than it, changes them and ends them", async () => {
    const { data, key: secret } = await manager.apiKeys.create({ requestBody: { name: "Mine", limit: 5, limitReset: "daily" } });
    expect(data).toMatchObject({ name: "Mine", limit: 5, limitRemaining: 5, limitReset: "daily", disabled: false, usage: 0, workspaceId: organisation });
    const own = sdk(secret);
    expect((await whole("openai/gpt-4o", own)).choices).toHaveLength(1);
    expect(await told(own.chat.send({ chatRequest: { model: "anthropic/claude-3.5-haiku", messages: hello } }))).toMatchObject({ name: "ForbiddenResponseError" });
    expect((await own.apiKeys.getCurrentKeyMetadata({})).data).toMatchObject({ limit: 5, limitReset: "daily", isManagementKey: false });
    expect(await told(own.apiKeys.list({}))).toMatchObject({ name: expect.any(String) as string, statusCode: 403 });
    expect(await told(manager.apiKeys.create({ requestBody: { name: "Rich", limit: 51 } }))).toMatchObject({ statusCode: 403 });

    const { hash } = data;
    expect((await manager.apiKeys.list({})).data.map((one) => one.hash)).toContain(hash);
    expect((await manager.apiKeys.get({ hash })).data.hash).toBe(hash);
    expect((await manager.apiKeys.update({ hash, requestBody: { name: "Yours", limit: 0.000001, limitReset: "monthly" } })).data).toMatchObject({ name: "Yours", limit: 0.000001, limitReset: "monthly" });
    expect(await told(own.chat.send({ chatRequest: { model: "openai/gpt-4o", messages: hello } }))).toMatchObject({ statusCode: 429 });
    expect((await manager.apiKeys.update({ hash, requestBody: { limit: null, disabled: true } })).data).toMatchObject({ limit: 50, limitReset: null, disabled: true });
    expect(await told(own.chat.send({ chatRequest: { model: "openai/gpt-4o", messages: hello } }))).toMatchObject({ name: "UnauthorizedResponseError" });
    expect((await manager.apiKeys.list({})).data.map((one) => one.hash)).not.toContain(hash);
    expect((await manager.apiKeys.list({ includeDisabled: true })).data.map((one) => one.hash)).toContain(hash);
    for (const stranger of [foreign, sdk((await admin<{ secret: string }>(gateway.url, "POST", "/keys", { organisation, name: "other project", policy: { managesKeys: true, project: "other" } })).secret)]) {
      expect(await told(stranger.apiKeys.get({ hash }))).toMatchObject({ name: "NotFoundResponseError" });
      expect(await told(stranger.apiKeys.delete({ hash }))).toMatchObject({ name: "NotFoundResponseError" });
    }
    expect(await manager.apiKeys.delete({ hash })).toEqual({ deleted: true });
    expect(await told(manager.apiKeys.get({ hash }))).toMatchObject({ name: "NotFoundResponseError" });
    const audit = await admin<{ data: { action: string; actor: string; subject: string }[] }>(gateway.url, "GET", `/audit?organisation=${organisation}&limit=100`);
    expect(audit.data.filter(({ subject }) => subject === hash).map(({ action, actor }) => [action, actor.startsWith("key:key_")])).toEqual([["key.revoke", true], ["key.update", true], ["key.update", true], ["key.create", true]]);
  });
  test("activity tells of days that are over", async () => {
    const today = Math.floor(Date.now() / 86_400_000);
    const database = await gateway.mf.getD1Database("DB", "forge");
    const { id } = (await admin<{ data: { id: string }[] }>(gateway.url, "GET", `/keys?organisation=${organisation}&limit=100`)).data.at(-1)!;
    await database.prepare("INSERT INTO usage_hourly VALUES (?, ?, 'openai/gpt-4o', ?, 3, 0, 30, 0, 0, 20, 5, 1500000)").bind(id, today * 24 - 3, organisation).run();
    const { data } = await router.analytics.getUserActivity({});
    expect(data).toEqual([expect.objectContaining({ model: "openai/gpt-4o", requests: 3, promptTokens: 30, completionTokens: 20, reasoningTokens: 5, usage: 0.0015, date: new Date((today - 1) * 86_400_000).toISOString().slice(0, 10) })]);
  });
});

const recordings = new URL("../../../shared/recordings/corpus/", import.meta.url);

/** What providers really said. Skipped on a clone alone: the recordings lie beside the project, and are no part of it. */
test.skipIf(!existsSync(recordings))("whatever OpenRouter and OpenAI have said is worded as its schema has it", () => {
  let [told, chunks] = [0, 0];
  for (const folder of ["openrouter/chat/", "openai/chat/"]) for (const file of readdirSync(new URL(folder, recordings))) {
    const { status, stream, request: asked, response } = JSON.parse(readFileSync(new URL(folder + file, recordings), "utf8")) as { status: number; stream: boolean; request: { body: { messages?: unknown } | null }; response: { body_text: string } };
    if (status !== 200 || !asked.body?.messages) continue;
    const { parseRequest, renderStream, renderResponse } = openrouterChat.conversation!;
    const context = { request: { ...parseRequest(asked.body), stream }, requestId: "req_1", nowS: 1, provider: "X", own: false, cost: () => ({ usd: 1e-6, split: { input: 5e-7, output: 5e-7 } }) };
    const from = { origin: { protocol: "openai-chat", provider: "x" }, idSeed: "s" };
    if (!stream) {
      const parsed = openaiChatUpstream.parseResponse(JSON.parse(response.body_text), from);
      if (!parsed.error) ChatResult$inboundSchema.parse(JSON.parse(renderResponse(parsed, context).body));
      told += 1;
      continue;
    }
    const retold = new Retelling(openaiChatUpstream.parseStream(from), renderStream(context));
    const frames = (retold.push(response.body_text.replaceAll("\r\n", "\n")) + retold.close()).split("\n\n").filter((frame) => frame.startsWith("data: {"));
    for (const frame of frames) ChatStreamChunk$inboundSchema.parse(JSON.parse(frame.slice("data: ".length)));
    chunks += frames.length;
  }
  expect([told > 200, chunks > 1_000]).toEqual([true, true]);
});

/** Each snippet of the document, as printed but for the base URL and the key; `line` is where it stands there. */
describe("the document's snippets, with openai", () => {
  const snippets = { chat: 40, streaming: 52, tools: 65, image: 90, imageOutput: 137, embeddings: 145, route: 208, documents: 239 };
  const client = () => openai();

  test(`line ${snippets.chat}: chat completion`, async () => {
    const completion = await client().chat.completions.create({
      model: "openai/gpt-4o",
      messages: [{ role: "system", content: "You are a concise assistant." }, { role: "user", content: "What is the capital of France?" }],
    });
    expect(completion.choices[0]?.message?.content).toBe("The capital of France is Paris.");
  });
  test(`line ${snippets.streaming}: streaming`, async () => {
    const stream = await client().chat.completions.create({ model: "anthropic/claude-3.5-haiku", messages: [{ role: "user", content: "Write a short product update." }], stream: true });
    let written = "";
    for await (const chunk of stream) {
      const text = chunk.choices[0]?.delta?.content;
      if (text) written += text;
    }
    expect(written).toBe(words.join(""));
  });
  test(`line ${snippets.tools}: tool calling`, async () => {
    likeOpenai.scripts.set("gpt-4o-mini", says({ tool_calls: [{ id: "call_1", type: "function", function: { name: "get_order", arguments: '{"orderId":"123"}' } }] }, { finish: "tool_calls" }));
    const parameters = { type: "object", properties: { orderId: { type: "string" } }, required: ["orderId"] };
    const completion = await client().chat.completions.create({
      model: "openai/gpt-4o-mini",
      messages: [{ role: "user", content: "Look up order 123 and summarize it." }],
      tools: [{ type: "function", function: { name: "get_order", description: "Fetch an order by ID", parameters } }],
    });
    likeOpenai.scripts.set("gpt-4o-mini", says({ content: "It is summarised." }));
    expect(completion.choices[0]?.message?.tool_calls).toEqual([{ id: "call_1", type: "function", function: { name: "get_order", arguments: '{"orderId":"123"}' } }]);
    expect(completion.choices[0]?.finish_reason).toBe("tool_calls");
    expect(likeOpenai.last("gpt-4o-mini").body).toMatchObject({ tools: [{ type: "function", function: { name: "get_order", parameters } }] });
  });
  test(`line ${snippets.image}: image input`, async () => {
    const content = [{ type: "text" as const, text: "Describe this image." }, { type: "image_url" as const, image_url: { url: "https://example.com/photo.jpg" } }];
    const completion = await client().chat.completions.create({ model: "openai/gpt-4o", messages: [{ role: "user", content }] });
    expect(completion.choices[0]?.message?.content).toBeTruthy();
    expect(likeOpenai.last("gpt-4o").body).toMatchObject({ messages: [{ role: "user", content }] });
  });
  test(`line ${snippets.imageOutput}: image generation`, async () => {
    type OpenRouterImageRequest = Omit<OpenAI.Chat.ChatCompletionCreateParamsNonStreaming, "modalities"> & { modalities?: ("image" | "text")[] };
    type OpenRouterImageMessage = OpenAI.Chat.ChatCompletionMessage & { images?: { type: "image_url"; image_url: { url: string } }[] };
    const images = [{ type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } }];
    likeOpenai.scripts.set("google/gemini-2.5-flash-image", says({ content: "Here it is.", images }));
    const request: OpenRouterImageRequest = {
      model: "google/gemini-2.5-flash-image", modalities: ["image", "text"],
      messages: [{ role: "user", content: "Generate a clean product mockup on a white background." }],
    };
    const message = (await client().chat.completions.create(request as OpenAI.Chat.ChatCompletionCreateParamsNonStreaming)).choices[0]?.message as OpenRouterImageMessage | undefined;
    expect([message?.content, message?.images]).toEqual(["Here it is.", images]);
    expect(likeOpenai.last("google/gemini-2.5-flash-image").body).toMatchObject({ modalities: ["image", "text"] });
    const chunks = [];
    for await (const chunk of await client().chat.completions.create({ ...(request as OpenAI.Chat.ChatCompletionCreateParamsNonStreaming), stream: true })) chunks.push(...((chunk.choices[0]?.delta as OpenRouterImageMessage | undefined)?.images ?? []));
    expect(chunks).toMatchObject(images);
  });
  test(`line ${snippets.embeddings}: embeddings`, async () => {
    const response = await client().embeddings.create({ model: "openai/text-embedding-3-small", input: "Your text here" });
    expect(response.data[0]!.embedding).toEqual([0.5, -0.25, 0.125, 1]);
  });
  test(`line ${snippets.route}: the Next.js route`, async () => {
    const POST = async (request: Request): Promise<Response> => {
      const body = (await request.json().catch(() => ({}))) as { prompt?: unknown };
      const prompt = typeof body.prompt === "string" ? body.prompt.trim() : "";
      if (!prompt || prompt.length > 4000) return Response.json({ error: "Prompt must be between 1 and 4000 characters." }, { status: 400 });
      const completion = await client().chat.completions.create({ model: "openai/gpt-4o-mini", messages: [{ role: "user", content: prompt }] });
      return Response.json({ text: completion.choices[0]?.message?.content ?? "" });
    };
    const answer = await POST(new Request("https://app.example/api/chat", { method: "POST", body: JSON.stringify({ prompt: "Summarise" }) }));
    expect(await answer.json()).toEqual({ text: "It is summarised." });
  });
  test(`line ${snippets.documents}: with data`, async () => {
    const documents = [{ id: 1, title: "A" }];
    const completion = await client().chat.completions.create({ model: "openai/gpt-4o-mini", messages: [{ role: "user", content: `Summarize these records:\n${JSON.stringify(documents)}` }] });
    expect(completion.choices[0]?.message?.content).toBe("It is summarised.");
  });
});

/** Google's own SDK against the real Worker on a socket, and behind it a server that answers as Gemini does. */
import { ApiError, GoogleGenAI, type GenerateContentResponse } from "@google/genai";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createKey } from "../support/admin.ts";
import { startLocal, type LocalGateway } from "../../scripts/local.ts";
import { entryOf } from "../support/entry.ts";

const upstreamKey = "AIza-upstream-canary-0123456789";
const model = "gemini/gemini-2.5-flash";
type Call = { method: string; url: string; headers: Record<string, string | string[] | undefined>; text: string };
type Json = Record<string, any>;

const usageMetadata = { promptTokenCount: 11, cachedContentTokenCount: 4, candidatesTokenCount: 7, thoughtsTokenCount: 5, totalTokenCount: 23, promptTokensDetails: [{ modality: "TEXT", tokenCount: 11 }] };
const used = { inputTokens: 11, cachedTokens: 4, outputTokens: 12, reasoningTokens: 5 };
const said = (parts: object[], rest: object = {}, finishReason?: string): Json => ({ candidates: [{ content: { parts, role: "model" }, ...(finishReason && { finishReason }), index: 0 }], modelVersion: "gemini-2.5-flash", responseId: "r1", ...rest });
const poem = ["Bäume ", "stehen 🌳 ", "im Wind"];
const chunks = [said([{ text: "hmm", thought: true }], { usageMetadata: { promptTokenCount: 11, totalTokenCount: 11 } }), ...poem.slice(0, -1).map((text) => said([{ text }])), said([{ text: poem.at(-1) }], { usageMetadata }, "STOP")];
const events = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\r\n\r\n`);

const json = (response: ServerResponse, status: number, body: unknown): void => void response.writeHead(status, { "content-type": "application/json; charset=UTF-8" }).end(JSON.stringify(body, null, 2));

const calls: Call[] = [];
let gone: Promise<void> = Promise.resolve();

/** What the upstream does by method, and by model where one is named for its fault. */
function answer(response: ServerResponse, url: URL, body: Json): void {
  const [, id, method] = /^\/v1beta\/models\/([^/]+):(\w+)$/.exec(url.pathname) ?? [];
  if (id === "busy") return json(response, 429, { error: { code: 429, message: "Quota exceeded.", status: "RESOURCE_EXHAUSTED", details: [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "7s" }] } });
  if (id === "bad") {
    const error = { error: { code: 400, message: "Invalid value.", status: "INVALID_ARGUMENT" } };
    return json(response, 400, method === "streamGenerateContent" && !url.searchParams.has("alt") ? [error] : error);
  }
  if (id === "locked") return json(response, 403, { error: { code: 403, message: `key ${upstreamKey} was reported as leaked`, status: "PERMISSION_DENIED" } });
  switch (method) {
    case "generateContent": {
      const call = { functionCall: { name: "weather", args: { city: "Rom" } }, thoughtSignature: "c2lnbmF0dXJl" };
      return json(response, 200, said(body.tools ? [call] : [{ text: poem.join("") }], { usageMetadata }, "STOP"));
    }
    case "streamGenerateContent": {
      if (url.searchParams.get("alt") !== "sse") return json(response, 200, chunks);
      response.writeHead(200, { "content-type": "text/event-stream" });
      if (id === "endless") {
        const timer = setInterval(() => response.write(events[1]), 10);
        return void response.once("close", () => clearInterval(timer));
      }
      if (id === "breaks") return void response.write(events[1]!, () => setTimeout(() => response.destroy(), 50));
      if (id === "overloaded") return void response.end(`${events[1]}data: ${JSON.stringify({ error: { code: 503, message: "The model is overloaded.", status: "UNAVAILABLE" } })}\r\n\r\n`);
      for (const event of events) response.write(event);
      return void response.end();
    }
    case "countTokens":
      return json(response, 200, { totalTokens: 31, promptTokensDetails: [{ modality: "TEXT", tokenCount: 31 }] });
    case "embedContent":
      return json(response, 200, { embedding: { values: [0.5, -0.25] } });
    case "batchEmbedContents": {
      const requests = body.requests as { model: string }[];
      if (requests.some((request) => request.model !== `models/${id}`)) return json(response, 400, { error: { code: 400, message: "model must match", status: "INVALID_ARGUMENT" } });
      return json(response, 200, { embeddings: requests.map(() => ({ values: [0.5, -0.25] })), ...(id === "gemini-embedding-2" && { usageMetadata: { promptTokenCount: 6 } }) });
    }
    default:
      return json(response, 404, { error: { code: 404, message: "no such page", status: "NOT_FOUND" } });
  }
}

const upstream = createServer(async (request, response) => {
  let text = "";
  for await (const part of request.setEncoding("utf8")) text += part;
  calls.push({ method: request.method!, url: request.url!, headers: request.headers, text });
  gone = new Promise((resolve) => response.once("close", () => response.writableFinished || resolve()));
  answer(response, new URL(request.url!, "http://x"), text === "" ? {} : (JSON.parse(text) as Json));
});

let gateway: LocalGateway;
let key: string;
let ai: GoogleGenAI;
const logs: string[] = [];

beforeAll(async () => {
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  gateway = await startLocal({
    port: 0,
    vars: { ...createKey.secrets, GEMINI_API_KEY: upstreamKey, GEMINI_BASE_URL: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/v1beta`, ALLOW_PRIVATE_UPSTREAMS: "true" },
    onLog: (line) => logs.push(line),
  });
  key = (await createKey(gateway.url, { limits: { requestsPerMinute: 10_000 } })).secret;
  ai = sdk(key);
});
afterAll(async () => {
  upstream.close();
  upstream.closeAllConnections();
  await gateway?.stop();
});
beforeEach(() => void calls.splice(0));

const sdk = (apiKey: string, apiVersion?: string): GoogleGenAI => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: gateway.url, ...(apiVersion && { apiVersion }) } });
const post = (path: string, body: unknown, headers: Record<string, string> = { "x-goog-api-key": key }): Promise<Response> =>
  fetch(gateway.url + path, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: typeof body === "string" ? body : JSON.stringify(body) });
const hello = { contents: [{ parts: [{ text: "hello" }] }] };

const entry = (id: string | null | undefined): Promise<Json> => entryOf(gateway.url, key, id);

const idOf = ({ sdkHttpResponse }: { sdkHttpResponse?: { headers?: Record<string, string> } | undefined }): string | undefined => sdkHttpResponse?.headers?.["x-request-id"];

/** What the SDK throws: its error, with Google's error object in the message. */
async function refusal(act: Promise<unknown>): Promise<{ status: number; error: Json }> {
  const thrown: unknown = await act.then(() => undefined, (reason: unknown) => reason);
  expect(thrown).toBeInstanceOf(ApiError);
  const { status, message } = thrown as ApiError;
  return { status, error: (JSON.parse(message) as { error: Json }).error };
}

describe("Google's SDK", () => {
  test("generates content", async () => {
    const answered = await ai.models.generateContent({ model, contents: "a poem", config: { systemInstruction: "be brief", maxOutputTokens: 100 } });
    expect(answered.text).toBe(poem.join(""));
    expect(answered.usageMetadata).toMatchObject(usageMetadata);
    const [call] = calls;
    expect(call!.url).toBe("/v1beta/models/gemini-2.5-flash:generateContent");
    expect(JSON.parse(call!.text)).toMatchObject({ contents: [{ parts: [{ text: "a poem" }], role: "user" }], generationConfig: { maxOutputTokens: 100 } });
    expect([call!.headers["x-goog-api-key"], call!.headers.authorization, call!.headers["x-goog-api-client"]]).toEqual([upstreamKey, undefined, undefined]);
    expect(await entry(idOf(answered))).toMatchObject({ end: "complete", status: 200, estimated: false, model, deployment: model, usage: used });
  });

  test("streams", async () => {
    const parts: GenerateContentResponse[] = await Array.fromAsync(await ai.models.generateContentStream({ model, contents: "a poem" }));
    expect(parts.map(({ text }) => text ?? "").join("")).toBe(poem.join(""));
    expect(parts).toHaveLength(chunks.length);
    expect(parts.at(-1)).toMatchObject({ usageMetadata, candidates: [{ finishReason: "STOP" }] });
    expect(calls[0]!.url).toBe("/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse");
    expect(await entry(idOf(parts[0]!))).toMatchObject({ end: "complete", stream: true, estimated: false, usage: used });
  });

  test("gets calls of functions, signature and all", async () => {
    const declaration = { name: "weather", parametersJsonSchema: { type: "object", properties: { city: { type: "string" } } } };
    const answered = await ai.models.generateContent({ model, contents: "weather?", config: { tools: [{ functionDeclarations: [declaration] }] } });
    expect(answered.functionCalls).toEqual([{ name: "weather", args: { city: "Rom" } }]);
    expect(answered.candidates![0]!.content!.parts![0]!.thoughtSignature).toBe("c2lnbmF0dXJl");
    expect(JSON.parse(calls[0]!.text)).toMatchObject({ tools: [{ functionDeclarations: [declaration] }] });
  });

  test("counts tokens for nothing", async () => {
    const counted = await ai.models.countTokens({ model, contents: "how many?" });
    expect(counted.totalTokens).toBe(31);
    expect(await entry(idOf(counted))).toMatchObject({ status: 200, estimated: false, costNanoUsd: 0, usage: { inputTokens: 0, outputTokens: 0 } });
  });

  test("embeds", async () => {
    const embedded = await ai.models.embedContent({ model: "gemini/gemini-embedding-001", contents: ["one", "two"] });
    expect(embedded.embeddings!.map(({ values }) => values)).toEqual([[0.5, -0.25], [0.5, -0.25]]);
    expect(calls[0]!.url).toBe("/v1beta/models/gemini-embedding-001:batchEmbedContents");
    const estimated = await entry(idOf(embedded));
    expect(estimated).toMatchObject({ estimated: true, usage: { outputTokens: 0 } });
    expect(estimated.usage.inputTokens).toBeGreaterThan(0);
    const told = await post("/v1beta/models/gemini/gemini-embedding-2:batchEmbedContents", { requests: [{ model: "models/gemini/gemini-embedding-2", content: hello.contents[0] }] });
    expect(await entry(told.headers.get("x-request-id"))).toMatchObject({ estimated: false, usage: { inputTokens: 6 } });
    expect(await (await post("/v1beta/models/gemini/gemini-embedding-001:embedContent", { content: hello.contents[0] })).json()).toEqual({ embedding: { values: [0.5, -0.25] } });
  });

  test("lists models, page by page, and gets each", async () => {
    const names = (await Array.fromAsync(await ai.models.list({ config: { pageSize: 7 } }))).map(({ name }) => name!);
    expect(names).toContain(`models/${model}`);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(7);
    expect((await Array.fromAsync(await ai.models.list())).map(({ name }) => name)).toEqual(names);
    for (const name of [names[0]!, `models/${model}`]) expect(await ai.models.get({ model: name })).toMatchObject({ name, displayName: name.slice("models/".length) });
    expect(await refusal(ai.models.get({ model: "no-such-model" }))).toMatchObject({ status: 404, error: { status: "NOT_FOUND" } });
  });

  test("speaks v1, which OpenAI's clients speak beside it, and v1beta", async () => {
    for (const version of ["v1", "v1beta"]) {
      expect((await sdk(key, version).models.generateContent({ model, contents: "a poem" })).text).toBe(poem.join(""));
      expect((await sdk(key, version).models.get({ model })).name).toBe(`models/${model}`);
      expect(await refusal(sdk("sk-forge-nonsense", version).models.list())).toMatchObject({ status: 401, error: { status: "UNAUTHENTICATED" } });
    }
    const asOpenai = await fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
    expect(await asOpenai.json()).toMatchObject({ object: "list" });
  });

  test("that goes away ends the upstream's call", async () => {
    const abort = new AbortController();
    const stream = await ai.models.generateContentStream({ model: "gemini/endless", contents: "x", config: { abortSignal: abort.signal } });
    const { value: first } = await stream.next();
    abort.abort();
    await stream.next().catch(() => undefined);
    await gone;
    expect(await entry(idOf(first as GenerateContentResponse))).toMatchObject({ end: "client_gone", estimated: true });
  });
});

describe("bytes", () => {
  test("of request and answer are the other side's own", async () => {
    const text = '{ "contents":[{"parts":[{"text":"\\u00e9"}]}],\n "generationConfig":{"seed":12345678901234567890}, "x_new":{"b":1.0} }';
    const answered = await post(`/v1beta/models/${model}:generateContent`, text);
    expect(calls[0]!.text).toBe(text);
    expect(await answered.text()).toBe(JSON.stringify(said([{ text: poem.join("") }], { usageMetadata }, "STOP"), null, 2));
  });

  test("of a stream too, as events and as an array", async () => {
    const streamed = await post(`/v1beta/models/${model}:streamGenerateContent?alt=sse`, hello);
    expect(await streamed.text()).toBe(events.join(""));
    const whole = await post(`/v1beta/models/${model}:streamGenerateContent`, hello);
    expect(await whole.json()).toEqual(chunks);
    for (const { headers } of [streamed, whole]) expect(await entry(headers.get("x-request-id"))).toMatchObject({ end: "complete", stream: true, estimated: false, usage: used });
  });

  test.each([model, encodeURIComponent(model), `models/${model}`, "models%2Fgemini%2Fgemini-2.5-flash"])("reach the model by the name %s", async (name) => {
    expect((await post(`/v1beta/models/${name}:generateContent`, hello)).status).toBe(200);
    expect((await post(`/v1beta/models/${name}%3AgenerateContent`, hello)).status).toBe(200);
    expect(new Set(calls.map(({ url }) => url))).toEqual(new Set(["/v1beta/models/gemini-2.5-flash:generateContent"]));
  });
});

describe("a key", () => {
  const path = `/v1beta/models/${model}:generateContent`;

  test("is taken from Google's header, a bearer token, or Google's query", async () => {
    for (const headers of [{ "x-goog-api-key": key }, { authorization: `Bearer ${key}` }] as Record<string, string>[]) expect((await post(path, hello, headers)).status).toBe(200);
    expect((await post(`${path}?key=${key}`, hello, {})).status).toBe(200);
    expect((await post(`/v1beta/models/${model}:streamGenerateContent?key=${key}&alt=sse`, hello, {})).status).toBe(200);
    expect((await fetch(`${gateway.url}/v1beta/models?key=${key}`)).status).toBe(200);
    expect(calls.map(({ url }) => url).join()).not.toContain("key=");
    for (const call of calls) expect(JSON.stringify(call)).not.toContain(key);
  });

  test("in a query opens Google's URLs alone, and a wrong one nothing", async () => {
    expect((await fetch(`${gateway.url}/v1/models?key=${key}`)).status).toBe(401);
    expect((await post(`/v1/chat/completions?key=${key}`, { model, messages: [] }, {})).status).toBe(401);
    expect((await post(`${path}?key=${key}`, hello, { "x-goog-api-key": "sk-forge-nonsense" })).status).toBe(401);
    const refused = await post(`${path}?key=sk-forge-nonsense`, hello, {});
    expect([refused.status, await refused.json()]).toMatchObject([401, { error: { code: 401, status: "UNAUTHENTICATED", details: [{ reason: "INVALID_API_KEY" }, {}] } }]);
    expect(calls).toEqual([]);
  });

  test("is in no log line", () => {
    expect(logs.filter((line) => line.includes(key))).toEqual([]);
  });
});

describe("refused", () => {
  test("by the gateway, in Google's shape", async () => {
    const reason = async (act: Promise<unknown>): Promise<unknown[]> => {
      const { status, error } = await refusal(act);
      expect(error).toMatchObject({ code: status, message: expect.any(String), status: expect.stringMatching(/^[A-Z_]+$/) });
      return [status, error.details[0].reason];
    };
    expect(await reason(sdk("sk-forge-nonsense").models.generateContent({ model, contents: "x" }))).toEqual([401, "INVALID_API_KEY"]);
    expect(await reason(ai.models.generateContent({ model: "no-such-model", contents: "x" }))).toEqual([404, "MODEL_NOT_FOUND"]);
    expect(await reason(ai.models.generateContent({ model: "openai/gpt-4o", contents: "x" }))).toEqual([503, "NO_PROVIDER"]);
    expect(await reason(ai.models.generateContent({ model, contents: "x", config: { maxOutputTokens: -1 } }))).toEqual([400, "INVALID_REQUEST"]);
    expect(await reason(ai.models.generateContent({ model: "tunedModels/mine", contents: "x" }))).toEqual([404, "NOT_FOUND"]);
    expect(await reason(ai.caches.create({ model, config: {} }))).toEqual([404, "NOT_FOUND"]);
    expect(calls).toEqual([]);
  });

  test("where no protocol has spoken, in Google's shape", async () => {
    const told = async (method: string, path: string): Promise<unknown[]> => {
      const answered = await fetch(gateway.url + path, { method, headers: { "x-goog-api-key": key } });
      const { error } = (await answered.json()) as { error: Json };
      return [answered.status, error.code, error.status];
    };
    expect(await told("POST", `/v1beta/models/${model}:predict`)).toEqual([404, 404, "NOT_FOUND"]);
    expect(await told("DELETE", `/v1beta/models/${model}`)).toEqual([405, 405, "UNIMPLEMENTED"]);
    expect(await told("GET", "/v1beta/nowhere")).toEqual([404, 404, "NOT_FOUND"]);
    expect(await told("PUT", `/v1/models/${model}:generateContent`)).toEqual([405, 405, "UNIMPLEMENTED"]);
    const plain = await fetch(`${gateway.url}/v1/models`, { method: "DELETE" });
    expect([plain.status, await plain.json()]).toMatchObject([405, { error: { code: "method_not_allowed" } }]);
  });

  test("by Google, in its own words", async () => {
    expect(await refusal(ai.models.generateContent({ model: "gemini/busy", contents: "x" }))).toMatchObject({ status: 429, error: { status: "RESOURCE_EXHAUSTED", details: [{ retryDelay: "7s" }] } });
    expect(await refusal(ai.models.generateContent({ model: "gemini/bad", contents: "x" }))).toMatchObject({ status: 400, error: { message: "Invalid value." } });
    const inArray = await post("/v1beta/models/gemini/bad:streamGenerateContent", hello);
    expect([inArray.status, await inArray.json()]).toEqual([400, [{ error: { code: 400, message: "Invalid value.", status: "INVALID_ARGUMENT" } }]]);
    const { status, error } = await refusal(ai.models.generateContent({ model: "gemini/locked", contents: "x" }));
    expect([status, error.status]).toEqual([502, "UNAVAILABLE"]);
    expect(JSON.stringify(error)).not.toContain(upstreamKey);
  });

  test("in the middle of a stream, whether Google says so or breaks off", async () => {
    for (const [name, message] of [["overloaded", /overloaded/], ["breaks", /broke off/]] as const) {
      const stream = await ai.models.generateContentStream({ model: `gemini/${name}`, contents: "x" });
      const parts: GenerateContentResponse[] = [];
      await expect((async () => {
        for await (const part of stream) parts.push(part);
      })()).rejects.toThrow(message);
      expect(parts).toHaveLength(1);
      expect(await entry(idOf(parts[0]!))).toMatchObject({ end: "upstream_error" });
    }
  });
});

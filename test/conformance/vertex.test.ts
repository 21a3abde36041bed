/** The official SDKs against the real Worker on a socket, and behind it a server that answers as Vertex AI and as Google's server for tokens do. */
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import { exportPKCS8, generateKeyPair, jwtVerify } from "jose";
import OpenAI from "openai";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startLocal, type LocalGateway } from "../../scripts/local.ts";
import { admin, createKey } from "../support/admin.ts";
import { events, usage, words } from "./anthropic-upstream.ts";
import { entryOf } from "../support/entry.ts";

type Json = Record<string, any>;
type Call = { path: string; headers: Record<string, string | string[] | undefined>; body: Json };

const account = "gateway@acme.iam.gserviceaccount.com";
const place = "/v1/projects/acme/locations/global";
const claude = "claude-sonnet-4-5@20250929";
const llama = "meta/llama-3.3-70b-instruct-maas";
const text = words.join("");
const { publicKey, privateKey } = await generateKeyPair("RS256", { extractable: true });
const pkcs8 = await exportPKCS8(privateKey);

const calls: Call[] = [];
const minted: string[] = [];
let mints = 0;
const logs: string[] = [];

const json = (response: ServerResponse, status: number, body: unknown): void => void response.writeHead(status, { "content-type": "application/json; charset=UTF-8" }).end(JSON.stringify(body));
const refuse = (response: ServerResponse, code: number, message: string, status = "INVALID_ARGUMENT"): void => json(response, code, { error: { code, message, status } });
function stream(response: ServerResponse, frames: readonly string[]): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const frame of frames) response.write(frame);
  response.end();
}
const data = (value: unknown): string => `data: ${JSON.stringify(value)}\r\n\r\n`;

const geminiUsage = { promptTokenCount: 11, candidatesTokenCount: 7, totalTokenCount: 18, trafficType: "ON_DEMAND" };
const said = (part: string, finishReason?: string): Json => ({ candidates: [{ content: { role: "model", parts: [{ text: part }] }, ...(finishReason && { finishReason }) }], modelVersion: "gemini-2.5-flash", createTime: "2026-11-21T00:00:00Z", responseId: "r1" });

/** Google's JSON knows no other fields, and Vertex wants roles. */
function faultIn(body: Json, known: readonly string[]): string | undefined {
  const unknown = Object.keys(body).find((field) => !known.includes(field));
  if (unknown) return `Invalid JSON payload received. Unknown name "${unknown}": Cannot find field.`;
  const parts = (body.contents as Json[]).flatMap((content) => content.parts as Json[]);
  if (parts.some((part) => part.functionCall?.id ?? part.functionResponse?.id)) return `Invalid JSON payload received. Unknown name "id" at 'contents[1].parts[0].function_call': Cannot find field.`;
  return (body.contents as Json[]).every(({ role }) => role === "user" || role === "model") ? undefined : "Please use a valid role: user, model.";
}

const generateFields = ["contents", "systemInstruction", "cachedContent", "tools", "toolConfig", "labels", "safetySettings", "modelArmorConfig", "generationConfig"];
const countFields = ["instances", "contents", "systemInstruction", "tools", "generationConfig"];

const methods: Record<string, (response: ServerResponse, body: Json, query: string) => void> = {
  "google/models/gemini-2.5-flash:generateContent": (response, body) => {
    const fault = faultIn(body, generateFields);
    if (fault) return refuse(response, 400, fault);
    json(response, 200, { ...said(text, "STOP"), usageMetadata: geminiUsage });
  },
  "google/models/gemini-2.5-flash:streamGenerateContent": (response, body, query) => {
    const fault = query === "alt=sse" ? faultIn(body, generateFields) : "alt";
    if (fault) return refuse(response, 400, fault);
    stream(response, [...words.slice(0, -1).map((word) => data(said(word))), data({ ...said(words.at(-1)!, "STOP"), usageMetadata: geminiUsage })]);
  },
  "google/models/gemini-2.5-flash:countTokens": (response, body) => {
    const fault = faultIn(body, countFields);
    if (fault) return refuse(response, 400, fault);
    json(response, 200, { totalTokens: 31, totalBillableCharacters: 100 });
  },
  "google/models/gemini-locked:generateContent": (response) => refuse(response, 403, `Permission denied for ${minted.at(-1)}`, "PERMISSION_DENIED"),
  [`anthropic/models/${claude}:rawPredict`]: (response, { anthropic_version, model, stream: streamed }) => {
    if (anthropic_version !== "vertex-2023-10-16" || model !== undefined || streamed) return refuse(response, 400, "not as Vertex has it");
    json(response, 200, { id: "msg_vrtx_1", type: "message", role: "assistant", model: "claude-sonnet-4-5", content: [{ type: "text", text }], stop_reason: "end_turn", stop_sequence: null, usage });
  },
  [`anthropic/models/${claude}:streamRawPredict`]: (response, { anthropic_version, model }) => {
    if (anthropic_version !== "vertex-2023-10-16" || model !== undefined) return refuse(response, 400, "not as Vertex has it");
    stream(response, events("say"));
  },
  "anthropic/models/count-tokens:rawPredict": (response, { anthropic_version, model }) =>
    anthropic_version === "vertex-2023-10-16" && model === claude ? json(response, 200, { input_tokens: 241 }) : refuse(response, 400, "not as Vertex has it"),
};

function chat(response: ServerResponse, body: Json): void {
  if (body.model !== llama) return refuse(response, 404, "no such model");
  const chunk = (choices: object[], rest: object = {}) => ({ id: "c1", object: "chat.completion.chunk", created: 1, model: llama, choices, ...rest });
  const counted = { usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 } };
  if (!body.stream) return json(response, 200, { id: "c1", object: "chat.completion", created: 1, model: llama, choices: [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }], ...counted });
  stream(response, [...words.map((content) => data(chunk([{ index: 0, delta: { content } }]))), data(chunk([{ index: 0, delta: {}, finish_reason: "stop" }], counted)), "data: [DONE]\n\n"]);
}

/** Mints a token for a JWT that our account signed. */
async function mint(response: ServerResponse, form: URLSearchParams, audience: string): Promise<void> {
  const { payload } = await jwtVerify(form.get("assertion")!, publicKey, { issuer: account, audience });
  if (payload.scope !== "https://www.googleapis.com/auth/cloud-platform") return refuse(response, 400, "scope");
  mints += 1;
  await sleep(300);
  minted.push(`ya29.minted-${minted.length + 1}-${"x".repeat(20)}`);
  json(response, 200, { access_token: minted.at(-1), expires_in: 3599, token_type: "Bearer" });
}

const upstream = createServer(async (request, response) => {
  let sent = "";
  for await (const part of request.setEncoding("utf8")) sent += part;
  const { pathname, search } = new URL(request.url!, "http://x");
  if (pathname === "/token") return mint(response, new URLSearchParams(sent), `${origin}/token`).catch(() => json(response, 400, { error: "invalid_grant" }));
  const isJson = request.headers["content-type"] === "application/json";
  calls.push({ path: request.url!, headers: request.headers, body: isJson ? (JSON.parse(sent) as Json) : {} });
  if (pathname === "/denied") return json(response, 400, { error: "invalid_grant", error_description: sent });
  if (!minted.some((token) => request.headers.authorization === `Bearer ${token}`)) return refuse(response, 401, "no such token", "UNAUTHENTICATED");
  if (pathname === `${place}/endpoints/openapi/chat/completions`) return chat(response, calls.at(-1)!.body);
  const method = methods[pathname.replace(`${place}/publishers/`, "")];
  return method ? method(response, calls.at(-1)!.body, search.slice(1)) : refuse(response, 404, "no such page", "NOT_FOUND");
});

let origin: string;
let gateway: LocalGateway;
let key: { secret: string; organisation: string };
const keyFile = (tokenPath: string, keyId = "k"): string => JSON.stringify({ type: "service_account", project_id: "acme", private_key_id: keyId, private_key: pkcs8, client_email: account, token_uri: origin + tokenPath });

beforeAll(async () => {
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const vars = { ...createKey.secrets, VERTEX_API_KEY: keyFile("/token"), VERTEX_BASE_URL: origin + place, ALLOW_PRIVATE_UPSTREAMS: "true", OPENAI_API_KEY: "sk-openai-upstream", OPENAI_BASE_URL: origin };
  gateway = await startLocal({ port: 0, vars, onLog: (line) => logs.push(line) });
  key = await createKey(gateway.url, { limits: { requestsPerMinute: 10_000 } });
});
afterAll(async () => {
  upstream.close();
  upstream.closeAllConnections();
  await gateway?.stop();
});
beforeEach(() => void calls.splice(0));

const google = () => new GoogleGenAI({ apiKey: key.secret, httpOptions: { baseUrl: gateway.url } });
const anthropic = () => new Anthropic({ baseURL: gateway.url, apiKey: key.secret, authToken: null, maxRetries: 0 });
const openai = () => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key.secret, maxRetries: 0 });
const post = (path: string, body: unknown, secret = key.secret): Promise<Response> =>
  fetch(gateway.url + path, { method: "POST", headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" }, body: JSON.stringify(body) });
const say = (model: string) => ({ model, max_tokens: 64, messages: [{ role: "user" as const, content: "hello" }] });

const entry = (id: string | null): Promise<Json> => entryOf(gateway.url, key.secret, id);

test("twenty requests at once get one token, and each its answer", async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => post("/v1/chat/completions", say("vertex/gemini-2.5-flash"))));
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
  for (const answer of answers) expect(((await answer.json()) as Json).choices[0].message.content).toBe(text);
  expect(mints).toBe(1);
});

test("the first to ask may leave: its token is the others'", async () => {
  const other = await createKey(gateway.url, { limits: { requestsPerMinute: 10_000 } });
  await admin(gateway.url, "PUT", `/organisations/${other.organisation}/credentials/vertex`, { secret: keyFile("/token", "another") });
  const before = mints;
  const leaving = new AbortController();
  const body = JSON.stringify({ ...say("vertex/gemini-2.5-flash"), stream: true });
  const headers = { authorization: `Bearer ${other.secret}`, "content-type": "application/json" };
  const left = fetch(`${gateway.url}/v1/chat/completions`, { method: "POST", headers, body, signal: leaving.signal }).catch(() => "left");
  while (mints === before) await sleep(5);
  leaving.abort();
  expect(await left).toBe("left");
  const staying = await Promise.all(Array.from({ length: 5 }, () => post("/v1/chat/completions", say("vertex/gemini-2.5-flash"), other.secret)));
  expect([staying.map(({ status }) => status), mints]).toEqual([[200, 200, 200, 200, 200], before + 1]);
});

describe("Gemini", () => {
  const model = "vertex/gemini-2.5-flash";

  test("Google's SDK generates, streams and counts", async () => {
    const whole = await google().models.generateContent({ model, contents: "hello" });
    expect([whole.text, whole.usageMetadata?.totalTokenCount]).toEqual([text, 18]);
    const chunks = await Array.fromAsync(await google().models.generateContentStream({ model, contents: "hello" }));
    expect(chunks.map((chunk) => chunk.text).join("")).toBe(text);
    expect((await google().models.countTokens({ model, contents: "hello" })).totalTokens).toBe(31);
    expect(calls.map(({ path }) => path.replace(`${place}/publishers/google/models/gemini-2.5-flash:`, ""))).toEqual(["generateContent", "streamGenerateContent?alt=sse", "countTokens"]);
    expect([calls[0]!.headers["x-goog-api-key"], calls[0]!.headers["x-goog-api-client"]]).toEqual([undefined, undefined]);
  });

  test("OpenAI's and Anthropic's SDKs reach it, whole and streamed, and the ledger has its usage", async () => {
    expect((await openai().chat.completions.create(say(model))).choices[0]!.message.content).toBe(text);
    const { data: streamed, response } = await openai().chat.completions.create({ ...say(model), stream: true }).withResponse();
    expect((await Array.fromAsync(streamed)).map((chunk) => chunk.choices[0]?.delta.content ?? "").join("")).toBe(text);
    expect(await entry(response.headers.get("x-request-id"))).toMatchObject({ end: "complete", estimated: false, deployment: model, usage: { inputTokens: 11, outputTokens: 7 } });
    expect((await anthropic().messages.create(say(model))).content).toMatchObject([{ type: "text", text }]);
    expect(await anthropic().messages.countTokens({ model, messages: say(model).messages })).toMatchObject({ input_tokens: 31 });
  });

  test("what Gemini's API takes and Vertex does not arrives all the same", async () => {
    const path = `/v1beta/models/${model}`;
    const weather = [
      { role: "user", parts: [{ text: "hello" }] },
      { role: "model", parts: [{ functionCall: { id: "call_1", name: "weather", args: {} } }] },
      { role: "user", parts: [{ functionResponse: { id: "call_1", name: "weather", response: { output: "warm" } } }] },
    ];
    for (const contents of [[{ parts: [{ text: "hello" }] }], weather]) expect((await post(`${path}:generateContent`, { contents })).status).toBe(200);
    const counted = await post(`${path}:countTokens`, { generateContentRequest: { model: "models/gemini-2.5-flash", contents: [{ parts: [{ text: "hello" }] }] } });
    expect([counted.status, await counted.json()]).toEqual([200, { totalTokens: 31 }]);
  });

  test("a refusal of our access is a 502 without our token", async () => {
    const refused = await post("/v1/chat/completions", say("vertex/gemini-locked"));
    expect([refused.status, (await refused.text()).includes("ya29")]).toEqual([502, false]);
  });
});

describe("Claude", () => {
  const model = `vertex/${claude}`;

  test("Anthropic's SDK creates, streams and counts", async () => {
    expect(await anthropic().messages.create(say(model))).toMatchObject({ id: "msg_vrtx_1", content: [{ text }] });
    const final = await anthropic().messages.stream(say(model)).finalMessage();
    expect(final.content).toMatchObject([{ text }]);
    expect((await anthropic().messages.countTokens({ model, messages: say(model).messages })).input_tokens).toBe(241);
    expect(calls.map(({ path }) => path.replace(`${place}/publishers/anthropic/models/`, ""))).toEqual([`${claude}:rawPredict`, `${claude}:streamRawPredict`, "count-tokens:rawPredict"]);
    expect(calls[0]!.headers["x-api-key"]).toBeUndefined();
  });

  test("OpenAI's and Google's SDKs reach it, whole and streamed, and the ledger has its usage", async () => {
    expect((await openai().chat.completions.create(say(model))).choices[0]!.message.content).toBe(text);
    const { data: streamed, response } = await openai().chat.completions.create({ ...say(model), stream: true }).withResponse();
    expect((await Array.fromAsync(streamed)).map((chunk) => chunk.choices[0]?.delta.content ?? "").join("")).toBe(text);
    expect(await entry(response.headers.get("x-request-id"))).toMatchObject({ end: "complete", deployment: model, usage: { inputTokens: 241, outputTokens: 7 } });
    expect((await google().models.generateContent({ model, contents: "hello" })).text).toBe(text);
    expect((await google().models.countTokens({ model, contents: "hello" })).totalTokens).toBe(241);
  });
});

test("other models answer in chat completions, and cross to Messages", async () => {
  const model = `vertex/${llama}`;
  expect((await openai().chat.completions.create(say(model))).choices[0]!.message.content).toBe(text);
  const { data: streamed, response } = await openai().chat.completions.create({ ...say(model), stream: true }).withResponse();
  expect((await Array.fromAsync(streamed)).map((chunk) => chunk.choices[0]?.delta.content ?? "").join("")).toBe(text);
  expect(await entry(response.headers.get("x-request-id"))).toMatchObject({ usage: { inputTokens: 9, outputTokens: 3 } });
  expect((await anthropic().messages.create(say(model))).content).toMatchObject([{ text }]);
});

describe("a token that cannot be got", () => {
  test("is a 502 without a secret, or the next deployment's turn", async () => {
    const other = await createKey(gateway.url);
    await admin(gateway.url, "PUT", `/organisations/${other.organisation}/credentials/vertex`, { secret: keyFile("/denied") });
    const refused = await post("/v1/chat/completions", say("vertex/gemini-2.5-flash"), other.secret);
    const told = await refused.text();
    expect([refused.status, JSON.parse(told)]).toMatchObject([502, { error: { code: "upstream_error", message: "The gateway's own access to Google Vertex AI was refused: the server for tokens answered 400." } }]);
    expect(told).not.toMatch(/PRIVATE|gserviceaccount|ya29|denied|invalid_grant/);
    await admin(gateway.url, "PUT", "/aliases/anywhere", { targets: ["vertex/gemini-2.5-flash", "openai/gpt-test"] });
    calls.splice(0);
    await (await post("/v1/chat/completions", say("anywhere"), other.secret)).text();
    expect(calls.at(-1)).toMatchObject({ path: "/chat/completions", headers: { authorization: "Bearer sk-openai-upstream" } });
  });

  test("is not asked for by a sovereign request", async () => {
    const sovereign = await createKey(gateway.url, { sovereign: true });
    await admin(gateway.url, "PUT", `/organisations/${sovereign.organisation}/credentials/vertex`, { secret: keyFile("/denied", "sovereign") });
    for (const model of ["vertex/gemini-2.5-flash", `vertex/${claude}`, "gemini-2.5-flash"]) expect((await post("/v1/chat/completions", say(model), sovereign.secret)).status).toBe(503);
    expect(calls).toEqual([]);
  });
});

test("nothing secret is logged", () => {
  const all = logs.join("\n");
  for (const secret of [...minted, pkcs8.split("\n")[1]!, account]) expect(all).not.toContain(secret);
});

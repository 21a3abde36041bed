/** InsForge's legacy AI proxy: its wire, its keys, and tokens of its users. */
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { env } from "cloudflare:workers";
import { admin, call, eventStream, newKey, outside, prompts, send, type Json, type Key } from "../security/stage.ts";

const shared = "a secret that is shared with the project";
const keysUrl = "https://auth.example.com/.well-known/jwks.json";
let project: Key;
let visitor: Key;
let sign: (claims?: Json, at?: { issuer?: string; secret?: string; expires?: string }) => Promise<string>;
let signByKey: () => Promise<string>;
let jwks: Json;

beforeAll(async () => {
  const { id: organisation } = await admin("POST", "/organisations", { name: "Project" });
  const make = (name: string, prefix: string, policy: Json = {}) => admin("POST", "/keys", { organisation, name, prefix, policy: { limits: { requestsPerMinute: 10_000, concurrentRequests: 100, ...policy } } });
  const [own, anonymous] = [await make("project", "ik_"), await make("anonymous", "anon_", { requestsPerMinute: 7_000 })];
  project = { id: own.id, organisation, secret: own.secret };
  visitor = { id: anonymous.id, organisation, secret: anonymous.secret };
  await admin("PUT", `/organisations/${organisation}/token-issuers`, { issuer: "", key: visitor.id, secret: shared });
  await admin("PUT", `/organisations/${organisation}/token-issuers`, { issuer: "https://auth.example.com", key: visitor.id, jwksUrl: keysUrl });
  sign = (claims = { sub: "user-1", role: "authenticated" }, { issuer, secret = shared, expires = "1h" } = {}) => {
    const token = new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).setExpirationTime(expires);
    return (issuer === undefined ? token : token.setIssuer(issuer)).sign(new TextEncoder().encode(secret));
  };
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "one", alg: "ES256" }] };
  signByKey = () => new SignJWT({ sub: "user-2" }).setProtectedHeader({ alg: "ES256", kid: "one" }).setIssuer("https://auth.example.com").setExpirationTime("1h").sign(privateKey);
});
afterEach(() => void vi.restoreAllMocks());

const model = "groq/gpt-test";
const ask = (body: Json, secret = visitor.secret): Promise<Response> => call(secret, "POST", "/api/ai/chat/completion", { model, messages: [{ role: "user", content: "hi" }], ...body });
const toolCall = { id: "call_1", type: "function", function: { name: "look", arguments: '{"at":1}' } };
const said = (message: Json, finish = "stop"): Response =>
  Response.json({ id: "c", object: "chat.completion", model: "gpt-test", choices: [{ index: 0, message: { role: "assistant", ...message }, finish_reason: finish }], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } });

describe("chat", () => {
  test("is asked in camelCase and answered as its SDK reads it", async () => {
    const left = outside(() => said({ content: "Hello.", tool_calls: [toolCall], annotations: [{ type: "url_citation", url_citation: { url: "https://a.example", title: "A", start_index: 0, end_index: 5 } }] }));
    const response = await ask({ temperature: 0.1, topP: 0.9, maxTokens: 50, toolChoice: "auto", parallelToolCalls: false, tools: [{ type: "function", function: { name: "look", parameters: { type: "object" } } }], messages: [{ role: "user", content: "hi", images: [{ url: "https://a.example/p.png" }] }] });
    expect(await response.json()).toEqual({
      text: "Hello.", tool_calls: [toolCall], annotations: [{ type: "url_citation", urlCitation: { url: "https://a.example", title: "A", startIndex: 0, endIndex: 5 } }],
      metadata: { model: "gpt-test", usage: { promptTokens: 3, completionTokens: 2, totalTokens: 5 } },
    });
    expect(JSON.parse(prompts(left)[0]!.body)).toMatchObject({
      model: "gpt-test", temperature: 0.1, top_p: 0.9, max_tokens: 50, tool_choice: "auto", parallel_tool_calls: false,
      messages: [{ role: "user", content: [{ type: "text", text: "hi" }, { type: "image_url", image_url: { url: "https://a.example/p.png" } }] }],
    });
  });

  test("has InsForge's own defaults", async () => {
    const left = outside(() => said({ content: "Hello." }));
    await ask({});
    expect(JSON.parse(prompts(left)[0]!.body)).toMatchObject({ temperature: 0.7, max_tokens: 4_096 });
  });

  test("streams text, and behind it usage, calls, citations and its end", async () => {
    const chunk = (delta: Json, finish: string | null = null, more: Json = {}): string => `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", model: "m", choices: [{ index: 0, delta, finish_reason: finish }], ...more })}\n\n`;
    outside(() => eventStream(chunk({ role: "assistant", content: "" }), chunk({ content: "Hel" }), chunk({ content: "lo." }), chunk({ tool_calls: [{ index: 0, ...toolCall }] }), chunk({}, "tool_calls"), chunk({}, null, { choices: [], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } }), "data: [DONE]\n\n"));
    const events = (await (await ask({ stream: true })).text()).split("\n").filter((line) => line.startsWith("data: ")).map((line) => JSON.parse(line.slice(6)) as Json);
    expect(events).toEqual([{ chunk: "Hel" }, { chunk: "lo." }, { tokenUsage: { promptTokens: 3, completionTokens: 2, totalTokens: 5 } }, { tool_calls: [toolCall] }, { done: true }]);
  });

  test("that breaks off behind its first words ends in an error, and is not done", async () => {
    outside(() => eventStream('data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"half"}}]}\n\n'));
    const text = await (await ask({ stream: true })).text();
    expect(text).toContain('{"error":true,"message":');
    expect(text).not.toContain("done");
  });

  test.each<[Json, string]>([[{ messages: [] }, "messages"], [{ maxTokens: 20_000 }, "maxTokens"], [{ temperature: 3 }, "temperature"], [{ webSearch: { enabled: true, maxResults: 99 } }, "webSearch"]])("%j is refused", async (body, field) => {
    outside();
    const response = await ask(body);
    expect([response.status, await response.json<Json>()]).toEqual([400, { error: "INVALID_INPUT", message: expect.stringMatching(`^Validation error: .*${field}`), statusCode: 400 }]);
  });
});

describe("pictures", () => {
  test("come as data URLs", async () => {
    const left = outside(() => said({ content: "There.", images: [{ type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } }] }));
    const response = await call(visitor.secret, "POST", "/api/ai/image/generation", { model, prompt: "a dot", images: [{ url: "https://a.example/p.png" }] });
    expect(await response.json()).toMatchObject({ text: "There.", images: [{ type: "imageUrl", imageUrl: "data:image/png;base64,iVBORw0KGgo=" }], metadata: { model: "gpt-test" } });
    expect(JSON.parse(prompts(left)[0]!.body)).toMatchObject({ modalities: ["image", "text"] });
  });
});

test("embeddings have their usage where InsForge has it", async () => {
  outside(() => Response.json({ object: "list", model: "e", data: [{ object: "embedding", index: 0, embedding: [1, 2] }], usage: { prompt_tokens: 4, total_tokens: 4 } }));
  const response = await call(visitor.secret, "POST", "/api/ai/embeddings", { model: "openai/embed-test", input: "hi" });
  expect(await response.json()).toEqual({ object: "list", data: [{ object: "embedding", index: 0, embedding: [1, 2] }], metadata: { model: "e", usage: { promptTokens: 4, totalTokens: 4 } } });
});

describe("tokens of users", () => {
  const limitOf = (response: Response): string | null => response.headers.get("x-ratelimit-limit");

  test.each<[string, () => Promise<string>]>([["a shared secret", () => sign()], ["keys that are published", () => signByKey()]])("proven by %s, call with the anonymous key's limits", async (_, token) => {
    outside(({ url }) => (url === keysUrl ? Response.json(jwks) : said({ content: "Hello." })));
    const response = await ask({}, await token());
    expect([response.status, limitOf(response)]).toEqual([200, "7000"]);
    await vi.waitFor(async () => expect((await env.KEY_METER.getByName(visitor.id).inspect()).counters.minute.requests).toBeGreaterThan(0));
  });

  test.each<[string, () => Promise<string>]>([
    ["signed by somebody else", () => sign({}, { secret: "another secret that is long enough" })],
    ["of an issuer that nobody registered", () => sign({}, { issuer: "https://evil.example" })],
    ["that has expired", () => sign({}, { expires: "-1h" })],
    ["that is signed by a secret in the name of published keys", () => sign({}, { issuer: "https://auth.example.com" })],
    ["without a signature", async () => `${btoa('{"alg":"none"}').replaceAll("=", "")}.${btoa('{"sub":"x","exp":9999999999}').replaceAll("=", "")}.`],
    ["that is no token", async () => "a.b.c"],
  ])("%s are refused", async (_, token) => {
    const left = outside(({ url }) => (url === keysUrl ? Response.json(jwks) : said({ content: "Hello." })));
    const response = await ask({}, await token());
    expect([response.status, (await response.json<Json>()).error]).toEqual([401, "AUTH_INVALID_API_KEY"]);
    expect(left.filter(({ url }) => url !== keysUrl && !url.endsWith("/models"))).toEqual([]);
  });

  test("an issuer is one organisation's, and its key its own", async () => {
    const stranger = await newKey();
    const put = (issuer: Json) => call(env.ADMIN_SECRET, "PUT", `/admin/organisations/${stranger.organisation}/token-issuers`, issuer);
    expect((await put({ issuer: "", key: stranger.id, secret: shared })).status).toBe(409);
    expect((await put({ issuer: "mine", key: visitor.id, secret: shared })).status).toBe(400);
    expect((await put({ issuer: "mine", key: stranger.id, jwksUrl: "http://169.254.169.254/keys" })).status).toBe(400);
    const listed = await (await call(env.ADMIN_SECRET, "GET", `/admin/organisations/${visitor.organisation}/token-issuers`)).text();
    expect(listed).not.toContain(shared);
  });
});

describe("what only a project's own key may see", () => {
  const routes = ["/api/ai/models", "/api/ai/overview", "/api/ai/config", "/api/ai/openrouter/api-key"];

  test.each(routes)("%s", async (path) => {
    outside();
    expect((await send(path, { headers: { "x-api-key": project.secret } })).status).toBe(200);
    const refused = await call(visitor.secret, "GET", path);
    expect([refused.status, (await refused.json<Json>()).error]).toEqual([403, "AUTH_UNAUTHORIZED"]);
  });

  test("its key is told and works at OpenRouter's address, and a new one takes its place", async () => {
    const { apiKey } = await (await call(project.secret, "GET", "/api/ai/openrouter/api-key")).json<Json>();
    expect(apiKey).toBe(project.secret);
    const { apiKey: next } = await (await call(project.secret, "POST", "/api/ai/openrouter/api-key/rotate")).json<Json>();
    expect(next).toMatch(/^ik_/);
    outside(() => said({ content: "Hello." }));
    expect((await ask({}, next as string)).status).toBe(200);
  });
});

/** The whole Worker as a client meets it, with upstreams that the test plays. Every fetch that leaves is kept. */
import { env, exports } from "cloudflare:workers";
import { expect, vi } from "vitest";
import { app } from "../../src/app.ts";

export type Json = Record<string, any>;
export type Left = { host: string; url: string; headers: Headers; body: string; signal: AbortSignal };
export type Key = { id: string; organisation: string; secret: string };

export const hosts = { openai: "api.openai.com", groq: "api.groq.com", selfhosted: "self.example" };
export const chatBody = { model: "openai/gpt-test", messages: [{ role: "user", content: "hi" }] };

/** What an upstream says when all is well. */
export const answer = (): Response =>
  Response.json({ id: "c", object: "chat.completion", model: "m", choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } });

/** A stream of server-sent events. Its body is made by JavaScript: the runtime does not pipe text that it holds itself into a stream that is read here. */
export function eventStream(...events: readonly string[]): Response {
  const left = [...events];
  const pull = (controller: ReadableByteStreamController): void => {
    const next = left.shift();
    if (next === undefined) return controller.close();
    controller.enqueue(new TextEncoder().encode(next));
  };
  return new Response(new ReadableStream({ type: "bytes", pull }), { headers: { "content-type": "text/event-stream" } });
}

/** Replaces what is outside. Returns everything that left; the self-hosted server lists one model. */
export function outside(play: (left: Left) => Response | Promise<Response> = answer): Left[] {
  const left: Left[] = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input as RequestInfo, init as RequestInit);
    const one = { host: new URL(request.url).host, url: request.url, headers: request.headers, body: new TextDecoder().decode(await request.arrayBuffer()), signal: request.signal };
    left.push(one);
    return one.url.endsWith("/models") ? Response.json({ data: [{ id: "local-test" }] }) : play(one);
  });
  return left;
}

/** Only the calls that carried a prompt. */
export const prompts = (left: Left[]): Left[] => left.filter(({ url }) => !url.endsWith("/models"));

export const send = (path: string, init: RequestInit = {}): Promise<Response> => exports.default.fetch(`https://forge.example${path}`, init);

export const bearer = (secret: string): Record<string, string> => ({ authorization: `Bearer ${secret}` });

/** A request with a key and, where there is one, a JSON body. */
export const call = (secret: string, method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  send(path, { method, headers: { ...bearer(secret), ...(body !== undefined && { "content-type": "application/json" }), ...headers }, body: body === undefined ? undefined : JSON.stringify(body) });

export async function admin(method: string, path: string, body?: unknown): Promise<Json> {
  const response = await call(env.ADMIN_SECRET, method, `/admin${path}`, body);
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} /admin${path}: ${response.status} ${text}`);
  return text === "" ? {} : (JSON.parse(text) as Json);
}

/**
 * A key in an organisation of its own, or in the one given. It limits concurrency so that a settle never waits to ride with
 * the next request: vitest's workerd runs without `handle_cross_request_promise_resolution`.
 */
export async function newKey(policy: Json = {}, organisation?: string): Promise<Key> {
  const owner = organisation ?? (await admin("POST", "/organisations", { name: "Test" })).id;
  const { id, secret } = await admin("POST", "/keys", { organisation: owner, name: "test", policy: { limits: { requestsPerMinute: 100_000, concurrentRequests: 1_000 }, ...policy } });
  return { id, organisation: owner, secret };
}

/** Two models at two providers, with prices. */
export async function fillCatalog(): Promise<void> {
  const model = (id: string) => env.DB.prepare("INSERT OR IGNORE INTO models VALUES (?, 'test', 'chat', '[\"text\"]', '[\"text\"]', '[\"text\"]', 1000, 100, 0)").bind(id);
  const at = (provider: string, upstreamId: string, id: string) => [
    env.DB.prepare("INSERT OR IGNORE INTO deployments VALUES (?, ?, ?)").bind(provider, upstreamId, id),
    ...["input", "output"].map((kind) => env.DB.prepare("INSERT OR IGNORE INTO prices VALUES (?, ?, ?, 0, 0, 1000000, 'test')").bind(provider, upstreamId, kind)),
  ];
  await env.DB.batch([
    model("gpt-test"), model("secret-test"),
    ...at("openai", "gpt-test", "gpt-test"), ...at("groq", "gpt-test", "gpt-test"), ...at("openai", "secret-test", "secret-test"),
  ]);
}

/** A chat model at OpenAI with prices in pico-USD a token, and since when each holds. */
export async function addPricedModel(id: string, prices: Readonly<Record<"input" | "output", { picoUsd: number; validFromMs: number }>>): Promise<void> {
  await env.DB.batch([
    env.DB.prepare("INSERT INTO models VALUES (?, 'test', 'chat', '[\"text\"]', '[\"text\"]', '[\"text\"]', 1000, 100, 0)").bind(id),
    env.DB.prepare("INSERT INTO deployments (provider, upstream_id, model_id) VALUES ('openai', ?1, ?1)").bind(id),
    ...Object.entries(prices).map(([unit, { picoUsd, validFromMs }]) =>
      env.DB.prepare("INSERT INTO prices (provider, upstream_id, class, valid_from, pico_usd, source) VALUES ('openai', ?, ?, ?, ?, 'test')").bind(id, unit, validFromMs, picoUsd)),
  ]);
}

/** Once nothing of the key is open any more. */
export const settled = ({ id }: Pick<Key, "id">): Promise<void> => vi.waitFor(async () => expect((await env.KEY_METER.getByName(id).inspect()).counters.held.requests).toBe(0));

const types: Record<number, string> = {
  400: "invalid_request_error", 401: "invalid_request_error", 402: "insufficient_quota", 403: "permission_error", 404: "not_found_error",
  405: "invalid_request_error", 409: "invalid_request_error", 413: "invalid_request_error", 415: "invalid_request_error", 429: "rate_limit_error",
};

const anthropicTypes: Record<number, string> = {
  401: "authentication_error", 402: "billing_error", 403: "permission_error", 404: "not_found_error", 409: "conflict_error", 413: "request_too_large", 429: "rate_limit_error", 504: "timeout_error",
};

/** A failure as Anthropic's clients must find it. */
async function expectAnthropicRefusal(response: Response, status: number, code: string): Promise<{ message: string; param: null }> {
  const body = await response.json<{ error: { message: string } }>();
  const type = anthropicTypes[status] ?? (status >= 500 ? "api_error" : "invalid_request_error");
  const error = { type, message: expect.stringMatching(/\S/), details: { error_code: code } };
  expect([response.status, body]).toEqual([status, { type: "error", error, request_id: response.headers.get("request-id") }]);
  expectSealed(response);
  expect(response.headers.get("content-type")).toBe("application/json");
  return { message: body.error.message, param: null };
}

const googleStatuses: Record<number, string> = { 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 405: "UNIMPLEMENTED", 429: "RESOURCE_EXHAUSTED" };

/** A failure as Google's clients must find it. */
async function expectGoogleRefusal(response: Response, status: number, code: string): Promise<{ message: string; param: null }> {
  const body = await response.json<{ error: { message: string } }>();
  const details = expect.arrayContaining([expect.objectContaining({ reason: code.toUpperCase(), domain: "forge" })]);
  const error = { code: status, message: expect.stringMatching(/\S/), status: googleStatuses[status] ?? (status >= 500 ? "UNAVAILABLE" : "INVALID_ARGUMENT"), details };
  expect([response.status, body]).toEqual([status, { error }]);
  expectSealed(response);
  expect(response.headers.get("content-type")).toBe("application/json");
  return { message: body.error.message, param: null };
}

/** A failure as OpenRouter's clients must find it. */
async function expectOpenrouterRefusal(response: Response, status: number, code: string): Promise<{ message: string; param: string | null }> {
  const body = await response.json<{ error: { message: string; metadata: { param?: string } } }>();
  const { param } = body.error.metadata;
  const error = { code: status, message: expect.stringMatching(/\S/), metadata: { error_type: expect.stringMatching(/^[a-z_]+$/), code, ...(param !== undefined && { param }) } };
  expect([response.status, body]).toEqual([status, { error }]);
  expectSealed(response);
  expect(response.headers.get("content-type")).toBe("application/json");
  return { message: body.error.message, param: param ?? null };
}

/** Whose words a failure is told in. */
export type Shape = "openai" | "anthropic" | "google" | "cohere" | "openrouter" | "atlassian" | "insforge";

/** A failure as clients of Atlassian's and InsForge's find it, whose codes are theirs. */
async function expectOwnRefusal(response: Response, status: number, shape: "atlassian" | "insforge"): Promise<{ message: string; param: null }> {
  const body = await response.json<{ message: string }>();
  const message = expect.stringMatching(/\S/) as unknown;
  const own = shape === "atlassian" ? { code: expect.stringMatching(/^FORGE_LLMS_[A-Z_]+$/) as unknown, message } : { error: expect.stringMatching(/^[A-Z_]+$/) as unknown, message, statusCode: status };
  expect([response.status, body]).toEqual([status, own]);
  expectSealed(response);
  expect(response.headers.get("content-type")).toBe("application/json");
  return { message: body.message, param: null };
}

/** A failure as every client must find it: status, its protocol's shape, our headers and no other. */
export async function expectRefusal(response: Response, status: number, code: string, shape: Shape = "openai"): Promise<{ message: string; param: string | null }> {
  if (shape === "atlassian" || shape === "insforge") return expectOwnRefusal(response, status, shape);
  if (shape === "openrouter") return expectOpenrouterRefusal(response, status, code);
  if (shape === "google") return expectGoogleRefusal(response, status, code);
  if (shape === "anthropic") return expectAnthropicRefusal(response, status, code);
  const text = await response.text();
  expect([response.status, text]).toEqual([status, expect.stringContaining(`"code":"${code}"`)]);
  const body = JSON.parse(text) as { error: { message: string; param: string | null } };
  // Cohere's clients read the message above, all others the error.
  expect(body).toEqual({ ...(shape === "cohere" && { message: body.error.message }), error: { message: expect.stringMatching(/\S/), type: types[status] ?? "server_error", param: body.error.param, code } });
  expect(body.error.param === null || typeof body.error.param === "string").toBe(true);
  expectSealed(response);
  expect(response.headers.get("content-type")).toBe("application/json");
  return body.error;
}

const ours = new Set([
  "allow", "cache-control", "content-length", "content-type", "retry-after", "vary", "request-id", "x-content-type-options", "x-ratelimit-limit",
  "x-ratelimit-remaining", "x-request-id", "x-should-retry",
]);

/** What every answer carries, and that it carries nothing else. */
export function expectSealed({ headers }: Response): void {
  expect(headers.get("x-request-id")).toMatch(/^req_[0-9a-f]{32}$/);
  expect(headers.get("request-id")).toBe(headers.get("x-request-id"));
  expect(headers.get("cache-control")).toBe("private, no-store");
  expect(headers.get("vary")).toBe("Authorization");
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect([...headers.keys()].filter((name) => !ours.has(name))).toEqual([]);
}

/** What an answer carries that is everybody's: nothing of the caller, and how long a copy is good. */
export function expectLasting({ headers }: Response): void {
  expect(headers.get("x-request-id")).toMatch(/^req_[0-9a-f]{32}$/);
  expect([headers.get("cache-control"), headers.get("x-content-type-options"), headers.get("vary"), headers.get("set-cookie")]).toEqual(["public, max-age=300", "nosniff", null, null]);
  expect(headers.get("etag")).toMatch(/^"[0-9a-f]{16,}"$/);
}

/** Every route that the Worker has, as `METHOD /path`, middleware left out. */
export const allRoutes = (): string[] => [...new Set(app.routes.filter(({ method }) => method !== "ALL").map(({ method, path }) => `${method} ${path}`))].sort();

/** Requests that were refused before any provider was asked, as clients and people find them again. */
import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { pruneRequests } from "../../src/ledger/index.ts";
import { addPricedModel, admin, call, chatBody, newKey, outside, send, settled, bearer, type Json, type Key, type Left } from "../security/stage.ts";
import { newMember } from "./stage.ts";

vi.setConfig({ testTimeout: 60_000 });

type Member = Awaited<ReturnType<typeof newMember>>;
let viewer: Member;
let stranger: Member;
let left: Left[];

const model = "openai/refusing-test";
const newKeyOf = (policy: Json = {}): Promise<Key> => newKey(policy, viewer.organisationId);
const page = async (path: string, member = viewer): Promise<string> => (await member.get(path)).text();
const idsIn = (html: string): string[] => [...html.matchAll(/data-id="(\w+)"/g)].map(([, id]) => id!);
const textOf = (html: string): string => html.replace(/<[^>]+>/g, " ").replace(/\s+/g, " ");
const json = async (key: Key, path: string): Promise<Json> => (await call(key.secret, "GET", `/dashboard${path}`)).json<Json>();

/** Asks, and returns the status with the id that the client was told. */
async function ask(key: Key, body: Json = {}, headers: Record<string, string> = {}): Promise<{ status: number; id: string }> {
  const response = await call(key.secret, "POST", "/v1/chat/completions", { ...chatBody, model, max_tokens: 10, ...body }, headers);
  await response.text();
  await settled(key);
  return { status: response.status, id: response.headers.get("x-request-id")! };
}

/** Its parts are one after another of the same minute. */
const inOneMinute = (): Promise<void> => vi.waitFor(() => expect(Date.now() % 60_000).toBeLessThan(45_000), { timeout: 20_000, interval: 200 });

beforeEach(() => void (left = outside()));
beforeAll(async () => {
  await addPricedModel("refusing-test", { input: { picoUsd: 1_000_000, validFromMs: 0 }, output: { picoUsd: 2_000_000, validFromMs: 0 } });
  [viewer, stranger] = await Promise.all([newMember("owner"), newMember("owner")]);
});

test("24 calls with a key of 20 a minute: 20 used, none failed, four refused", async () => {
  await inOneMinute();
  const key = await newKeyOf({ limits: { requestsPerMinute: 20, concurrentRequests: 100 } });
  const answers = [];
  for (let i = 0; i < 24; i += 1) answers.push(await ask(key));
  expect(answers.map(({ status }) => status)).toEqual([...Array.from({ length: 20 }, () => 200), 429, 429, 429, 429]);
  const usage = await json(key, "/usage");
  expect(usage.totals).toMatchObject({ requests: 20, errors: 0 });
  const day = new Date().toISOString().slice(0, 10);
  expect(usage.refused).toEqual({ requests: 4, byCode: [{ code: "rate_limit_exceeded", requests: 4 }], byKey: [{ keyId: key.id, name: "test", requests: 4 }], byDay: [{ day, requests: 4 }] });
  expect((await json(key, `/usage?group_by=day&key=${key.id}`)).refused.requests).toBe(4);
  expect((await json(key, "/usage?model=m")).refused, "no model is counted").toBeNull();
  expect((await json(key, "/usage?to=2026-01-01")).refused.requests).toBe(0);
  const html = await page(`/usage?metric=refused&key=${key.id}`);
  expect(textOf(html)).toContain("Requests 20 0 failed at a provider (0%); 4 more refused before");
  expect(textOf(html)).toMatch(/rate_limit_exceeded The key has made all the requests it may make in a minute\. 4/);
  expect(textOf(await page(""))).toContain("none failed, 4 more refused");
});

describe("one of them", () => {
  test.each<[string, Json, Record<string, string>, number, string, string | null]>([
    ["a model that nobody knows", { model: "no-such-model" }, {}, 404, "model_not_found", "no-such-model"],
    ["a body that is wrong", { messages: "hi" }, {}, 400, "invalid_request", null],
    ["a sovereign one that no server can take", { model: "no-such-model" }, { "x-sovereign": "true" }, 503, "sovereign_unavailable", null],
  ])("%s is found by its id, and was nobody's request", async (_, body, headers, status, code, asked) => {
    const key = await newKeyOf();
    const answered = await ask(key, body, headers);
    expect(answered.status).toBe(status);
    expect(left.filter(({ url }) => !url.endsWith("/models"))).toEqual([]);
    expect(await json(key, `/requests/${answered.id}`)).toEqual({
      id: answered.id, at: expect.any(Number) as number, keyId: key.id, end: "refused", status, errorCode: code, model: asked, protocol: "openai-chat", attempts: 0, costNanoUsd: 0,
      reason: expect.stringMatching(/\S/) as string, remedy: expect.stringMatching(/\S/) as string,
    });
    const text = textOf(await page(`/requests/${answered.id}`));
    for (const said of [`refused, ${status}`, code, "No provider was asked. It cost nothing.", asked ?? "Not kept"]) expect(text).toContain(said);
  });

  const unknown = "no-such-model";
  const said = [{ role: "user", content: "hi" }];
  test.each<[string, string, Json]>([
    ["Anthropic's", "/v1/messages", { model: unknown, max_tokens: 5, messages: said }],
    ["a response", "/v1/responses", { model: unknown, input: "hi" }],
    ["a stored chat", "/v1/chat/completions", { model: unknown, messages: said, store: true }],
    ["a stream", "/v1/chat/completions", { model: unknown, messages: said, stream: true }],
    ["several prompts", "/v1/completions", { model: unknown, prompt: ["a", "b"] }],
    ["embeddings", "/v1/embeddings", { model: unknown, input: "hi" }],
    ["speech", "/v1/audio/speech", { model: unknown, input: "hi", voice: "alloy" }],
    ["Google's", `/v1beta/models/${unknown}:generateContent`, { contents: [{ parts: [{ text: "hi" }] }] }],
    ["OpenRouter's", "/api/v1/chat/completions", { model: unknown, messages: said }],
    ["ForgeLab's, thought about", "/api/v1/chat/completions", { model: unknown, message: "hi", mode: "brain" }],
  ])("by the id of its answer, whatever it speaks: %s", async (_, path, body) => {
    const key = await newKeyOf();
    const response = await call(key.secret, "POST", path, body);
    await response.text();
    const id = response.headers.get("x-request-id")!;
    expect(await json(key, `/requests/${id}`)).toMatchObject({ id, end: "refused", status: response.status, errorCode: "model_not_found", model: unknown });
    // Each prompt is a request of its own, as it would be in the ledger.
    expect((await json(key, "/usage")).refused.requests).toBe(Array.isArray(body.prompt) ? body.prompt.length : 1);
  });

  test("is nobody else's: not another key's, not another organisation's, and a revoked key leaves none", async () => {
    const [key, other, foreign] = [await newKeyOf(), await newKeyOf(), await newKey({ usageScope: "organisation" }, stranger.organisationId)];
    const { id } = await ask(key, { model: "no-such-model" });
    await json(key, `/requests/${id}`);
    for (const one of [other, foreign]) expect((await call(one.secret, "GET", `/dashboard/requests/${id}`)).status).toBe(404);
    expect((await call((await newKeyOf({ usageScope: "organisation" })).secret, "GET", `/dashboard/requests/${id}`)).status).toBe(200);
    expect((await stranger.get(`/requests/${id}`)).status).toBe(404);
    expect(idsIn(await page("/requests?outcome=refused", stranger))).toEqual([]);
    await admin("POST", `/keys/${other.id}/revoke`);
    const { id: gone, status } = await ask(other, { model: "no-such-model" });
    expect(status).toBe(401);
    expect((await send("/v1/chat/completions", { method: "POST", headers: bearer("sk-forge-nobody") })).status).toBe(401);
    expect((await viewer.get(`/requests/${gone}`)).status).toBe(404);
    const { results } = await env.DB.prepare("SELECT key_id FROM refused_requests WHERE key_id = ?").bind(other.id).all();
    expect(results).toEqual([]);
  });

  test("keeps no words of a sovereign organisation", async () => {
    const organisation = (await admin("POST", "/organisations", { name: "Home", sovereign: true })).id as string;
    const key = await newKey({}, organisation);
    const { id } = await ask(key, { model: "a-secret-name" });
    expect(await json(key, `/requests/${id}`)).toMatchObject({ id, model: null, end: "refused" });
    const rows = await env.DB.prepare("SELECT * FROM refused_requests WHERE id = ?").bind(id).all();
    expect(JSON.stringify(rows.results)).not.toContain("secret");
  });
});

test("what no model can be called is not kept as a name: a prompt, a key", async () => {
  const key = await newKeyOf();
  const [prompt, secret] = [await ask(key, { model: "Tell me a secret, please" }), await ask(key, { model: key.secret })];
  expect([prompt.status, secret.status]).toEqual([400, 404]);
  expect(await json(key, `/requests/${prompt.id}`)).toMatchObject({ model: null });
  expect(await json(key, `/requests/${secret.id}`)).toMatchObject({ model: "[redacted]" });
});

test("the list has them among the others, by outcome, key, model, status and time, and as they come", async () => {
  const key = await newKeyOf();
  const since = Date.now();
  const [first, wrong, last] = [(await ask(key)).id, (await ask(key, { model: "no-such-model" })).id, (await ask(key)).id];
  const listed = async (query: string): Promise<string[]> => idsIn(await page(`/requests?key=${key.id}&${query}`));
  expect(await listed("")).toEqual([last, wrong, first]);
  expect(await listed("outcome=refused")).toEqual([wrong]);
  expect(await listed("outcome=asked")).toEqual([last, first]);
  expect(await listed("errors=on")).toEqual([wrong]);
  expect(await listed("status=404")).toEqual([wrong]);
  expect(await listed("model=no-such-model")).toEqual([wrong]);
  expect(await listed("end=complete")).toEqual([last, first]);
  expect(await listed("above=0")).toEqual([last, first]);
  expect(await listed("outcome=refused&to=2026-01-01T00:00")).toEqual([]);
  expect(await page("/requests?outcome=perhaps")).toContain("Not one of these.");
  expect(idsIn(await page(`/requests/new?since=${since}&key=${key.id}`))).toEqual([last, wrong, first]);
});

test("goes on through both kinds where a page ends", async () => {
  const key = await newKeyOf();
  const at = Date.now() - 3_600_000;
  const id = (i: number): string => `req_${(at - i).toString(16).padStart(12, "0")}${"0".repeat(20)}`;
  const entry = JSON.stringify({ model: "m", deployment: "openai/m", status: 200, end: "complete", usage: { inputTokens: 1, outputTokens: 1 }, costNanoUsd: 5, costSource: "price", totalMs: 7, lines: [], refused: [] });
  await env.DB.batch(Array.from({ length: 120 }, (_, i) => (i % 3 === 0
    ? env.DB.prepare("INSERT INTO refused_requests VALUES (?, ?, ?, ?, 404, 'model_not_found', 'm', 'openai-chat')").bind(id(i), at - i, key.id, viewer.organisationId)
    : env.DB.prepare("INSERT INTO requests VALUES (?, ?, ?, ?, ?)").bind(id(i), at - i, key.id, viewer.organisationId, entry))));
  const seen: string[] = [];
  let next: string | undefined = `/requests?key=${key.id}`;
  while (next !== undefined) {
    const html: string = await page(next);
    seen.push(...idsIn(html));
    next = /href="\/dashboard(\/requests\?[^"]*before=\w+)"/.exec(html)?.[1]?.replaceAll("&amp;", "&");
  }
  expect(seen).toEqual(Array.from({ length: 120 }, (_, i) => id(i)));
});

test("they go when finished requests do, sooner where the organisation says so", async () => {
  const [key, brief] = [await newKeyOf(), await newKey()];
  await admin("PUT", `/organisations/${brief.organisation}/retention`, { requestDays: 3 });
  const id = (days: number, end: string): string => `req_${(Date.now() - days * 86_400_000).toString(16).padStart(12, "0")}${end}`;
  const rows = [[id(31, "a"), key], [id(29, "b"), key], [id(4, "c"), brief], [id(2, "d"), brief]] as const;
  await env.DB.batch(rows.map(([one, by]) => env.DB.prepare("INSERT INTO refused_requests VALUES (?, ?, ?, ?, 404, 'model_not_found', 'm', 'openai-chat')").bind(one, Number.parseInt(one.slice(4, 16), 16), by.id, by.organisation)));
  expect((await call(brief.secret, "GET", `/dashboard/requests/${rows[2][0]}`)).status, "before the night").toBe(404);
  await pruneRequests(env.DB, Date.now());
  const { results } = await env.DB.prepare("SELECT id FROM refused_requests WHERE key_id IN (?, ?) ORDER BY id").bind(key.id, brief.id).all<{ id: string }>();
  expect(results.map((row) => row.id)).toEqual([rows[1][0], rows[3][0]]);
});

test("the first key's page hears of a refused request, and of the first that is answered", async () => {
  const key = await newKeyOf();
  const look = async (): Promise<Json> => (await viewer.get(`/first-key/${key.id}`)).json<Json>();
  expect(await look()).toEqual({ requests: 0, refused: null });
  await ask(key, { model: "gpt-five" });
  expect(await look()).toEqual({ requests: 0, refused: "A request came and was refused: model_not_found (gpt-five) — No model has this name here. Use a name from the list of models (GET /v1/models), or \"auto\". Still waiting." });
  await ask(key);
  expect((await look()).requests).toBe(1);
  expect((await stranger.get(`/first-key/${key.id}`)).status).toBe(404);
});

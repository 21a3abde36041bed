/**
 * What a warm request costs: no D1 query, two calls to its key's object, two rows written. Requests come one after another:
 * vitest's workerd runs without `handle_cross_request_promise_resolution`, so a settle must not ride with the next request.
 */
import { env, exports } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { hashSecret, mintSecret } from "../../src/accounts/api-key.ts";
import { KeyMeter } from "../../src/limits/index.ts";

const completion = {
  id: "chatcmpl-1", object: "chat.completion", created: 1, model: "gpt-4o",
  choices: [{ index: 0, message: { role: "assistant", content: "Hello." }, finish_reason: "stop" }],
  usage: { prompt_tokens: 11, completion_tokens: 4, total_tokens: 15 },
};

async function newKey(id: string, limits: Record<string, number>): Promise<string> {
  const secret = mintSecret("sk-forge-");
  await env.DB.batch([
    env.DB.prepare("INSERT INTO api_keys (id, organisation_id, name, policy, created_at) VALUES (?, 'org_warm', 'warm', ?, 0)").bind(id, JSON.stringify({ limits })),
    env.DB.prepare("INSERT INTO api_key_secrets (hash, key_id, hint, created_at) VALUES (?, ?, 'hint', 0)").bind(await hashSecret(env.KEY_PEPPER, secret), id),
  ]);
  return secret;
}

const chat = (secret: string, body: Record<string, unknown> = {}): Promise<Response> =>
  exports.default.fetch("https://forge.example/v1/chat/completions", {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "openai/gpt-4o", max_tokens: 16, messages: [{ role: "user", content: "Hi" }], ...body }),
  });

const stubOf = (id: string): DurableObjectStub<KeyMeter> => env.KEY_METER.getByName(id);

/** Once nothing of the key is open any more. */
const settled = (id: string): Promise<void> => vi.waitFor(async () => expect((await stubOf(id).inspect()).counters.held.requests).toBe(0));

/** Counts calls to the objects. */
function watchMeters(): () => number {
  const spy = vi.spyOn(KeyMeter.prototype, "apply");
  return () => spy.mock.calls.length;
}

/** Answers for the provider, and counts what it was sent. */
function upstream(answer: () => Response = () => Response.json(completion)): () => number {
  let sent = 0;
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input) => {
    if (new URL(input instanceof Request ? input.url : String(input)).hostname !== "api.openai.com") return new Response(null, { status: 404 });
    sent += 1;
    return answer();
  });
  return () => sent;
}

/** Counts queries to D1. */
function watchD1(): () => number {
  const spies = [vi.spyOn(env.DB, "prepare"), vi.spyOn(env.DB, "batch"), vi.spyOn(env.DB, "exec")];
  return () => spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0);
}

beforeAll(async () => void (await env.DB.batch([
  env.DB.prepare("INSERT INTO organisations (id, name, created_at) VALUES ('org_warm', 'Warm', 0)"),
  env.DB.prepare(`INSERT INTO models (id, owner, kind, input_modalities, output_modalities, capabilities, context_tokens, max_output_tokens)
    VALUES ('priced', 'test', 'chat', '["text"]', '["text"]', '["text"]', 1000, 100)`),
  env.DB.prepare("INSERT INTO deployments (provider, upstream_id, model_id) VALUES ('openai', 'priced', 'priced')"),
  env.DB.prepare("INSERT INTO prices (provider, upstream_id, class, pico_usd, source) VALUES ('openai', 'priced', 'input', 1000000, 'test'), ('openai', 'priced', 'output', 1000000, 'test')"),
])));
/** The headers and the counters of a test must be of one minute. */
beforeEach(() => vi.waitFor(() => expect(Date.now() % 60_000).toBeLessThan(56_000), { timeout: 5_000, interval: 100 }));
afterEach(() => void vi.restoreAllMocks());

describe("a warm chat request", () => {
  test("asks D1 nothing, its object twice, and its headers are the object's counters", async () => {
    const secret = await newKey("key_warm", { requestsPerMinute: 50 });
    const sent = upstream();
    const queries = watchD1();
    expect((await chat(secret)).status).toBe(200);
    expect(queries(), "the spies see the cold request's queries").toBeGreaterThan(0);
    await settled("key_warm");
    const cold = queries();
    const calls = watchMeters();
    const before = await stubOf("key_warm").inspect();

    const response = await chat(secret);
    expect(await response.json()).toEqual(completion);
    await settled("key_warm");

    expect(queries() - cold).toBe(0);
    expect(calls()).toBe(2);
    expect(sent()).toBe(2);
    const { counters, rowsWritten } = await stubOf("key_warm").inspect();
    expect(rowsWritten - before.rowsWritten).toBe(2);
    expect(response.headers.get("x-ratelimit-limit")).toBe("50");
    expect(response.headers.get("x-ratelimit-remaining")).toBe(String(50 - counters.minute.requests));
    expect(counters.month.tokens).toBe(30);
  });

  test("also as a stream", async () => {
    const secret = await newKey("key_stream", { requestsPerMinute: 50 });
    const chunk = (rest: object) => `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "gpt-4o", ...rest })}\n\n`;
    const text = chunk({ choices: [{ index: 0, delta: { content: "Hello." }, finish_reason: "stop" }] }) + chunk({ choices: [], usage: completion.usage }) + "data: [DONE]\n\n";
    upstream(() => new Response(text, { headers: { "content-type": "text/event-stream" } }));
    await (await chat(secret, { stream: true })).text();
    await settled("key_stream");
    const queries = watchD1();
    const calls = watchMeters();
    const response = await chat(secret, { stream: true });
    expect(await response.text()).toContain("[DONE]");
    await settled("key_stream");
    expect([queries(), calls()]).toEqual([0, 2]);
    const { counters } = await stubOf("key_stream").inspect();
    expect(counters.month.tokens).toBe(30);
    expect(response.headers.get("x-ratelimit-remaining")).toBe(String(50 - counters.minute.requests));
  });

  test("one that the Worker refuses: no D1 either, and its object hears of it in a call that asks for the counters anyway", async () => {
    const secret = await newKey("key_wrong", { requestsPerMinute: 50 });
    const sent = upstream();
    await chat(secret);
    await settled("key_wrong");
    const queries = watchD1();
    const calls = vi.spyOn(KeyMeter.prototype, "apply");
    const response = await chat(secret, { messages: "Hi" });
    expect([response.status, response.headers.get("x-ratelimit-remaining")]).toEqual([400, "49"]);
    expect([queries(), sent()]).toEqual([0, 1]);
    expect(calls.mock.calls.map(([operations]) => operations)).toEqual([[{ do: "look", version: 1, refused: { id: response.headers.get("x-request-id"), status: 400, code: "invalid_request", model: null, protocol: "openai-chat" } }]]);
  });

  test("one that is refused: no D1 either, one call to its object, nothing sent, nothing written", async () => {
    const secret = await newKey("key_full", { requestsPerMinute: 2 });
    const sent = upstream();
    for (let i = 0; i < 2; i += 1) {
      await chat(secret);
      await settled("key_full");
    }
    const queries = watchD1();
    const calls = watchMeters();
    const { rowsWritten } = await stubOf("key_full").inspect();
    const response = await chat(secret);
    expect(response.status).toBe(429);
    expect(await response.json()).toMatchObject({ error: { code: "rate_limit_exceeded" } });
    expect(response.headers.get("x-ratelimit-limit")).toBe("2");
    expect(response.headers.get("x-ratelimit-remaining")).toBe("0");
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect([queries(), calls(), sent()]).toEqual([0, 1, 2]);
    expect((await stubOf("key_full").inspect()).rowsWritten).toBe(rowsWritten);
  });
});

describe("refusals on the wire", () => {
  test("a monthly quota: 429, next month, x-should-retry: false", async () => {
    const secret = await newKey("key_quota", { monthlyTokens: 1 });
    upstream();
    const response = await chat(secret);
    expect(response.status).toBe(429);
    expect(await response.json()).toMatchObject({ error: { code: "quota_exceeded" } });
    expect(response.headers.get("x-should-retry")).toBe("false");
    const date = new Date();
    const next = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
    expect(Math.abs(Number(response.headers.get("retry-after")) - (next - date.getTime()) / 1000)).toBeLessThan(5);
    expect(response.headers.has("x-ratelimit-remaining")).toBe(true);
  });

  test("money that is out: 402, x-should-retry: false, no Retry-After", async () => {
    const secret = await newKey("key_money", { budgetNanoUsd: 1 });
    const sent = upstream();
    const response = await chat(secret, { model: "openai/priced" });
    expect(response.status).toBe(402);
    expect(await response.json()).toMatchObject({ error: { code: "insufficient_credits" } });
    expect(response.headers.get("x-should-retry")).toBe("false");
    expect(response.headers.has("retry-after")).toBe(false);
    expect(response.headers.get("x-ratelimit-remaining")).toBe("600");
    expect(sent()).toBe(0);
  });

  test("a model without a price, for a key with a budget: refused, not free", async () => {
    const secret = await newKey("key_unpriced", { budgetNanoUsd: 1_000_000_000 });
    const sent = upstream();
    const response = await chat(secret, { model: "openai/nobody-knows" });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ error: { code: "model_not_priced" } });
    expect(sent()).toBe(0);
  });
});

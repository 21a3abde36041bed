/** The whole Worker with `Idempotency-Key`: what it costs, who may read, what is stored, and what becomes of a run whose leader died. */
import { listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { RequestContext } from "../../src/pipeline/index.ts";
import { isolateOf } from "../../src/pipeline/isolate.ts";
import { once, standingOf } from "../../src/pipeline/once.ts";
import { noUsage } from "../../src/chat/usage.ts";
import type { Outcome } from "../../src/ledger/entry.ts";
import { KeyMeter } from "../../src/limits/index.ts";
import { openaiChat } from "../../src/protocols/index.ts";
import { Cipher, IdempotentCall, sealed, type Call } from "../../src/replay/index.ts";
import { leaseMs } from "../../src/replay/idempotent-call.do.ts";
import { nameOf } from "../../src/replay/identity.ts";
import { admin, bearer, call, chatBody, fillCatalog, newKey, outside, prompts, type Key } from "../security/stage.ts";

let key: Key;
beforeAll(async () => {
  await fillCatalog();
  key = await newKey();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const chat = (name: string | undefined, { secret = key.secret, body = chatBody as object } = {}): Promise<Response> =>
  call(secret, "POST", "/v1/chat/completions", body, name === undefined ? {} : { "idempotency-key": name });

const settled = (id = key.id): Promise<void> => vi.waitFor(async () => expect((await env.KEY_METER.getByName(id).inspect()).counters.held.requests).toBe(0), 3_000);
const codeOf = async (response: Response): Promise<string> => (await response.json<{ error: { code: string } }>()).error.code;
const objectOf = async (name: string, { id } = key): Promise<DurableObjectStub<IdempotentCall>> => env.IDEMPOTENT_CALL.getByName(await nameOf(id, name));

/** Counts what is asked of the objects. */
function watch(): () => Record<string, number> {
  const spies = { claims: vi.spyOn(IdempotentCall.prototype, "claim"), writes: vi.spyOn(IdempotentCall.prototype, "write"), reads: vi.spyOn(IdempotentCall.prototype, "read"), meter: vi.spyOn(KeyMeter.prototype, "apply") };
  return () => Object.fromEntries(Object.entries(spies).map(([name, spy]) => [name, spy.mock.calls.length]));
}

describe("what it costs", () => {
  test("nothing where there is no such header", async () => {
    outside();
    await (await chat(undefined)).text();
    await settled();
    const count = watch();
    await (await chat(undefined)).text();
    await settled();
    expect(count()).toEqual({ claims: 0, writes: 0, reads: 0, meter: 2 });
  });

  test("two calls for a whole answer, and two and a look at its key for one that is given again", async () => {
    const left = outside();
    const count = watch();
    const first = await (await chat("costs")).text();
    await settled();
    await vi.waitFor(() => expect(count()).toEqual({ claims: 1, writes: 1, reads: 0, meter: 2 }));
    const again = await chat("costs");
    expect([await again.text(), again.headers.get("idempotent-replayed")]).toEqual([first, "true"]);
    expect(count()).toEqual({ claims: 2, writes: 1, reads: 1, meter: 3 });
    expect(prompts(left)).toHaveLength(1);
  });
});

describe("who may read", () => {
  test("not a key that was revoked", async () => {
    outside();
    const mine = await newKey();
    expect((await chat("revoked", { secret: mine.secret })).status).toBe(200);
    await admin("POST", `/keys/${mine.id}/revoke`);
    const refused = await chat("revoked", { secret: mine.secret });
    expect([refused.status, await codeOf(refused)]).toEqual([401, "key_revoked"]);
    const conflict = await chat("revoked", { secret: mine.secret, body: { ...chatBody, n: 1 } });
    expect([conflict.status, await codeOf(conflict)]).toEqual([401, "key_revoked"]);
  });

  test("but the same key with a new secret", async () => {
    const left = outside();
    const mine = await newKey();
    const first = await (await chat("rotated", { secret: mine.secret })).text();
    const { secret } = await admin("POST", `/keys/${mine.id}/rotate`, { graceSeconds: 0 });
    const again = await chat("rotated", { secret });
    expect([await again.text(), again.headers.get("idempotent-replayed")]).toEqual([first, "true"]);
    expect(prompts(left)).toHaveLength(1);
    expect((await chat("rotated", { secret: mine.secret })).status).toBe(401);
  });

  test("its counters are today's, its id the first one", async () => {
    outside();
    const mine = await newKey({ limits: { requestsPerMinute: 10, concurrentRequests: 10 } });
    const first = await chat("counted", { secret: mine.secret });
    await settled(mine.id);
    await (await chat(undefined, { secret: mine.secret })).text();
    const again = await chat("counted", { secret: mine.secret });
    expect([first, again].map(({ headers }) => headers.get("x-ratelimit-remaining"))).toEqual(["9", "8"]);
    for (const header of ["x-request-id", "request-id", "x-forge-cost", "content-type", "cache-control"]) expect([header, again.headers.get(header)]).toEqual([header, first.headers.get(header)]);
  });
});

describe("what is stored", () => {
  test("an answer that only the Worker can read, and nothing of the prompt, the name or a secret", async () => {
    outside();
    const prompt = "the treasure lies under the oak";
    for (const [name, mine] of [["a secret name", key], ["a sovereign name", await newKey({ sovereign: true })]] as const) {
      const model = mine === key ? "openai/gpt-test" : "selfhosted/local-test";
      expect((await chat(name, { secret: mine.secret, body: { model, messages: [{ role: "user", content: prompt }] } })).status).toBe(200);
      await vi.waitFor(async () => {
        const rows = await runInDurableObject(await objectOf(name, mine), (_, { storage }) => [...storage.kv.list()].map(([row, value]) => `${row} ${value instanceof Uint8Array ? new TextDecoder().decode(value) : JSON.stringify(value)}`).join("\n"));
        expect(rows).toContain('"standing":"kept"');
        expect(rows).toMatch(/^chunk:/m);
        for (const hidden of ["finish_reason", "choices", "oak", name, mine.secret, mine.id, (env as unknown as { OPENAI_API_KEY: string }).OPENAI_API_KEY]) expect(rows).not.toContain(hidden);
      });
    }
  });

  test("nothing at all for a refusal", async () => {
    outside();
    const before = (await listDurableObjectIds(env.IDEMPOTENT_CALL)).length;
    const refused = await chat("refused", { body: { ...chatBody, model: "no-such-model" } });
    expect([refused.status, await codeOf(refused)]).toEqual([404, "model_not_found"]);
    expect(await runInDurableObject(await objectOf("refused"), (_, { storage }) => [...storage.kv.list()])).toEqual([]);
    expect(before).toBeGreaterThanOrEqual(0);
    expect((await chat("refused")).status).toBe(200);
  });
});

describe("a leader that died", () => {
  const dead = async (name: string, head = false): Promise<void> => {
    const object = await objectOf(name);
    await object.claim(await printOf(chatBody), "req_dead");
    if (head) await sealed(object as unknown as Call, new Cipher(env.KEY_PEPPER, key.id, "req_dead")).write({ run: "req_dead", from: 0, bytes: new TextEncoder().encode("data: {}\n\n"), head: { status: 200, headers: [["content-type", "text/event-stream"]] }, standing: "running" });
  };
  const printOf = async (body: object): Promise<string> => {
    const { fingerprintOf } = await import("../../src/replay/index.ts");
    return fingerprintOf(new Request("https://forge.example/v1/chat/completions", { method: "POST" }), new TextEncoder().encode(JSON.stringify(body)));
  };
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: Date.now() }));

  test("before its answer: nobody knows, so it is not run again", async () => {
    const left = outside();
    await dead("dead");
    vi.setSystemTime(Date.now() + leaseMs + 1);
    for (let tries = 0; tries < 2; tries += 1) {
      const refused = await chat("dead");
      expect([refused.status, refused.headers.get("x-should-retry")]).toEqual([409, "false"]);
      const { error } = await refused.json<{ error: { code: string; message: string } }>();
      expect(error).toMatchObject({ code: "idempotency_unknown", message: expect.stringContaining("/dashboard/requests/req_dead") as string });
    }
    expect(prompts(left)).toHaveLength(0);
    expect((await chat("dead again")).status).toBe(200);
  });

  test("in the middle of a stream: what is there, and an error event", async () => {
    outside();
    await dead("half", true);
    vi.setSystemTime(Date.now() + leaseMs + 1);
    const half = await (await chat("half")).text();
    expect(half).toMatch(/^data: \{\}\n\n\n\ndata: \{"error":/);
    expect(half).toContain("idempotency_unknown");
  });
});

describe("when the object cannot be reached", () => {
  const away = (object: Partial<Call>): void => void vi.spyOn(env.IDEMPOTENT_CALL, "getByName").mockReturnValue(object as never);

  test("nothing runs: it might run twice", async () => {
    const left = outside();
    away({ claim: () => Promise.reject(new Error("reset")), write: async () => ({ is: "gone" }) });
    const refused = await chat("away");
    expect([refused.status, await codeOf(refused), refused.headers.get("retry-after")]).toEqual([503, "limiter_unavailable", "1"]);
    expect(prompts(left)).toHaveLength(0);
    vi.restoreAllMocks();
    outside();
    expect((await chat("away")).status).toBe(200);
  });

  test("while the answer is written: its own client has it, the next one is told", async () => {
    outside();
    const id = env.IDEMPOTENT_CALL.idFromName(await nameOf(key.id, "unwritten"));
    away({ claim: async (print, run) => env.IDEMPOTENT_CALL.get(id).claim(print, run), write: () => Promise.reject(Object.assign(new Error("overloaded"), { overloaded: true })) });
    expect((await chat("unwritten")).status).toBe(200);
    vi.restoreAllMocks();
    outside();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + leaseMs + 1 });
    const refused = await chat("unwritten");
    expect([refused.status, await codeOf(refused)]).toEqual([409, "idempotency_unknown"]);
  });
});

describe("a client that leaves", () => {
  test("is waited for 25 seconds, then the run is stopped and lost", async () => {
    const leaving = new AbortController();
    const stopped = Promise.withResolvers<void>();
    const work: Promise<unknown>[] = [];
    const isolate = isolateOf(env as never);
    const context: RequestContext = {
      isolate, requestId: "req_left", startedAtMs: Date.now(), waitUntil: (promise) => void work.push(promise),
      request: new Request("https://forge.example/v1/chat/completions", { method: "POST", body: JSON.stringify(chatBody), headers: { ...bearer(key.secret), "content-type": "application/json", "idempotency-key": "left" }, signal: leaving.signal }),
    };
    await (await chat(undefined)).text();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    await once(context, openaiChat, async ({ request: { signal }, named }) => {
      const { readable, writable } = new IdentityTransformStream();
      const writer = writable.getWriter();
      void writer.write(new TextEncoder().encode("data: {}\n\n"));
      signal.addEventListener("abort", () => {
        named!.settled({ end: "client_gone", usage: noUsage, costNanoUsd: 7 } as Outcome);
        void writer.close();
        stopped.resolve();
      });
      return new Response(readable, { headers: { "content-type": "text/event-stream" } });
    });
    leaving.abort();
    let isStopped = false;
    void stopped.promise.then(() => (isStopped = true));
    await vi.advanceTimersByTimeAsync(24_900);
    expect(isStopped).toBe(false);
    await vi.advanceTimersByTimeAsync(200);
    await stopped.promise;
    await Promise.all(work);
    vi.useRealTimers();
    const replay = await (await chat("left")).text();
    expect(replay).toMatch(/^data: \{\}\n\n/);
    expect(replay).toContain("idempotency_unknown");
  });
});

describe("what is kept", () => {
  const used = { ...noUsage, inputTokens: 3 };
  test.each([
    ["before anything was reserved", 429, undefined, "refused"],
    ["whole", 200, { end: "complete", usage: used, costNanoUsd: 5 }, "kept"],
    ["whole and free", 200, { end: "complete", usage: noUsage, costNanoUsd: 0 }, "kept"],
    ["the upstream refused", 400, { end: "upstream_error", usage: noUsage, costNanoUsd: 0 }, "refused"],
    ["the upstream was silent", 504, { end: "upstream_timeout", usage: noUsage, costNanoUsd: 0 }, "refused"],
    ["an error in a whole answer, charged", 502, { end: "upstream_error", usage: used, costNanoUsd: 5 }, "kept"],
    ["an error in a whole answer, charged without a price", 502, { end: "upstream_error", usage: used, costNanoUsd: 0 }, "kept"],
    ["a stream that broke after text", 200, { end: "upstream_error", usage: used, costNanoUsd: 5 }, "kept"],
    ["a stream that broke before any", 200, { end: "upstream_error", usage: noUsage, costNanoUsd: 0 }, "refused"],
    ["a stream without its end", 200, { end: "unterminated", usage: used, costNanoUsd: 5 }, "kept"],
    ["what was waited for no longer", 502, { end: "client_gone", usage: used, costNanoUsd: 5 }, "lost"],
    ["a stream that was waited for no longer", 200, { end: "client_gone", usage: used, costNanoUsd: 5 }, "lost"],
  ] as const)("%s", (_, status, outcome, standing) => expect(standingOf(status, outcome)).toBe(standing));
});

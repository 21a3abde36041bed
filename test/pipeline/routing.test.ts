/** The whole Worker where there is a choice: who is tried, in which order, what of a failure is seen, and where a conversation stays. */
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { Health } from "../../src/health/index.ts";
import type { LedgerEntry } from "../../src/ledger/entry.ts";
import { isolateOf } from "../../src/pipeline/index.ts";
import { ask as askIn, entryIn } from "../ledger/world.ts";
import { admin, answer, call, newKey, outside, prompts, settled, type Json, type Key, type Left } from "../security/stage.ts";

const first = "api.openai.com";
const second = "api.groq.com";
let key: Key;

async function fill(id: string, capabilities: string[], at: Record<string, number>): Promise<void> {
  await env.DB.batch([
    env.DB.prepare("INSERT INTO models VALUES (?, 'test', 'chat', '[\"text\"]', '[\"text\"]', ?, 100000, 100, 0)").bind(id, JSON.stringify(capabilities)),
    ...Object.entries(at).flatMap(([provider, picoUsd]) => [
      env.DB.prepare("INSERT INTO deployments VALUES (?1, ?2, ?2)").bind(provider, id),
      ...["input", "output"].map((unit) => env.DB.prepare("INSERT INTO prices VALUES (?, ?, ?, 0, 0, ?, 'test')").bind(provider, id, unit, picoUsd)),
    ]),
  ]);
}

beforeAll(async () => {
  await fill("both", ["text", "tools"], { openai: 2_000_000, groq: 1_000_000 });
  await fill("sees", ["text", "vision"], { openai: 9_000_000 });
  key = await newKey();
  await admin("PUT", "/aliases/auto", { targets: ["*"], pick: "cheapest" });
  await admin("PUT", "/aliases/pair", { targets: ["openai/both", "groq/both"] });
});
/** What earlier tests have seen of the deployments is forgotten, also by the region's board. */
const forget = (): void => void Object.assign(isolateOf(env), { health: Object.assign(new Health(), { sync: () => {} }) });
beforeEach(() => {
  forget();
  isolateOf(env).settings.UPSTREAM_RETRIES = 0;
});
afterEach(() => void vi.restoreAllMocks());

const said = [{ role: "user", content: "hi" }];
const ask = (body: Json, headers: Record<string, string> = {}, who = key): Promise<Response> => call(who.secret, "POST", "/v1/chat/completions", { messages: said, ...body }, headers);
const hostsOf = (left: Left[]): string[] => prompts(left).map(({ host }) => host);
const entryOf = (response: Response): Promise<LedgerEntry> => vi.waitFor(async () => {
  const entry = await env.KEY_METER.getByName(key.id).entry(response.headers.get("x-request-id")!);
  expect(entry).toBeDefined();
  return entry!;
});

const chunk = (delta: object, finish: string | null = null): string => `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", model: "m", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
const events = (...frames: string[]): Response => new Response(frames.join(""), { headers: { "content-type": "text/event-stream" } });
const stream = (): Response => events(chunk({ role: "assistant", content: "" }), chunk({ content: "hi" }), chunk({}, "stop"), "data: [DONE]\n\n");
const refuse = (status: number, headers: Record<string, string> = {}): Response => Response.json({ error: { message: `no ${status}`, type: "x" } }, { status, headers });

test.each([
  ["a status that is about us", () => refuse(403), {}, { code: "upstream_error", status: 403 }],
  ["too many requests", () => refuse(429), {}, { code: "upstream_error", status: 429 }],
  ["no connection", () => Promise.reject(new Error("connect failed")), {}, { code: "upstream_error" }],
  ["a stream that ends in its midst", () => events(chunk({ content: "hi" })), { stream: true }, { code: "broke_off" }],
] as [string, () => Response | Promise<Response>, Json, Json][])("of a failure is told what it was, and none of its words: %s", async (_, failing, more, why) => {
  const note = vi.spyOn(isolateOf(env).health, "note");
  outside(({ host }) => (host === first ? failing() : answer()));
  await (await ask({ model: "openai/both", ...more })).text();
  await vi.waitFor(() => expect(note.mock.calls.map(([deployment, event]) => [deployment, event.is === "failed" ? event.why : undefined]).filter(([, told]) => told)).toEqual([["openai/both", why]]));
});

describe("a deployment that does not answer before its first byte makes room for the next", () => {
  const whole: [string, () => Response | Promise<Response>][] = [
    ...[402, 403, 404, 408, 429, 500, 502, 503, 529].map((status): [string, () => Response] => [`status ${status}`, () => refuse(status)]),
    ["a long Retry-After", () => refuse(429, { "retry-after": "3600" })],
    ["no connection", () => Promise.reject(new Error("connect failed"))],
    ["half an answer", () => new Response('{"id":"c","choi', { headers: { "content-type": "application/json" } })],
    ["a page", () => new Response("<html>", { headers: { "content-type": "text/html" } })],
    ["an error in an answer's place", () => Response.json({ error: { message: "overloaded", code: 529 } })],
  ];
  test.each(whole)("%s", async (_, play) => {
    const left = outside(({ host }) => (host === first ? play() : answer()));
    const response = await ask({ model: "pair" });
    expect([response.status, hostsOf(left)]).toEqual([200, [first, second]]);
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: "hi" } }] });
    expect(response.headers.get("x-forge-route")).toMatch(/^"openai\/both";status=\d+;error=\w+, "groq\/both"$/);
    expect(await entryOf(response)).toMatchObject({ deployment: "groq/both", attempts: 2, refused: [{ deployment: "openai/both" }], end: "complete", costNanoUsd: 5_000 });
  });

  test.each<[string, () => Response | Promise<Response>]>([
    ["an error as the first event", () => events('data: {"error":{"message":"overloaded","code":502}}\n\n')],
    ["an error as the first event, behind comments", () => events(": OPENROUTER PROCESSING\n\n", 'data: {"error":{"message":"overloaded","code":502}}\n\n')],
    ["an error behind the first role", () => events(chunk({ role: "assistant", content: "" }), 'data: {"error":{"message":"overloaded","code":502}}\n\n')],
    ["a stream that ends behind its role", () => events(chunk({ role: "assistant", content: "" }))],
    ["a stream without a word", () => events("")],
    ["status 503", () => refuse(503)],
    ["a stream that breaks at once", () => new Response(new ReadableStream({ type: "bytes", pull: () => Promise.reject(new Error("reset")) }), { headers: { "content-type": "text/event-stream" } })],
  ])("of a stream: %s", async (_, play) => {
    const left = outside(({ host }) => (host === first ? play() : stream()));
    const response = await ask({ model: "pair", stream: true });
    const text = await response.text();
    expect([response.status, hostsOf(left)]).toEqual([200, [first, second]]);
    expect(text.match(/"content":"hi"/g)).toHaveLength(1);
    expect(text).not.toContain("overloaded");
    expect(await entryOf(response)).toMatchObject({ deployment: "groq/both", refused: [{ deployment: "openai/both" }], end: "complete" });
  });

  test("one that sends headers and then nothing is given up after UPSTREAM_FIRST_BYTE_TIMEOUT_MS", async () => {
    const { settings } = isolateOf(env);
    const before = settings.UPSTREAM_FIRST_BYTE_TIMEOUT_MS;
    settings.UPSTREAM_FIRST_BYTE_TIMEOUT_MS = 30;
    const left = outside(({ host }) => (host === first ? new Response(new ReadableStream({ type: "bytes", pull: () => new Promise(() => {}) }), { headers: { "content-type": "text/event-stream" } }) : stream()));
    const response = await ask({ model: "pair", stream: true });
    settings.UPSTREAM_FIRST_BYTE_TIMEOUT_MS = before;
    expect([await response.text(), hostsOf(left)]).toEqual([expect.stringContaining('"content":"hi"'), [first, second]]);
    expect(response.headers.get("x-forge-route")).toBe('"openai/both";status=504;error=upstream_timeout, "groq/both"');
  });

  test("what is about the request itself goes no further", async () => {
    for (const status of [400, 409, 413, 422]) {
      const left = outside(() => refuse(status));
      expect([(await ask({ model: "pair" })).status, hostsOf(left)]).toEqual([status, [first]]);
      vi.restoreAllMocks();
    }
  });

  test("when all have failed the answer is a 502 that lists them", async () => {
    outside(({ host }) => (host === first ? refuse(500) : refuse(429, { "retry-after": "7" })));
    const response = await ask({ model: "pair" });
    const { error } = await response.json<{ error: { message: string; code: string } }>();
    expect([response.status, error.code, response.headers.get("retry-after")]).toEqual([502, "upstream_error", "7"]);
    expect(error.message).toBe("None of 2 attempts was answered: openai/both (500 upstream_error), groq/both (429 upstream_error: Groq answered 429.).");
    expect(await entryOf(response)).toMatchObject({ status: 502, attempts: 2, refused: [{ deployment: "openai/both", status: 500 }], costNanoUsd: 0 });
  });
});

describe("a name", () => {
  test("of one deployment stays there, in its own words", async () => {
    const left = outside(() => refuse(429));
    const response = await ask({ model: "openai/both" });
    expect([response.status, hostsOf(left), await response.json()]).toEqual([429, [first], { error: { message: "no 429", type: "x" } }]);
  });

  test("may be followed by others, each for itself, and none of it reaches a provider", async () => {
    const left = outside(({ host }) => (host === first ? refuse(503) : answer()));
    expect((await ask({ model: "openai/both", models: ["nobody/knows", "groq/both"], provider: { allow_fallbacks: false }, session_id: "s" })).status).toBe(200);
    expect(prompts(left).map(({ host, body }) => [host, Object.keys(JSON.parse(body) as object).sort()])).toEqual([[first, ["messages", "model"]], [second, ["messages", "model"]]]);
  });

  test.each<[string, Json, string[]]>([
    ["order", { provider: { order: ["Groq", "OpenAI"] } }, [second, first]],
    ["only", { provider: { only: ["groq"] } }, [second]],
    ["ignore", { provider: { ignore: ["openai"] } }, [second]],
    ["no fallbacks", { provider: { allow_fallbacks: false } }, [first]],
    ["the least price", { provider: { sort: "price" } }, [second, first]],
    ["at most so dear", { provider: { max_price: { prompt: "1.5", completion: 1.5 } } }, [second]],
  ])("is routed as its request wishes: %s", async (_, wish, hosts) => {
    const left = outside(() => refuse(503));
    await ask({ model: "both", ...wish });
    expect(hostsOf(left)).toEqual(hosts);
  });

  test("auto is the cheapest deployment that can do what is asked", async () => {
    const left = outside();
    const sovereignless = { provider: { ignore: ["selfhosted"] } };
    await ask({ model: "auto", ...sovereignless });
    await ask({ model: "auto", ...sovereignless, messages: [{ role: "user", content: [{ type: "text", text: "what" }, { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } }] }] });
    expect(prompts(left).map(({ host, body }) => [host, (JSON.parse(body) as Json).model])).toEqual([[second, "both"], [first, "sees"]]);
  });
});

describe("retries", () => {
  test("come when nobody else is left, and not before the provider's own time", async () => {
    isolateOf(env).settings.UPSTREAM_RETRIES = 2;
    let calls = 0;
    const left = outside(() => ((calls += 1) < 3 ? refuse(429, { "retry-after-ms": "20" }) : answer()));
    const startedMs = Date.now();
    const response = await ask({ model: "openai/both" });
    expect([response.status, hostsOf(left)]).toEqual([200, [first, first, first]]);
    expect(Date.now() - startedMs).toBeGreaterThanOrEqual(40);
    expect(await entryOf(response)).toMatchObject({ attempts: 3, refused: [{ status: 429 }, { status: 429 }] });
  });

  test("whose client leaves in the pause before them do not come, and nothing is owed", async () => {
    isolateOf(env).settings.UPSTREAM_RETRIES = 2;
    const left = outside(() => refuse(429, { "retry-after": "3" }));
    let leave = (): void => {};
    const asked = askIn(key, "openai-chat", "openai/both", true, {}, (how) => (leave = how));
    await vi.waitFor(() => expect(hostsOf(left)).toEqual([first]));
    await scheduler.wait(30);
    leave();
    const { id } = await asked;
    expect(await entryIn(key, id)).toMatchObject({ end: "client_gone", costNanoUsd: 0, usage: { inputTokens: 0, outputTokens: 0 } });
    expect(hostsOf(left)).toEqual([first]);
  });

  test("do not come when the provider asks for more patience than there is", async () => {
    isolateOf(env).settings.UPSTREAM_RETRIES = 2;
    const left = outside(() => refuse(429, { "retry-after": "3600" }));
    const response = await ask({ model: "openai/both" });
    expect([response.status, hostsOf(left), response.headers.get("retry-after")]).toEqual([429, [first], "3600"]);
  });
});

describe("a deployment that is down", () => {
  test("is skipped after three failures, and the last one left is asked all the same", async () => {
    const left = outside(({ host }) => (host === first ? refuse(500) : answer()));
    for (let i = 0; i < 6; i += 1) await (await ask({ model: "pair" })).text();
    expect(hostsOf(left).filter((host) => host === first)).toHaveLength(3);
    await (await ask({ model: "openai/both" })).text();
    expect(hostsOf(left).at(-1)).toBe(first);
    const dry = await (await call(key.secret, "POST", "/v1/route", { model: "pair" })).json<Json>();
    expect([dry.attempts.map(({ deployment }: Json) => deployment), dry.excluded]).toEqual([["groq/both"], [{ deployment: "openai/both", reason: "unhealthy" }]]);
  });
});

describe("a conversation", () => {
  const turns = [...said, { role: "assistant", content: "hi" }, { role: "user", content: "and now?" }];

  test("stays where it went, also when the first choice is back", async () => {
    let down = true;
    const left = outside(({ host }) => (host === first && down ? refuse(503) : answer()));
    for (const body of [{ session_id: "a" }, { session_id: "a" }, { session_id: "b" }]) {
      await (await ask({ model: "pair", ...body })).text();
      await settled(key);
      down = false;
    }
    expect(hostsOf(left)).toEqual([first, second, second, first]);
  });

  test("is known by its beginning, and its key's object remembers it when the isolate does not", async () => {
    const opening = { messages: [{ role: "user", content: "a story of its own" }] };
    let down = true;
    const left = outside(({ host }) => (host === first && down ? refuse(503) : answer()));
    await (await ask({ model: "pair", ...opening })).text();
    await settled(key);
    down = false;
    for (const name of ["sessions"] as const) Object.assign(isolateOf(env), { [name]: new (isolateOf(env).sessions.constructor as new (capacity: number) => object)(10) });
    await (await ask({ model: "pair", messages: [...opening.messages, ...turns.slice(1)] })).text();
    expect(hostsOf(left)).toEqual([first, second, second]);
  });

  test("whose reasoning only its maker can read goes to anybody else without it", async () => {
    const signature = "EqQBCkYIARgCKkD".repeat(4);
    const history = [...said, { role: "assistant", content: [{ type: "thinking", thinking: "hm", signature }, { type: "text", text: "hi" }] }, { role: "user", content: "and now?" }];
    await fill("claude", ["text"], { anthropic: 1_000_000, openrouter: 1_000_000 });
    for (const provider of ["anthropic", "openrouter"]) await admin("PUT", `/organisations/${key.organisation}/credentials/${provider}`, { secret: `sk-${provider}` });
    await admin("PUT", "/aliases/thinker", { targets: ["anthropic/claude", "openrouter/claude"] });
    const left = outside(({ host }) => (host === "api.anthropic.com" ? refuse(529) : Response.json({ id: "m", type: "message", role: "assistant", model: "m", content: [{ type: "text", text: "hi" }], stop_reason: "end_turn", usage: { input_tokens: 1, output_tokens: 1 } })));
    const response = await call(key.secret, "POST", "/v1/messages", { model: "thinker", max_tokens: 10, messages: history });
    expect([response.status, prompts(left).map(({ host, body }) => [host, body.includes(signature)])]).toEqual([200, [["api.anthropic.com", true], ["openrouter.ai", false]]]);
    expect(response.headers.get("x-forge-losses")).toContain("reasoning");
  });
});

test("what its maker alone can read, and has come to somebody else, is left out on a second try", async () => {
  const signature = "EqQBCkYIARgCKkD".repeat(4);
  const history = [{ role: "user", content: "another" }, { role: "assistant", content: [{ type: "thinking", thinking: "hm", signature }, { type: "text", text: "hi" }] }, { role: "user", content: "and now?" }];
  const left = outside(({ body }) => (body.includes(signature) ? Response.json({ type: "error", error: { type: "invalid_request_error", message: "messages.1.content.0: Invalid `signature` in `thinking` block" } }, { status: 400 })
    : Response.json({ id: "m", type: "message", role: "assistant", model: "m", content: [{ type: "text", text: "hi" }], stop_reason: "end_turn", usage: { input_tokens: 1, output_tokens: 1 } })));
  const response = await call(key.secret, "POST", "/v1/messages", { model: "thinker", max_tokens: 10, messages: history });
  expect([response.status, hostsOf(left)]).toEqual([200, ["api.anthropic.com", "api.anthropic.com"]]);
  expect(response.headers.get("x-forge-losses")).toContain("reasoning");
});

describe("an organisation's own key", () => {
  test("is tried before the installation's, which takes its place only where that is allowed", async () => {
    const owner = await newKey();
    const bearers: (string | null)[] = [];
    outside(({ headers }) => {
      bearers.push(headers.get("authorization"));
      return headers.get("authorization") === "Bearer sk-own" ? refuse(401) : answer();
    });
    for (const only of [false, true]) {
      await admin("PUT", `/organisations/${owner.organisation}/credentials/openai`, { secret: "sk-own", only });
      const response = await ask({ model: "openai/both" }, {}, owner);
      const text = await response.text();
      expect([only, response.status]).toEqual([only, only ? 502 : 200]);
      await vi.waitFor(async () => expect(await env.KEY_METER.getByName(owner.id).entry(response.headers.get("x-request-id")!)).toBeDefined());
      expect((await env.KEY_METER.getByName(owner.id).entry(response.headers.get("x-request-id")!))?.ownKey).toBe(only ? true : undefined);
      if (only) expect(text).toContain("the organisation's own access to OpenAI was refused");
    }
    expect(bearers).toEqual(["Bearer sk-own", `Bearer ${(env as unknown as Json).OPENAI_API_KEY}`, "Bearer sk-own"]);
  });
});

describe("POST /v1/route", () => {
  test("tells the plan, what it costs and why not the others, and does nothing", async () => {
    const left = outside();
    const before = await env.KEY_METER.getByName(key.id).inspect();
    const response = await call(key.secret, "POST", "/v1/route", { model: "auto", messages: said, tools: [{ type: "function", function: { name: "f" } }] });
    const dry = await response.json<Json>();
    expect(response.status).toBe(200);
    expect(dry).toMatchObject({ object: "route", model: "auto", sovereign: false, pick: "cheapest", needs: { capabilities: ["tools"] }, error: null });
    const priced = dry.attempts.filter(({ price }: Json) => price !== null);
    expect(priced.map(({ deployment, price, estimated_cost }: Json) => [deployment, price.input, Number(estimated_cost) > 0])).toEqual([["groq/both", 1, true], ["openai/both", 2, true]]);
    expect(dry.excluded).toContainEqual({ deployment: "openai/sees", reason: "lacks_tools" });
    expect(prompts(left)).toEqual([]);
    const after = await env.KEY_METER.getByName(key.id).inspect();
    expect([after.counters.minute.requests, after.rowsWritten]).toEqual([before.counters.minute.requests, before.rowsWritten]);
  });

  test("says what a request would be refused with", async () => {
    outside();
    const dry = await (await call(key.secret, "POST", "/v1/route?endpoint=/v1/messages", { model: "openai/none:free", provider: { only: ["mistral"] } })).json<Json>();
    expect(dry).toMatchObject({ attempts: [], error: { code: expect.any(String) as string } });
    expect((await call(key.secret, "POST", "/v1/route?endpoint=/v1/nothing", { model: "auto" })).status).toBe(400);
  });
});

describe("a hedged stream", () => {
  const slow = (signal: { aborted: boolean }): Response => new Response(new ReadableStream({ type: "bytes", pull: () => new Promise(() => {}), cancel: () => void (signal.aborted = true) }), { headers: { "content-type": "text/event-stream" } });
  const measure = (ms: number): void => {
    for (let i = 0; i < 30; i += 1) isolateOf(env).health.note("openai/both", { is: "answered", firstByteMs: ms }, Date.now());
  };

  test("asks a second deployment when the first is slower than it nearly always is, and hangs up on the slower one", async () => {
    measure(20);
    const gone = { aborted: false };
    const left = outside(({ host }) => (host === first ? slow(gone) : stream()));
    const response = await ask({ model: "pair", stream: true }, { "x-forge-hedge": "true" });
    expect([await response.text(), hostsOf(left)]).toEqual([expect.stringContaining('"content":"hi"'), [first, second]]);
    await vi.waitFor(() => expect(gone.aborted).toBe(true));
    expect(await entryOf(response)).toMatchObject({
      deployment: "groq/both", end: "complete", attempts: 2, estimated: true, refused: [],
      legs: [
        { deployment: "openai/both", end: "outrun", usage: { outputTokens: 0 }, estimated: true, costSource: "estimated" },
        { deployment: "groq/both", end: "complete", why: "hedged" },
      ],
    });
    const { legs = [], costNanoUsd, lines, reserved } = await entryOf(response);
    expect(legs.reduce((sum, leg) => sum + leg.costNanoUsd, 0)).toBe(costNanoUsd);
    expect(legs.flatMap((leg) => leg.lines)).toEqual(lines);
    expect(reserved.nanoUsd).toBeGreaterThanOrEqual(costNanoUsd);
  });

  test("that its client leaves while both are silent is settled once, with both", async () => {
    measure(20);
    const left = outside(() => slow({ aborted: false }));
    let leave = (): void => {};
    const asked = askIn(key, "openai-chat", "pair", true, { "x-forge-hedge": "true" }, (how) => (leave = how));
    await vi.waitFor(() => expect(hostsOf(left)).toEqual([first, second]));
    leave();
    const { id } = await asked;
    const { end, legs = [], costNanoUsd, reserved } = await entryIn(key, id);
    expect([end, legs.map((leg) => leg.end).sort(), legs.reduce((sum, leg) => sum + leg.costNanoUsd, 0)]).toEqual(["client_gone", ["client_gone", "outrun"], costNanoUsd]);
    expect(costNanoUsd).toBeLessThanOrEqual(reserved.nanoUsd);
    await settled(key);
  });

  test("that its client leaves before either has headers owes for both", async () => {
    measure(20);
    const calls: AbortSignal[] = [];
    vi.spyOn(globalThis, "fetch").mockImplementation((_, init) => new Promise((__, reject) => {
      calls.push(init!.signal!);
      init!.signal!.addEventListener("abort", () => reject(init!.signal!.reason as Error), { once: true });
    }));
    let leave = (): void => {};
    const asked = askIn(key, "openai-chat", "pair", true, { "x-forge-hedge": "true" }, (how) => (leave = how));
    await vi.waitFor(() => expect(calls).toHaveLength(2));
    leave();
    const { id } = await asked;
    const { end, legs = [], costNanoUsd } = await entryIn(key, id);
    expect([end, legs.length, legs.every((leg) => leg.costNanoUsd > 0), legs.reduce((sum, leg) => sum + leg.costNanoUsd, 0)]).toEqual(["client_gone", 2, true, costNanoUsd]);
  });

  test("asks nobody else while the first is as quick as ever, nor where nobody asked for it or nobody has measured", async () => {
    measure(10_000);
    const left = outside(() => stream());
    for (const headers of [{ "x-forge-hedge": "true" }, {}] as Record<string, string>[]) await (await ask({ model: "pair", stream: true }, headers)).text();
    forget();
    await (await ask({ model: "pair", stream: true }, { "x-forge-hedge": "true" })).text();
    expect(hostsOf(left)).toEqual([first, first, first]);
  });
});

/** ForgeLab's chat completions: one message, its cost in FLT, and brain mode as one request to the ledger. */
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { isolateOf } from "../../src/pipeline/index.ts";
import { admin, call, eventStream, newKey, outside, prompts, settled, type Json, type Key, type Left } from "../security/stage.ts";
import { ask as asking, entryOf as entryAt, fillAliases, said as saying } from "./thinkers.ts";

let key: Key;

beforeAll(async () => {
  await fillAliases();
  key = await newKey();
});
afterEach(() => void vi.restoreAllMocks());

const ask = (body: Json, who = key): Promise<Response> => asking(body, who);
const entryOf = (response: Response, who = key) => entryAt(response, who);
const said = (content: string, used: readonly [number, number] = [10, 5]): Response => saying(content, used);
const plan = JSON.stringify({ split: true, tasks: [{ id: "bees", kind: "quick", instruction: "About bees", needs: [] }, { id: "ants", kind: "hard", instruction: "About ants", needs: [] }] });
const stepOf = ({ body }: Left): string => (body.includes("You split work") ? "plan" : body.includes("You do one part") ? (body.includes("About bees") ? "bees" : "ants") : body.includes("You check results") ? "review" : "answer");

const chunk = (delta: object, more: object = {}): string => `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", model: "m", choices: [{ index: 0, delta, finish_reason: null }], ...more })}\n\n`;
const last = chunk({}, { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
const spent = chunk({}, { choices: [], usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } });
const eventsOf = (text: string): Json[] => text.split("\n").filter((line) => line.startsWith("data: {")).map((line) => JSON.parse(line.slice(6)) as Json);

/** Models that split the work, do it, and answer, unless `over` says otherwise. */
function thinkers(over: Partial<Record<string, () => Response | Promise<Response>>> = {}): Left[] {
  return outside((left) => over[stepOf(left)]?.() ?? said({ plan, bees: "Bees fly.", ants: "Ants walk.", review: '{"ok":true,"again":[]}', answer: "Bees fly, ants walk." }[stepOf(left)]!));
}

test("prices of models are told in FLT for a thousand tokens, where there are any", async () => {
  outside(() => Response.json({ data: [] }));
  const { object, data } = await (await call(key.secret, "GET", "/api/v1/models")).json<{ object: string; data: { id: string; pricing: Json }[] }>();
  const pricing = (id: string): Json | undefined => data.find((one) => one.id === id)?.pricing;
  expect(object).toBe("list");
  // 1 USD a million tokens, 25,000 FLT a USD.
  expect(pricing("groq/gpt-test")).toEqual({ prompt: "0.000001", completion: "0.000001", input_flt_per_1k: 25, output_flt_per_1k: 25 });
  expect(pricing("auto")).toEqual({ prompt: "-1", completion: "-1" });
});

describe("mode chat", () => {
  test("is one request, and tells its cost in FLT", async () => {
    const left = outside(() => said("Here is the component.", [50, 150]));
    const response = await ask({ message: "Create a login form", model: "groq/gpt-test", mode: "chat", temperature: 0.5 });
    const answer = await response.json<Json>();
    expect(answer).toMatchObject({ object: "chat.completion", choices: [{ index: 0, message: { role: "assistant", content: "Here is the component." }, finish_reason: "stop" }], usage: { prompt_tokens: 50, completion_tokens: 150, total_tokens: 200 } });
    // 200 tokens at 1 USD a million, 25,000 FLT a USD.
    expect(answer.usage.cost_flt).toBe(5);
    expect(JSON.parse(prompts(left)[0]!.body)).toMatchObject({ messages: [{ role: "user", content: "Create a login form" }], temperature: 0.5 });
  });

  test("goes to the recommended model, at 0.7, unless it says otherwise", async () => {
    const left = outside(() => said("ok"));
    await ask({ message: "hi", mode: "chat" });
    expect(JSON.parse(prompts(left)[0]!.body)).toMatchObject({ model: "gpt-test", temperature: 0.7 });
  });

  test.each([[{ message: "" }, "message"], [{ message: "hi", mode: "think" }, "mode"], [{ message: "hi", temperature: 3 }, "temperature"], [{ message: "hi", model: "no such" }, "model"]])("%j is refused", async (body, param) => {
    outside();
    const response = await ask(body);
    expect([response.status, (await response.json<Json>()).error.param]).toEqual([400, param]);
  });

  test("streams, with FLT at the end", async () => {
    outside(() => eventStream(chunk({ role: "assistant", content: "" }), chunk({ content: "Here." }), last, spent, "data: [DONE]\n\n"));
    const events = eventsOf(await (await ask({ message: "hi", mode: "chat", stream: true })).text());
    expect(events.map(({ object }) => object as string)).toEqual(events.map(() => "chat.completion.chunk"));
    expect(events.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe("Here.");
    expect(events.at(-1)!.usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 5, cost_flt: 0.375 });
  });
});

describe("FLT", () => {
  const { settings } = isolateOf(env);
  afterEach(() => void (settings.FLT_PER_USD = 25_000));

  // 0.20 and 0.60 USD a million are 5 and 15 FLT a thousand at 25,000 FLT a USD.
  test.each([
    [25_000, [50, 150], 2.5], [25_000, [1_000, 0], 5], [25_000, [0, 1_000], 15], [25_000, [1, 0], 0.005], [1, [50, 150], 0.0001], [0.001, [50, 150], 0], [1_000_000, [7, 3], 3.2],
  ] as const)("at %d FLT a USD %j tokens cost %d", async (rate, used, flt) => {
    settings.FLT_PER_USD = rate;
    outside(() => said("ok", used));
    const response = await ask({ message: "hi", model: "groq/grok-test", mode: "chat" });
    expect(await response.json<Json>()).toMatchObject({ usage: { cost_flt: flt } });
    expect((await entryOf(response)).costNanoUsd).toBe(used[0] * 200 + used[1] * 600);
  });
});

describe("what is not paid for", () => {
  const refused = async (who: Key, over: object): Promise<string> => {
    const response = await ask({ message: "hi", model: "gpt-test", ...over }, who);
    const { error } = await response.json<Json>();
    return `${response.status} ${error.code} ${response.headers.get("x-should-retry")}`;
  };
  const ways = [{ mode: "chat" }, { mode: "brain" }, {}, { mode: "chat", stream: true }, { mode: "brain", stream: true, trace: true }];

  test("a budget that is gone is a 402", async () => {
    const left = outside();
    const poor = await newKey({ limits: { requestsPerMinute: 100, concurrentRequests: 10, budgetNanoUsd: 1 } });
    for (const way of ways) expect(await refused(poor, way)).toBe("402 insufficient_credits false");
    expect(left).toEqual([]);
  });

  test("a prepaid organisation without balance is a 402 until it has one", async () => {
    const left = outside();
    const poor = await newKey();
    await admin("PATCH", `/organisations/${poor.organisation}/account`, { prepaid: true });
    for (const way of ways) expect(await refused(poor, way)).toBe("402 insufficient_credits false");
    expect(left).toEqual([]);
    await admin("POST", `/organisations/${poor.organisation}/credits`, { kind: "grant", nanoUsd: 1_000_000_000, reason: "test" });
    expect((await ask({ message: "hi", mode: "chat", max_tokens: 10 }, poor)).status).toBe(200);
  });

  test("a subscription that has ended is a 402 until it goes on", async () => {
    const left = outside();
    const late = await newKey();
    const paidUntil = (ms: number) => admin("PATCH", `/organisations/${late.organisation}/account`, { paidUntil: new Date(ms).toISOString() });
    await paidUntil(Date.now() - 1);
    for (const way of ways) expect(await refused(late, way)).toBe("402 subscription_expired false");
    expect(left).toEqual([]);
    await paidUntil(Date.now() + 3_600_000);
    expect((await ask({ message: "hi", mode: "chat" }, late)).status).toBe(200);
  });

  test("one that ends while it is thought about keeps nothing that was granted", async () => {
    const late = await newKey();
    thinkers({ plan: async () => {
      await admin("PATCH", `/organisations/${late.organisation}/account`, { paidUntil: new Date(Date.now() - 1).toISOString() });
      return said(plan);
    } });
    expect((await ask({ message: "Write about bees and ants." }, late)).status).toBe(200);
    expect(await refused(late, {})).toBe("402 subscription_expired false");
  });

  test("nobody is a 401", async () => {
    outside();
    for (const way of ways) expect(await refused({ ...key, secret: "fl_sk_live_nobody" }, way)).toMatch(/^401 invalid_api_key/);
  });
});

describe("mode brain", () => {
  test("splits the work, does it side by side, and answers: one answer, one bill", async () => {
    const both = Promise.withResolvers<void>();
    let arrived = 0;
    const together = (text: string) => async (): Promise<Response> => {
      if ((arrived += 1) === 2) both.resolve();
      await both.promise;
      return said(text);
    };
    const left = thinkers({ bees: together("Bees fly."), ants: together("Ants walk.") });
    const response = await ask({ message: "Write about bees and ants.", trace: true });
    const answer = await response.json<Json>();
    expect(answer.choices[0].message.content).toBe("Bees fly, ants walk.");
    expect(prompts(left).map(stepOf)).toEqual(["plan", "bees", "ants", "review", "answer"]);
    expect(prompts(left).at(-1)!.body).toContain("Ants walk.");
    expect(answer.usage).toMatchObject({ prompt_tokens: 50, completion_tokens: 25, total_tokens: 75, cost_flt: 1.875 });
    const [bees, ants] = [answer.trace[1], answer.trace[2]];
    expect(answer.trace.map(({ step }: Json) => step).sort()).toEqual(["plan", "review", "task: ants", "task: bees"]);
    expect(Math.max(bees.started_ms, ants.started_ms)).toBeLessThanOrEqual(Math.min(bees.ended_ms, ants.ended_ms));
    const entry = await entryOf(response);
    expect(entry.legs!.map(({ step }) => step)).toEqual(["plan", expect.stringMatching(/^task/), expect.stringMatching(/^task/), "review", "answer"]);
    expect(entry).toMatchObject({ status: 200, end: "complete", costNanoUsd: 75_000, usage: { inputTokens: 50, outputTokens: 25 } });
    expect(entry.legs!.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0)).toBe(entry.costNanoUsd);
    expect(entry.reserved.nanoUsd).toBeGreaterThanOrEqual(entry.costNanoUsd);
    await settled(key);
    expect((await env.KEY_METER.getByName(key.id).inspect()).counters.minute.requests).toBeGreaterThan(0);
  });

  test.each([
    ["talks", () => said("I would rather talk."), 1],
    ["says no", () => said('{"split":false,"tasks":[]}'), 1],
    ["is busy", () => Response.json({ error: { message: "busy" } }, { status: 429 }), 1],
    ["fails, with a schema and without", () => Response.json({ error: { message: "down" } }, { status: 500 }), 2],
  ])("answers directly when the planner %s", async (_, planned, times) => {
    const left = thinkers({ plan: planned, answer: () => said("Directly.") });
    const answer = await (await ask({ message: "Write about bees and ants." })).json<Json>();
    expect(answer.choices[0].message.content).toBe("Directly.");
    expect(prompts(left).map(stepOf)).toEqual([...Array<string>(times).fill("plan"), "answer"]);
    expect(JSON.parse(prompts(left).at(-1)!.body).messages).toEqual([{ role: "user", content: "Write about bees and ants." }]);
  });

  test("answers directly when there is not enough for all its steps", async () => {
    const left = thinkers({ answer: () => said("Directly.") });
    const modest = await newKey({ limits: { requestsPerMinute: 100, concurrentRequests: 10, tokensPerMinute: 20_000 } });
    const response = await ask({ message: "Write about bees and ants.", max_tokens: 50 }, modest);
    expect((await response.json<Json>()).choices[0].message.content).toBe("Directly.");
    expect(prompts(left).map(stepOf)).toEqual(["answer"]);
  });

  test("counts as one request, and holds one place", async () => {
    thinkers();
    const one = await newKey({ limits: { requestsPerMinute: 1, concurrentRequests: 1 } });
    expect((await ask({ message: "Write about bees and ants." }, one)).status).toBe(200);
    expect((await ask({ message: "Write about bees and ants." }, one)).status).toBe(429);
  });

  test("streams its last step, with all that was used", async () => {
    thinkers({ answer: () => eventStream(chunk({ role: "assistant", content: "" }), chunk({ content: "Bees fly." }), last, spent, "data: [DONE]\n\n") });
    const response = await ask({ message: "Write about bees and ants.", stream: true });
    const text = await response.text();
    const events = eventsOf(text);
    expect(events.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe("Bees fly.");
    expect(events.at(-1)!.usage).toMatchObject({ prompt_tokens: 50, completion_tokens: 25, cost_flt: 1.875 });
    expect(text.trimEnd().endsWith("data: [DONE]")).toBe(true);
    expect((await entryOf(response)).legs).toHaveLength(5);
  });

  test("streams its trace with the end, though the model's server never says what it used", async () => {
    thinkers({ answer: () => eventStream(chunk({ content: "Bees fly." }), last, "data: [DONE]\n\n") });
    const events = eventsOf(await (await ask({ message: "Write about bees and ants.", stream: true, trace: true })).text());
    const [told] = events.filter(({ trace }) => trace !== undefined);
    expect(told).toMatchObject({ choices: [{ finish_reason: "stop" }] });
    expect(told!.trace).toHaveLength(4);
  });

  test("tells a failed answer as what it is, and bills what was done", async () => {
    thinkers({ answer: () => Response.json({ error: { message: "down", type: "x" } }, { status: 500 }) });
    const response = await ask({ message: "Write about bees and ants." });
    expect(response.status).toBeGreaterThanOrEqual(500);
    const entry = await entryOf(response);
    expect(entry).toMatchObject({ status: response.status, costNanoUsd: 60_000 });
  });

  test("asked twice under one name it thinks once", async () => {
    const left = thinkers();
    const named = () => call(key.secret, "POST", "/api/v1/chat/completions", { message: "Write about bees and ants." }, { "idempotency-key": "thought" });
    const [one, other] = [await (await named()).json<Json>(), await (await named()).json<Json>()];
    expect(other).toEqual(one);
    expect(prompts(left)).toHaveLength(5);
  });

  test("of a sovereign key reaches no other host", async () => {
    const left = thinkers();
    const sovereign = await newKey({ sovereign: true });
    for (const alias of ["auto", "fast", "reasoning"]) await admin("PUT", `/aliases/${alias}`, { targets: ["groq/gpt-test", "selfhosted/*"] });
    expect((await ask({ message: "Write about bees and ants." }, sovereign)).status).toBe(200);
    expect(new Set(left.map(({ host }) => host))).toEqual(new Set(["self.example"]));
  });
});

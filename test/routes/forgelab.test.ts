/** ForgeLab's chat completions: one message, its cost in FLT, and brain mode as one request to the ledger. */
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { LedgerEntry } from "../../src/ledger/entry.ts";
import { admin, call, eventStream, newKey, outside, prompts, settled, type Json, type Key, type Left } from "../security/stage.ts";

let key: Key;

beforeAll(async () => {
  await env.DB.batch([
    env.DB.prepare(`INSERT INTO models VALUES ('gpt-test', 'test', 'chat', '["text"]', '["text"]', '["text","json_schema"]', 100000, 10000, 0)`),
    env.DB.prepare("INSERT INTO deployments VALUES ('groq', 'gpt-test', 'gpt-test')"),
    ...["input", "output"].map((unit) => env.DB.prepare("INSERT INTO prices VALUES ('groq', 'gpt-test', ?, 0, 0, 1000000, 'test')").bind(unit)),
  ]);
  for (const alias of ["auto", "fast", "reasoning"]) await admin("PUT", `/aliases/${alias}`, { targets: ["groq/gpt-test"] });
  key = await newKey();
});
afterEach(() => void vi.restoreAllMocks());

const ask = (body: Json, who = key): Promise<Response> => call(who.secret, "POST", "/api/v1/chat/completions", body);
const said = (content: string, usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }): Response =>
  Response.json({ id: "c", object: "chat.completion", model: "m", choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }], usage });
const plan = JSON.stringify({ split: true, tasks: [{ id: "bees", kind: "quick", instruction: "About bees", needs: [] }, { id: "ants", kind: "hard", instruction: "About ants", needs: [] }] });
const stepOf = ({ body }: Left): string => (body.includes("You split work") ? "plan" : body.includes("You do one part") ? (body.includes("About bees") ? "bees" : "ants") : body.includes("You check results") ? "review" : "answer");
const entryOf = (response: Response, { id }: Key = key): Promise<LedgerEntry> => vi.waitFor(async () => {
  const entry = await env.KEY_METER.getByName(id).entry(response.headers.get("x-request-id")!);
  expect(entry).toBeDefined();
  return entry!;
});

/** Models that split the work, do it, and answer, unless `over` says otherwise. */
function thinkers(over: Partial<Record<string, () => Response | Promise<Response>>> = {}): Left[] {
  return outside((left) => over[stepOf(left)]?.() ?? said({ plan, bees: "Bees fly.", ants: "Ants walk.", review: '{"ok":true,"again":[]}', answer: "Bees fly, ants walk." }[stepOf(left)]!));
}

describe("mode chat", () => {
  test("is one request, and tells its cost in FLT", async () => {
    const left = outside(() => said("Here is the component.", { prompt_tokens: 50, completion_tokens: 150, total_tokens: 200 }));
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

  test("without balance is a 402", async () => {
    outside();
    const poor = await newKey({ limits: { requestsPerMinute: 100, concurrentRequests: 10, budgetNanoUsd: 1 } });
    for (const mode of ["chat", "brain"]) expect((await ask({ message: "hi", model: "gpt-test", mode }, poor)).status).toBe(402);
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
    ["talks", () => said("I would rather talk.")],
    ["says no", () => said('{"split":false,"tasks":[]}')],
    ["fails", () => Response.json({ error: { message: "down" } }, { status: 500 })],
  ])("answers directly when the planner %s", async (_, planned) => {
    const left = thinkers({ plan: planned, answer: () => said("Directly.") });
    const answer = await (await ask({ message: "Write about bees and ants." })).json<Json>();
    expect(answer.choices[0].message.content).toBe("Directly.");
    expect(prompts(left).map(stepOf)).toEqual(["plan", "answer"]);
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
    const chunk = (delta: object, more: object = {}): string => `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", model: "m", choices: [{ index: 0, delta, finish_reason: null }], ...more })}\n\n`;
    thinkers({ answer: () => eventStream(chunk({ role: "assistant", content: "" }), chunk({ content: "Bees fly." }), chunk({}, { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }), chunk({}, { choices: [], usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } }), "data: [DONE]\n\n") });
    const response = await ask({ message: "Write about bees and ants.", stream: true });
    const text = await response.text();
    const events = text.split("\n").filter((line) => line.startsWith("data: {")).map((line) => JSON.parse(line.slice(6)) as Json);
    expect(events.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe("Bees fly.");
    expect(events.at(-1)!.usage).toMatchObject({ prompt_tokens: 50, completion_tokens: 25, cost_flt: 1.875 });
    expect(text.trimEnd().endsWith("data: [DONE]")).toBe(true);
    expect((await entryOf(response)).legs).toHaveLength(5);
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

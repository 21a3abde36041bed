/** How far brain mode goes at most, in steps, time and money, and what of it happens at once. Each bound is reached. */
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { isolateOf } from "../../src/pipeline/index.ts";
import { admin, eventStream, newKey, settled, type Json, type Key } from "../security/stage.ts";
import { ask, entryOf, fillAliases, hangs, meterOf, planOf, playing, said, task } from "./thinkers.ts";

const { settings } = isolateOf(env);
const { BRAIN_TIMEOUT_MS, DRAIN_TIMEOUT_MS } = settings;
let key: Key;

beforeAll(async () => {
  await fillAliases();
  key = await newKey();
});
afterEach(() => {
  vi.restoreAllMocks();
  settings.BRAIN_TIMEOUT_MS = BRAIN_TIMEOUT_MS;
});

const wish = { message: "Write about bees and ants.", trace: true };
type Span = { started_ms: number; ended_ms: number };
const contentOf = (answer: Json): string => answer.choices[0].message.content as string;
const letters = ["a", "b", "c", "d", "e", "f"];

/** Answers once so many have come. */
function gate(count: number): () => Promise<void> {
  const open = Promise.withResolvers<void>();
  let came = 0;
  return async () => {
    if ((came += 1) === count) open.resolve();
    await open.promise;
  };
}

describe("side by side", () => {
  test("what needs nothing runs at once, at the upstream and in the trace; what needs it runs behind it", async () => {
    const both = gate(2);
    const stage = playing((step) => (step === "plan" ? said(planOf(task("d", ["c"]), task("c", ["a", "b"]), task("a"), task("b"))) : /: [ab]$/.test(step) ? both().then(() => said(`of ${step}`)) : undefined));
    const answer = await (await ask(wish, key)).json<Json>();
    expect(stage.asked()).toEqual(["plan", "task: a", "task: b", "task: c", "task: d", "review", "answer"]);
    expect(stage.most).toBe(2);
    const of = Object.fromEntries(answer.trace.map((step: Json) => [step.step, step])) as Record<string, Span>;
    const [a, b, c, d] = ["a", "b", "c", "d"].map((id) => of[`task: ${id}`]!) as [Span, Span, Span, Span];
    expect(Math.max(a.started_ms, b.started_ms)).toBeLessThanOrEqual(Math.min(a.ended_ms, b.ended_ms));
    expect(c.started_ms).toBeGreaterThanOrEqual(Math.max(a.ended_ms, b.ended_ms));
    expect(d.started_ms).toBeGreaterThanOrEqual(c.ended_ms);
  });

  test("a failed task holds up none but those that need it, and they run without it", async () => {
    const stage = playing((step) => (step === "plan" ? said(planOf(task("a"), task("b"), task("c", ["a"]))) : step === "task: a" ? Response.json({ error: { message: "down" } }, { status: 503 }) : undefined));
    const response = await ask(wish, key);
    expect(response.status).toBe(200);
    expect(stage.asked().toSorted()).toEqual(["answer", "plan", "review", "task: a", "task: b", "task: c"]);
    expect(stage.left.at(-1)!.body).not.toContain("of task: a");
  });
});

describe("steps", () => {
  test("a thousand tasks are six, once again where the reviewer says so, six at a time and fifteen calls in all", async () => {
    const [first, second] = [gate(6), gate(6)];
    const thousand = planOf(...Array.from({ length: 1_000 }, (_, n) => task(letters[n] ?? `n${n}`)));
    const stage = playing((step) => {
      if (step === "plan") return said(thousand);
      if (step === "review") return said(JSON.stringify({ ok: false, again: letters.map((one) => ({ task: one, why: "no" })) }));
      return step === "answer" ? undefined : (step.startsWith("task") ? first : second)().then(() => said(`of ${step}`));
    });
    const response = await ask(wish, key);
    expect((await response.json<Json>()).trace).toHaveLength(14);
    expect([stage.asked().length, stage.most]).toEqual([15, 6]);
    const entry = await entryOf(response, key);
    expect([entry.legs!.length, entry.usage.inputTokens, entry.usage.outputTokens, entry.costNanoUsd]).toEqual([15, 150, 75, 225_000]);
  });

  test("whoever cannot write by a schema is asked without one", async () => {
    const stage = playing((step, { body }) => (body.includes("json_schema") ? Response.json({ error: { message: "Input should be 'text' or 'json_object'" } }, { status: 422 }) : step === "plan" ? said(planOf(task("a"), task("b"))) : undefined));
    const response = await ask(wish, key);
    expect([response.status, stage.asked()]).toEqual([200, ["plan", "plan", "task: a", "task: b", "review", "review", "answer"]]);
    expect((await entryOf(response, key)).costNanoUsd).toBe(5 * 15_000);
  });

  test("so is a model of which it is known that it cannot", async () => {
    const other = await newKey();
    await admin("PUT", "/aliases/fast", { organisation: other.organisation, targets: ["groq/grok-test"] });
    const stage = playing((step) => (step === "plan" ? said(planOf(task("a"), task("b"))) : undefined));
    const response = await ask(wish, other);
    expect([response.status, stage.asked()]).toEqual([200, ["plan", "task: a", "task: b", "review", "answer"]]);
    expect((await entryOf(response, other)).costNanoUsd).toBe(2 * (10 * 200 + 5 * 600) + 3 * 15_000);
  });

  test("what is not in the plan is not done again", async () => {
    const stage = playing((step) => (step === "plan" ? said(planOf(task("a"), task("b"))) : step === "review" ? said(JSON.stringify({ ok: false, again: [{ task: "x", why: "no" }, { task: "__proto__", why: "" }] })) : undefined));
    await ask(wish, key);
    expect(stage.asked()).toEqual(["plan", "task: a", "task: b", "review", "answer"]);
  });
});

describe("time", () => {
  /** JSON that never begins: white space without end. */
  const dribbles = (signal: AbortSignal, piece = " \n"): Response => {
    let timer: ReturnType<typeof setInterval>;
    return new Response(new ReadableStream({
      type: "bytes",
      start(controller) {
        timer = setInterval(() => controller.enqueue(new TextEncoder().encode(piece)), 5);
        signal.addEventListener("abort", () => {
          clearInterval(timer);
          controller.error(signal.reason);
        });
      },
    }), { headers: { "content-type": "application/json" } });
  };

  test.each([["never answers", hangs], ["sends white space for ever", ({ signal }: { signal: AbortSignal }) => dribbles(signal)]])("a planner that %s is hung up on, and costs nothing", async (_, planned) => {
    settings.BRAIN_TIMEOUT_MS = 200;
    const stage = playing((step, left) => (step === "plan" ? planned(left) : undefined));
    const begunMs = Date.now();
    const response = await ask(wish, key);
    expect(contentOf(await response.json<Json>())).toBe("of answer");
    expect(Date.now() - begunMs).toBeGreaterThanOrEqual(190);
    expect(Date.now() - begunMs).toBeLessThan(5_000);
    expect([stage.asked(), stage.left.find(({ body }) => body.includes("You split work"))!.signal.aborted]).toEqual([["plan", "answer"], true]);
    const entry = await entryOf(response, key);
    expect(entry.legs!.map(({ step, end, costNanoUsd }) => [step, end, costNanoUsd])).toEqual([["plan", "upstream_timeout", 0], ["answer", "complete", 15_000]]);
    expect(entry.costNanoUsd).toBe(15_000);
  });

  test("a planner that streams for ever, though nobody asked for a stream, is hung up on", async () => {
    settings.BRAIN_TIMEOUT_MS = 300;
    settings.DRAIN_TIMEOUT_MS = 100;
    const stage = playing((step, { signal }) => (step === "plan" ? new Response(dribbles(signal, 'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n').body, { headers: { "content-type": "text/event-stream" } }) : undefined));
    const response = await ask(wish, key);
    const answer = await response.json<Json>();
    settings.DRAIN_TIMEOUT_MS = DRAIN_TIMEOUT_MS;
    expect([contentOf(answer), stage.asked(), answer.trace.length]).toEqual(["of answer", ["plan", "answer"], 1]);
    const entry = await entryOf(response, key);
    expect(entry.legs!.map(({ step, estimated }) => [step, estimated])).toEqual([["plan", true], ["answer", false]]);
    expect(entry.usage.inputTokens).toBe(answer.usage.prompt_tokens);
    expect(entry.costNanoUsd).toBeLessThanOrEqual(entry.reserved.nanoUsd);
  });

  test("a planner that streams what it says is counted before the answer tells what was used", async () => {
    const spent = `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 40, completion_tokens: 2, total_tokens: 42 } })}\n\n`;
    playing((step) => (step === "plan" ? eventStream('data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n', spent, "data: [DONE]\n\n") : undefined));
    const response = await ask(wish, key);
    const answer = await response.json<Json>();
    expect([answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.trace.length]).toEqual([50, 7, 1]);
    expect((await entryOf(response, key)).costNanoUsd).toBe(57_000);
  });

  test("a task that takes too long is hung up on, and the answer is made of the others; nothing else begins", async () => {
    settings.BRAIN_TIMEOUT_MS = 500;
    const stage = playing((step, left) => (step === "plan" ? said(planOf(task("a"), task("b"), task("c", ["b"]))) : step === "task: b" ? hangs(left) : undefined));
    const response = await ask(wish, key);
    expect(contentOf(await response.json<Json>())).toBe("of answer");
    expect(stage.asked()).toEqual(["plan", "task: a", "task: b", "answer"]);
    expect(stage.left.at(-1)!.body).toContain("of task: a");
    expect((await entryOf(response, key)).costNanoUsd).toBe(45_000);
  });

  test("the answer itself takes the time that it takes", async () => {
    settings.BRAIN_TIMEOUT_MS = 100;
    playing((step) => (step === "plan" ? said("no") : scheduler.wait(300).then(() => said("late"))));
    expect(contentOf(await (await ask(wish, key)).json<Json>())).toBe("late");
  });
});

describe("money", () => {
  const everything = (step: string): Response | undefined => (step === "plan" ? said(planOf(...letters.map((one) => task(one)))) : undefined);

  test("what is reserved at the meter is what the entry says, and what is charged is below it", async () => {
    const own = await newKey();
    let held: Awaited<ReturnType<typeof meterOf>> | undefined;
    playing((step) => (step === "plan" ? meterOf(own).then((now) => ((held = now), everything(step)!)) : undefined));
    const response = await ask(wish, own);
    await response.json();
    const entry = await entryOf(response, own);
    await settled(own);
    expect(held).toEqual({ held: 1, heldNanoUsd: entry.reserved.nanoUsd, heldTokens: entry.reserved.tokens, spentNanoUsd: 0 });
    expect(await meterOf(own)).toEqual({ held: 0, heldNanoUsd: 0, heldTokens: 0, spentNanoUsd: entry.costNanoUsd });
    expect(entry.costNanoUsd).toBe(9 * 15_000);
    expect(entry.reserved.nanoUsd).toBeGreaterThan(entry.costNanoUsd);
  });

  test("a budget of just what all steps may use is enough; with a nano-USD less the request is answered directly, and its trace is empty", async () => {
    playing(everything);
    const { reserved } = await entryOf(await ask(wish, key), key);
    for (const [budgetNanoUsd, steps] of [[reserved.nanoUsd, 9], [reserved.nanoUsd - 1, 1]] as const) {
      const stage = playing(everything);
      const tight = await newKey({ limits: { requestsPerMinute: 100, concurrentRequests: 10, budgetNanoUsd } });
      const answer = await (await ask(wish, tight)).json<Json>();
      expect([stage.asked().length, answer.trace.length, contentOf(answer)]).toEqual([steps, steps - 1, "of answer"]);
    }
  });

  test("what the steps leave is what may be done again: never what the answer needs", async () => {
    playing(everything);
    const { reserved } = await entryOf(await ask(wish, key), key);
    const share = Math.floor(reserved.tokens / 9);
    // Eight steps before the answer use all that is not the answer's.
    const stage = playing((step) => (step === "plan" ? said(planOf(...letters.map((one) => task(one))), [share, 0]) : step === "review" ? said(JSON.stringify({ ok: false, again: letters.map((one) => ({ task: one, why: "no" })) }), [share, 0]) : step === "answer" ? undefined : said("x", [share, 0])));
    const response = await ask(wish, key);
    expect([response.status, stage.asked().filter((step) => step.startsWith("again")), stage.asked().at(-1)]).toEqual([200, [], "answer"]);
    const entry = await entryOf(response, key);
    expect(entry.costNanoUsd).toBe(8 * share * 1_000 + 15_000);
    expect(entry.costNanoUsd).toBeLessThanOrEqual(entry.reserved.nanoUsd);
  });

  test("a provider that says it used more than it was allowed is believed, and nothing more is asked of anybody", async () => {
    const stage = playing((step) => (step === "plan" ? said("no plan", [100_000_000, 1]) : undefined));
    const response = await ask(wish, key);
    expect([response.status, (await response.json<Json>()).error.code, stage.asked()]).toEqual([402, "insufficient_credits", ["plan"]]);
    expect((await entryOf(response, key)).usage).toMatchObject({ inputTokens: 100_000_000, outputTokens: 1 });
  });

  test("results that are far longer than their tokens are read as far as was reserved for", async () => {
    const long = "\ufdfa ".repeat(100_000);
    const stage = playing((step) => (step === "plan" ? said(planOf(...letters.map((one) => task(one)))) : step.startsWith("task") ? said(long, [1_000, 4_096]) : undefined));
    const response = await ask(wish, key);
    expect([response.status, stage.asked().length]).toEqual([200, 9]);
    expect(stage.left.at(-1)!.body.length).toBeLessThan(6 * 16_384 + 5_000);
    expect(stage.left.at(-1)!.body).toContain("\ufdfa");
  });

  test("nothing is thought, or paid, for the sake of a model that there is none of", async () => {
    const stage = playing(() => undefined);
    const response = await ask({ ...wish, model: "nobody/nothing" }, key);
    expect([response.status, (await response.json<Json>()).error.code, stage.asked()]).toEqual([404, "model_not_found", []]);
  });
});

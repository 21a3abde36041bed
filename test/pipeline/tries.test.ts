import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Tries, type Next, type Setback } from "../../src/pipeline/tries.ts";
import { providerOf } from "../../src/providers/index.ts";
import type { Attempt } from "../../src/router/index.ts";

const attempts = (count: number): Attempt[] => Array.from({ length: count }, (_, i) => (
  { endpoint: { provider: providerOf("openai")!, baseUrl: "", secret: "" }, upstreamId: `m${i}`, deployment: `openai/m${i}`, vital: `openai/m${i}`, prices: [], maxOutputTokens: undefined, protocols: [] }));
const passing: Setback = { failsOver: true, passes: true };
const over: Setback = { failsOver: true, passes: false };
const always = () => true;
const patience = { retries: 2, budgetMs: 8_000 };

/** Plays a request to its end: what each try comes to, and how long it takes. */
function play(tries: Tries, outcome: (attempt: Attempt, nth: number) => Setback & { takesMs?: number }, startMs = 1_000): { next: Next; atMs: number; endMs: number; setback: Setback }[] {
  const story: { next: Next; atMs: number; endMs: number; setback: Setback }[] = [];
  let nowMs = startMs;
  for (let next = tries.fresh(nowMs); next && story.length < 200;) {
    const atMs = nowMs + next.waitMs;
    const { takesMs = 0, ...setback } = outcome(next.attempt, story.length);
    nowMs = atMs + takesMs;
    story.push({ next, atMs, endMs: nowMs, setback });
    next = tries.after(next.attempt, setback, nowMs);
  }
  return story;
}
const names = (story: ReturnType<typeof play>): string[] => story.map(({ next }) => next.attempt.upstreamId);

describe("deployments", () => {
  test("are tried in their order, at once, and then the first that may be back", () => {
    const story = play(new Tries(attempts(3), patience, 1_000, always, () => 0.5), () => passing);
    expect(names(story)).toEqual(["m0", "m1", "m2", "m0", "m1"]);
    expect(story.map(({ next }) => next.waitMs)).toEqual([0, 0, 0, 125, 250]);
  });
  test("whose failure will not pass are not tried again", () => {
    expect(names(play(new Tries(attempts(3), patience, 1_000, always, () => 0), (_, nth) => (nth === 1 ? passing : over)))).toEqual(["m0", "m1", "m2", "m1"]);
    expect(names(play(new Tries(attempts(2), patience, 1_000, always, () => 0), () => over))).toEqual(["m0", "m1"]);
  });
  test("are left alone when the failure is the request's own", () => {
    expect(names(play(new Tries(attempts(3), patience, 1_000, always, () => 0), () => ({ failsOver: false, passes: true })))).toEqual(["m0"]);
  });
  test("are none: then nothing is tried", () => expect(new Tries([], patience, 0, always, () => 0).fresh(0)).toBeUndefined());
  test("whose probe is another request's are passed over, but for the last when it is the only hope", () => {
    const down = (...which: string[]) => ({ upstreamId }: Attempt) => !which.includes(upstreamId);
    expect(names(play(new Tries(attempts(3), { retries: 0, budgetMs: 0 }, 1_000, down("m0", "m2"), () => 0), () => passing))).toEqual(["m1"]);
    expect(names(play(new Tries(attempts(3), { retries: 0, budgetMs: 0 }, 1_000, down("m0", "m1", "m2"), () => 0), () => passing))).toEqual(["m2"]);
  });
});

describe("a wait", () => {
  test("is by chance between nothing and a bound that doubles, up to four seconds", () => {
    const waits = (chance: number) => play(new Tries(attempts(1), { retries: 7, budgetMs: 60_000 }, 1_000, always, () => chance), () => passing).slice(1).map(({ next }) => next.waitMs);
    expect(waits(0)).toEqual([0, 0, 0, 0, 0, 0, 0]);
    expect(waits(1)).toEqual([250, 500, 1_000, 2_000, 4_000, 4_000, 4_000]);
  });
  test("is never shorter than the provider asked for, and whoever is ready first is next", () => {
    const story = play(new Tries(attempts(2), patience, 1_000, always, () => 0.1), (_, nth) => ({ ...passing, retryAfterMs: nth === 0 ? 5_000 : 2_000 }));
    expect(names(story)).toEqual(["m0", "m1", "m1", "m1"]);
    expect(story.map(({ next }) => next.waitMs)).toEqual([0, 0, 2_000, 2_000]);
  });
  test("that would end after the budget is not begun", () => {
    expect(names(play(new Tries(attempts(1), patience, 1_000, always, () => 0), () => ({ ...passing, retryAfterMs: 8_001 })))).toEqual(["m0"]);
    expect(names(play(new Tries(attempts(1), patience, 1_000, always, () => 0), (_, nth) => ({ ...passing, retryAfterMs: nth === 0 ? 8_000 : 1 })))).toEqual(["m0", "m0"]);
  });
  test("counts what the tries before it took", () => {
    expect(names(play(new Tries(attempts(1), patience, 1_000, always, () => 0), () => ({ ...passing, takesMs: 5_000 })))).toEqual(["m0", "m0"]);
  });
});

test("whatever happens, everyone is tried before anyone is tried again, nobody too early, nothing after the budget (property)", () => {
  const setback = fc.record({ failsOver: fc.constant(true), passes: fc.boolean(), retryAfterMs: fc.option(fc.nat(6_000), { nil: undefined }), takesMs: fc.nat(3_000) });
  fc.assert(fc.property(fc.nat(5), fc.nat(4), fc.nat(8_000), fc.array(setback, { minLength: 1 }), fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })), (count, retries, budgetMs, setbacks, chances) => {
    const all = attempts(count);
    const story = play(new Tries(all, { retries, budgetMs }, 1_000, always, () => chances.next().value as number), (_, nth) => setbacks[nth % setbacks.length]!);
    expect(names(story.slice(0, count))).toEqual(all.map(({ upstreamId }) => upstreamId));
    expect(story.length).toBeLessThanOrEqual(count + retries);
    story.forEach(({ next, atMs }, i) => {
      expect(next.waitMs).toBeGreaterThanOrEqual(0);
      if (i >= count) {
        expect(atMs - 1_000).toBeLessThanOrEqual(budgetMs);
        const before = story.slice(0, i).findLast(({ next: earlier }) => earlier.attempt === next.attempt)!;
        expect(before.setback.passes).toBe(true);
        expect(atMs).toBeGreaterThanOrEqual(before.endMs + (before.setback.retryAfterMs ?? 0));
      }
      expect(next.last).toBe(i >= count - 1);
    });
  }), { numRuns: 300 });
});

/** Isolates and the real object. Each test has a region of its own. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Health, HealthBoard, type Event } from "../../src/health/index.ts";

const start = Date.UTC(2040, 5, 15, 12);
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }).setSystemTime(start));
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const ok: Event = { is: "answered", firstByteMs: 300, outputTokens: 200, streamMs: 4_000 };
const bad: Event = { is: "failed" };
const firstByte: Event = { is: "answered", firstByteMs: 300 };

/** An isolate of a region, whose clock is `skewMs` off. */
function isolate(region: string, skewMs = 0) {
  const health = new Health();
  const now = (): number => Date.now() + skewMs;
  return {
    note: (event: Event, n = 1, deployment = "p/m"): void => {
      for (let i = 0; i < n; i += 1) health.note(deployment, event, now());
    },
    sync: async (): Promise<void> => {
      const begun: Promise<unknown>[] = [];
      health.sync(env.HEALTH_BOARD, region, now(), (promise) => void begun.push(promise));
      expect(begun).toHaveLength(1);
      await Promise.all(begun);
    },
    of: (deployment = "p/m") => health.of(deployment, now()),
    mayTry: (deployment = "p/m") => health.mayTry(deployment, now()),
  };
}

const pass = (ms: number): void => void vi.setSystemTime(Date.now() + ms);

test.each([0, 90_000, -90_000])("one isolate's opening is another's after one exchange each, and so is the closing (clocks %i ms apart)", async (skewMs) => {
  const [one, other] = [isolate(`open-${skewMs}`), isolate(`open-${skewMs}`, skewMs)];
  one.note(bad, 3);
  expect(one.of()?.state).toBe("open");
  expect(other.of()).toBeUndefined();
  await one.sync();
  await other.sync();
  expect(other.of()).toMatchObject({ state: "open" });
  expect([one.mayTry(), other.mayTry()]).toEqual([false, false]);

  pass(2_000);
  expect([one.of()?.state, other.of()?.state]).toEqual(["half_open", "half_open"]);
  expect([other.mayTry(), other.mayTry()]).toEqual([true, false]);
  other.note(firstByte);
  await other.sync();
  expect(other.of()?.state).toBe("closed");
  one.note(firstByte, 1, "p/else");
  await one.sync();
  expect(one.of()?.state).toBe("closed");
});

test("a failed probe makes everybody's pause longer, once", async () => {
  const isolates = Array.from({ length: 3 }, () => isolate("pauses"));
  isolates[0]!.note(bad, 3);
  for (const each of isolates) await each.sync();
  for (const pause of [2_000, 4_000, 8_000]) {
    pass(pause);
    for (const each of isolates) {
      expect(each.of()?.state).toBe("half_open");
      expect(each.mayTry()).toBe(true);
      each.note(bad);
    }
    for (const each of isolates) await each.sync();
    const stranger = isolate("pauses");
    await stranger.sync();
    expect([...isolates, stranger].map((each) => each.of()!.probeAtMs! - Date.now())).toEqual([2, 2, 2, 2].map((times) => times * pause));
  }
});

test("figures are the region's", async () => {
  const [one, other] = [isolate("figures"), isolate("figures")];
  one.note(ok, 15);
  other.note(ok, 15);
  other.note(bad, 10);
  expect(one.of()?.firstByteMs).not.toHaveProperty("p95");
  await other.sync();
  await one.sync();
  const { firstByteMs, tokensPerSecond, okShare } = one.of()!;
  expect(Math.abs(firstByteMs!.p95! / 300 - 1)).toBeLessThan(0.14);
  expect(Math.abs(tokensPerSecond! / 50 - 1)).toBeLessThan(0.14);
  expect(okShare).toBe(0.75);
});

test("only what changed is told", async () => {
  const [one, stranger] = [isolate("changed"), isolate("changed")];
  for (let i = 0; i < 50; i += 1) one.note(ok, 10, `p/${i}`);
  await one.sync();
  await stranger.sync();
  expect(stranger.of("p/49")?.okShare).toBe(1);
  const told = vi.spyOn(HealthBoard.prototype, "exchange");
  pass(2_000);
  one.note(ok, 10, "p/7");
  one.note(bad, 10, "p/8");
  await one.sync();
  pass(5_000);
  await stranger.sync();
  const snapshots = told.mock.results.map(({ value }) => value as { changed: { deployment: string }[] });
  expect(snapshots.map(({ changed }) => changed.map(({ deployment }) => deployment))).toEqual([["p/7", "p/8"], ["p/7", "p/8"]]);
});

test("a board that was evicted is filled again, without a request failing", async () => {
  const region = "evicted";
  const [one, other] = [isolate(region), isolate(region)];
  one.note(ok, 30);
  one.note(bad, 3, "p/dead");
  await one.sync();
  await other.sync();
  await evictDurableObject(env.HEALTH_BOARD.getByName(region));
  pass(5_000);
  await one.sync();
  const stranger = isolate(region);
  await stranger.sync();
  expect(stranger.of()).toMatchObject({ state: "closed", okShare: 1, firstByteMs: { p50: one.of()!.firstByteMs!.p50 } });
  expect(stranger.of("p/dead")?.state).toBe("half_open");
});

test("nothing is stored, and no alarm is set", async () => {
  const board = env.HEALTH_BOARD.getByName("stored");
  const one = isolate("stored");
  one.note(bad, 10);
  await one.sync();
  const stored = await runInDurableObject(board, async (_, { storage }) => ({ alarm: await storage.getAlarm(), rows: [...(await storage.list())].length }));
  expect(stored).toEqual({ alarm: null, rows: 0 });
});

test("the last failure is on the board with its reason and its time, and told again to a board that has forgotten it", async () => {
  const [one, other] = [isolate("why"), isolate("why")];
  const board = env.HEALTH_BOARD.getByName("why");
  const last = async () => (await board.look()).find(({ deployment }) => deployment === "p/m")?.failure;
  one.note({ is: "failed", why: { code: "upstream_timeout" } });
  pass(1_000);
  one.note({ is: "failed", why: { code: "upstream_refused", status: 429 } });
  one.note(ok);
  const atMs = Date.now();
  pass(3_000);
  await one.sync();
  expect(await last()).toEqual({ code: "upstream_refused", status: 429, atMs });
  other.note(ok);
  await other.sync();
  expect(await last(), "an answer leaves it").toMatchObject({ status: 429 });
  await evictDurableObject(board);
  pass(5_000);
  await one.sync();
  expect(await last()).toEqual({ code: "upstream_refused", status: 429, atMs });
});

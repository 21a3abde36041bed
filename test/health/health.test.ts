/** Isolates against a board that the test plays: when they call, and what becomes of calls that fail. */
import { afterEach, beforeEach, describe, expect, test, vi, type MockInstance } from "vitest";
import { Board, mostDeployments, silentMs, type Report, type Snapshot } from "../../src/health/board.ts";
import { exchangeEveryMs, exchangeMs, Health, listenEveryMs, urgentEveryMs, type Boards } from "../../src/health/health.ts";
import type { Event } from "../../src/health/index.ts";

const start = Date.UTC(2026, 10, 21);
const ok: Event = { is: "answered", firstByteMs: 300, outputTokens: 200, streamMs: 4_000 };
const bad: Event = { is: "failed" };
const times = (health: Health, n: number, event: Event, nowMs = start, deployment = "p/m"): void => {
  for (let i = 0; i < n; i += 1) health.note(deployment, event, nowMs);
};

let warn: MockInstance;
beforeEach(() => void (warn = vi.spyOn(console, "warn").mockReturnValue()));
afterEach(() => void vi.restoreAllMocks());

type World = {
  nowMs: number;
  reports: Report[];
  regions: string[];
  /** How the next calls go; then all go well. */
  fates: ("lost" | "reply lost")[];
  restart: () => void;
  /** Whether the isolate made a call; it is over by then. */
  sync: (health: Health, atMs?: number, region?: string) => Promise<boolean>;
};

/** A board whose answers may fail, and whose memory may go. */
function world(): World {
  let board = new Board("board-1");
  let made = 1;
  const world: World = {
    nowMs: start,
    reports: [],
    regions: [],
    fates: [],
    restart: () => void (board = new Board(`board-${(made += 1)}`)),
    sync: async (health, atMs = world.nowMs, region = "EU") => {
      const begun: Promise<unknown>[] = [];
      health.sync(boards, region, (world.nowMs = atMs), (promise) => void begun.push(promise));
      await Promise.all(begun);
      return begun.length > 0;
    },
  };
  const boards: Boards = {
    getByName: (region) => {
      world.regions.push(region);
      return {
        exchange: async (report): Promise<Snapshot> => {
          const fate = world.fates.shift();
          world.reports.push(structuredClone(report));
          if (fate === "lost") throw new Error("Network connection lost.");
          const snapshot = structuredClone(board.exchange(structuredClone(report), world.nowMs));
          if (fate === "reply lost") throw new Error("Network connection lost.");
          return snapshot;
        },
      };
    },
  };
  return world;
}
const newsOf = (report: Report) => report.news.map(([deployment, { answered, failed }]) => [deployment, answered, failed]);
/** What the board has counted, as a stranger hears it. */
const shareOf = async (stage: World, deployment = "p/m"): Promise<number | undefined> => {
  const stranger = new Health();
  await stage.sync(stranger);
  return stranger.of(deployment, stage.nowMs)?.okShare;
};

describe("when an isolate calls", () => {
  test("with news every two seconds, without any every five, and only from a request", async () => {
    const stage = world();
    const health = new Health();
    const calls: number[] = [];
    for (let ms = 0; ms <= 20_000; ms += 100) {
      if (ms < 6_000) health.note("p/m", ok, start + ms);
      if (await stage.sync(health, start + ms)) calls.push(ms);
    }
    const told = [0, 2_000, 4_000, 6_000];
    expect(calls).toEqual([...told, 11_000, 16_000]);
    expect([exchangeEveryMs, listenEveryMs]).toEqual([2_000, 5_000]);
  });

  test("at once when a circuit turns; many that turn share a call", async () => {
    const stage = world();
    const health = new Health();
    await stage.sync(health);
    times(health, 3, bad, start + 300);
    expect(await stage.sync(health, start + 300)).toBe(true);
    times(health, 3, bad, start + 310, "p/other");
    expect(await stage.sync(health, start + 310)).toBe(false);
    times(health, 3, bad, start + 320, "p/third");
    expect(await stage.sync(health, start + 300 + urgentEveryMs)).toBe(true);
    expect(stage.reports.map(({ circuits }) => circuits.map(([deployment]) => deployment))).toEqual([[], ["p/m"], ["p/other", "p/third"]]);
  });

  test("one at a time; a call whose request died blocks for five seconds and no longer, and what it says later counts nothing", async () => {
    const stage = world();
    const health = new Health();
    times(health, 10, ok);
    const begin = (atMs: number): number => {
      let begun = 0;
      health.sync({ getByName: () => ({ exchange: (report) => (stage.reports.push(report), new Promise(() => {})) }) }, "EU", atMs, () => void (begun += 1));
      return begun;
    };
    expect([begin(start), begin(start + 3_000), begin(start + exchangeMs - 1), begin(start + exchangeMs)]).toEqual([1, 0, 0, 1]);
    expect(stage.reports.map(({ number }) => number)).toEqual([1, 1]);
    expect(await stage.sync(health, start + 3 * exchangeMs)).toBe(true);
    expect(await shareOf(stage)).toBe(1);
  });

  test.each(["a strange board", "a failure"])("what a call that was given up says later counts nothing: %s", async (late) => {
    const stage = world();
    const health = new Health();
    const hung = Promise.withResolvers<Snapshot>();
    const asked: Report[] = [];
    const begun: Promise<unknown>[] = [];
    times(health, 10, ok);
    health.sync({ getByName: () => ({ exchange: (report) => (asked.push(report), hung.promise) }) }, "EU", start, (promise) => void begun.push(promise));
    await stage.sync(health, start + exchangeMs);
    if (late === "a failure") hung.reject(new Error("Network connection lost."));
    else hung.resolve({ is: "strange", board: "board-9" });
    await Promise.all(begun);
    expect(asked).toHaveLength(1);
    expect(warn).not.toHaveBeenCalled();
    health.note("p/m", ok, start + exchangeMs);
    expect(await stage.sync(health, start + exchangeMs + exchangeEveryMs)).toBe(true);
    expect(stage.reports.map(({ board, again }) => [board, again])).toEqual([[undefined, false], ["board-1", false]]);
  });

  test("always the board of its first request's region", async () => {
    const stage = world();
    const health = new Health();
    await stage.sync(health, start, "EU");
    await stage.sync(health, start + 10_000, "AS");
    expect(stage.regions).toEqual(["EU", "EU"]);
  });
});

describe("calls that fail", () => {
  test.each(["lost", "reply lost"] as const)("%s: told again, counted once", async (fate) => {
    const stage = world();
    const health = new Health();
    times(health, 8, ok);
    stage.fates = [fate, fate];
    await stage.sync(health);
    times(health, 8, bad, start + 2_000);
    await stage.sync(health, start + 2_000);
    await stage.sync(health, start + 4_000);
    await stage.sync(health, start + 6_000);
    expect(stage.reports.map(newsOf)).toEqual([[["p/m", 8, 0]], [["p/m", 8, 0]], [["p/m", 8, 0]], [["p/m", 0, 8]]]);
    expect(await shareOf(stage)).toBe(0.5);
  });

  test("never reach the request, and are logged once a minute", async () => {
    const stage = world();
    const health = new Health();
    stage.fates = Array.from({ length: 1_000 }, () => "lost" as const);
    for (let ms = 0; ms < 120_000; ms += 500) await stage.sync(health, start + ms);
    expect(warn).toHaveBeenCalledTimes(2);
    expect(warn.mock.calls[0]![0]).toContain("health_exchange_failed");
    const broken: Boards = { getByName: () => { throw new Error("no such namespace"); } };
    const begun: Promise<unknown>[] = [];
    new Health().sync(broken, "EU", start, (promise) => void begun.push(promise));
    await expect(Promise.all(begun)).resolves.toEqual([undefined]);
  });

  test("do not hammer: circuits that turn wait their two seconds too", async () => {
    const stage = world();
    const health = new Health();
    stage.fates = ["lost"];
    const calls = [];
    for (let ms = 0; ms <= 2_000; ms += 100) {
      times(health, 3, bad, start + ms, `p/${ms}`);
      if (await stage.sync(health, start + ms)) calls.push(ms);
    }
    expect(calls).toEqual([0, 2_000]);
    expect(stage.reports.map(({ circuits }) => circuits.length)).toEqual([1, 21]);
  });

  test("without a board the isolate goes by what it saw itself", async () => {
    const stage = world();
    const health = new Health();
    times(health, 30, ok);
    await stage.sync(health);
    stage.fates = Array.from({ length: 1_000 }, () => "lost" as const);
    for (let ms = 2_000; ms < 300_000; ms += 2_000) {
      health.note("p/m", { ...ok, firstByteMs: 3_000 } as Event, start + ms);
      await stage.sync(health, start + ms);
    }
    expect(health.of("p/m", start + 300_000)!.firstByteMs!.p50 / 3_000).toBeCloseTo(1, 0);
  });
});

describe("a board that was restarted", () => {
  test("is told again what every isolate has: circuits and figures", async () => {
    const stage = world();
    const [one, other] = [new Health(), new Health()];
    times(one, 30, ok);
    times(one, 3, bad, start, "p/dead");
    times(other, 10, { ...ok, firstByteMs: 600 } as Event, start, "p/slow");
    await stage.sync(one);
    await stage.sync(other);
    stage.restart();
    stage.reports = [];
    const later = start + 10_000;
    times(one, 1, ok, later);
    await stage.sync(one, later);
    await stage.sync(other, later);
    expect(stage.reports.map(({ again }) => again)).toEqual([false, true, false, true]);
    const stranger = new Health();
    await stage.sync(stranger);
    expect(stranger.of("p/m", later)).toMatchObject({ state: "closed", okShare: 1, firstByteMs: { p95: expect.any(Number) } });
    expect(stranger.of("p/dead", later)?.state).toBe("half_open");
    expect(stranger.of("p/slow", later)?.firstByteMs?.p50).toBeGreaterThan(stranger.of("p/m", later)!.firstByteMs!.p50);
  });

  test("is heard from its beginning", async () => {
    const stage = world();
    const [one, other] = [new Health(), new Health()];
    for (let i = 0; i < 50; i += 1) times(one, 10, ok, start, `p/${i}`);
    await stage.sync(one);
    stage.restart();
    times(other, 10, ok, start, "p/new");
    await stage.sync(other);
    await stage.sync(one, start + listenEveryMs);
    expect(one.of("p/new", start + listenEveryMs)?.okShare).toBe(1);
  });

  test("counts each isolate's past once, also when its answer is lost", async () => {
    const stage = world();
    const health = new Health();
    times(health, 8, ok);
    await stage.sync(health);
    stage.restart();
    times(health, 8, bad, start + 2_000);
    stage.fates = ["reply lost"];
    await stage.sync(health, start + 2_000);
    for (let ms = 4_000; ms <= 20_000; ms += 2_000) await stage.sync(health, start + ms);
    expect(await shareOf(stage)).toBe(0.5);
  });
});

test("what was on its way to a board that was restarted is told once", async () => {
  const stage = world();
  const health = new Health();
  times(health, 8, ok);
  await stage.sync(health);
  times(health, 8, bad, start + 2_000);
  stage.fates = ["lost"];
  await stage.sync(health, start + 2_000);
  times(health, 8, ok, start + 4_000);
  stage.restart();
  for (let ms = 4_000; ms <= 12_000; ms += 2_000) await stage.sync(health, start + ms);
  expect(await shareOf(stage)).toBe(0.67);
});

describe("what is held", () => {
  test("nothing of what nobody noted", () => {
    const health = new Health();
    expect(health.of("p/m", start)).toBeUndefined();
    expect(health.mayTry("p/m", start)).toBe(true);
  });

  test("the region's figures before the isolate's own", async () => {
    const stage = world();
    const [one, other] = [new Health(), new Health()];
    times(one, 100, { ...ok, firstByteMs: 3_000 } as Event);
    times(other, 10, ok);
    await stage.sync(one);
    await stage.sync(other);
    expect(other.of("p/m", start)!.firstByteMs!.p50).toBe(one.of("p/m", start)!.firstByteMs!.p50);
  });

  test("an answer whose first byte is older than the pause closes nothing", () => {
    const health = new Health();
    times(health, 3, bad);
    health.note("p/m", { is: "answered", firstByteMs: 100, streamMs: 60_000 }, start + 2_500);
    expect(health.of("p/m", start + 2_500)?.state).toBe("half_open");
    health.note("p/m", { is: "streamed", outputTokens: 100, streamMs: 400 }, start + 2_500);
    expect(health.of("p/m", start + 2_500)?.state).toBe("half_open");
    health.note("p/m", { is: "answered", firstByteMs: 100 }, start + 2_500);
    expect(health.of("p/m", start + 2_500)?.state).toBe("closed");
  });

  test("at most 5,000 deployments, and none that was silent for an hour", async () => {
    const stage = world();
    const health = new Health();
    health.note("p/old", ok, start);
    for (let i = 0; i < mostDeployments + 100; i += 1) health.note(`p/${i}`, ok, start + 1);
    expect([health.of("p/old", start), health.of("p/0", start), health.of(`p/${mostDeployments}`, start)].map((standing) => standing !== undefined)).toEqual([false, false, true]);
    await stage.sync(health, start + 1);
    const late = start + silentMs + 2;
    health.note("p/new", ok, late);
    await stage.sync(health, late);
    expect(health.of(`p/${mostDeployments}`, late)).toBeUndefined();
    expect(health.of("p/new", late)).toBeDefined();
  });
});

describe("a region against one of its isolates", () => {
  test("a deployment that answers others is not closed to them, unless its provider asked for it", async () => {
    const stage = world();
    const [many, one] = [new Health(), new Health()];
    times(many, 50, ok);
    await stage.sync(many);
    times(one, 3, bad);
    await stage.sync(one);
    await stage.sync(many, start + 5_000);
    expect([one, many].map((health) => health.of("p/m", start)?.state)).toEqual(["open", "closed"]);
    times(one, 1, { is: "failed", retryAfterMs: 30_000 }, start + 5_000);
    await stage.sync(one, start + 5_000);
    await stage.sync(many, start + 10_000);
    expect(many.of("p/m", start + 10_000)?.state).toBe("open");
  });

  test("a deployment that just died under traffic is closed to them, whatever it answered before", async () => {
    const stage = world();
    const [one, other] = [new Health(), new Health()];
    times(one, 50, ok);
    times(one, 6, bad);
    await stage.sync(one);
    await stage.sync(other);
    expect(other.of("p/m", start)?.state).toBe("open");
  });

  test("failures that no isolate has enough of open it for all", async () => {
    const stage = world();
    const isolates = Array.from({ length: 4 }, () => new Health());
    for (const health of isolates.slice(0, 3)) {
      times(health, 1, bad);
      await stage.sync(health);
    }
    await stage.sync(isolates[3]!);
    expect(isolates.map((health) => health.of("p/m", start)?.state)).toEqual(["closed", "closed", "open", "open"]);
  });
});

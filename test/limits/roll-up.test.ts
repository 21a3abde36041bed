import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { LedgerEntry } from "../../src/ledger/entry.ts";
import { rollUp } from "../../src/ledger/index.ts";
import type { MeterOperation } from "../../src/limits/index.ts";
import { failingD1, withD1 } from "./failing-d1.ts";
import { noon, openMeter, reserving, settling, tally, type Meter } from "./stage.ts";

type Totals = { requests: number; errors: number; tokens: number; nanoUsd: number };

async function inD1({ policy }: Meter): Promise<Totals> {
  return (await env.DB.prepare(
    `SELECT total(requests) AS requests, total(errors) AS errors, total(input_tokens + output_tokens) AS tokens, total(cost_nano_usd) AS nanoUsd
     FROM usage_hourly WHERE key_id = ?`,
  ).bind(policy.keyId).first<Totals>())!;
}

const entriesInD1 = async ({ policy }: Meter): Promise<number> =>
  (await env.DB.prepare("SELECT count(*) AS n FROM requests WHERE key_id = ?").bind(policy.keyId).first<{ n: number }>())!.n;

const rowsInObject = ({ stub }: Meter): Promise<number> =>
  runInDurableObject(stub, (_, state) => state.storage.sql.exec<{ n: number }>("SELECT count(*) AS n FROM entry").one().n);

/** `count` finished requests of 3 tokens and 2 nano-USD each. */
async function spend(meter: Meter, count: number, prefix = "r"): Promise<void> {
  const ids = Array.from({ length: count }, (_, i) => `${meter.policy.keyId}_${prefix}${String(i).padStart(5, "0")}`);
  const both = ids.flatMap((id): MeterOperation[] => [reserving(id, { tokens: 9, nanoUsd: 9 }), settling(id, { tokens: 3, nanoUsd: 2 })]);
  await meter.stub.apply(both);
}

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }).setSystemTime(noon));
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("repeated", () => {
  test("flush, alarm and eviction in any number: D1 has each request once", async () => {
    const meter = await openMeter();
    await spend(meter, 10);
    for (let minute = 0; minute < 3; minute += 1) {
      await meter.stub.flush();
      await meter.stub.flush();
      await runDurableObjectAlarm(meter.stub);
      await evictDurableObject(meter.stub);
      expect(await inD1(meter)).toEqual({ requests: 10, errors: 0, tokens: 30, nanoUsd: 20 });
      vi.setSystemTime(noon + (minute + 1) * 60_000);
    }
    expect(await rowsInObject(meter)).toBe(0);
    await spend(meter, 5, "later");
    await meter.stub.flush();
    expect(await inD1(meter)).toEqual({ requests: 15, errors: 0, tokens: 45, nanoUsd: 30 });
    expect(await entriesInD1(meter)).toBe(15);
    expect((await meter.counters()).spentNanoUsd).toBe(30);
  });

  test("what applications asked for is summed beside everything, through folds, evictions and corrections", async () => {
    const meter = await openMeter();
    const id = (n: number): string => `${meter.policy.keyId}_a${n}`;
    const sums = async (): Promise<unknown[]> => (await env.DB.prepare(
      "SELECT app, requests, errors, input_tokens + output_tokens AS tokens, cost_nano_usd AS nanoUsd FROM usage_by_app WHERE key_id = ? ORDER BY app").bind(meter.policy.keyId).all()).results;
    for (const [n, name] of [[0, "One"], [1, "Two's <i>"], [2, undefined], [3, "One"]] as const) {
      await meter.reserve(id(n), { tokens: 9, nanoUsd: 9 });
      await meter.settle(id(n), { tokens: 3, nanoUsd: 2, ...(name && { app: { name, url: "https://one.example" } }), ...(n === 3 && { status: 502, end: "upstream_error" as const }) });
      await meter.stub.flush();
      vi.setSystemTime(noon + (n + 1) * 60_000);
      await meter.stub.flush();
      if (n === 1) await evictDurableObject(meter.stub);
    }
    expect(await rowsInObject(meter)).toBe(0);
    const two = { app: "Two's <i>", requests: 1, errors: 0, tokens: 3, nanoUsd: 2 };
    expect(await sums()).toEqual([{ app: "One", requests: 2, errors: 1, tokens: 6, nanoUsd: 4 }, two]);
    const entry = (await env.DB.prepare("SELECT at, entry FROM requests WHERE id = ?").bind(id(0)).first<{ at: number; entry: string }>())!;
    await meter.stub.adjust({ id: "adj_app", request: id(0), nanoUsd: -1, reason: "test" }, { id: id(0), at: entry.at, ...(JSON.parse(entry.entry) as Omit<LedgerEntry, "id" | "at">) });
    await meter.stub.flush();
    expect(await sums()).toEqual([{ app: "One", requests: 2, errors: 1, tokens: 6, nanoUsd: 3 }, two]);
    expect(await inD1(meter)).toMatchObject({ requests: 4, tokens: 12, nanoUsd: 7 });
  });

  test("an older total that arrives late does not overwrite a newer one", async () => {
    const meter = await openMeter();
    const hour = { hour: 1, model: "m", requests: 2, errors: 1, input_tokens: 20, cached_tokens: 0, cache_write_tokens: 0, output_tokens: 0, reasoning_tokens: 0, cost_nano_usd: 9 };
    await rollUp(env.DB, meter.policy, [hour], []);
    await rollUp(env.DB, meter.policy, [{ ...hour, requests: 1, input_tokens: 10, cost_nano_usd: 4 }], []);
    expect(await inD1(meter)).toEqual({ requests: 2, errors: 1, tokens: 20, nanoUsd: 9 });
  });

  test("two flushes at once", async () => {
    const meter = await openMeter();
    await spend(meter, 700);
    vi.setSystemTime(noon + 60_000);
    await Promise.all([meter.stub.flush(), meter.stub.flush(), meter.stub.flush()]);
    expect(await inD1(meter)).toMatchObject({ requests: 700, tokens: 2_100, nanoUsd: 1_400 });
    await evictDurableObject(meter.stub);
    expect((await meter.counters()).spentNanoUsd).toBe(1_400);
  });
});

test("an object that sleeps while half of a page has left it keeps no link for ever", async () => {
  const meter = await openMeter();
  await spend(meter, 2, "a");
  vi.setSystemTime(noon + 60_000);
  await spend(meter, 2, "b");
  await meter.stub.flush();
  expect(await rowsInObject(meter)).toBe(2);
  await evictDurableObject(meter.stub);
  vi.setSystemTime(noon + 120_000);
  await meter.stub.flush();
  expect(await rowsInObject(meter)).toBe(0);
  expect(await runInDurableObject(meter.stub, (_, { storage }) => storage.sql.exec("SELECT count(*) AS n FROM links").one().n)).toBe(0);
});

test("a total that a slow flush read before a correction does not take the correction back", async () => {
  const meter = await openMeter();
  await spend(meter, 1);
  const gate = Promise.withResolvers<void>();
  let calls = 0;
  const restore = await runInDurableObject(meter.stub, (object) => withD1(object, async (go) => {
    if ((calls += 1) === 1) await gate.promise;
    return go();
  }));
  const slow = meter.stub.flush();
  await vi.waitFor(() => expect(calls).toBe(1));
  const id = `${meter.policy.keyId}_r00000`;
  await meter.stub.adjust({ id: `adj_${meter.policy.keyId}`, request: id, nanoUsd: -1, reason: "x" }, (await meter.stub.entry(id)) as LedgerEntry);
  const late = meter.stub.flush();
  await scheduler.wait(20);
  gate.resolve();
  await Promise.all([slow, late]);
  expect(await inD1(meter)).toMatchObject({ requests: 1, nanoUsd: 1 });
  restore();
});

describe("many", () => {
  test("more entries than go at once all arrive and are folded", async () => {
    const meter = await openMeter();
    await spend(meter, 1_203);
    vi.setSystemTime(noon + 60_000);
    await meter.stub.flush();
    expect(await inD1(meter)).toMatchObject({ requests: 1_203, tokens: 3_609, nanoUsd: 2_406 });
    expect(await entriesInD1(meter)).toBe(1_203);
    expect(await rowsInObject(meter)).toBe(0);
    await evictDurableObject(meter.stub);
    expect(await meter.counters()).toMatchObject({ month: { tokens: 3_609, nanoUsd: 2_406 }, spentNanoUsd: 2_406 });
  });

  test("entries of the current minute are exported and stay for the rate window", async () => {
    const meter = await openMeter({ requestsPerMinute: 20 });
    await spend(meter, 20);
    await meter.stub.flush();
    await evictDurableObject(meter.stub);
    expect(tally([await meter.reserve("late")])).toEqual({ rate_limit_exceeded: 1 });
    expect(await inD1(meter)).toMatchObject({ requests: 20 });
    expect(await rowsInObject(meter)).toBe(20);
  });

  test("hours and models apart, errors counted", async () => {
    const meter = await openMeter();
    for (const [i, at] of [noon, noon, noon + 3_600_000].entries()) {
      vi.setSystemTime(at);
      await meter.reserve(`h${i}`);
      await meter.settle(`h${i}`, { tokens: 3, model: i === 1 ? "other" : "m", ...(i === 1 && { status: 500, end: "upstream_error" as const }) });
    }
    await meter.stub.flush();
    const { results } = await env.DB.prepare("SELECT hour, model, requests, errors FROM usage_hourly WHERE key_id = ? ORDER BY 1, 2").bind(meter.policy.keyId).all();
    const hour = Math.floor(noon / 3_600_000);
    expect(results).toEqual([
      { hour, model: "m", requests: 1, errors: 0 },
      { hour, model: "other", requests: 1, errors: 1 },
      { hour: hour + 1, model: "m", requests: 1, errors: 0 },
    ]);
  });
});

describe("D1 away", () => {
  test("before and after the write: the next flush makes it right, the object's own counters never move", async () => {
    for (const when of ["before", "after"] as const) {
      const meter = await openMeter();
      await spend(meter, 600);
      vi.setSystemTime(Date.now() + 60_000);
      const counters = await meter.counters();
      await runInDurableObject(meter.stub, async (object) => {
        const restore = failingD1(object, when);
        await expect(object.flush()).rejects.toThrow("D1_ERROR");
        restore();
      });
      expect(await rowsInObject(meter)).toBe(600);
      await evictDurableObject(meter.stub);
      await meter.stub.flush();
      expect(await inD1(meter)).toMatchObject({ requests: 600, tokens: 1_800, nanoUsd: 1_200 });
      expect(await entriesInD1(meter)).toBe(600);
      expect(await meter.counters()).toEqual(counters);
    }
  });

  test("an alarm that finds D1 away settles leases all the same and comes again", async () => {
    const warn = vi.spyOn(console, "warn").mockReturnValue();
    const meter = await openMeter();
    await meter.reserve("stuck", { nanoUsd: 5 });
    vi.setSystemTime(noon + 600_000);
    const restore = await runInDurableObject(meter.stub, (object) => failingD1(object, "before"));
    expect(await runDurableObjectAlarm(meter.stub)).toBe(true);
    restore();
    expect(await meter.counters()).toMatchObject({ spentNanoUsd: 5, held: { requests: 0 } });
    expect(warn).toHaveBeenCalledWith(expect.stringContaining("roll_up_failed"));
    expect(await inD1(meter)).toMatchObject({ requests: 0 });
    expect(await runDurableObjectAlarm(meter.stub)).toBe(true);
    expect(await inD1(meter)).toMatchObject({ requests: 1, errors: 1, nanoUsd: 5 });
  });
});

test("a request that settles while a flush is under way is neither lost nor doubled, though its hour never comes again", async () => {
  const meter = await openMeter();
  await spend(meter, 2);
  await meter.reserve("during", { tokens: 9, nanoUsd: 9 });
  vi.setSystemTime(noon + 60_000);
  await runInDurableObject(meter.stub, async (object) => {
    let first = true;
    const restore = withD1(object, async (go) => {
      const results = await go();
      if (first) object.apply([settling("during", { tokens: 30, nanoUsd: 20 })]);
      first = false;
      return results;
    });
    await object.flush();
    restore();
  });
  vi.setSystemTime(noon + 7_200_000);
  await meter.stub.flush();
  expect(await inD1(meter)).toMatchObject({ requests: 3, tokens: 36, nanoUsd: 24 });
  expect(await entriesInD1(meter)).toBe(3);
  expect((await meter.counters()).spentNanoUsd).toBe(24);
});

test("an object without a key writes nothing", async () => {
  await env.KEY_METER.getByName("nobody").flush();
  expect(await env.KEY_METER.getByName("nobody").entry("r")).toBeUndefined();
});

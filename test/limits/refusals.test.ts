/** What a key was refused: counted exactly and told D1 once, however often that is tried and whatever breaks in between. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { MeterOperation } from "../../src/limits/index.ts";
import { Refusals } from "../../src/limits/refusals.ts";
import { failingD1, withD1 } from "./failing-d1.ts";
import { noon, openMeter, reserving, word, type Meter } from "./stage.ts";

const hour = Math.floor(noon / 3_600_000);
/** Ids are everybody's: each test has its own. */
let first = 0;
const idOf = (n: number): string => `req_${(noon + first + n).toString(16).padStart(12, "0")}`;
const asking = (id: string): MeterOperation => ({ ...reserving(id), protocol: "openai-chat" }) as MeterOperation;
const telling = (id: string, code = "model_not_found" as const): MeterOperation => ({ do: "look", version: 1, refused: { id, status: 404, code, model: "no-such", protocol: "openai-chat" } });

const hoursOf = async ({ policy }: Meter): Promise<unknown[]> =>
  (await env.DB.prepare("SELECT hour, code, requests FROM refusals_hourly WHERE key_id = ? ORDER BY hour, code").bind(policy.keyId).all()).results;
const idsOf = async ({ policy }: Meter): Promise<string[]> =>
  (await env.DB.prepare("SELECT id FROM refused_requests WHERE key_id = ? ORDER BY id").bind(policy.keyId).all<{ id: string }>()).results.map(({ id }) => id);

/** Until what was refused lies on the object's disk. */
const written = ({ stub }: Meter): Promise<void> => vi.waitFor(() => runInDurableObject(stub, (_, state) =>
  expect((JSON.parse(state.storage.sql.exec<{ json: string }>("SELECT json FROM refusals").one().json) as { untold: boolean }).untold).toBe(true)), 5_000);

beforeEach(() => {
  first += 1_000;
  vi.useFakeTimers({ toFake: ["Date"] }).setSystemTime(noon);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("told D1", () => {
  test("once, through flushes, alarms and evictions, by hour and code", async () => {
    const meter = await openMeter({ requestsPerMinute: 1 });
    expect((await meter.stub.apply([asking(idOf(0)), asking(idOf(1)), asking(idOf(2)), telling(idOf(3))])).map(word)).toEqual(["granted", "rate_limit_exceeded", "rate_limit_exceeded", "granted"]);
    await written(meter);
    const told = [{ hour, code: "model_not_found", requests: 1 }, { hour, code: "rate_limit_exceeded", requests: 2 }];
    for (let i = 0; i < 3; i += 1) {
      await evictDurableObject(meter.stub);
      await meter.stub.flush();
      await runDurableObjectAlarm(meter.stub);
      expect(await hoursOf(meter)).toEqual(told);
    }
    expect(await idsOf(meter)).toEqual([idOf(1), idOf(2), idOf(3)]);
    vi.setSystemTime(noon + 5 * 3_600_000);
    await meter.stub.apply([telling(idOf(4))]);
    await meter.stub.flush();
    vi.setSystemTime(noon + 9 * 3_600_000);
    await evictDurableObject(meter.stub);
    await meter.stub.apply([telling(idOf(5))]);
    await meter.stub.flush();
    expect(await hoursOf(meter)).toEqual([...told, ...[5, 9].map((later) => ({ hour: hour + later, code: "model_not_found", requests: 1 }))]);
    const kept = await runInDurableObject(meter.stub, (_, state) => JSON.parse(state.storage.sql.exec<{ json: string }>("SELECT json FROM refusals").one().json) as { counts: unknown[] });
    expect(kept.counts, "hours that are over and told are forgotten").toHaveLength(1);
  });

  test.each(["before", "after"] as const)("once where D1 fails %s it has written", async (when) => {
    const meter = await openMeter();
    await meter.stub.apply([telling(idOf(0)), telling(idOf(1))]);
    let mend: () => void = () => {};
    await runInDurableObject(meter.stub, async (object) => {
      mend = failingD1(object, when);
      await expect(object.flush()).rejects.toThrow("Network connection lost");
    });
    await runDurableObjectAlarm(meter.stub);
    await meter.stub.apply([telling(idOf(2))]);
    await runInDurableObject(meter.stub, () => mend());
    await runInDurableObject(meter.stub, async (_, state) => expect(await state.storage.getAlarm(), "it is tried again").not.toBeNull());
    await runDurableObjectAlarm(meter.stub);
    expect(await hoursOf(meter)).toEqual([{ hour, code: "model_not_found", requests: 3 }]);
    expect(await idsOf(meter)).toEqual([0, 1, 2].map(idOf));
  });

  test("of what comes while D1 is asked, the next time", async () => {
    const meter = await openMeter();
    await meter.stub.apply([telling(idOf(0))]);
    const gate = Promise.withResolvers<void>();
    let mend: () => void = () => {};
    await runInDurableObject(meter.stub, (object) => void (mend = withD1(object, async (go) => {
      const done = await go();
      await gate.promise;
      return done;
    })));
    const flushing = meter.stub.flush();
    await vi.waitFor(async () => expect(await idsOf(meter)).toHaveLength(1));
    await meter.stub.apply([telling(idOf(1))]);
    gate.resolve();
    await flushing;
    await runInDurableObject(meter.stub, () => mend());
    expect(await idsOf(meter)).toEqual([idOf(0)]);
    await runDurableObjectAlarm(meter.stub);
    expect(await idsOf(meter)).toEqual([idOf(0), idOf(1)]);
    expect(await hoursOf(meter)).toEqual([{ hour, code: "model_not_found", requests: 2 }]);
  });
});

describe("counted", () => {
  test("once by its id, and not at all where it ran, is nobody's, or is asked again until it may run", async () => {
    const meter = await openMeter({ requestsPerMinute: 1 });
    await meter.stub.apply([asking(idOf(0)), telling(idOf(0)), asking(idOf(1)), asking(idOf(1)), telling(idOf(1)), reserving(idOf(2))]);
    await meter.settle(idOf(0), { tokens: 1 });
    await meter.stub.apply([telling(idOf(0))]);
    await meter.stub.flush();
    expect(await idsOf(meter)).toEqual([idOf(1)]);
    expect(await hoursOf(meter)).toEqual([{ hour, code: "rate_limit_exceeded", requests: 1 }]);
    const revoked = await openMeter({}, { enabled: false });
    expect((await revoked.stub.apply([asking(idOf(9))])).map(word)).toEqual(["key_revoked"]);
    await revoked.stub.flush();
    expect(await hoursOf(revoked)).toEqual([]);
  });

  test("every one of many, of which the last hundred are kept by their ids", async () => {
    const meter = await openMeter();
    for (let from = 0; from < 250; from += 50) {
      await meter.stub.apply(Array.from({ length: 50 }, (_, i) => telling(idOf(from + i))));
      if (from % 100 === 0) await meter.stub.flush();
    }
    await meter.stub.flush();
    expect(await hoursOf(meter)).toEqual([{ hour, code: "model_not_found", requests: 250 }]);
    expect(await idsOf(meter)).toEqual(Array.from({ length: 100 }, (_, i) => idOf(150 + i)));
  });

  test("by two rows written for a thousand in the same second", async () => {
    vi.useRealTimers();
    const meter = await openMeter();
    const rows = await runInDurableObject(meter.stub, async (_, state) => {
      let writes = 0;
      const sql = { exec: (query: string, ...values: SqlStorageValue[]) => {
        if (query.startsWith("INSERT")) writes += 1;
        return state.storage.sql.exec(query, ...values);
      } } as SqlStorage;
      const refusals = new Refusals(sql);
      for (let n = 0; n < 1_000; n += 1) {
        refusals.note({ id: idOf(n), status: 404, code: "model_not_found", model: null, protocol: "openai-chat" }, Date.now());
        if (n % 250 === 0) await scheduler.wait(10);
      }
      await scheduler.wait(1_200);
      expect((JSON.parse(state.storage.sql.exec<{ json: string }>("SELECT json FROM refusals").one().json) as { counts: { requests: number }[] }).counts.reduce((sum, { requests }) => sum + requests, 0)).toBe(1_000);
      return writes;
    });
    expect(rows).toBeLessThanOrEqual(2);
  });
});

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Affinity } from "../../src/limits/affinity.ts";
import { noon, openMeter, reserving, settling, type Meter } from "./stage.ts";

const hour = 3_600_000;
const day = 24 * hour;

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }).setSystemTime(noon));
afterEach(() => void vi.useRealTimers());

let requests = 0;
/** Where a new request of a conversation hears that it ran. */
const heard = async ({ ask }: Meter, ...sessions: string[]): Promise<unknown> => ({ stuck: undefined, ...(await ask({ ...reserving(`r${(requests += 1)}`), sessions } as never)) }.stuck);
const ran = async ({ ask }: Meter, session: string, vital: string): Promise<void> => {
  const id = `r${(requests += 1)}`;
  await ask(reserving(id));
  await ask({ ...settling(id), session: { id: session, vital } } as never);
};
const rows = ({ stub }: Meter): Promise<{ session: string; vital: string; at: number }[]> =>
  runInDurableObject(stub, (_, { storage }) => storage.sql.exec<{ session: string; vital: string; at: number }>("SELECT * FROM affinity ORDER BY session").toArray());

describe("a conversation", () => {
  test("is told where it ran last, and each its own", async () => {
    const meter = await openMeter();
    expect(await heard(meter, "a")).toBeUndefined();
    await ran(meter, "a", "openai/m");
    await ran(meter, "b", "azure/m @2 #acme");
    expect([await heard(meter, "a"), await heard(meter, "b"), await heard(meter, "c")]).toEqual(["openai/m", "azure/m @2 #acme", undefined]);
    await ran(meter, "a", "groq/m");
    expect(await heard(meter, "a")).toBe("groq/m");
  });
  test("is remembered across an eviction, and by no other key", async () => {
    const [meter, other] = [await openMeter(), await openMeter()];
    await ran(meter, "a", "openai/m");
    await evictDurableObject(meter.stub);
    expect([await heard(meter, "a"), await heard(other, "a")]).toEqual(["openai/m", undefined]);
  });
  test("of several names is found by the first that is remembered", async () => {
    const meter = await openMeter();
    await ran(meter, "opening", "groq/m");
    expect(await heard(meter, "answer", "opening")).toBe("groq/m");
    await ran(meter, "answer", "openai/m");
    expect([await heard(meter, "answer", "opening"), await heard(meter, "opening")]).toEqual(["openai/m", "groq/m"]);
  });
  test("that no request names is looked up for none", async () => {
    const meter = await openMeter();
    await ran(meter, "a", "openai/m");
    expect(await meter.reserve("plain")).not.toHaveProperty("stuck");
  });
  test("is told the same when its request is asked again", async () => {
    const meter = await openMeter();
    await ran(meter, "a", "openai/m");
    const ask = () => meter.ask({ ...reserving("again"), sessions: ["a"] } as never);
    expect([await ask(), await ask()]).toMatchObject([{ is: "granted", stuck: "openai/m" }, { is: "granted", stuck: "openai/m" }]);
  });
  test("moves by the first word about a request, not by a repetition that comes late", async () => {
    const meter = await openMeter();
    await meter.reserve("one");
    const settle = (vital: string) => meter.ask({ ...settling("one"), session: { id: "a", vital } } as never);
    await settle("openai/m");
    await settle("groq/m");
    expect(await heard(meter, "a")).toBe("openai/m");
  });
});

describe("what is remembered", () => {
  test("is written when a conversation moves, and twice a day at most while it stays", async () => {
    const meter = await openMeter();
    await ran(meter, "a", "openai/m");
    vi.setSystemTime(noon + 11 * hour);
    await ran(meter, "a", "openai/m");
    expect((await rows(meter))[0]!.at).toBe(noon);
    vi.setSystemTime(noon + 13 * hour);
    await ran(meter, "a", "openai/m");
    expect((await rows(meter))[0]!.at).toBe(noon + 13 * hour);
    vi.setSystemTime(noon + 13 * hour + 1);
    await ran(meter, "a", "groq/m");
    expect(await rows(meter)).toEqual([{ session: "a", vital: "groq/m", at: noon + 13 * hour + 1 }]);
  });
  test("is over after a day of silence, to the millisecond", async () => {
    const meter = await openMeter();
    await ran(meter, "a", "openai/m");
    vi.setSystemTime(noon + day - 1);
    expect(await heard(meter, "a")).toBe("openai/m");
    vi.setSystemTime(noon + day);
    expect(await heard(meter, "a")).toBeUndefined();
  });
  test("and is over is cleared away by the next alarm, and nothing else is", async () => {
    const meter = await openMeter();
    await ran(meter, "old", "openai/m");
    vi.setSystemTime(noon + 23 * hour);
    await ran(meter, "young", "groq/m");
    vi.setSystemTime(noon + day);
    await runDurableObjectAlarm(meter.stub);
    expect((await rows(meter)).map(({ session }) => session)).toEqual(["young"]);
  });
  test("is at most ten thousand conversations, the oldest go", async () => {
    const { stub } = await openMeter();
    const left = await runInDurableObject(stub, (_, { storage }) => {
      const affinity = new Affinity(storage.sql);
      storage.sql.exec("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 10049) INSERT INTO affinity SELECT 's' || i, 'openai/m', ? + i FROM n", noon);
      affinity.tidy(noon + 20_000);
      const [{ count }] = storage.sql.exec<{ count: number }>("SELECT count(*) AS count FROM affinity").toArray() as [{ count: number }];
      return { count, oldest: affinity.of(["s49"], noon + 20_000), kept: affinity.of(["s50"], noon + 20_000) };
    });
    expect(left).toEqual({ count: 10_000, oldest: undefined, kept: "openai/m" });
  });
});

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { leaseMs, type MeterReply } from "../../src/limits/index.ts";
import { noon, openMeter, policyOf, reserving, settling, tally, unlimited } from "./stage.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }).setSystemTime(noon));
afterEach(() => void vi.useRealTimers());

describe("the same request again", () => {
  test("reserves once, also across an eviction, and even when nothing is left", async () => {
    const { reserve, stub, counters } = await openMeter({ requestsPerMinute: 1 });
    for (let i = 0; i < 3; i += 1) expect(await reserve("r", { tokens: 5, nanoUsd: 6 })).toEqual({ is: "granted", rate: { limit: 1, remaining: 0 } });
    await evictDurableObject(stub);
    expect((await reserve("r", { tokens: 5, nanoUsd: 6 })).is).toBe("granted");
    expect(await counters()).toMatchObject({ minute: { requests: 1, tokens: 5 }, held: { requests: 1, tokens: 5, nanoUsd: 6 } });
  });

  test("reserves once in one call", async () => {
    const { stub, counters } = await openMeter();
    await stub.apply([reserving("r", { tokens: 5 }), reserving("r", { tokens: 5 })]);
    expect((await counters()).held).toEqual({ requests: 1, tokens: 5, nanoUsd: 0 });
  });

  test("settles once, also across an eviction; the first word counts", async () => {
    const { reserve, settle, stub, counters } = await openMeter();
    await reserve("r", { tokens: 50, nanoUsd: 60 });
    expect(await settle("r", { tokens: 9, nanoUsd: 8 })).toEqual({ is: "done", changed: true });
    expect(await settle("r", { tokens: 90, nanoUsd: 80 })).toEqual({ is: "done", changed: false });
    await evictDurableObject(stub);
    expect(await settle("r", { tokens: 90, nanoUsd: 80 })).toEqual({ is: "done", changed: false });
    expect(await counters()).toMatchObject({ minute: { requests: 1, tokens: 9 }, month: { tokens: 9, nanoUsd: 8 }, spentNanoUsd: 8, held: { requests: 0, tokens: 0, nanoUsd: 0 } });
  });

  test("does not reserve again once it is settled", async () => {
    const { reserve, settle, stub, counters } = await openMeter();
    await reserve("r", { tokens: 50 });
    await settle("r", { tokens: 9 });
    expect((await reserve("r", { tokens: 50 })).is).toBe("granted");
    await evictDurableObject(stub);
    await reserve("r", { tokens: 50 });
    expect(await counters()).toMatchObject({ minute: { requests: 1, tokens: 9 }, held: { requests: 0 } });
  });

  test("a reserve that its release has overtaken, or that is told again after it, holds nothing", async () => {
    const { reserve, ask, counters } = await openMeter();
    expect(await ask({ do: "release", id: "late" })).toEqual({ is: "done", changed: false });
    expect(tally([await reserve("late", { nanoUsd: 5 })])).toEqual({ limiter_unavailable: 1 });
    await reserve("twice", { nanoUsd: 5 });
    expect(await ask({ do: "release", id: "twice" })).toEqual({ is: "done", changed: true });
    expect(tally([await reserve("twice", { nanoUsd: 5 })])).toEqual({ limiter_unavailable: 1 });
    expect((await counters()).held).toEqual({ requests: 0, tokens: 0, nanoUsd: 0 });
  });

  test("a settle without a reserve posts nothing", async () => {
    const { settle, ask, counters } = await openMeter();
    expect(await settle("r", { tokens: 9, nanoUsd: 9 })).toEqual({ is: "done", changed: false });
    expect(await ask({ do: "renew", id: "r" })).toEqual({ is: "done", changed: false });
    expect((await counters()).spentNanoUsd).toBe(0);
  });
});

describe("what is posted", () => {
  test("may be more than was held: it is posted in full, and the next is refused", async () => {
    const { reserve, settle, stub, counters } = await openMeter({ budgetNanoUsd: 100, monthlyTokens: 100 });
    await reserve("r", { tokens: 10, nanoUsd: 10 });
    await settle("r", { tokens: 250, nanoUsd: 240 });
    for (let i = 0; i < 2; i += 1) {
      expect(await counters()).toMatchObject({ minute: { tokens: 250 }, month: { tokens: 250, nanoUsd: 240 }, spentNanoUsd: 240, held: { tokens: 0, nanoUsd: 0 } });
      expect(tally([await reserve("s", { tokens: 1, nanoUsd: 0 })])).toEqual({ insufficient_credits: 1 });
      await evictDurableObject(stub);
    }
  });

  test("gives back what was held and not used", async () => {
    const { reserve, settle } = await openMeter({ budgetNanoUsd: 100, tokensPerMinute: 100, monthlyTokens: 100, monthlyNanoUsd: 100 });
    await reserve("a", { tokens: 100, nanoUsd: 100 });
    expect(tally([await reserve("b", { tokens: 60, nanoUsd: 60 })])).toEqual({ insufficient_credits: 1 });
    await settle("a", { tokens: 40, nanoUsd: 40 });
    expect(tally([await reserve("b", { tokens: 60, nanoUsd: 60 })])).toEqual({ granted: 1 });
  });

  test("is found again, word for word", async () => {
    const { reserve, settle, stub } = await openMeter();
    await reserve("r");
    expect(await stub.entry("r")).toBeUndefined();
    await settle("r", { tokens: 30, nanoUsd: 12, model: "other", end: "client_gone", estimated: true });
    expect(await stub.entry("r")).toMatchObject({ id: "r", at: noon, model: "other", end: "client_gone", estimated: true, costNanoUsd: 12, usage: { inputTokens: 20, outputTokens: 10 } });
  });
});

describe("windows", () => {
  test("a new minute begins at zero; what settles late does not count in it", async () => {
    const { reserve, settle, stub, counters } = await openMeter({ requestsPerMinute: 2, tokensPerMinute: 100 });
    await reserve("a", { tokens: 50 });
    await reserve("b", { tokens: 50 });
    expect(tally([await reserve("c")])).toEqual({ rate_limit_exceeded: 1 });
    vi.setSystemTime(noon + 49_999);
    expect(tally([await reserve("c")])).toEqual({ rate_limit_exceeded: 1 });
    vi.setSystemTime(noon + 50_000);
    for (let i = 0; i < 2; i += 1) {
      expect((await counters()).minute).toMatchObject({ requests: 0, tokens: 0 });
      await evictDurableObject(stub);
    }
    await settle("a", { tokens: 70 });
    expect((await counters()).minute).toMatchObject({ requests: 0, tokens: 0 });
    expect(await reserve("c", { tokens: 100 })).toEqual({ is: "granted", rate: { limit: 2, remaining: 1 } });
    expect((await counters()).month.tokens).toBe(70);
  });

  test("a new month begins at zero; what was reserved in the old one is posted there", async () => {
    vi.setSystemTime(Date.UTC(2041, 0, 31, 23, 59, 59));
    const { reserve, settle, stub, counters } = await openMeter({ monthlyTokens: 100, monthlyNanoUsd: 100 });
    await reserve("a", { tokens: 60, nanoUsd: 60 });
    await settle("a", { tokens: 60, nanoUsd: 60 });
    await reserve("b", { tokens: 40, nanoUsd: 40 });
    expect(tally([await reserve("c", { tokens: 1 })])).toEqual({ quota_exceeded: 1 });
    vi.setSystemTime(Date.UTC(2041, 1, 1));
    expect(await counters()).toMatchObject({ month: { start: Date.UTC(2041, 1, 1), tokens: 0, nanoUsd: 0 }, held: { tokens: 40, nanoUsd: 40 }, spentNanoUsd: 60 });
    expect(tally([await reserve("c", { tokens: 61 })])).toEqual({ quota_exceeded: 1 });
    await settle("b", { tokens: 40, nanoUsd: 40 });
    for (let i = 0; i < 2; i += 1) {
      expect(await counters()).toMatchObject({ month: { tokens: 0, nanoUsd: 0 }, held: { tokens: 0 }, spentNanoUsd: 100 });
      await stub.flush();
      await evictDurableObject(stub);
    }
    expect(tally([await reserve("c", { tokens: 100, nanoUsd: 100 })])).toEqual({ granted: 1 });
    await settle("c", { tokens: 90, nanoUsd: 80 });
    vi.setSystemTime(Date.UTC(2041, 1, 1, 0, 1));
    await stub.flush();
    await evictDurableObject(stub);
    expect(await counters()).toMatchObject({ month: { tokens: 90, nanoUsd: 80 }, spentNanoUsd: 180 });
  });
});

describe("a lease", () => {
  test("that runs out charges the estimate, once, and says so; a late settle changes nothing", async () => {
    const { reserve, settle, stub, counters } = await openMeter({ concurrentRequests: 1, budgetNanoUsd: 100 });
    await reserve("r", { tokens: 50, nanoUsd: 60, model: "gone" });
    vi.setSystemTime(noon + leaseMs - 1);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect((await counters()).held.requests).toBe(1);
    vi.setSystemTime(noon + leaseMs);
    await evictDurableObject(stub);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(await counters()).toMatchObject({ held: { requests: 0, tokens: 0, nanoUsd: 0 }, month: { tokens: 50, nanoUsd: 60 }, spentNanoUsd: 60 });
    const row = await env.DB.prepare("SELECT entry FROM requests WHERE id = 'r'").first<{ entry: string }>();
    expect(JSON.parse(row!.entry)).toMatchObject({ model: "gone", end: "lease_expired", estimated: true, costSource: "estimated", costNanoUsd: 60, errorCode: "lease_expired", usage: { inputTokens: 50 } });
    expect(await settle("r", { tokens: 1, nanoUsd: 1 })).toEqual({ is: "done", changed: false });
    expect((await counters()).spentNanoUsd).toBe(60);
    expect(tally([await reserve("s")])).toEqual({ granted: 1 });
  });

  test("that is renewed lives on, across an eviction", async () => {
    const { reserve, ask, settle, stub, counters } = await openMeter();
    await reserve("r", { nanoUsd: 60 });
    for (let i = 1; i <= 3; i += 1) {
      vi.setSystemTime(noon + i * 0.8 * leaseMs);
      expect(await ask({ do: "renew", id: "r" })).toEqual({ is: "done", changed: true });
      await evictDurableObject(stub);
      await runDurableObjectAlarm(stub);
    }
    expect((await counters()).held.nanoUsd).toBe(60);
    expect(await settle("r", { nanoUsd: 5 })).toEqual({ is: "done", changed: true });
    expect((await counters()).spentNanoUsd).toBe(5);
  });

  test("is watched by an alarm as long as one is open, and by none afterwards", async () => {
    const { reserve, settle, stub } = await openMeter();
    const alarm = () => runInDurableObject(stub, (_, state) => state.storage.getAlarm());
    expect(await alarm()).toBeNull();
    await reserve("r");
    expect(await alarm()).toBe(noon + 60_000);
    vi.setSystemTime(noon + 60_000);
    await runDurableObjectAlarm(stub);
    expect(await alarm()).toBe(noon + 120_000);
    await settle("r");
    vi.setSystemTime(noon + 120_000);
    await runDurableObjectAlarm(stub);
    expect(await alarm()).toBeNull();
  });

  test("an object that naps between requests keeps its earlier alarm", async () => {
    const { reserve, stub } = await openMeter();
    for (let i = 0; i < 4; i += 1) {
      vi.setSystemTime(noon + i * 15_000);
      await reserve(`r${i}`);
      await evictDurableObject(stub);
    }
    expect(await runInDurableObject(stub, (_, state) => state.storage.getAlarm())).toBe(noon + 60_000);
  });
});

describe("a key's version", () => {
  test("unknown until the object has met the key; then the policy comes with the call", async () => {
    const policy = policyOf();
    const stub = env.KEY_METER.getByName(policy.keyId);
    expect(await stub.apply([reserving("r")])).toEqual([{ is: "unknown" }]);
    expect(await stub.apply([{ do: "look", version: 1 }])).toEqual([{ is: "unknown" }]);
    expect(tally((await stub.apply([reserving("r")], policy)) as MeterReply[])).toEqual({ granted: 1 });
    expect(await stub.apply([reserving("s", { version: 2 })])).toEqual([{ is: "unknown" }]);
  });

  test("an older one is stale, and adopt keeps the highest, across an eviction", async () => {
    const { policy, stub, reserve } = await openMeter({ requestsPerMinute: 5 }, { version: 3 });
    await stub.adopt({ ...policy, version: 2, limits: { requestsPerMinute: 99 } });
    await stub.adopt({ ...policy, version: 3, limits: { requestsPerMinute: 99 } });
    await evictDurableObject(stub);
    expect(await reserve("r", { version: 2 })).toEqual({ is: "stale" });
    expect(await reserve("r", { version: 3 })).toEqual({ is: "granted", rate: { limit: 5, remaining: 4 } });
    await stub.adopt({ ...policy, version: 4, limits: { requestsPerMinute: 2 } });
    expect(await reserve("s", { version: 3 })).toEqual({ is: "stale" });
    expect(await reserve("s", { version: 4 })).toEqual({ is: "granted", rate: { limit: 2, remaining: 0 } });
  });

  test("stale callers of one group do not disturb the others, and settles need no version", async () => {
    const { policy, stub } = await openMeter();
    await stub.apply([reserving("a")]);
    const newer = { ...policy, version: 2 };
    expect((await stub.apply([reserving("b"), settling("a"), reserving("c", { version: 2 })], newer)).map((reply) => reply.is)).toEqual(["stale", "done", "granted"]);
  });

  test("a revoked key is refused at once", async () => {
    const { policy, stub, reserve } = await openMeter();
    await stub.adopt({ ...policy, version: 2, enabled: false });
    expect(tally([await reserve("r", { version: 2 })])).toEqual({ key_revoked: 1 });
  });
});

describe("rows written", () => {
  test("two for each request, none for a refusal or a repetition", async () => {
    const { reserve, settle, rowsWritten } = await openMeter({ requestsPerMinute: 20 });
    const before = await rowsWritten();
    for (let i = 0; i < 20; i += 1) {
      await reserve(`r${i}`, { tokens: 5, nanoUsd: 5 });
      await settle(`r${i}`, { tokens: 3, nanoUsd: 2 });
    }
    expect((await rowsWritten()) - before).toBe(40);
    await reserve("refused");
    await settle("refused");
    await settle("r1");
    expect((await rowsWritten()) - before).toBe(40);
  });

  test("two for each request also in groups", async () => {
    const { stub, rowsWritten } = await openMeter();
    const before = await rowsWritten();
    const ids = Array.from({ length: 200 }, (_, i) => `r${i}`);
    await stub.apply(ids.map((id) => reserving(id)));
    await stub.apply(ids.map((id) => settling(id)));
    expect((await rowsWritten()) - before).toBe(400);
  });
});

test("look counts nothing", async () => {
  const { reserve, ask, counters } = await openMeter({ requestsPerMinute: unlimited });
  await reserve("r");
  const before = await counters();
  expect(await ask({ do: "look", version: 1 })).toEqual({ is: "granted", rate: { limit: unlimited, remaining: unlimited - 1 } });
  expect(await counters()).toEqual(before);
});

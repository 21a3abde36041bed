import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { GatewayError } from "../../src/errors.ts";
import { Meters, type KeyMeter, type MeterOperation, type MeterPolicy, type MeterReply } from "../../src/limits/index.ts";
import { policyOf, reserving, settling, tally, type Limits } from "./stage.ts";

type Call = { operations: MeterOperation[]; policy: MeterPolicy | undefined };
type Fault = "lost request" | "lost answer";

/** The real objects behind a wire that counts calls and can break. */
function stage(limits: Limits = {}) {
  const policy = policyOf(limits);
  const calls: Call[] = [];
  const faults: Fault[] = [];
  const real = env.KEY_METER;
  const wire = (id: DurableObjectId) => ({
    async apply(operations: MeterOperation[], newest?: MeterPolicy): Promise<MeterReply[]> {
      calls.push({ operations, policy: newest });
      const fault = faults.shift();
      if (fault === "lost request") throw new Error("Network connection lost.");
      const replies = (await real.get(id).apply(operations, newest)) as MeterReply[];
      if (fault === "lost answer") throw new Error("Network connection lost.");
      return replies;
    },
  });
  const namespace = { idFromName: (name: string) => real.idFromName(name), getByName: (name: string) => real.getByName(name), get: wire };
  const meters = new Meters(namespace as unknown as DurableObjectNamespace<KeyMeter>);
  const background: Promise<unknown>[] = [];
  return {
    meters, policy, calls, faults,
    reserve: (id: string, estimate?: { tokens?: number; nanoUsd?: number }) => meters.submit(reserving(id, { ...estimate, version: policy.version }), policy),
    settle: (id: string, used?: Parameters<typeof settling>[1]) => meters.settle(settling(id, used) as Extract<MeterOperation, { do: "settle" }>, policy, (promise) => void background.push(promise)),
    /** Until every settle so far is done. */
    quiet: () => Promise.all(background),
    counters: async () => (await real.getByName(policy.keyId).inspect()).counters,
  };
}

const failure = async (promise: Promise<unknown>): Promise<unknown> => promise.then(() => "no failure", (error: unknown) => error);

describe("many at once", () => {
  test("travel in few calls, and exactly the room is given", async () => {
    const { reserve, calls, counters } = stage({ requestsPerMinute: 100 });
    const replies = await Promise.all(Array.from({ length: 1_000 }, (_, i) => reserve(`r${i}`)));
    expect(tally(replies)).toEqual({ granted: 100, rate_limit_exceeded: 900 });
    expect(calls.length).toBeLessThan(30);
    expect(calls.flatMap(({ operations }) => operations)).toHaveLength(1_000);
    expect((await counters()).minute.requests).toBe(100);
  });

  test("each gets its own answer", async () => {
    const { reserve } = stage({ tokensPerMinute: 100, requestsPerMinute: 500 });
    const replies = await Promise.all(Array.from({ length: 200 }, (_, i) => reserve(`r${i}`, { tokens: i % 2 === 0 ? 1_000 : 1 })));
    replies.forEach((reply, i) => expect(reply.is, `r${i}`).toBe(i % 2 === 0 ? "refused" : "granted"));
    const remaining = replies.flatMap((reply) => (reply.is === "granted" ? [reply.rate.remaining] : []));
    expect(new Set(remaining).size).toBe(100);
  });

  test("keys do not mix", async () => {
    const { meters, reserve, policy, counters } = stage();
    const other = policyOf();
    await Promise.all(Array.from({ length: 50 }, (_, i) => Promise.all([reserve(`a${i}`), meters.submit(reserving(`b${i}`), other)])));
    expect((await counters()).held.requests).toBe(50);
    expect((await env.KEY_METER.getByName(other.keyId).inspect()).counters.held.requests).toBe(50);
    expect(policy.keyId).not.toBe(other.keyId);
  });
});

describe("at rest", () => {
  test("a request makes its own call at once, and the policy travels with the first one only", async () => {
    const { reserve, calls, policy } = stage();
    expect((await reserve("a")).is).toBe("granted");
    expect((await reserve("b")).is).toBe("granted");
    expect(calls.map((call) => [call.operations.length, call.policy?.keyId])).toEqual([[1, policy.keyId], [1, undefined]]);
  });

  test("a settle goes along with the next reserve: one call", async () => {
    const { reserve, settle, calls, quiet, counters } = stage();
    await reserve("a", { nanoUsd: 9 });
    settle("a", { nanoUsd: 4 });
    await reserve("b");
    await quiet();
    expect(calls.map(({ operations }) => operations.map((operation) => operation.do))).toEqual([["reserve"], ["settle", "reserve"]]);
    expect((await counters()).spentNanoUsd).toBe(4);
  });

  test("a settle that nobody follows goes alone after a moment", async () => {
    const { reserve, settle, calls, quiet, counters } = stage();
    await reserve("a");
    const before = performance.now();
    settle("a", { nanoUsd: 4 });
    expect(calls).toHaveLength(1);
    await quiet();
    expect(performance.now() - before).toBeGreaterThanOrEqual(15);
    expect(calls).toHaveLength(2);
    expect((await counters()).spentNanoUsd).toBe(4);
  });

  test("a key that limits concurrency does not wait: its place is free at once", async () => {
    const { reserve, settle, calls, quiet } = stage({ concurrentRequests: 1 });
    await reserve("a");
    settle("a");
    expect(calls).toHaveLength(2);
    await quiet();
    expect((await reserve("b")).is).toBe("granted");
  });
});

describe("a broken wire", () => {
  test("fails the whole group as limiter_unavailable, and the next call works", async () => {
    const { reserve, faults, calls } = stage();
    await reserve("warm");
    faults.push(...Array.from({ length: 20 }, () => "lost request" as const));
    const group = await Promise.all(Array.from({ length: 5 }, (_, i) => failure(reserve(`r${i}`))));
    for (const error of group) {
      if (error === "no failure") continue;
      expect(error).toBeInstanceOf(GatewayError);
      expect(error).toMatchObject({ code: "limiter_unavailable", status: 503, detail: { retryAfterSeconds: 1 } });
    }
    expect(group.filter((error) => error !== "no failure").length).toBeGreaterThanOrEqual(2);
    faults.length = 0;
    const before = calls.length;
    expect((await reserve("after")).is).toBe("granted");
    expect(calls).toHaveLength(before + 1);
  });

  test("the policy goes again after a first call that never arrived", async () => {
    const { reserve, faults, calls } = stage();
    faults.push("lost request");
    await failure(reserve("a"));
    expect((await reserve("b")).is).toBe("granted");
    expect(calls[1]!.policy).toBeDefined();
  });

  test("a reserve that is sent again after its answer was lost holds once", async () => {
    const { reserve, faults, counters } = stage();
    faults.push("lost answer");
    expect((await reserve("a", { nanoUsd: 5 })).is).toBe("granted");
    expect((await counters()).held).toEqual({ requests: 1, tokens: 0, nanoUsd: 5 });
  });

  test("a reserve that its caller was told has failed holds nothing", async () => {
    const { reserve, faults, counters } = stage();
    faults.push("lost answer", "lost answer");
    expect(await failure(reserve("a", { nanoUsd: 5 }))).toMatchObject({ code: "limiter_unavailable" });
    expect((await counters()).held.requests).toBe(0);
  });

  test("a settle whose call breaks is sent again: its usage is known, the estimate need not be charged", async () => {
    for (const fault of ["lost request", "lost answer"] as const) {
      const { reserve, settle, faults, quiet, counters } = stage();
      await reserve("a", { nanoUsd: 9 });
      faults.push(fault, fault);
      settle("a", { nanoUsd: 4 });
      await quiet();
      expect(await counters(), fault).toMatchObject({ spentNanoUsd: 4, held: { requests: 0 } });
    }
  });
});

describe("versions", () => {
  test("a newer version takes its policy along", async () => {
    const { meters, reserve, policy, calls } = stage();
    await reserve("a");
    const newer = { ...policy, version: 2 };
    expect((await meters.submit(reserving("b", { version: 2 }), newer)).is).toBe("granted");
    expect(calls.at(-1)!.policy).toEqual(newer);
  });

  test("an object that has lost the policy is given it again, without a word to the caller", async () => {
    const { reserve, policy, calls } = stage();
    await reserve("a");
    const stub = env.KEY_METER.getByName(policy.keyId);
    await runInDurableObject(stub, (_, state) => state.storage.deleteAll());
    await evictDurableObject(stub);
    expect((await reserve("b")).is).toBe("granted");
    expect(calls.map((call) => call.policy?.version)).toEqual([1, undefined, 1]);
  });

  test("a stale caller is told", async () => {
    const { meters, reserve, policy } = stage();
    await env.KEY_METER.getByName(policy.keyId).adopt({ ...policy, version: 5 });
    expect((await reserve("a")).is).toBe("stale");
    expect((await meters.submit(reserving("a", { version: 5 }), { ...policy, version: 5 })).is).toBe("granted");
  });
});

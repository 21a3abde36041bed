import { evictDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { MeterReply } from "../../src/limits/index.ts";
import { noon, openMeter, reserving, tally, type Limits } from "./stage.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }).setSystemTime(noon));
afterEach(() => void vi.useRealTimers());

describe("1,000 at once against room for 100", () => {
  const estimate = { tokens: 30, nanoUsd: 7 };
  const cases: [string, Limits, string][] = [
    ["requests per minute", { requestsPerMinute: 100 }, "rate_limit_exceeded"],
    ["tokens per minute", { tokensPerMinute: 3_029 }, "token_rate_limit_exceeded"],
    ["concurrent requests", { concurrentRequests: 100 }, "concurrency_limit_exceeded"],
    ["tokens per month", { monthlyTokens: 3_029 }, "quota_exceeded"],
    ["money per month", { monthlyNanoUsd: 706 }, "quota_exceeded"],
    ["budget", { budgetNanoUsd: 706 }, "insufficient_credits"],
  ];

  for (const [name, limits, code] of cases) {
    test(`${name}: exactly 100, one call each`, async () => {
      const { reserve, counters } = await openMeter(limits);
      const replies = await Promise.all(Array.from({ length: 1_000 }, (_, i) => reserve(`r${i}`, estimate)));
      expect(tally(replies)).toEqual({ granted: 100, [code]: 900 });
      expect((await counters()).held).toEqual({ requests: 100, tokens: 3_000, nanoUsd: 700 });
    });

    test(`${name}: exactly 100, in groups, with evictions in between`, async () => {
      const { stub, counters } = await openMeter(limits);
      const replies: MeterReply[] = [];
      for (let i = 0; i < 1_000; i += 50) {
        replies.push(...((await stub.apply(Array.from({ length: 50 }, (_, n) => reserving(`r${i + n}`, estimate)))) as MeterReply[]));
        if (i % 100 === 0) await evictDurableObject(stub);
      }
      expect(tally(replies)).toEqual({ granted: 100, [code]: 900 });
      expect((await counters()).held.requests).toBe(100);
    });
  }

  test("a place that comes free is given once", async () => {
    const { reserve, settle, stub } = await openMeter({ concurrentRequests: 100 });
    await stub.apply(Array.from({ length: 100 }, (_, i) => reserving(`a${i}`)));
    const replies = await Promise.all([
      ...Array.from({ length: 40 }, (_, i) => settle(`a${i}`)),
      ...Array.from({ length: 1_000 }, (_, i) => reserve(`b${i}`)),
    ]);
    expect(tally(replies)).toEqual({ done: 40, granted: 40, concurrency_limit_exceeded: 960 });
  });

  test("each answer's remaining is a different number", async () => {
    const { reserve } = await openMeter({ requestsPerMinute: 100 });
    const replies = await Promise.all(Array.from({ length: 1_000 }, (_, i) => reserve(`r${i}`)));
    const granted = replies.filter((reply) => reply.is === "granted").map((reply) => reply.rate.remaining);
    expect(granted.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    for (const reply of replies) if (reply.is === "refused") expect(reply.rate).toEqual({ limit: 100, remaining: 0 });
  });
});

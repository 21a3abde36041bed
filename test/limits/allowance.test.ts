import { describe, expect, test } from "vitest";
import { minuteOf, monthStart, nextMonthStart, refuse, type Counters } from "../../src/limits/allowance.ts";
import type { Estimate, MeterPolicy } from "../../src/limits/policy.ts";
import { policyOf, type Limits } from "./stage.ts";

type State = { requests?: number; minuteTokens?: number; monthTokens?: number; monthNanoUsd?: number; spent?: number; held?: Partial<Counters["held"]> };

const now = Date.UTC(2026, 10, 21, 10, 30, 15);

function ask(limits: Limits, state: State, estimate: Partial<Estimate> = {}, { at = now, over = {} as Partial<MeterPolicy> } = {}) {
  const counters: Counters = {
    minute: { window: minuteOf(at), requests: state.requests ?? 0, tokens: state.minuteTokens ?? 0 },
    month: { start: monthStart(at), tokens: state.monthTokens ?? 0, nanoUsd: state.monthNanoUsd ?? 0 },
    spentNanoUsd: state.spent ?? 0,
    held: { requests: 0, tokens: 0, nanoUsd: 0, ...state.held },
  };
  return refuse(policyOf(limits, over), counters, { tokens: 0, nanoUsd: 0, ...estimate }, at);
}

describe("room", () => {
  test("up to the limit itself, and not one further", () => {
    const cases: [Limits, State, Partial<Estimate>, State, string][] = [
      [{ requestsPerMinute: 100 }, { requests: 99 }, {}, { requests: 100 }, "rate_limit_exceeded"],
      [{ concurrentRequests: 3 }, { held: { requests: 2 } }, {}, { held: { requests: 3 } }, "concurrency_limit_exceeded"],
      [{ tokensPerMinute: 100 }, { minuteTokens: 60 }, { tokens: 40 }, { minuteTokens: 61 }, "token_rate_limit_exceeded"],
      [{ monthlyTokens: 100 }, { monthTokens: 20, held: { requests: 1, tokens: 40 } }, { tokens: 40 }, { monthTokens: 21, held: { requests: 1, tokens: 40 } }, "quota_exceeded"],
      [{ monthlyNanoUsd: 100 }, { monthNanoUsd: 20, held: { requests: 1, nanoUsd: 40 } }, { nanoUsd: 40 }, { monthNanoUsd: 20, held: { requests: 1, nanoUsd: 41 } }, "quota_exceeded"],
      [{ budgetNanoUsd: 100 }, { spent: 20, held: { requests: 1, nanoUsd: 40 } }, { nanoUsd: 40 }, { spent: 21, held: { requests: 1, nanoUsd: 40 } }, "insufficient_credits"],
    ];
    for (const [limits, fits, estimate, full, code] of cases) {
      expect(ask(limits, fits, estimate), code).toBeUndefined();
      expect(ask(limits, full, estimate)?.code).toBe(code);
    }
  });

  test("a limit that is not set does not bind", () => {
    expect(ask({}, { requests: 5, minuteTokens: 1e12, monthTokens: 1e12, monthNanoUsd: 1e12, spent: 1e12, held: { requests: 1e6, tokens: 1e12, nanoUsd: 1e12 } }, { tokens: 1e12, nanoUsd: 1e12 })).toBeUndefined();
  });

  test("a free request fits into a budget that is spent to the last", () => {
    expect(ask({ budgetNanoUsd: 100 }, { spent: 100 })).toBeUndefined();
    expect(ask({ budgetNanoUsd: 100 }, { spent: 101 })?.code).toBe("insufficient_credits");
  });
});

describe("a key that is not in force", () => {
  test("revoked before anything else, and no retry helps", () => {
    expect(ask({ requestsPerMinute: 1 }, { requests: 1 }, {}, { over: { enabled: false } })).toEqual({ code: "key_revoked", message: "This API key has been revoked or disabled.", shouldRetry: false });
  });

  test("expires at its millisecond", () => {
    expect(ask({}, {}, {}, { over: { expiresAtMs: now + 1 } })).toBeUndefined();
    expect(ask({}, {}, {}, { over: { expiresAtMs: now } })).toMatchObject({ code: "key_expired", shouldRetry: false });
    expect(ask({}, {}, {}, { over: { expiresAtMs: now } })).not.toHaveProperty("retryAfterSeconds");
  });
});

describe("when to come again", () => {
  const full = { requests: 1 };
  const one: Limits = { requestsPerMinute: 1 };

  test("after a rate limit: when the next minute begins, whole seconds, at least one, never before it", () => {
    const minute = Date.UTC(2026, 10, 21, 10, 30);
    const wait = (at: number) => ask(one, full, {}, { at })?.retryAfterSeconds;
    expect(wait(minute)).toBe(60);
    expect(wait(minute + 1)).toBe(60);
    expect(wait(minute + 15_000)).toBe(45);
    expect(wait(minute + 58_999)).toBe(2);
    expect(wait(minute + 59_000)).toBe(1);
    expect(wait(minute + 59_999)).toBe(1);
    for (const at of [0, 1, 999, 1000, 30_500, 59_001, 59_999]) expect(minuteOf(minute + at + wait(minute + at)! * 1000)).toBe(minuteOf(minute) + 1);
    expect(ask(one, full)?.shouldRetry).toBe(true);
  });

  test("after a token rate limit: likewise, unless the request alone is larger than the limit", () => {
    expect(ask({ tokensPerMinute: 100 }, { minuteTokens: 100 }, { tokens: 1 })).toMatchObject({ retryAfterSeconds: 45, shouldRetry: true });
    expect(ask({ tokensPerMinute: 100 }, {}, { tokens: 101 })).toMatchObject({ shouldRetry: false });
    expect(ask({ tokensPerMinute: 100 }, {}, { tokens: 100 })).toBeUndefined();
  });

  test("after a concurrency limit: soon", () => {
    expect(ask({ concurrentRequests: 1 }, { held: { requests: 1 } })).toMatchObject({ retryAfterSeconds: 1, shouldRetry: true });
  });

  test("after a monthly quota: next month, and an SDK's own retry does not help", () => {
    for (const [limits, state, estimate] of [
      [{ monthlyTokens: 10 }, { monthTokens: 10 }, { tokens: 1 }],
      [{ monthlyNanoUsd: 10 }, { monthNanoUsd: 10 }, { nanoUsd: 1 }],
    ] as const) {
      const refusal = ask(limits, state, estimate)!;
      expect(refusal).toMatchObject({ code: "quota_exceeded", shouldRetry: false });
      expect(now + refusal.retryAfterSeconds! * 1000).toBe(Date.UTC(2026, 11, 1));
    }
  });

  test("at the month's last millisecond: one second, which lies in the next month", () => {
    const at = Date.UTC(2027, 0, 1) - 1;
    expect(ask({ monthlyTokens: 1 }, { monthTokens: 1 }, { tokens: 1 }, { at })).toMatchObject({ retryAfterSeconds: 1, shouldRetry: false });
  });

  test("after a budget: never", () => {
    const refusal = ask({ budgetNanoUsd: 10 }, { spent: 10 }, { nanoUsd: 1 })!;
    expect(refusal).toMatchObject({ code: "insufficient_credits", shouldRetry: false });
    expect(refusal).not.toHaveProperty("retryAfterSeconds");
  });
});

describe("held back or exhausted", () => {
  const held = { requests: 2, tokens: 60, nanoUsd: 60 };

  test("what running requests hold may come free: come again soon", () => {
    const soon = { retryAfterSeconds: 1, shouldRetry: true };
    expect(ask({ budgetNanoUsd: 100 }, { spent: 20, held }, { nanoUsd: 30 })).toMatchObject({ code: "insufficient_credits", ...soon });
    expect(ask({ monthlyNanoUsd: 100 }, { monthNanoUsd: 20, held }, { nanoUsd: 30 })).toMatchObject({ code: "quota_exceeded", ...soon });
    expect(ask({ monthlyTokens: 100 }, { monthTokens: 20, held }, { tokens: 30 })).toMatchObject({ code: "quota_exceeded", ...soon });
  });

  test("what would not fit even when they all came back empty: exhausted", () => {
    expect(ask({ budgetNanoUsd: 100 }, { spent: 71, held }, { nanoUsd: 30 })).toMatchObject({ code: "insufficient_credits", shouldRetry: false });
    expect(ask({ monthlyNanoUsd: 100 }, { monthNanoUsd: 71, held }, { nanoUsd: 30 })).toMatchObject({ code: "quota_exceeded", shouldRetry: false });
    expect(ask({ monthlyTokens: 100 }, { monthTokens: 71, held }, { tokens: 30 })).toMatchObject({ code: "quota_exceeded", shouldRetry: false });
  });
});

test("money and quotas speak before rates: they are what the owner must know", () => {
  const everything: Limits = { requestsPerMinute: 1, tokensPerMinute: 1, concurrentRequests: 1, monthlyTokens: 1, monthlyNanoUsd: 1, budgetNanoUsd: 1 };
  const state: State = { requests: 1, minuteTokens: 1, monthTokens: 1, monthNanoUsd: 1, spent: 1, held: { requests: 1 } };
  const order = ["insufficient_credits", "quota_exceeded", "quota_exceeded", "concurrency_limit_exceeded", "rate_limit_exceeded", "token_rate_limit_exceeded"];
  const off: (keyof Limits)[] = ["budgetNanoUsd", "monthlyNanoUsd", "monthlyTokens", "concurrentRequests", "requestsPerMinute", "tokensPerMinute"];
  const limits: Limits = { ...everything };
  for (const [i, code] of order.entries()) {
    expect(ask(limits, state, { tokens: 1, nanoUsd: 1 })?.code).toBe(code);
    limits[off[i]!] = Infinity;
  }
  expect(ask(limits, state, { tokens: 1, nanoUsd: 1 })).toBeUndefined();
});

test("months are UTC, leap years included", () => {
  expect(monthStart(Date.UTC(2028, 1, 29, 23, 59, 59, 999))).toBe(Date.UTC(2028, 1, 1));
  expect(nextMonthStart(Date.UTC(2028, 1, 29, 23, 59, 59, 999))).toBe(Date.UTC(2028, 2, 1));
  expect(nextMonthStart(Date.UTC(2026, 11, 31, 23, 59))).toBe(Date.UTC(2027, 0, 1));
  expect(monthStart(Date.UTC(2027, 0, 1))).toBe(Date.UTC(2027, 0, 1));
});

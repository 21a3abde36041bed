import { describe, expect, test } from "vitest";
import { forecast } from "../../src/ledger/forecast.ts";

const dayMs = 86_400_000;
const days = (entries: Record<string, number>): Map<string, number> => new Map(Object.entries(entries));

/** The seven days before `nowMs`, each with the same amount. */
function week(nowMs: number, amount: (i: number) => number): Map<string, number> {
  return new Map(Array.from({ length: 7 }, (_, i) => [new Date(nowMs - (i + 1) * dayMs).toISOString().slice(0, 10), amount(i)]));
}

describe("no history", () => {
  test("nothing spent: nothing forecast", () => {
    expect(forecast(new Map(), Date.UTC(2026, 10, 21, 12))).toMatchObject({ month: "2026-11", costNanoUsd: 0, low: 0, high: 0 });
  });

  test("only today: today's own pace", () => {
    const noon = Date.UTC(2026, 10, 30, 12);
    expect(forecast(days({ "2026-11-30": 100 }), noon)).toMatchObject({ costNanoUsd: 200, low: 200, high: 200 });
  });

  test("the first minutes of a first day count as an hour: no forecast out of a single request", () => {
    const at = Date.UTC(2026, 10, 30, 0, 1);
    expect(forecast(days({ "2026-11-30": 100 }), at).costNanoUsd).toBeLessThanOrEqual(100 * 25);
  });
});

describe("history", () => {
  test("a full even week: spent so far and the mean for what is left, no spread", () => {
    const at = Date.UTC(2026, 10, 21);
    const { costNanoUsd, low, high } = forecast(week(at, () => 70), at);
    expect(costNanoUsd).toBe(7 * 70 + 10 * 70);
    expect([low, high]).toEqual([costNanoUsd, costNanoUsd]);
  });

  test("an uneven week: low and high lie one standard deviation away, low not below what is spent", () => {
    const at = Date.UTC(2026, 10, 21);
    const { costNanoUsd, low, high } = forecast(week(at, (i) => (i === 0 ? 700 : 0)), at);
    expect(costNanoUsd).toBe(700 + 10 * 100);
    const deviation = Math.sqrt((600 ** 2 + 6 * 100 ** 2) / 6);
    expect(high).toBe(Math.round(700 + 10 * (100 + deviation)));
    expect(low).toBe(700);
  });

  test("days without requests count as zero, days before the first request do not count", () => {
    const at = Date.UTC(2026, 10, 21);
    expect(forecast(days({ "2026-11-17": 100, "2026-11-20": 100 }), at).costNanoUsd).toBe(200 + 10 * 50);
  });

  test("only the last seven days tell the pace", () => {
    const at = Date.UTC(2026, 10, 21);
    expect(forecast(new Map([...week(at, () => 10), ["2026-11-13", 1_000]]), at).costNanoUsd).toBe(70 + 1_000 + 10 * 10);
  });

  test("today's spending is spent, but does not tell the pace", () => {
    const at = Date.UTC(2026, 10, 21, 12);
    const noon = new Map([...week(at, () => 10), ["2026-11-21", 500]]);
    expect(forecast(noon, at).costNanoUsd).toBe(570 + Math.round(9.5 * 10));
  });
});

describe("edges of a month", () => {
  test("on the first day, last month tells the pace and is not spent", () => {
    const at = Date.UTC(2026, 11, 1);
    expect(forecast(week(at, () => 10), at)).toMatchObject({ month: "2026-12", costNanoUsd: 31 * 10 });
  });

  test("at the last millisecond the forecast is what is spent", () => {
    const at = Date.UTC(2027, 0, 1) - 1;
    expect(forecast(new Map([...week(at, () => 10), ["2026-12-31", 5]]), at)).toMatchObject({ month: "2026-12", costNanoUsd: 75 });
  });

  test("months have their own length", () => {
    for (const [year, month, length] of [[2027, 1, 28], [2028, 1, 29], [2026, 3, 30], [2026, 6, 31]] as const) {
      const at = Date.UTC(year, month, 1);
      expect(forecast(week(at, () => 1), at).costNanoUsd).toBe(length);
    }
  });
});

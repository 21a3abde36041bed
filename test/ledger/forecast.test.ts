import fc from "fast-check";
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

  test("only today: today's own pace, and no certainty", () => {
    const noon = Date.UTC(2026, 10, 30, 12);
    const { costNanoUsd, low, high } = forecast(days({ "2026-11-30": 100 }), noon);
    expect([costNanoUsd, low]).toEqual([200, 100]);
    expect(high).toBeGreaterThan(300);
  });

  test("a key made late yesterday: today tells the pace as well", () => {
    const at = Date.UTC(2026, 10, 21, 12);
    expect(forecast(days({ "2026-11-20": 0, "2026-11-21": 150 }), at).costNanoUsd).toBe(150 + 9.5 * 100);
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

  test("an uneven week: low and high hold four of five, days and pace both in doubt; low not below what is spent", () => {
    const at = Date.UTC(2026, 10, 21);
    const { costNanoUsd, low, high, method } = forecast(week(at, (i) => (i === 0 ? 700 : 0)), at);
    expect(costNanoUsd).toBe(700 + 10 * 100);
    const variance = (600 ** 2 + 6 * 100 ** 2) / 6;
    expect(high).toBe(700 + Math.round(10 * 100 + 1.44 * Math.sqrt(10 * variance + (10 ** 2 * variance) / 7)));
    expect(low).toBe(700);
    expect(method).toBe("spent so far + mean of the last 7 full days × days left; low/high: 80% interval");
  });

  test("weekdays that repeat are told apart: a quiet weekend ahead costs nothing", () => {
    // Twenty working days are over; left are Saturday the 28th, Sunday, and Monday the 30th.
    const saturday = Date.UTC(2026, 10, 28);
    const weekdays = new Map(Array.from({ length: 28 }, (_, i) => {
      const day = new Date(saturday - (i + 1) * dayMs);
      return [day.toISOString().slice(0, 10), [0, 6].includes(day.getUTCDay()) ? 0 : 100];
    }));
    expect(forecast(weekdays, saturday)).toMatchObject({ costNanoUsd: 2_100, low: 2_100, high: 2_100, method: expect.stringContaining("by weekday") });
    expect(forecast(weekdays, saturday + dayMs / 2).costNanoUsd).toBe(2_100);
    weekdays.set("2026-11-28", 0).set("2026-11-29", 0);
    expect(forecast(weekdays, saturday + 2.5 * dayMs).costNanoUsd).toBe(2_050);
  });

  test("one expensive day is no pattern", () => {
    const at = Date.UTC(2026, 10, 21);
    const { method } = forecast(new Map([...Array(28).keys()].map((i) => [new Date(at - (i + 1) * dayMs).toISOString().slice(0, 10), i === 3 ? 900 : 10])), at);
    expect(method).not.toContain("by weekday");
  });

  test("weeks that differ widen the band", () => {
    const at = Date.UTC(2026, 10, 22);
    const weeks = (levels: number[]) => new Map([...Array(28).keys()].map((i) => [new Date(at - (i + 1) * dayMs).toISOString().slice(0, 10), levels[Math.floor(i / 7)]! + (i % 2)]));
    const width = (levels: number[]): number => {
      const { low, high } = forecast(weeks(levels), at);
      return high - low;
    };
    expect(width([100, 150, 90, 160])).toBeGreaterThan(5 * width([100, 100, 100, 100]));
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

describe("whatever was spent", () => {
  const from = Date.UTC(2026, 0, 1);
  const cases = fc.record({
    at: fc.integer({ min: from, max: Date.UTC(2028, 2, 1) }),
    spending: fc.array(fc.tuple(fc.integer({ min: -3, max: 40 }), fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 10_000_000_000_000 }))), { maxLength: 40 }),
  }).map(({ at, spending }) => ({ at, entries: spending.map(([ago, cost]): [string, number] => [new Date(at - ago * dayMs).toISOString().slice(0, 10), cost]) }));
  const spentOf = (map: Map<string, number>, at: number): number =>
    [...map].filter(([day]) => day.startsWith(new Date(at).toISOString().slice(0, 7))).reduce((sum, [, cost]) => sum + cost, 0);

  test("spent ≤ low ≤ value ≤ high, in whole nano-USD, also with days from the future", () => {
    fc.assert(fc.property(cases, ({ at, entries }) => {
      const map = new Map(entries);
      const { costNanoUsd, low, high } = forecast(map, at);
      for (const amount of [low, costNanoUsd, high]) expect(Number.isInteger(amount)).toBe(true);
      expect(low).toBeGreaterThanOrEqual(spentOf(map, at));
      expect(costNanoUsd).toBeGreaterThanOrEqual(low);
      expect(high).toBeGreaterThanOrEqual(costNanoUsd);
    }), { numRuns: 1_000 });
  });

  test("is what is spent in the month's last minute", () => {
    fc.assert(fc.property(cases, fc.integer({ min: 1, max: 59_999 }), ({ at, entries }, left) => {
      const date = new Date(at);
      const end = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
      const map = new Map(entries);
      const spent = spentOf(map, at);
      expect(forecast(map, end - left)).toMatchObject({ costNanoUsd: spent, low: spent, high: spent });
    }));
  });

  test("does not depend on the order of the days", () => {
    fc.assert(fc.property(cases.chain(({ at, entries }) => fc.tuple(fc.constant(at), fc.constant([...new Map(entries)]), fc.shuffledSubarray([...new Map(entries)], { minLength: new Map(entries).size }))), ([at, entries, shuffled]) => {
      expect(forecast(new Map(shuffled), at)).toEqual(forecast(new Map(entries), at));
    }));
  });

  test("twice the spending is twice the forecast", () => {
    fc.assert(fc.property(cases, ({ at, entries }) => {
      const once = forecast(new Map(entries), at);
      const twice = forecast(new Map(entries.map(([day, cost]) => [day, cost * 2])), at);
      for (const name of ["costNanoUsd", "low", "high"] as const) expect(Math.abs(twice[name] - 2 * once[name])).toBeLessThanOrEqual(2 + once[name] * 1e-9);
    }));
  });
});

test("the band holds the truth about four times of five", () => {
  let seed = 7;
  const chance = (): number => ((seed = (seed * 1_664_525 + 1_013_904_223) % 4_294_967_296) + 0.5) / 4_294_967_296;
  const rounds = 1_500;
  let held = 0;
  for (let round = 0; round < rounds; round++) {
    const end = Date.UTC(2026, 11, 1);
    const at = end - Math.ceil(chance() * 29) * dayMs;
    const history = [10, 20, 35][round % 3]!;
    const all = new Map<string, number>();
    for (let day = at - history * dayMs; day < end; day += dayMs) all.set(new Date(day).toISOString().slice(0, 10), Math.round(-1e9 * Math.log(chance())));
    const today = new Date(at).toISOString().slice(0, 10);
    const truth = [...all].filter(([day]) => day >= "2026-11-01").reduce((sum, [, cost]) => sum + cost, 0);
    const { low, high } = forecast(new Map([...all].filter(([day]) => day < today)), at);
    if (low <= truth && truth <= high) held += 1;
  }
  expect(held / rounds).toBeGreaterThan(0.74);
  expect(held / rounds).toBeLessThan(0.86);
});

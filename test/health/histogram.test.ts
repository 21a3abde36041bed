import fc from "fast-check";
import { expect, test } from "vitest";
import { count, emptyHistogram, quantile, ratio, scales, type Histogram } from "../../src/health/histogram.ts";
import { decay, figuresOf, halfLifeMs, merge, newDelta, newVitals, record, type Delta, type Event } from "../../src/health/vitals.ts";

const filled = (values: number[], least: number): Histogram => {
  const histogram = emptyHistogram();
  for (const value of values) count(histogram, value, least);
  return histogram;
};

test("a quantile is at most 14 % off the measurement at its rank", () => {
  expect(Math.sqrt(ratio)).toBeLessThan(1.14);
  for (const [least, most] of [[scales.firstByteMs, 65_000], [scales.tokensPerSecond, 4_096]] as const) {
    const measured = fc.array(fc.double({ min: least, max: most, noNaN: true }), { minLength: 1, maxLength: 200 });
    fc.assert(fc.property(measured, fc.constantFrom(0.01, 0.5, 0.95, 1), (values, share) => {
      const exact = values.toSorted((a, b) => a - b)[Math.ceil(share * values.length) - 1]!;
      const off = quantile(filled(values, least), share, least)! / exact;
      expect(Math.max(off, 1 / off)).toBeLessThan(Math.sqrt(ratio) + 1e-9);
    }));
  }
});

test("what lies outside the scale counts at its ends, and what is no measurement not at all", () => {
  expect(filled([0.1, 1e9], 16).map((n, i) => (n ? i : -1)).filter((i) => i >= 0)).toEqual([0, 31]);
  expect(filled([0, -1, NaN], 16)).toEqual(emptyHistogram());
  expect(quantile(emptyHistogram(), 0.5, 16)).toBeUndefined();
});

const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ is: fc.constant("answered" as const), firstByteMs: fc.option(fc.integer({ min: 0, max: 100_000 }), { nil: undefined }), outputTokens: fc.nat(5_000), streamMs: fc.nat(100_000) }),
  fc.record({ is: fc.constant("streamed" as const), outputTokens: fc.nat(5_000), streamMs: fc.nat(100_000) }),
  fc.constant({ is: "failed" as const }),
);
const deltaOf = (events: Event[]): Delta => {
  const delta = newDelta();
  for (const one of events) record(delta, one);
  return delta;
};
const numbersOf = ({ answered, failed, firstByteMs, tokensPerSecond }: Delta): number[] => [answered, failed, ...firstByteMs, ...tokensPerSecond];

test("what happened in two stretches is what happened in both, in whichever order they are merged", () => {
  fc.assert(fc.property(fc.array(fc.array(event, { maxLength: 20 }), { maxLength: 6 }), fc.nat(), (stretches, seed) => {
    const merged = (order: Event[][]): number[] => {
      const vitals = newVitals(0);
      for (const events of order) merge(vitals, deltaOf(events), 0);
      return numbersOf(vitals);
    };
    const shuffled = stretches.map((events, i) => ({ events, at: (i * 7_919 + seed) % 101 })).sort((a, b) => a.at - b.at).map(({ events }) => events);
    expect(merged(stretches)).toEqual(numbersOf(deltaOf(stretches.flat())));
    expect(merged(shuffled)).toEqual(merged(stretches));
  }));
});

test("a half-life makes each count half, in however many steps it passes", () => {
  fc.assert(fc.property(fc.array(event, { minLength: 1, maxLength: 50 }), fc.array(fc.integer({ min: 1, max: 100_000 }), { maxLength: 10 }), (events, steps) => {
    const vitals = newVitals(0);
    merge(vitals, deltaOf(events), 0);
    for (const step of steps) decay(vitals, Math.min(step, halfLifeMs));
    decay(vitals, 3 * halfLifeMs);
    numbersOf(vitals).forEach((number, i) => expect(number).toBeCloseTo(numbersOf(deltaOf(events))[i]! / 8, 8));
  }));
});

test("figures are there from enough attempts on", () => {
  const answers = (n: number): Event[] => Array.from({ length: n }, () => ({ is: "answered", firstByteMs: 400, outputTokens: 100, streamMs: 2_000 }));
  expect(figuresOf(deltaOf(answers(4)))).toEqual({});
  expect(Object.keys(figuresOf(deltaOf(answers(5))))).toEqual(["firstByteMs", "tokensPerSecond", "okShare"]);
  expect(figuresOf(deltaOf(answers(19))).firstByteMs).not.toHaveProperty("p95");
  const { firstByteMs, tokensPerSecond, okShare } = figuresOf(deltaOf([...answers(30), ...Array.from({ length: 10 }, (): Event => ({ is: "failed" }))]));
  expect(firstByteMs!.p95).toBe(firstByteMs!.p50);
  expect(firstByteMs!.p50 / 400).toBeCloseTo(1, 0);
  expect(Math.abs(tokensPerSecond! / 50 - 1)).toBeLessThan(0.14);
  expect(okShare).toBe(0.75);
});

test("an answer that is no stream, or too short to have a speed, says nothing of either", () => {
  const events: Event[] = Array.from({ length: 50 }, () => ({ is: "answered", outputTokens: 3, streamMs: 1 }));
  expect(figuresOf(deltaOf(events))).toEqual({ okShare: 1 });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { noUsage, type Piece, type Usage } from "../../src/chat/usage.ts";
import { costOf, isPriced, tierOf, worstCost, type Price, type PriceClass, type Tier } from "../../src/ledger/index.ts";
import { allInForce } from "../../src/ledger/price.ts";

const now = Date.UTC(2026, 10, 21);
const usd = 1_000_000_000;

/** Prices in dollars per million tokens, as providers publish them. */
const list = (perMillion: Partial<Record<PriceClass, number>>, over: Partial<Price> = {}): Price[] =>
  Object.entries(perMillion).map(([name, dollars]) => ({ class: name as PriceClass, picoUsd: Math.round(dollars * 1e6), aboveTokens: 0, validFromMs: 0, ...over }));

const used = (usage: Partial<Usage>): Usage => ({ ...noUsage, ...usage });
const million = 1_000_000;

describe("a cost", () => {
  const prices = list({ input: 3, cached_input: 0.3, cache_write: 3.75, output: 15, input_audio: 40, output_audio: 80 });

  test("counts each token once, in its own class", () => {
    expect(costOf(prices, used({ inputTokens: million }), now)).toBe(3 * usd);
    expect(costOf(prices, used({ outputTokens: million }), now)).toBe(15 * usd);
    expect(costOf(prices, used({ inputTokens: million, cachedTokens: million }), now)).toBe(0.3 * usd);
    expect(costOf(prices, used({ inputTokens: million, cacheWriteTokens: million }), now)).toBe(3.75 * usd);
    expect(costOf(prices, used({ inputTokens: million, inputAudioTokens: million }), now)).toBe(40 * usd);
    expect(costOf(prices, used({ outputTokens: million, outputAudioTokens: million }), now)).toBe(80 * usd);
    expect(costOf(prices, used({ inputTokens: 4 * million, cachedTokens: million, cacheWriteTokens: million, inputAudioTokens: million, outputTokens: 2 * million, outputAudioTokens: million }), now))
      .toBe((3 + 0.3 + 3.75 + 40 + 15 + 80) * usd);
  });

  test("takes reasoning as output: it is in there already", () => {
    expect(costOf(prices, used({ outputTokens: million, reasoningTokens: million }), now)).toBe(15 * usd);
  });

  test("of a write that is kept for an hour is its own: pains.md 17, 1 h writes at the 5 m rate", () => {
    const written = used({ inputTokens: 2 * million, cacheWriteTokens: 2 * million, cacheWrite1hTokens: million });
    expect(costOf([...prices, ...list({ cache_write_1h: 6 })], written, now)).toBe((3.75 + 6) * usd);
    expect(costOf(prices, written, now)).toBe((3.75 + 2 * 3) * usd);
  });

  test("counts searches, and thoughts where they have a price of their own", () => {
    expect(costOf([...prices, ...list({ web_search: 10_000 })], used({ inputTokens: million, searches: 3 }), now)).toBe(3 * usd + 30_000_000);
    expect(costOf(prices, used({ inputTokens: million, searches: 3 }), now)).toBeUndefined();
    expect(costOf([...prices, ...list({ output_reasoning: 3 })], used({ outputTokens: 2 * million, reasoningTokens: million }), now)).toBe((15 + 3) * usd);
  });

  test("is that of the tier it was served in: pains.md 18, flex and priority billed at the default", () => {
    const tiered = [...prices, ...list({ "input:flex": 1.5, "output:flex": 7.5, "input:priority": 6, "output:priority": 30 })];
    const both = used({ inputTokens: 2 * million, cachedTokens: million, outputTokens: million });
    expect(costOf(tiered, both, now)).toBe((3 + 0.3 + 15) * usd);
    expect(costOf(tiered, both, now, "flex")).toBe((1.5 + 0.3 + 7.5) * usd);
    expect(costOf(tiered, both, now, "priority")).toBe((6 + 6 + 30) * usd);
    expect(costOf(prices, both, now, "batch")).toBe((3 + 0.3 + 15) * usd);
    expect(costOf(prices, both, now, "priority")).toBeUndefined();
    expect(["flex", "priority", "batch", "default", "standard", "auto", undefined].map(tierOf)).toEqual(["flex", "priority", "batch", undefined, undefined, undefined, undefined]);
  });

  test("counts pictures in their own class, else as text, and each token once", () => {
    const seen = used({ inputTokens: 4 * million, cachedTokens: million, inputAudioTokens: million, inputImageTokens: million, outputTokens: 3 * million, reasoningTokens: million, outputImageTokens: million });
    expect(costOf(prices, seen, now)).toBe((3 + 0.3 + 40 + 3 + 15 + 15 + 15) * usd);
    expect(costOf([...prices, ...list({ input_image: 5, output_image: 30 })], seen, now)).toBe((3 + 0.3 + 40 + 5 + 15 + 15 + 30) * usd);
    expect(costOf([...prices, ...list({ input_image: 5, output_image: 30 })], used({ inputTokens: 1, inputImageTokens: 99, outputTokens: 1, outputImageTokens: 99, reasoningTokens: 1 }), now)).toBe(5_000 + 30_000);
  });

  test.each<Piece>(["image", "audio_second", "video_second", "character", "search_unit"])("counts %s by the piece, and is unknown where it has no price", (piece) => {
    const drawn = used({ inputTokens: million, pieces: { [piece]: 2.5 } });
    expect(costOf([...prices, ...list({ [piece]: 40_000 })], drawn, now)).toBe(3 * usd + 100_000_000);
    expect(costOf(prices, drawn, now)).toBeUndefined();
    expect(costOf(prices, used({ inputTokens: million, pieces: { [piece]: 0 } }), now)).toBe(3 * usd);
    expect(costOf(list({ [piece]: 40_000, [`${piece}:batch`]: 20_000 }), used({ pieces: { [piece]: 1 } }), now, "batch")).toBe(20_000_000);
    expect(worstCost(list({ [piece]: 40_000 }), { inputTokens: 0, outputTokens: 0, pieces: { [piece]: 3 } }, now)).toBe(120_000_000);
    expect(worstCost(prices, { inputTokens: 10, outputTokens: 0, pieces: { [piece]: 3 } }, now)).toBeUndefined();
  });

  test("adds the price of the request itself", () => {
    expect(costOf([...prices, ...list({ request: 12_000 })], used({ inputTokens: million }), now)).toBe(3 * usd + 12_000_000);
    expect(costOf(list({ request: 12_000 }), noUsage, now)).toBe(12_000_000);
  });

  test("is rounded once, half up", () => {
    const pico = (input: number, output: number) => [{ class: "input", picoUsd: input, aboveTokens: 0, validFromMs: 0 }, { class: "output", picoUsd: output, aboveTokens: 0, validFromMs: 0 }] satisfies Price[];
    expect(costOf(pico(499, 0), used({ inputTokens: 1 }), now)).toBe(0);
    expect(costOf(pico(500, 0), used({ inputTokens: 1 }), now)).toBe(1);
    expect(costOf(pico(400, 400), used({ inputTokens: 1, outputTokens: 1 }), now)).toBe(1);
  });

  test("never counts more cached, written or audio tokens than there are", () => {
    expect(costOf(prices, used({ inputTokens: 10, cachedTokens: 99, cacheWriteTokens: 99, inputAudioTokens: 99, outputTokens: 1, outputAudioTokens: 9 }), now)).toBe(10 * 300 + 80_000);
  });
});

describe("a class without a price", () => {
  test("costs what its parent costs: never nothing", () => {
    const bare = list({ input: 3, output: 15 });
    expect(costOf(bare, used({ inputTokens: 3 * million, cachedTokens: million, cacheWriteTokens: million, inputAudioTokens: million, outputTokens: million, outputAudioTokens: million }), now)).toBe(24 * usd);
  });

  test("is unknown when there is no parent either; zero of it is no matter", () => {
    expect(costOf([], used({ inputTokens: 1 }), now)).toBeUndefined();
    expect(costOf(list({ input: 3 }), used({ inputTokens: 1, outputTokens: 1 }), now)).toBeUndefined();
    expect(costOf(list({ output: 3 }), used({ inputTokens: 1, outputTokens: 1 }), now)).toBeUndefined();
    expect(costOf(list({ input: 3 }), used({ inputTokens: 1 }), now)).toBe(3_000);
    expect(costOf([], noUsage, now)).toBe(0);
  });

  test("makes a deployment unpriced, and its worst case unknown", () => {
    expect(isPriced([], ["input", "output"], now)).toBe(false);
    expect(isPriced(list({ output: 3 }), ["input", "output"], now)).toBe(false);
    expect(isPriced(list({ input: 3 }), ["input", "output"], now)).toBe(false);
    expect(isPriced(list({ input: 3 }), ["input"], now)).toBe(true);
    expect(isPriced(list({ input: 3, output: 3 }), ["input", "output"], now)).toBe(true);
    expect(worstCost([], { inputTokens: 10, outputTokens: 10 }, now)).toBeUndefined();
    for (const late of [list({ input: 3, output: 3 }, { validFromMs: now + 1 }), list({ input: 3, output: 3 }, { aboveTokens: 200_000 })]) {
      expect([isPriced(late, ["input"], now), worstCost(late, { inputTokens: 10, outputTokens: 10 }, now)]).toEqual([false, undefined]);
    }
  });
});

describe("tiers", () => {
  const tiered = [...list({ input: 1, cached_input: 0.5, output: 2 }), ...list({ input: 4, output: 8 }, { aboveTokens: 200_000 })];
  const cost = (inputTokens: number, more: Partial<Usage> = {}) => costOf(tiered, used({ inputTokens, ...more }), now);

  test("change above their mark, for the whole request", () => {
    expect(cost(199_999)).toBe(199_999 * 1_000);
    expect(cost(200_000)).toBe(200_000 * 1_000);
    expect(cost(200_001)).toBe(200_001 * 4_000);
    expect(cost(200_000, { outputTokens: 1 })! - cost(200_000)!).toBe(2_000);
    expect(cost(200_001, { outputTokens: 1 })! - cost(200_001)!).toBe(8_000);
  });

  test("a class that has none keeps its price", () => {
    expect(cost(200_001, { cachedTokens: 200_001 })).toBe(Math.round(200_001 * 500));
  });

  test("the highest that applies wins, whatever the order of the rows", () => {
    const three = [...list({ input: 8 }, { aboveTokens: 300 }), ...list({ input: 1 }), ...list({ input: 4 }, { aboveTokens: 200 })];
    for (const rows of [three, three.toReversed()]) {
      expect([200, 201, 300, 301].map((n) => costOf(rows, used({ inputTokens: n }), now)! / n)).toEqual([1_000, 4_000, 4_000, 8_000]);
    }
  });
});

describe("dates", () => {
  const cut = Date.UTC(2026, 6, 1);
  const dated = [...list({ input: 2, output: 2 }, { validFromMs: cut }), ...list({ input: 10, output: 10 })];

  test("a price holds from its very millisecond on; the newest that holds wins", () => {
    for (const rows of [dated, dated.toReversed()]) {
      expect(costOf(rows, used({ inputTokens: million }), cut - 1)).toBe(10 * usd);
      expect(costOf(rows, used({ inputTokens: million }), cut)).toBe(2 * usd);
    }
  });

  test("a price that was cut, or is yet to come, is not the worst case", () => {
    expect(worstCost(dated, { inputTokens: million, outputTokens: 0 }, cut - 1)).toBe(10 * usd);
    expect(worstCost(dated, { inputTokens: million, outputTokens: 0 }, cut)).toBe(2 * usd);
    expect(worstCost([...dated, ...list({ input: 50 }, { validFromMs: now + 1 })], { inputTokens: million, outputTokens: 0 }, now)).toBe(2 * usd);
  });

  test("before any price holds the cost is unknown", () => {
    expect(costOf(list({ input: 2, output: 2 }, { validFromMs: cut }), used({ inputTokens: 1 }), cut - 1)).toBeUndefined();
  });
});

const tokens = fc.integer({ min: 0, max: 2_000_000 });
const anyUsage = fc.record({ pieces: fc.record({ image: fc.nat(9) }, { requiredKeys: [] }), inputTokens: tokens, cachedTokens: tokens, cacheWriteTokens: tokens, outputTokens: tokens, reasoningTokens: tokens, inputAudioTokens: tokens, outputAudioTokens: tokens, cacheWrite1hTokens: tokens, inputImageTokens: tokens, outputImageTokens: tokens, searches: fc.nat(20) });
const classes: PriceClass[] = ["input", "cached_input", "cache_write", "output", "input_audio", "output_audio", "cached_input_audio", "cache_write_1h", "output_reasoning", "input_image", "output_image", "web_search", "request", "image", "input:flex", "output:flex", "input:priority", "cached_input:priority", "cache_write:priority", "output:priority"];
const anyPrice: fc.Arbitrary<Price> = fc.record({
  class: fc.constantFrom(...classes), picoUsd: fc.integer({ min: 0, max: 150_000_000 }),
  aboveTokens: fc.constantFrom(0, 0, 128_000, 200_000, 1_000_000), validFromMs: fc.constantFrom(0, now - 1, now, now + 1),
});
const anyPrices = fc.array(anyPrice, { maxLength: 24 }).map((prices) => [...prices, ...list({ input: 1, output: 2, web_search: 10_000, image: 40_000 })]);

describe("for any prices and any usage", () => {
  test("a cost is a whole number, never negative", () => {
    fc.assert(fc.property(anyPrices, anyUsage, (prices, usage) => {
      const cost = costOf(prices, usage, now)!;
      expect(Number.isSafeInteger(cost) && cost >= 0).toBe(true);
    }));
  });

  test("a cache hit costs no more than the miss, in any tier, also where a list says otherwise", () => {
    fc.assert(fc.property(anyPrices, anyUsage, fc.constantFrom<Tier | undefined>(undefined, "flex", "batch", "priority"), (prices, usage, tier) => {
      const [hit, miss] = [costOf(prices, usage, now, tier), costOf(prices, { ...usage, cachedTokens: 0 }, now, tier)];
      if (hit !== undefined && miss !== undefined) expect(hit).toBeLessThanOrEqual(miss);
    }), { numRuns: 500 });
    expect(costOf(list({ input: 3, cached_input: 30, output: 15 }), used({ inputTokens: million, cachedTokens: 400_000 }), now)).toBe(3 * usd);
  });

  test("it costs by the prices in force what it costs by all, and later still", () => {
    fc.assert(fc.property(anyPrices, anyUsage, fc.constantFrom<Tier | undefined>(undefined, "flex", "batch", "priority"), fc.nat(5), (prices, usage, tier, later) => {
      expect(costOf(allInForce(prices, now), usage, now + later, tier)).toBe(costOf(prices, usage, now, tier));
    }), { numRuns: 500 });
  });

  test("the worst case covers every usage within its bound, in the tier that was asked for and in the standard one", () => {
    fc.assert(fc.property(anyPrices, anyUsage, tokens, tokens, fc.constantFrom<Tier | undefined>(undefined, "flex", "priority"), (prices, usage, moreIn, moreOut, tier) => {
      expect(worstCost(prices, { inputTokens: usage.inputTokens + moreIn, outputTokens: usage.outputTokens + moreOut, searches: usage.searches, pieces: usage.pieces, hourCache: true, tier }, now)!).toBeGreaterThanOrEqual(Math.max(costOf(prices, usage, now)!, costOf(prices, usage, now, tier) ?? 0));
    }), { numRuns: 500 });
  });
});

describe("the worst case", () => {
  test("of a fixed usage is its cost when there is but one price", () => {
    const prices = list({ input: 3, output: 15 });
    expect(worstCost(prices, { inputTokens: 1_000, outputTokens: 500 }, now)).toBe(costOf(prices, used({ inputTokens: 1_000, outputTokens: 500 }), now));
  });

  test("takes a tier only when the bound reaches it", () => {
    const tiered = [...list({ input: 1, output: 1 }), ...list({ input: 4, output: 8 }, { aboveTokens: 200 })];
    expect(worstCost(tiered, { inputTokens: 200, outputTokens: 1 }, now)).toBe(201_000);
    expect(worstCost(tiered, { inputTokens: 201, outputTokens: 1 }, now)).toBe(201 * 4_000 + 8_000);
  });

  test("is rounded up", () => {
    expect(worstCost([{ class: "input", picoUsd: 1, aboveTokens: 0, validFromMs: 0 }], { inputTokens: 1, outputTokens: 0 }, now)).toBe(1);
  });
});

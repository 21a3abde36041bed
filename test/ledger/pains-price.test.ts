/** pains.md, part A, where prices are: what must hold for every price of the real catalog, and for whatever a provider may send. */
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import catalogSql from "../../src/catalog/catalog.sql?raw";
import { chargedFromMs, loadCatalog, modelKinds, type Catalog, type Deployment } from "../../src/catalog/index.ts";
import { noUsage, type Usage } from "../../src/chat/usage.ts";
import { costOf, isPriced, worstCost, type Price, type PriceClass, type Tier } from "../../src/ledger/index.ts";
import { waysToTell } from "../../src/ledger/price.ts";
import { doubtsAbout, isPrice } from "../../src/ledger/plausible.ts";
import { postingOf } from "../../src/limits/index.ts";
import { bound } from "../../src/pipeline/admit.ts";
import { isolateOf } from "../../src/pipeline/index.ts";
import { costHeader } from "../../src/pipeline/answer.ts";
import { costSeen } from "../../src/pipeline/outcome.ts";
import { conversations } from "../../src/protocols/index.ts";
import type { RequestFacts } from "../../src/protocols/protocol.ts";
import { plan, type Attempt } from "../../src/router/index.ts";
import { weigh } from "../../src/router/plan.ts";
import { ask, catalogOf, principalOf } from "../router/stage.ts";
import { entryOf, everyWay, list, million, now, shapes, sonnet, usd, used, whole, type Json } from "./told.ts";

let catalog: Catalog;
let deployments: readonly Deployment[];
const priced = (): readonly Deployment[] => deployments.filter(({ prices }) => prices.length > 0);
const nameOf = ({ provider, upstreamId }: Deployment): string => `${provider}/${upstreamId}`;
const tiers: (Tier | undefined)[] = [undefined, "flex", "priority", "batch", "ultrafast"];

beforeAll(async () => {
  const statements = catalogSql.replace(/^--.*$/gm, "").split(/;\n/).map((text) => text.trim()).filter(Boolean);
  await env.DB.batch(statements.map((statement) => env.DB.prepare(statement)));
  catalog = await loadCatalog(env.DB);
  deployments = [...catalog.byName.values()];
  expect(priced().length).toBeGreaterThan(500);
});
afterEach(() => void vi.restoreAllMocks());

describe("pains.md 10: a class without a price costs something or is refused, never nothing", () => {
  const classes: [keyof Usage, PriceClass][] = [
    ["inputTokens", "input"], ["cachedTokens", "cached_input"], ["cacheWriteTokens", "cache_write"], ["cacheWrite1hTokens", "cache_write_1h"], ["inputAudioTokens", "input_audio"], ["inputImageTokens", "input_image"],
    ["outputTokens", "output"], ["reasoningTokens", "output_reasoning"], ["outputAudioTokens", "output_audio"], ["outputImageTokens", "output_image"],
  ];
  const only = (field: keyof Usage): Usage => {
    const isOutput = /^(output|reasoning)/.test(field);
    return used({ [isOutput ? "outputTokens" : "inputTokens"]: million, ...(field === "cacheWrite1hTokens" && { cacheWriteTokens: million }), [field]: million });
  };

  test.each(classes)("%s, of the class %s", (field, of) => {
    const isOutput = /^(output|reasoning)/.test(field);
    // Its own price; its parent's; neither, and then it has no cost at all.
    expect(usd(list({ [of]: 7 }), only(field))).toBe(7);
    if (of !== "input" && of !== "output") expect(usd(list({ [isOutput ? "output" : "input"]: 3 }), only(field))).toBe(of === "cache_write_1h" ? 6 : 3);
    expect(usd(list({ [isOutput ? "input" : "output"]: 3 }), only(field))).toBeUndefined();
  });

  test("and what has no price is marked so: not 0 USD, no header, no cost in the usage", () => {
    const seen = whole("openai-chat", shapes["openai-chat"]!.whole(shapes["openai-chat"]!.usage(10, 10)))[0]!;
    const entry = entryOf([], seen);
    expect([entry.costSource, costHeader(entry), costSeen({ prices: [], endpoint: { provider: { selfHosted: false } } } as unknown as Attempt, seen, now)]).toEqual(["unpriced", {}, undefined]);
  });

  test("under a budget such a model is refused before it is called; without one it is not", () => {
    const unpriced = catalogOf({ mystery: ["openai/mystery!"] });
    expect(() => plan(ask("mystery", unpriced, { principal: principalOf({ limits: { requestsPerMinute: 1, budgetNanoUsd: 1_000 } }) }))).toThrow(expect.objectContaining({ code: "model_not_priced" }));
    expect(() => plan(ask("mystery", unpriced, { principal: principalOf({ limits: { requestsPerMinute: 1, monthlyNanoUsd: 1_000 } }) }))).toThrow(expect.objectContaining({ code: "model_not_priced" }));
    expect(plan(ask("mystery", unpriced)).attempts).toHaveLength(1);
  });
});

describe("pains.md 11: a cost is never negative", () => {
  const junk = fc.oneof(
    fc.constantFrom<unknown>(-1, -0.5, 0, 0.5, 1, 7, 1e6, 1e15, 2 ** 53, 1e308, -1e308, Infinity, -Infinity, NaN, null, undefined, "7", "-7", "", true, [], [1], {}, { a: 1 }), fc.double(), fc.integer(), fc.bigInt().map(Number), fc.string(),
  );
  const words = [
    "prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "prompt_cache_hit_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "input_tokens", "output_tokens", "cost_in_usd_ticks", "cost",
    "promptTokenCount", "candidatesTokenCount", "cachedContentTokenCount", "thoughtsTokenCount", "toolUsePromptTokenCount", "totalTokenCount", "inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens",
  ];
  const nested = ["prompt_tokens_details", "completion_tokens_details", "input_tokens_details", "output_tokens_details", "cache_creation", "server_tool_use", "tokens", "billed_units", "cost"];
  const details = fc.dictionary(fc.constantFrom("cached_tokens", "cache_write_tokens", "audio_tokens", "image_tokens", "reasoning_tokens", "thinking_tokens", "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens", "web_search_requests", "input_tokens", "output_tokens", "total_cost"), junk);
  const modal = fc.array(fc.record({ modality: fc.constantFrom("AUDIO", "IMAGE", "TEXT"), tokenCount: junk }), { maxLength: 3 });
  const anyUsage = fc.tuple(
    fc.dictionary(fc.constantFrom(...words), junk), fc.dictionary(fc.constantFrom(...nested), details),
    fc.record({ promptTokensDetails: modal, candidatesTokensDetails: modal, cacheDetails: fc.array(fc.record({ ttl: fc.constantFrom("5m", "1h"), inputTokens: junk })), iterations: fc.array(fc.record({ type: fc.constantFrom("compaction", "message"), input_tokens: junk, output_tokens: junk })) }, { requiredKeys: [] }),
  ).map((parts): Json => Object.assign({}, ...parts) as Json);

  test("nor broken, whatever a provider says was used, in every protocol, whole and streamed", () => {
    fc.assert(fc.property(anyUsage, (usage) => {
      for (const [name, seen] of everyWay(() => usage)) {
        const entry = entryOf(sonnet, seen);
        const posting = postingOf(entry as never);
        const figures = [entry.costNanoUsd, posting.nanoUsd, posting.inputTokens, posting.outputTokens];
        if (figures.some((figure) => !Number.isSafeInteger(figure) || figure < 0)) expect([name, figures]).toEqual([name, "whole numbers from 0 on"]);
      }
    }), { numRuns: 400 });
  });

  test("nor for any usage by itself", () => {
    const figure = junk as fc.Arbitrary<number>;
    const fields = Object.fromEntries(Object.keys(noUsage).map((key) => [key, figure]));
    fc.assert(fc.property(fc.record(fields), fc.dictionary(fc.constantFrom("image", "audio_second"), figure), (usage, pieces) => {
      const cost = costOf([...sonnet, ...list({ web_search: 10_000, image: 40_000, audio_second: 100 })], { ...(usage as unknown as Usage), pieces }, now)!;
      expect(Number.isSafeInteger(cost) && cost >= 0).toBe(true);
    }), { numRuns: 500 });
  });

  test("a cost that the provider reports wins only if it can be one", () => {
    const reporting = (cost: unknown) => entryOf(sonnet, whole("openai-chat", shapes["openai-chat"]!.whole({ ...shapes["openai-chat"]!.usage(million, 0), cost }))[0]);
    expect(reporting(0.5)).toMatchObject({ costSource: "reported", costNanoUsd: 500_000_000 });
    expect(reporting(0)).toMatchObject({ costSource: "reported", costNanoUsd: 0 });
    for (const cost of [-0.5, -1e-12, 1e300, "0.5", null]) expect([cost, reporting(cost)]).toEqual([cost, expect.objectContaining({ costSource: "price", costNanoUsd: 3_000_000_000 })]);
  });
});

describe("pains.md 16: a cache hit never costs more than the miss", () => {
  test("with every price of the catalog, in every tier, at every length", () => {
    const dearer: string[] = [];
    for (const deployment of priced()) {
      const { prices } = deployment;
      for (const atMs of new Set([now, ...prices.map(({ validFromMs }) => validFromMs)])) {
        for (const tier of tiers) {
          for (const inputTokens of new Set([1_000, ...prices.map(({ aboveTokens }) => aboveTokens + 1)])) {
            const miss = costOf(prices, used({ inputTokens, outputTokens: 100 }), atMs, tier);
            const hits = [1, inputTokens / 2, inputTokens].map((cachedTokens) => costOf(prices, used({ inputTokens, cachedTokens, outputTokens: 100 }), atMs, tier));
            if (hits.some((hit) => (hit ?? 0) > (miss ?? Infinity))) dearer.push(`${nameOf(deployment)} ${tier} ${inputTokens}`);
          }
        }
      }
    }
    expect(dearer).toEqual([]);
  });

  test("nor with a list that says otherwise: it is capped at the input's price", () => {
    const wrong = list({ input: 3, cached_input: 4, "cached_input:flex": 9, "input:flex": 1, output: 15 });
    expect(usd(wrong, { inputTokens: million, cachedTokens: million })).toBe(3);
    expect(usd(wrong, { inputTokens: million, cachedTokens: 1 })).toBe(3);
    expect(costOf(wrong, used({ inputTokens: million, cachedTokens: million }), now, "flex")).toBe(1e9);
  });
});

describe("pains.md 19: long-context prices, at n-1, n and n+1, batch included", () => {
  const steps = (): [Deployment, PriceClass, number][] =>
    priced().flatMap((deployment) => [...new Set(deployment.prices.filter(({ aboveTokens, class: of }) => aboveTokens > 0 && /^input(:batch|:flex)?$/.test(of) && isPriced(deployment.prices, [of], now)).map(({ class: of, aboveTokens }) => `${of} ${aboveTokens}`))]
      .map((key): [Deployment, PriceClass, number] => [deployment, key.split(" ")[0] as PriceClass, Number(key.split(" ")[1])]));
  /** The row that is in force for a class at a step, found in the plainest way. */
  const at = (prices: readonly Price[], of: string, above: number): number =>
    prices.filter((price) => price.class === of && price.aboveTokens <= above && price.validFromMs <= now).sort((a, b) => b.aboveTokens - a.aboveTokens || b.validFromMs - a.validFromMs)[0]!.picoUsd;

  test("of every deployment that has steps", () => {
    expect(steps().length).toBeGreaterThan(50);
    for (const [deployment, of, n] of steps()) {
      const { prices } = deployment;
      const tier = of.split(":")[1] as Tier | undefined;
      const cost = (inputTokens: number): number => costOf(prices, used({ inputTokens }), now, tier)!;
      const request = isPriced(prices, ["request"], now) ? at(prices, "request", 0) : 0;
      const below = at(prices, of, n - 1);
      // Two steps may lie side by side where two sources count them differently: 271,999 and 272,000.
      const aside = prices.some(({ aboveTokens }) => aboveTokens === n - 1);
      if (!aside) expect([nameOf(deployment), of, n - 1, cost(n - 1)]).toEqual([nameOf(deployment), of, n - 1, Math.round((below * (n - 1) + request) / 1_000)]);
      if (!aside) expect([nameOf(deployment), of, n, cost(n)]).toEqual([nameOf(deployment), of, n, Math.round((below * n + request) / 1_000)]);
      expect([nameOf(deployment), of, n + 1, cost(n + 1)]).toEqual([nameOf(deployment), of, n + 1, Math.round((at(prices, of, n) * (n + 1) + request) / 1_000)]);
    }
  });

  test("a batch has them too where only the standard's are listed: half of the long price, not half of the short one", () => {
    const long = [...list({ input: 3, output: 15, "input:batch": 1.5, "output:batch": 7.5 }), ...list({ input: 6, output: 22.5 }).map((price) => ({ ...price, aboveTokens: 200_000 }))];
    const cost = (inputTokens: number) => costOf(long, used({ inputTokens, outputTokens: 1_000 }), now, "batch");
    expect([199_999, 200_000, 200_001].map(cost)).toEqual([199_999 * 1_500 + 1_000 * 7_500, 200_000 * 1_500 + 1_000 * 7_500, 200_001 * 3_000 + 1_000 * 11_250]);
    const claude = catalog.byName.get("anthropic/claude-sonnet-4-5")!.prices;
    const [standard, batch] = [undefined, "batch" as const].map((tier) => costOf(claude, used({ inputTokens: 200_001, outputTokens: 1_000 }), now, tier)!);
    expect(batch! / standard!).toBeCloseTo(0.5, 6);
  });

  test("cached and written tokens count for the length", () => {
    const prices = [...list({ input: 1, output: 1 }), ...list({ input: 2, output: 2 }).map((price) => ({ ...price, aboveTokens: 1_000 }))];
    for (const usage of [{ cachedTokens: 1_000 }, { cacheWriteTokens: 1_000 }, {}]) expect(costOf(prices, used({ inputTokens: 1_001, ...usage }), now)).toBe(2_002_000);
  });
});

describe("pains.md 20: every kind of model has a bound to reserve, or is refused under a budget", () => {
  const facts: RequestFacts = { model: "", stream: false, usageAsked: true, inputTokens: 50_000, likelyInputTokens: 50_000, outputTokens: 4_000, choices: 1, hourCache: true, searches: 3 };
  const pieces = { image: 2, audio_second: 60, video_second: 8, character: 1_000, search_unit: 3 };
  /** All of the input, or all of the output, of one kind. */
  const usages: Usage[] = [
    ...(["inputTokens", "cachedTokens", "cacheWriteTokens", "inputAudioTokens", "inputImageTokens"] as const).map((field) => used({ inputTokens: 50_000, outputTokens: 4_000, [field]: 50_000 })),
    ...(["reasoningTokens", "outputAudioTokens", "outputImageTokens"] as const).map((field) => used({ inputTokens: 50_000, outputTokens: 4_000, [field]: 4_000 })),
    used({ inputTokens: 50_000, cacheWriteTokens: 50_000, cacheWrite1hTokens: 50_000, outputTokens: 4_000 }),
  ];

  test("whatever goes in and comes out: text, pictures, sound, films, vectors, rankings", () => {
    const kinds = new Set<string>();
    const modalities = new Set<string>();
    for (const deployment of deployments) {
      const { model, prices } = deployment;
      const reads = model.kind === "embedding" || model.kind === "rerank" || model.kind === "moderation";
      kinds.add(model.kind);
      for (const one of [...model.inputModalities, ...model.outputModalities]) modalities.add(one);
      const outputTokens = reads ? 0 : 4_000;
      const attempt = { endpoint: { provider: {} }, upstreamId: deployment.upstreamId, prices, maxOutputTokens: model.maxOutputTokens ?? undefined, protocols: ["openai-chat"] } as unknown as Attempt;
      for (const serviceTier of ["default", "flex", "priority"]) {
        const { nanoUsd } = bound([attempt], { ...facts, outputTokens, searches: 0, serviceTier, ...(model.kind !== "chat" && { pieces }) }, "openai-chat", now);
        if (deployment.pricedFromMs === undefined || deployment.pricedFromMs > now) {
          expect([nameOf(deployment), worstCost(prices, { inputTokens: 1, outputTokens }, now)]).toEqual([nameOf(deployment), undefined]);
          continue;
        }
        for (const usage of usages) {
          const most = Math.min(outputTokens, model.maxOutputTokens ?? Infinity);
          const tier = serviceTier === "default" ? undefined : (serviceTier as Tier);
          const told = waysToTell({ ...usage, outputTokens: most, ...(model.kind !== "chat" && { pieces }) });
          const cost = told.map((way) => costOf(prices, way, now, tier)).find((one) => one !== undefined) ?? 0;
          if (cost > nanoUsd) expect([nameOf(deployment), serviceTier, usage, cost]).toBe(`at most ${nanoUsd}`);
        }
      }
    }
    expect([...kinds].sort()).toEqual([...modelKinds].sort());
    expect([...modalities]).toEqual(expect.arrayContaining(["text", "image", "audio", "video", "embedding", "score"]));
  });

  test("those without a price are refused, by every protocol and every name, whatever they are asked for", () => {
    const principal = principalOf({ limits: { requestsPerMinute: 1, budgetNanoUsd: 1e15 } });
    let refused = 0;
    for (const deployment of deployments) {
      for (const kind of new Set(["chat", deployment.model.kind] as const)) {
        const fromMs = chargedFromMs(deployment.prices, kind);
        if (fromMs !== undefined && fromMs <= now) continue;
        refused += 1;
        const { attempts } = weigh(ask(nameOf(deployment), catalog, { principal, protocols: undefined, kind }));
        expect([nameOf(deployment), kind, attempts.filter(({ deployment: name }) => name === nameOf(deployment))]).toEqual([nameOf(deployment), kind, []]);
      }
    }
    expect(refused).toBeGreaterThan(50);
  });

  test("what is billed by the piece is bounded by the piece", () => {
    const prices = list({ image: 40_000, video_second: 400_000, audio_second: 100, character: 15, search_unit: 2_000 });
    for (const [piece, dollars] of [["image", 0.04], ["video_second", 0.4], ["audio_second", 0.0001], ["character", 0.000015], ["search_unit", 0.002]] as const) {
      expect(worstCost(prices, { inputTokens: 0, outputTokens: 0, pieces: { [piece]: 10 } }, now)).toBe(Math.round(dollars * 10e9));
    }
    expect(worstCost(list({ image: 1 }), { inputTokens: 0, outputTokens: 0, pieces: { video_second: 1 } }, now)).toBeUndefined();
  });

  test("no protocol's request goes without a bound of its input", () => expect(conversations.size).toBe(Object.keys(shapes).length));
});

describe("pains.md 24: a mistaken unit does not become a price", () => {
  test("every price of the catalog is believed, and none of them a thousand times, a million times or a hundred times off", () => {
    let tried = 0;
    for (const { prices } of priced()) {
      const inForce = new Map(prices.filter(({ validFromMs, picoUsd }) => validFromMs <= now && picoUsd > 0).sort((a, b) => a.validFromMs - b.validFromMs).map((price) => [`${price.class} ${price.aboveTokens}`, price]));
      for (const price of inForce.values()) {
        expect([price, isPrice(price.class, price.picoUsd)]).toEqual([price, true]);
        for (const factor of [1e6, 1e3, 100, 1e-2, 1e-3, 1e-6]) {
          const picoUsd = Math.round(price.picoUsd * factor);
          const wrong = { ...price, picoUsd, validFromMs: now };
          if (isPrice(price.class, picoUsd) && doubtsAbout(wrong, prices).length === 0) expect(wrong).toBe("doubted");
          tried += 1;
        }
        expect([price, doubtsAbout({ ...price, validFromMs: now }, prices.filter((one) => one.class === price.class))]).toEqual([price, []]);
      }
    }
    expect(tried).toBeGreaterThan(10_000);
  });

  test("and one that did is taken back by a row of its own: what was charged before, meanwhile and after stays as it was", () => {
    const [before, after] = [now - 2_000, now - 1_000];
    const rows = [...list({ input: 3, output: 15 }), { class: "input" as const, picoUsd: 3, aboveTokens: 0, validFromMs: before }, { class: "input" as const, picoUsd: 3_000_000, aboveTokens: 0, validFromMs: after }];
    const at = (ms: number) => costOf(rows, used({ inputTokens: million }), ms)! / 1e9;
    expect([at(before - 1), at(before), at(after - 1), at(after), at(now)]).toEqual([3, 0.000003, 0.000003, 3, 3]);
  });
});

describe("pains.md 25: a malformed catalog never replaces the last good one", () => {
  const model = "openai/gpt-4o";
  /** What this isolate holds a while later, and what an operator heard. */
  async function later(ms: number): Promise<{ price: number; heard: string[] }> {
    const heard: string[] = [];
    vi.spyOn(console, "error").mockImplementation((line: string) => void heard.push(line));
    const held = isolateOf(env).catalog;
    const background: Promise<unknown>[] = [];
    held.peek(Date.now() + ms, (promise) => void background.push(promise));
    await Promise.all(background);
    vi.restoreAllMocks();
    return { price: costOf(held.peek(0, () => {})!.byName.get(model)!.prices, used({ inputTokens: million }), now)! / 1e9, heard };
  }

  test.each([
    ["a price in words", "UPDATE prices SET pico_usd = '2.5 USD' WHERE class = 'input' AND provider = 'openai'", "malformed rows"],
    ["a negative price", "UPDATE prices SET pico_usd = -1 WHERE class = 'input' AND upstream_id = 'gpt-4o'", "malformed rows"],
    ["a broken list", "UPDATE models SET capabilities = '[\"text\"' WHERE id = 'gpt-4o'", "malformed rows"],
    ["prices per token for per million", "UPDATE prices SET pico_usd = max(1, pico_usd / 1000000) WHERE pico_usd > 0", "ten times more or less"],
    ["no prices", "DELETE FROM prices", "deployments have a price where"],
  ])("%s", async (_, damage, why) => {
    // The tables as they were come back behind each case.
    await env.DB.batch([env.DB.prepare("CREATE TABLE good_prices AS SELECT * FROM prices"), env.DB.prepare("CREATE TABLE good_models AS SELECT * FROM models")]);
    const isolate = isolateOf(env);
    await isolate.catalog.refresh(Date.now());
    try {
      await env.DB.prepare(damage).run();
      const { price, heard } = await later(61_000);
      expect(price).toBe(2.5);
      expect(heard.map((line) => JSON.parse(line) as Json)).toEqual([{ level: "error", event: "catalog_kept", problem: expect.stringContaining(why) }]);
    } finally {
      await env.DB.batch([
        env.DB.prepare("DELETE FROM prices"), env.DB.prepare("INSERT INTO prices SELECT * FROM good_prices"), env.DB.prepare("DROP TABLE good_prices"),
        env.DB.prepare("INSERT OR REPLACE INTO models SELECT * FROM good_models"), env.DB.prepare("DROP TABLE good_models"),
      ]);
    }
    // The next good one is taken.
    await env.DB.prepare("INSERT INTO prices VALUES ('openai', 'gpt-4o', 'input', 0, ?, 2600000, 'test')").bind(now - 1).run();
    expect((await later(120_000)).price).toBe(2.6);
    await env.DB.prepare("DELETE FROM prices WHERE source = 'test'").run();
  });

  test("an isolate that has none yet leaves out what is malformed, and says so", async () => {
    await env.DB.prepare("INSERT INTO prices VALUES ('openai', 'gpt-4o', 'input', 0, ?, -5, 'test')").bind(now - 1).run();
    const heard: string[] = [];
    const cold = await loadCatalog(env.DB, undefined, (problem) => heard.push(problem));
    expect(costOf(cold.byName.get(model)!.prices, used({ inputTokens: million }), now)).toBe(2.5e9);
    expect(heard).toEqual([expect.stringMatching(/^1 malformed rows, such as prices .*"pico_usd":-5.*: left out$/)]);
    await env.DB.prepare("DELETE FROM prices WHERE source = 'test'").run();
  });
});

/** What a request costs: prices are integer pico-USD (1e-12) per unit, a cost is integer nano-USD (1e-9). Pure. */
import type { Usage } from "../chat/usage.ts";

/** What a unit is: a token of a kind, one run of the provider's web search, or the request itself. Missing classes fall back as `fallbacks` says. */
export type Unit = "input" | "cached_input" | "cache_write" | "cache_write_1h" | "output" | "output_reasoning" | "input_audio" | "output_audio" | "cached_input_audio" | "web_search" | "request";

/** Service tiers that have prices of their own. */
const tiers = ["flex", "priority", "batch"] as const;
export type Tier = (typeof tiers)[number];
/** A unit, or a unit as it is priced in a tier. */
export type PriceClass = Unit | `${Unit}:${Tier}`;

/** The tier that a provider's word names; undefined: none with prices of its own (`default`, `standard`, `auto`). */
export const tierOf = (word: string | undefined): Tier | undefined => tiers.find((tier) => tier === word);

/** One price as of `validFromMs`, for requests whose input exceeds `aboveTokens`. */
export type Price = { class: PriceClass; picoUsd: number; aboveTokens: number; validFromMs: number };

/**
 * A class without a price of its own costs so many times what this one costs. Never free: a cheaper class only where the source says so.
 * A write kept for an hour costs twice its input: https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching#pricing
 */
const fallbacks: Partial<Record<Unit, { as: Unit; times: number }>> = {
  cached_input: { as: "input", times: 1 }, cache_write: { as: "input", times: 1 }, cache_write_1h: { as: "input", times: 2 },
  input_audio: { as: "input", times: 1 }, cached_input_audio: { as: "input_audio", times: 1 },
  output_reasoning: { as: "output", times: 1 }, output_audio: { as: "output", times: 1 },
};

const picoPerNano = 1_000;

/** What a class itself costs at a moment and input size: the newest of the highest step that applies, or undefined. */
function listed(prices: readonly Price[], wanted: PriceClass, inputTokens: number, atMs: number): number | undefined {
  let best: Price | undefined;
  for (const price of prices) {
    if (price.class !== wanted || price.validFromMs > atMs || (price.aboveTokens > 0 && inputTokens <= price.aboveTokens)) continue;
    if (!best || price.aboveTokens > best.aboveTokens || (price.aboveTokens === best.aboveTokens && price.validFromMs > best.validFromMs)) best = price;
  }
  return best?.picoUsd;
}

/**
 * What a unit costs. Without a price in its tier: flex and batch cost no more than the standard, which is known; what priority costs is
 * not.
 */
function priceOf(prices: readonly Price[], unit: Unit, tier: Tier | undefined, inputTokens: number, atMs: number): number | undefined {
  const own = tier && listed(prices, `${unit}:${tier}`, inputTokens, atMs);
  const price = own ?? (tier === "priority" && unit !== "request" && unit !== "web_search" ? undefined : listed(prices, unit, inputTokens, atMs));
  const next = fallbacks[unit];
  if (price !== undefined || !next) return price;
  const other = priceOf(prices, next.as, tier, inputTokens, atMs);
  return other === undefined ? undefined : other * next.times;
}

/** Whether a cost can be told: each of these classes has a price. */
export const isPriced = (prices: readonly Price[], classes: readonly PriceClass[]): boolean => classes.every((wanted) => prices.some((price) => price.class === wanted));

/** The cost of `usage` in a tier at `atMs` in nano-USD, rounded half up once; undefined when a class that was used has no price. */
export function costOf(prices: readonly Price[], usage: Usage, atMs: number, tier?: Tier): number | undefined {
  const cached = Math.min(usage.cachedTokens, usage.inputTokens);
  const written = Math.min(usage.cacheWriteTokens, usage.inputTokens - cached);
  const written1h = Math.min(usage.cacheWrite1hTokens, written);
  const audioIn = Math.min(usage.inputAudioTokens, usage.inputTokens - cached - written);
  const audioOut = Math.min(usage.outputAudioTokens, usage.outputTokens);
  const reasoned = Math.min(usage.reasoningTokens, usage.outputTokens - audioOut);
  const units: [Unit, number][] = [
    ["input", usage.inputTokens - cached - written - audioIn],
    ["cached_input", cached],
    ["cache_write", written - written1h],
    ["cache_write_1h", written1h],
    ["input_audio", audioIn],
    ["output", usage.outputTokens - audioOut - reasoned],
    ["output_reasoning", reasoned],
    ["output_audio", audioOut],
    ["web_search", usage.searches],
  ];
  let pico = priceOf(prices, "request", tier, usage.inputTokens, atMs) ?? 0;
  for (const [unit, amount] of units) {
    if (amount === 0) continue;
    const price = priceOf(prices, unit, tier, usage.inputTokens, atMs);
    if (price === undefined) return undefined;
    pico += price * amount;
  }
  return Math.round(pico / picoPerNano);
}

/** Whether a price is the newest of its class and tier at a moment. */
const inForce = (price: Price, prices: readonly Price[], atMs: number): boolean =>
  price.validFromMs <= atMs &&
  !prices.some(({ class: of, aboveTokens, validFromMs }) => of === price.class && aboveTokens === price.aboveTokens && validFromMs > price.validFromMs && validFromMs <= atMs);

/** The most that a request can use. `hourCache`: it may ask to keep its input cached for an hour. */
export type Most = { inputTokens: number; outputTokens: number; searches?: number | undefined; hourCache?: boolean | undefined; tier?: Tier | undefined };

/** The most a request can cost: every token and search at the dearest class and tier in force. undefined when unpriced. */
export function worstCost(prices: readonly Price[], { inputTokens, outputTokens, searches = 0, hourCache = false, tier }: Most, atMs: number): number | undefined {
  if (!isPriced(prices, ["input", ...(outputTokens > 0 ? ["output" as const] : [])])) return undefined;
  function dearest(units: Unit[]): number {
    const classes: PriceClass[] = tier ? [...units, ...units.map((unit) => `${unit}:${tier}` as const)] : units;
    let most = 0;
    for (const price of prices) {
      const reached = price.aboveTokens === 0 || inputTokens > price.aboveTokens;
      if (price.picoUsd > most && reached && classes.includes(price.class) && inForce(price, prices, atMs)) most = price.picoUsd;
    }
    return most;
  }
  const input = Math.max(dearest(["input", "cached_input", "cache_write", "input_audio"]), hourCache ? Math.max(...[undefined, tier].map((one) => priceOf(prices, "cache_write_1h", one, inputTokens, atMs) ?? 0)) : 0);
  const output = dearest(["output", "output_reasoning", "output_audio"]);
  return Math.ceil((input * inputTokens + output * outputTokens + dearest(["web_search"]) * searches + dearest(["request"])) / picoPerNano);
}

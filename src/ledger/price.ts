/** What a request costs: prices are integer pico-USD (1e-12) per unit, a cost is integer nano-USD (1e-9). Pure. */
import type { Usage } from "../chat/usage.ts";

/** What a unit is: a token of a kind, or the request itself. Missing classes fall back as `fallbacks` says. */
export type PriceClass = "input" | "cached_input" | "cache_write" | "output" | "input_audio" | "output_audio" | "cached_input_audio" | "request";

/** One price as of `validFromMs`, for requests whose input exceeds `aboveTokens`. */
export type Price = { class: PriceClass; picoUsd: number; aboveTokens: number; validFromMs: number };

/** A class without a price of its own costs what this one costs. Never free: a cheaper class only where the source says so. */
const fallbacks: Partial<Record<PriceClass, PriceClass>> = {
  cached_input: "input", cache_write: "input", input_audio: "input", cached_input_audio: "input_audio", output_audio: "output",
};

const picoPerNano = 1_000;

/** The price of a class at a moment and input size: the newest of the highest tier that applies, or undefined. */
function priceOf(prices: readonly Price[], wanted: PriceClass, inputTokens: number, atMs: number): number | undefined {
  let best: Price | undefined;
  for (const price of prices) {
    if (price.class !== wanted || price.validFromMs > atMs || (price.aboveTokens > 0 && inputTokens <= price.aboveTokens)) continue;
    if (!best || price.aboveTokens > best.aboveTokens || (price.aboveTokens === best.aboveTokens && price.validFromMs > best.validFromMs)) best = price;
  }
  if (best) return best.picoUsd;
  const next = fallbacks[wanted];
  return next && priceOf(prices, next, inputTokens, atMs);
}

/** Whether a cost can be told at all: both tokens in and tokens out have a price. */
export const isPriced = (prices: readonly Price[], withOutput: boolean): boolean =>
  prices.some((price) => price.class === "input") && (!withOutput || prices.some((price) => price.class === "output"));

/** The cost of `usage` at `atMs` in nano-USD, rounded half up once; undefined when a class that was used has no price. */
export function costOf(prices: readonly Price[], usage: Usage, atMs: number): number | undefined {
  const cached = Math.min(usage.cachedTokens, usage.inputTokens);
  const written = Math.min(usage.cacheWriteTokens, usage.inputTokens - cached);
  const audioIn = Math.min(usage.inputAudioTokens, usage.inputTokens - cached - written);
  const audioOut = Math.min(usage.outputAudioTokens, usage.outputTokens);
  const units: [PriceClass, number][] = [
    ["input", usage.inputTokens - cached - written - audioIn],
    ["cached_input", cached],
    ["cache_write", written],
    ["input_audio", audioIn],
    ["output", usage.outputTokens - audioOut],
    ["output_audio", audioOut],
  ];
  let pico = priceOf(prices, "request", usage.inputTokens, atMs) ?? 0;
  for (const [unit, amount] of units) {
    if (amount === 0) continue;
    const price = priceOf(prices, unit, usage.inputTokens, atMs);
    if (price === undefined) return undefined;
    pico += price * amount;
  }
  return Math.round(pico / picoPerNano);
}

/** Whether a price is the newest of its class and tier at a moment. */
const inForce = (price: Price, prices: readonly Price[], atMs: number): boolean =>
  price.validFromMs <= atMs &&
  !prices.some(({ class: of, aboveTokens, validFromMs }) => of === price.class && aboveTokens === price.aboveTokens && validFromMs > price.validFromMs && validFromMs <= atMs);

/** The most a request can cost: every input and output token at the dearest class and tier in force. undefined when unpriced. */
export function worstCost(prices: readonly Price[], inputTokens: number, outputTokens: number, atMs: number): number | undefined {
  if (!isPriced(prices, outputTokens > 0)) return undefined;
  function dearest(classes: PriceClass[]): number {
    let most = 0;
    for (const price of prices) {
      const reached = price.aboveTokens === 0 || inputTokens > price.aboveTokens;
      if (price.picoUsd > most && reached && classes.includes(price.class) && inForce(price, prices, atMs)) most = price.picoUsd;
    }
    return most;
  }
  const pico = dearest(["input", "cached_input", "cache_write", "input_audio"]) * inputTokens + dearest(["output", "output_audio"]) * outputTokens + dearest(["request"]);
  return Math.ceil(pico / picoPerNano);
}

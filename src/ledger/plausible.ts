/** Whether a price can be meant: a slip by a power of ten, or a price per million taken for one per token, is seen before it is believed. Pure. */
import { inForce, listed, tokenUnits, type Price, type PriceClass, type Tier, type Unit } from "./price.ts";

/** Dearer than anything that is sold: 10,000 USD per million tokens, 100 USD a piece. Never believed, whoever confirms it. */
const most = { token: 1e10, piece: 1e14 };
/** Cheaper than any token that is sold, and not free: a tenth of a cent per million. */
const least = 1e3;

/** A class without its tier. */
export const unitOf = (of: PriceClass): Unit => of.replace(/:.*/, "") as Unit;
const isToken = (of: PriceClass): boolean => tokenUnits.includes(unitOf(of));

/** Whether a figure can be a price at all: a whole number of pico-USD, from nothing to the dearest there is. */
export const isPrice = (of: PriceClass, pico: number): boolean => Number.isSafeInteger(pico) && pico >= 0 && pico <= (isToken(of) ? most.token : most.piece);

/** What a price is as people say it: USD per million tokens, or per piece. */
export const spoken = (of: PriceClass, pico: number): string => (isToken(of) ? `$${pico / 1e6} per million` : `$${pico / 1e12} each`);

/** Factors that come of a mistaken unit. */
const slips: readonly [factor: number, why: string][] = [
  [1e6, "a price per token taken for one per million, or the other way round"], [1e3, "a price per thousand taken for one per million, or the other way round"], [100, "cents taken for dollars, or the other way round"],
];

function jump(before: number, after: number): string | undefined {
  if (before === after) return undefined;
  if (before === 0 || after === 0) return "one of them is free";
  const factor = Math.max(after / before, before / after);
  if (factor <= 10) return undefined;
  const slip = slips.find(([size]) => Math.abs(factor / size - 1) < 1e-6);
  return `${Math.round(factor)} times ${after > before ? "more" : "less"}${slip ? `: ${slip[1]}?` : ""}`;
}

/** How far a class may lie from the input's price: `[cheapest, dearest]` times it. What it is for output is held for input as well. */
const ratios: Partial<Record<Unit, readonly [number, number]>> = { output: [0.1, 100], cached_input: [0.005, 1], cache_write: [0.1, 10], cache_write_1h: [0.1, 20] };

/**
 * What speaks against `price` beside the prices that a deployment has: each doubt names both figures. Nothing when it is plausible.
 */
export function doubtsAbout(price: Price, prices: readonly Price[]): string[] {
  const { class: of, picoUsd, aboveTokens, validFromMs: atMs } = price;
  const doubts: string[] = [];
  const current = prices.filter((one) => one.class === of && one.aboveTokens <= aboveTokens && inForce(one, prices, atMs)).sort((a, b) => b.aboveTokens - a.aboveTokens)[0];
  const change = current && jump(current.picoUsd, picoUsd);
  if (change) doubts.push(`${of} costs ${spoken(of, current.picoUsd)} now and would cost ${spoken(of, picoUsd)}: ${change}`);
  if (!current && isToken(of) && picoUsd > 0 && picoUsd < least) doubts.push(`${of} would cost ${spoken(of, picoUsd)}, and the cheapest that is sold costs ${spoken(of, least)}: a price per token taken for one per million?`);
  const tier = (of.split(":")[1] ?? "") as Tier | "";
  const at = (unit: Unit): number | undefined => listed(prices, tier === "" ? unit : `${unit}:${tier}`, aboveTokens + 1, atMs) ?? listed(prices, unit, aboveTokens + 1, atMs);
  for (const [unit, [low, high]] of Object.entries(ratios) as [Unit, readonly [number, number]][]) {
    const mine = unitOf(of);
    if (mine !== unit && mine !== "input") continue;
    const [input, other] = mine === "input" ? [picoUsd, at(unit)] : [at("input"), picoUsd];
    if (!input || !other || (other >= input * low && other <= input * high)) continue;
    doubts.push(`${unit} at ${spoken(unit, other)} does not go with input at ${spoken("input", input)}`);
  }
  return doubts;
}

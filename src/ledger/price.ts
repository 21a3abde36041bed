/** What a request costs: prices are integer pico-USD (1e-12) per unit, a cost is integer nano-USD (1e-9). Pure. */
import { noUsage, type Piece, type Usage } from "../chat/usage.ts";

/** Tokens by kind, and what else is billed: missing classes of tokens fall back as `fallbacks` says. */
const inputUnits = ["input", "cached_input", "cache_write", "cache_write_1h", "input_audio", "cached_input_audio", "input_image"] as const;
const outputUnits = ["output", "output_reasoning", "output_audio", "output_image"] as const;
export const tokenUnits: readonly string[] = [...inputUnits, ...outputUnits];
const pieces = ["image", "audio_second", "video_second", "character", "search_unit"] as const satisfies readonly Piece[];
const units = [...inputUnits, ...outputUnits, ...pieces, "web_search", "request"] as const;
/** What a unit is: a token of a kind, a piece, one run of the provider's web search, or the request itself. */
export type Unit = (typeof units)[number];

/** Service tiers that have prices of their own. */
const tiers = ["flex", "priority", "batch", "ultrafast"] as const;
export type Tier = (typeof tiers)[number];
/** Those that cost more than the standard: what they cost is known only where it is listed. */
const surcharged: readonly (Tier | undefined)[] = ["priority", "ultrafast"] satisfies Tier[];
export const isSurcharged = (tier: Tier | undefined): tier is Tier => surcharged.includes(tier);
/** A unit, or a unit as it is priced in a tier. */
export type PriceClass = Unit | `${Unit}:${Tier}`;
export const priceClasses: readonly PriceClass[] = units.flatMap((unit) => [unit, ...tiers.map((tier) => `${unit}:${tier}` as const)]);

/** The tier that a provider's word names; undefined: none with prices of its own (`default`, `standard`, `auto`). */
export const tierOf = (word: string | undefined): Tier | undefined => tiers.find((tier) => tier === word?.toLowerCase());

/** One price as of `validFromMs`, for requests whose input exceeds `aboveTokens`. */
export type Price = { class: PriceClass; picoUsd: number; aboveTokens: number; validFromMs: number };

/**
 * A class without a price of its own costs so many times what this one costs. Never free: a cheaper class only where the source says so.
 * A write kept for an hour costs twice its input: https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching#pricing
 */
const fallbacks: Partial<Record<Unit, { as: Unit; times: number }>> = {
  cached_input: { as: "input", times: 1 }, cache_write: { as: "input", times: 1 }, cache_write_1h: { as: "input", times: 2 },
  input_audio: { as: "input", times: 1 }, cached_input_audio: { as: "input_audio", times: 1 }, input_image: { as: "input", times: 1 },
  output_reasoning: { as: "output", times: 1 }, output_audio: { as: "output", times: 1 }, output_image: { as: "output", times: 1 },
};

const picoPerNano = 1_000;
/** Dearer than any request can be: what is above is a figure that somebody got wrong, and sums must stay exact. */
const mostNanoUsd = Number.MAX_SAFE_INTEGER;

/** A count that can be billed: what is negative or no number is none, what is without end has one. */
const counted = (amount: number | undefined): number => (amount !== undefined && amount > 0 ? Math.min(amount, Number.MAX_SAFE_INTEGER) : 0);

/** The row that says what a class itself costs at a moment and input size: the newest of the highest step that applies, or undefined. */
function rowOf(prices: readonly Price[], wanted: PriceClass, inputTokens: number, atMs: number): Price | undefined {
  let best: Price | undefined;
  for (const price of prices) {
    if (price.class !== wanted || price.validFromMs > atMs || (price.aboveTokens > 0 && inputTokens <= price.aboveTokens)) continue;
    if (!best || price.aboveTokens > best.aboveTokens || (price.aboveTokens === best.aboveTokens && price.validFromMs > best.validFromMs)) best = price;
  }
  return best;
}

/** What a class itself costs, without a look at any other. */
export const listed = (prices: readonly Price[], wanted: PriceClass, inputTokens: number, atMs: number): number | undefined => rowOf(prices, wanted, inputTokens, atMs)?.picoUsd;

/** What a unit costs in a tier. Where the standard price has a step for long inputs and the tier lists none, the tier's grows with it. */
function inTier(prices: readonly Price[], unit: Unit, tier: Tier, inputTokens: number, atMs: number): number | undefined {
  const own = rowOf(prices, `${unit}:${tier}`, inputTokens, atMs);
  const standard = rowOf(prices, unit, inputTokens, atMs);
  if (!own || !standard || own.aboveTokens >= standard.aboveTokens) return own?.picoUsd;
  const before = listed(prices, unit, own.aboveTokens + 1, atMs);
  return before ? Math.ceil(own.picoUsd * Math.max(1, standard.picoUsd / before)) : own.picoUsd;
}

/**
 * What a unit costs. Without a price in its tier: flex and batch cost no more than the standard, which is known; what a surcharged tier
 * costs is not.
 */
function priceOf(prices: readonly Price[], unit: Unit, tier: Tier | undefined, inputTokens: number, atMs: number): number | undefined {
  const own = tier && inTier(prices, unit, tier, inputTokens, atMs);
  const price = own ?? (isSurcharged(tier) && unit !== "request" && unit !== "web_search" ? undefined : listed(prices, unit, inputTokens, atMs));
  const next = fallbacks[unit];
  if (price !== undefined || !next) return price;
  const other = priceOf(prices, next.as, tier, inputTokens, atMs);
  return other === undefined ? undefined : other * next.times;
}

/** Whether a cost can be told: each of these classes has a price at that moment. One that is yet to come is none. */
export const isPriced = (prices: readonly Price[], classes: readonly PriceClass[], atMs: number): boolean => classes.every((wanted) => listed(prices, wanted, 0, atMs) !== undefined);

/** From when on each of these classes has a price; undefined: one of them never has. */
export function pricedFromMs(prices: readonly Price[], classes: readonly PriceClass[]): number | undefined {
  const fromMs = Math.max(...classes.map((wanted) => Math.min(...prices.filter((price) => price.class === wanted && price.aboveTokens === 0).map(({ validFromMs }) => validFromMs))));
  return fromMs === Infinity ? undefined : fromMs;
}

/** Whether a model costs less in its provider's own batches: as far as both are listed, and one of its units at least. */
export const isCheaperInBatches = (prices: readonly Price[], atMs: number): boolean =>
  (["input", "output"] as const).some((unit) => (listed(prices, `${unit}:batch`, 0, atMs) ?? Infinity) < (listed(prices, unit, 0, atMs) ?? 0));

/** How much of each unit a usage is. Every token is in one unit; a class never has more of them than there are. */
function unitsOf(usage: Usage): [Unit, number][] {
  const [input, output] = [counted(usage.inputTokens), counted(usage.outputTokens)];
  const cached = Math.min(counted(usage.cachedTokens), input);
  const written = Math.min(counted(usage.cacheWriteTokens), input - cached);
  const written1h = Math.min(counted(usage.cacheWrite1hTokens), written);
  const audioIn = Math.min(counted(usage.inputAudioTokens), input - cached - written);
  const imageIn = Math.min(counted(usage.inputImageTokens), input - cached - written - audioIn);
  const audioOut = Math.min(counted(usage.outputAudioTokens), output);
  const imageOut = Math.min(counted(usage.outputImageTokens), output - audioOut);
  const reasoned = Math.min(counted(usage.reasoningTokens), output - audioOut - imageOut);
  return [
    ["input", input - cached - written - audioIn - imageIn],
    ["cached_input", cached],
    ["cache_write", written - written1h],
    ["cache_write_1h", written1h],
    ["input_audio", audioIn],
    ["input_image", imageIn],
    ["output", output - audioOut - imageOut - reasoned],
    ["output_reasoning", reasoned],
    ["output_audio", audioOut],
    ["output_image", imageOut],
    ["web_search", counted(usage.searches)],
    ...Object.entries(usage.pieces ?? {}).map(([piece, amount]): [Unit, number] => [piece as Piece, counted(amount)]),
  ];
}

/** So many units of a kind at so many pico-USD each. */
export type PriceLine = { unit: Unit; amount: number; picoUsd: number };

/** What each unit costs, the request itself first; undefined when one that was used has no price. */
function linesOf(prices: readonly Price[], usage: Usage, atMs: number, tier: Tier | undefined): PriceLine[] | undefined {
  const inputTokens = counted(usage.inputTokens);
  const request = priceOf(prices, "request", tier, inputTokens, atMs);
  const lines: PriceLine[] = request ? [{ unit: "request", amount: 1, picoUsd: request }] : [];
  for (const [unit, amount] of unitsOf(usage)) {
    if (amount === 0) continue;
    const picoUsd = priceOf(prices, unit, tier, inputTokens, atMs);
    if (picoUsd === undefined) return undefined;
    lines.push({ unit, amount, picoUsd });
  }
  return lines;
}

const sumOf = (lines: readonly PriceLine[]): number => lines.reduce((sum, { amount, picoUsd }) => sum + amount * picoUsd, 0);

/** The cost of lines in nano-USD, rounded half up once. */
export const costOfLines = (lines: readonly PriceLine[]): number => Math.min(Math.round(sumOf(lines) / picoPerNano), mostNanoUsd);

/**
 * What `usage` in a tier at `atMs` is charged, line by line; never negative; undefined when a class that was used has no price. A hit of
 * the cache never costs more than the miss, whatever the list says: then its tokens stand in the lines as if they had missed.
 */
export function pricedLines(prices: readonly Price[], usage: Usage, atMs: number, tier?: Tier): PriceLine[] | undefined {
  const hit = linesOf(prices, usage, atMs, tier);
  if (!hit || counted(usage.cachedTokens) === 0) return hit;
  const miss = linesOf(prices, { ...usage, cachedTokens: 0 }, atMs, tier);
  return miss && sumOf(miss) < sumOf(hit) ? miss : hit;
}

/**
 * What was used, told in every way in which it may be charged, each by itself: in tokens, and in pieces of each kind. The same thing is
 * never charged twice.
 */
export function waysToTell(usage: Usage): readonly Usage[] {
  const { pieces: counts, ...tokens } = usage;
  if (!counts) return [usage];
  const each = (Object.entries(counts) as [Piece, number][]).map(([piece, amount]): Usage => ({ ...noUsage, pieces: { [piece]: amount } }));
  return tokens.inputTokens + tokens.outputTokens > 0 ? [tokens, ...each] : each;
}

/** The cost of `usage` in nano-USD; undefined when a class that was used has no price. */
export function costOf(prices: readonly Price[], usage: Usage, atMs: number, tier?: Tier): number | undefined {
  const lines = pricedLines(prices, usage, atMs, tier);
  return lines && costOfLines(lines);
}

/** Since when the newest price of a list is in force. */
export const versionOf = (prices: readonly Price[], atMs: number): number | null =>
  prices.reduce<number | null>((newest, { validFromMs }) => (validFromMs > atMs ? newest : Math.max(newest ?? 0, validFromMs)), null);

/** Whether a price is the newest of its class and tier at a moment. */
export const inForce = (price: Price, prices: readonly Price[], atMs: number): boolean =>
  price.validFromMs <= atMs &&
  !prices.some(({ class: of, aboveTokens, validFromMs }) => of === price.class && aboveTokens === price.aboveTokens && validFromMs > price.validFromMs && validFromMs <= atMs);

/** Those of a list that are in force at a moment: what was used costs the same by them as by all of it. */
export const allInForce = (prices: readonly Price[], atMs: number): readonly Price[] => prices.filter((price) => inForce(price, prices, atMs));

/** The most that a request can use. `hourCache`: it may ask to keep its input cached for an hour. `surely`: the tier is certain, and it costs no more than the standard. */
export type Most = {
  inputTokens: number; outputTokens: number; searches?: number | undefined; hourCache?: boolean | undefined; tier?: Tier | undefined; surely?: boolean | undefined;
  pieces?: Usage["pieces"];
};

/** The most a request can cost: every token, search and piece at the dearest class and tier in force. undefined when unpriced. */
export function worstCost(prices: readonly Price[], { inputTokens, outputTokens, searches = 0, hourCache = false, tier, surely = false, pieces: many = {} }: Most, atMs: number): number | undefined {
  const used = Object.entries(many).filter(([, amount]) => amount > 0) as [Piece, number][];
  const onlyPieces = used.length > 0 && inputTokens + outputTokens === 0;
  const anyOf: readonly (readonly Unit[])[] = [...(onlyPieces ? [] : [inputUnits]), ...(outputTokens > 0 ? [outputUnits] : []), ...used.map(([piece]) => [piece])];
  if (!anyOf.every((wanted) => wanted.some((unit) => isPriced(prices, [unit], atMs)))) return undefined;
  /** A price changes only behind a step, so that of every step that can be reached is all there can be. */
  const steps = [...new Set([0, ...prices.map(({ aboveTokens }) => aboveTokens)])].filter((step) => step === 0 || step < inputTokens);
  const asked = !tier ? [undefined] : surely ? [tier] : [undefined, tier];
  const dearest = (wanted: readonly Unit[]): number =>
    wanted.reduce((most, unit) => steps.reduce((higher, step) => asked.reduce((highest, one) => Math.max(highest, priceOf(prices, unit, one, step + 1, atMs) ?? 0), higher), most), 0);
  const input = dearest(hourCache ? inputUnits : inputUnits.filter((unit) => unit !== "cache_write_1h"));
  const byThePiece = used.reduce((sum, [piece, amount]) => sum + dearest([piece]) * amount, 0);
  return Math.ceil((input * inputTokens + dearest(outputUnits) * outputTokens + dearest(["web_search"]) * searches + byThePiece + dearest(["request"])) / picoPerNano);
}

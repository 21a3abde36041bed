/** Prices as people compare them: a million tokens, a picture, a minute. Pure. */
import { listed, type Price, type PriceClass } from "../ledger/index.ts";
import type { Attempt } from "../router/index.ts";
import { money } from "./figures.ts";

/** How much of a unit is told at once, and what that is called; what is not here is tokens by the million. */
const pieces: Record<string, readonly [times: number, per: string]> = {
  image: [1, "a picture"], audio_second: [60, "a minute of audio"], video_second: [1, "a second of film"], character: [1e6, "a million characters"], search_unit: [1_000, "a thousand searches"],
  web_search: [1_000, "a thousand web searches"], request: [1, "a request"],
};
const perMillion = [1e6, "a million tokens"] as const;
const unitOf = (of: PriceClass): string => of.split(":")[0]!;
const picoPerUsd = 1e12;

/** `$0.15`, for as much as `perOf` says. */
export const priceText = (of: PriceClass, pico: number): string => money((pico * (pieces[unitOf(of)] ?? perMillion)[0]) / picoPerUsd);
export const timesOf = (of: PriceClass): number => (pieces[unitOf(of)] ?? perMillion)[0];
export const perOf = (of: PriceClass): string => (pieces[unitOf(of)] ?? perMillion)[1];

const words: Record<string, string> = {
  input: "Input", cached_input: "Cached input", cache_write: "Cache write", cache_write_1h: "Cache write, one hour", input_audio: "Audio in", cached_input_audio: "Cached audio in", input_image: "Pictures in",
  output: "Output", output_reasoning: "Reasoning", output_audio: "Audio out", output_image: "Pictures out", image: "Picture", audio_second: "Audio", video_second: "Film", character: "Characters",
  search_unit: "Search", web_search: "Web search", request: "Request",
};
/** `Input, batch`. */
export function classText(of: PriceClass): string {
  const [unit, tier] = of.split(":");
  return `${words[unit!] ?? unit}${tier ? `, ${tier}` : ""}`;
}

export type Prices = { input: string; cached: string; output: string; /** Of what is charged by the piece. */ pieces: string[]; inputUsd: number | undefined };

/** What a deployment costs now, before any step for long prompts. */
export function pricesOf({ prices, selfHosted = false }: { prices: readonly Price[]; selfHosted?: boolean }, atMs: number): Prices {
  const at = (of: PriceClass): number | undefined => listed(prices, of, 0, atMs);
  const none = selfHosted && prices.length === 0 ? money(0) : "–";
  const text = (of: PriceClass): string => (at(of) === undefined ? none : priceText(of, at(of)!));
  const charged = (Object.keys(pieces) as PriceClass[]).filter((of) => of !== "web_search" && at(of) !== undefined).map((of) => `${priceText(of, at(of)!)} for ${perOf(of)}`);
  const input = at("input");
  return { input: text("input"), cached: text("cached_input"), output: text("output"), pieces: charged, inputUsd: input === undefined ? (none === "–" ? undefined : 0) : (input * 1e6) / picoPerUsd };
}

export const pricesOfAttempt = ({ prices, endpoint }: Attempt, atMs: number): Prices => pricesOf({ prices, selfHosted: endpoint.provider.selfHosted === true }, atMs);

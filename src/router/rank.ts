/** In which order deployments that can all serve a request are tried. Pure. */
import type { PickBy } from "../catalog/index.ts";
import type { RoutingWish } from "../protocols/protocol.ts";
import { providerOf, selfHosted } from "../providers/index.ts";
import { chanceOf } from "./names.ts";
import type { Needs } from "./needs.ts";
import type { Question } from "./question.ts";
import type { Candidate } from "./resolve.ts";

/** What an answer has for comparison's sake when the client sets no bound. */
const usualOutputTokens = 500;
/** A deployment that nobody has measured counts as this slow, and more for each place further down the list. */
const presumedMs = 300;
const presumedMsPerPlace = 25;

export type Ranking = Pick<Question, "health" | "seed" | "stuck" | "wish"> & { needs: Needs; weights: ReadonlyMap<Candidate, number> | undefined };

/**
 * What a request probably costs on a deployment, pico-USD: where its conversation ran before, its input has been read. 0 where the owner
 * pays by the machine, and more than anything where nobody knows.
 */
export function likelyCost({ rates, name, provider }: Pick<Candidate, "rates" | "name" | "provider">, { inputTokens, outputTokens }: Pick<Needs, "inputTokens" | "outputTokens">, stuck: string | undefined): number {
  if (!rates) return provider === selfHosted.id ? 0 : Infinity;
  return (stuck === name ? rates.cachedInput : rates.input) * inputTokens + rates.output * Math.min(outputTokens ?? usualOutputTokens, usualOutputTokens) + rates.request;
}

/** For each way to pick a number by which the least comes first; `place` is where the candidate stands in the list. */
const scores: { [P in PickBy]: (ranking: Ranking) => (candidate: Candidate, place: number) => number } = {
  order: () => (_, place) => place,
  cheapest: ({ needs, stuck }) => (candidate) => likelyCost(candidate, needs, stuck),
  fastest: ({ health }) => ({ name }, place) => health?.(name)?.firstByteMs?.p50 ?? presumedMs + presumedMsPerPlace * place,
  throughput: ({ health }) => ({ name }, place) => -(health?.(name)?.tokensPerSecond ?? 1 / (place + 1)),
  /** The least of exponential times comes first as often as its rate says: https://en.wikipedia.org/wiki/Exponential_distribution#Distribution_of_the_minimum */
  weighted: ({ seed = "", weights }) => (candidate) => -Math.log(Math.max(chanceOf(seed, candidate.name), Number.MIN_VALUE)) / (weights?.get(candidate) ?? 1),
};

/** How to take the leading ones: the `most`, none that is down; the others are told to `drop`. */
export type Taking = { readonly most: number; readonly isDown: (candidate: Candidate) => boolean; readonly drop: (candidate: Candidate, reason: "unhealthy" | "not_needed") => void };

/**
 * The first by the score, and before them where the conversation ran. Equal ones stay in their order. One pass: a list of thousands is not
 * sorted for a handful, nor is each one's health looked up. When all are down, the answer is for them to give.
 */
export function leading(candidates: readonly Candidate[], pick: PickBy, ranking: Ranking, { most, isDown, drop }: Taking): Candidate[] {
  const score = scores[pick](ranking);
  const stuck = ranking.wish?.order ? undefined : ranking.stuck;
  const best: Candidate[] = [];
  const points: number[] = [];
  const down: Candidate[] = [];
  for (let place = 0; place < candidates.length; place += 1) {
    const candidate = candidates[place]!;
    const own = stuck !== undefined && candidate.name === stuck ? -Infinity : score(candidate, place);
    if (best.length === most && own >= points[most - 1]!) {
      drop(candidate, "not_needed");
      continue;
    }
    if (isDown(candidate)) {
      down.push(candidate);
      continue;
    }
    let at = points.length;
    while (at > 0 && own < points[at - 1]!) at -= 1;
    points.splice(at, 0, own);
    best.splice(at, 0, candidate);
    if (best.length > most) {
      drop(best.pop()!, "not_needed");
      points.pop();
    }
  }
  if (best.length === 0 && down.length > 0) return leading(down, pick, ranking, { most, isDown: () => false, drop });
  for (const candidate of down) drop(candidate, "unhealthy");
  return best;
}

/** Whether a request means this provider by a name. */
export function isCalled(providerId: string, names: readonly string[]): boolean {
  const provider = providerOf(providerId);
  const known = [providerId, provider?.name.toLowerCase(), ...(provider?.alsoCalled ?? [])];
  return names.some((name) => {
    const lower = name.toLowerCase();
    return known.includes(lower) || known.includes(lower.split("/")[0]!);
  });
}

/** Place of a provider in the wished order; behind all others when it is not in it. */
export const wishedPlace = (provider: string, order: readonly string[]): number => {
  const place = order.findIndex((name) => isCalled(provider, [name]));
  return place < 0 ? order.length : place;
};

/** Brings forward whom the request wants first, or else where its conversation ran; whoever is measured as slower than it wants goes last. */
export function wished(candidates: readonly Candidate[], { wish, stuck, health }: Pick<Ranking, "wish" | "stuck" | "health">, placeOf: (provider: string) => number): readonly Candidate[] {
  const placed = wish?.order ? candidates.toSorted((a, b) => placeOf(a.provider) - placeOf(b.provider)) : candidates;
  const quick = wish && (wish.leastThroughput !== undefined || wish.mostLatency !== undefined) ? quickFirst(placed, wish, health) : placed;
  const again = stuck === undefined || wish?.order ? undefined : quick.find(({ name }) => name === stuck);
  return again ? [again, ...quick.filter((one) => one !== again)] : quick;
}

function quickFirst(candidates: readonly Candidate[], { leastThroughput = 0, mostLatency = Infinity }: RoutingWish, health: Ranking["health"]): readonly Candidate[] {
  const slow = ({ name }: Candidate): boolean => {
    const { tokensPerSecond = Infinity, firstByteMs } = health?.(name) ?? {};
    return tokensPerSecond < leastThroughput || (firstByteMs?.p50 ?? 0) > mostLatency * 1_000;
  };
  return [...candidates.filter((one) => !slow(one)), ...candidates.filter(slow)];
}

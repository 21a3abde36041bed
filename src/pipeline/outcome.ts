/** From what was seen of an answer to what is written down about it. Pure. */
import { noUsage, type Usage } from "../chat/index.ts";
import type { Piece } from "../chat/usage.ts";
import type { CostSource, End, Outcome, Refused, Way } from "../ledger/entry.ts";
import { costOfLines, pricedLines, tierOf, versionOf, waysToTell, type PriceLine } from "../ledger/price.ts";
import type { Cost, Observation, RequestFacts } from "../protocols/protocol.ts";
import type { Attempt } from "../router/index.ts";

/** English text: about four characters a token. Only for answers whose provider never said what they used. */
const charactersPerToken = 4;

/** So many losses are written down. */
const mostLosses = 32;

export type Ending = {
  end: End;
  status: number;
  way: Way;
  firstByteMs: number | null;
  totalMs: number;
  attempts: number;
  upstreamRequestId: string | null;
  errorCode?: string | null;
  /** The provider was hung up on, or broke off: what it said of its usage before the answer's own end is not its last word. */
  cut?: boolean;
  /** What was held for it, and who was tried before. */
  reserved: Outcome["reserved"];
  refused: readonly Refused[];
  route?: Outcome["route"];
  /** What was left out on the way, as `X-Forge-Losses` tells it. */
  losses?: readonly string[];
  /** SHA-256 of what was sent to the client, in hex. */
  responseHash?: string | null;
};

/**
 * Usage as the provider said it, or our estimate of what an answered but unmeasured request used. What it said on the way is taken
 * as it is, zero too; else input is estimated from the request, output from the text that was seen.
 */
function usageOf(facts: RequestFacts, seen: Observation | undefined, answered: boolean, cut: boolean): { usage: Usage; estimated: boolean } {
  if (seen?.usage) return { usage: seen.usage, estimated: seen.guessed === true || (cut && !seen.terminated) };
  if (!answered) return { usage: noUsage, estimated: false };
  const written = Math.ceil((seen?.outputCharacters ?? 0) / charactersPerToken);
  const known = seen?.usageSoFar;
  return {
    usage: { ...noUsage, inputTokens: facts.likelyInputTokens, ...known, outputTokens: Math.max(written, known?.outputTokens ?? 0) },
    estimated: true,
  };
}

type Charge = { usage: Usage; estimated: boolean; costNanoUsd: number; costSource: CostSource; lines: readonly PriceLine[]; pricesFromMs: number | null };

/** Whether a way to tell a use is an estimate where others of it are not. */
function isGuessed({ pieces = {} }: Usage, { guessed }: Pick<Observation, "guessed">): boolean {
  const [way = "tokens"] = Object.keys(pieces) as Piece[];
  return Array.isArray(guessed) && guessed.includes(way);
}

/** What a use is charged, and as which of the ways to tell it that is: the first that has a price, one that is no guess before one that is. `unmeasured`: all of it is an estimate. */
function chargeOf({ endpoint, prices }: Attempt, used: Usage, seen: Observation | undefined, unmeasured: boolean, atMs: number): Charge {
  const tier = tierOf(seen?.serviceTier);
  const told = waysToTell(used);
  const [known, guesses] = [told.filter((way) => !isGuessed(way, seen ?? {})), told.filter((way) => isGuessed(way, seen ?? {}))];
  const usage = [...known, ...guesses].find((way) => pricedLines(prices, way, atMs, tier)) ?? known[0] ?? told[0]!;
  const estimated = unmeasured || isGuessed(usage, seen ?? {});
  const unlisted = { estimated, lines: [], pricesFromMs: null };
  if (seen?.reportedNanoUsd !== undefined) return { usage, costNanoUsd: seen.reportedNanoUsd, costSource: "reported", ...unlisted };
  if (used === noUsage || (endpoint.provider.selfHosted && prices.length === 0)) return { usage, costNanoUsd: 0, costSource: estimated ? "estimated" : "price", ...unlisted };
  const lines = pricedLines(prices, usage, atMs, tier);
  // What of it has a price is charged, and that something has none stands in the ledger.
  const charged = lines ?? pricedLines(prices, { ...usage, searches: 0 }, atMs) ?? [];
  return { usage, estimated, costNanoUsd: costOfLines(charged), costSource: !lines ? "unpriced" : estimated ? "estimated" : "price", lines: charged, pricesFromMs: charged.length > 0 ? versionOf(prices, atMs) : null };
}

const picoPerUsd = 1e12;
const usdOfLines = (lines: readonly PriceLine[]): number => lines.reduce((sum, { amount, picoUsd }) => sum + amount * picoUsd, 0) / picoPerUsd;

/** What an answer costs by what was seen of it, as the ledger will have it; undefined where that is no exact figure. */
export function costSeen(attempt: Attempt, seen: Observation | undefined, atMs: number): Cost | undefined {
  if (!seen?.usage) return undefined;
  const { costNanoUsd, costSource, lines } = chargeOf(attempt, seen.usage, seen, false, atMs);
  if (costSource === "unpriced") return undefined;
  const { output = [], input = [] } = Object.groupBy(lines, ({ unit }) => (unit.startsWith("output") ? "output" : "input"));
  return { usd: costNanoUsd / 1e9, ...(costSource === "price" && { split: { input: usdOfLines(input), output: usdOfLines(output) } }) };
}

/** The ledger's view of one finished request. An answer that failed before any output is not charged; one that we did not wait for is. */
export function outcomeOf(facts: RequestFacts, protocol: string, attempt: Attempt, seen: Observation | undefined, ending: Ending, atMs: number): Outcome {
  const { cut = false } = ending;
  const passed = ending.end === "complete" || ending.end === "client_gone";
  const answered = seen ? seen.outputCharacters > 0 || (passed && seen.error === undefined) : cut;
  const { usage, estimated } = usageOf(facts, seen, answered, cut);
  return {
    model: facts.model,
    deployment: attempt.deployment,
    ...(attempt.own && { ownKey: true }),
    protocol,
    stream: facts.stream,
    status: ending.status,
    end: seen?.error !== undefined && (ending.end === "complete" || ending.end === "unterminated") ? "upstream_error" : ending.end,
    ...chargeOf(attempt, usage, seen, estimated, atMs),
    serviceTier: seen?.serviceTier?.slice(0, 64).toWellFormed() ?? null,
    firstByteMs: ending.firstByteMs,
    totalMs: ending.totalMs,
    way: ending.way,
    attempts: ending.attempts,
    upstreamRequestId: ending.upstreamRequestId,
    errorCode: ending.errorCode ?? (seen?.error === undefined ? null : "upstream_error"),
    reserved: ending.reserved,
    refused: ending.refused,
    ...(ending.route && { route: ending.route }),
    ...(ending.losses && ending.losses.length > 0 && { losses: [...new Set(ending.losses)].slice(0, mostLosses) }),
    responseHash: ending.responseHash ?? null,
  };
}

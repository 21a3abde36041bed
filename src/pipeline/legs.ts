/** Deployments that each had a part in one answer, and what is written down about them together. Pure. */
import { noUsage, together } from "../chat/index.ts";
import type { CostSource, End, Leg, Outcome } from "../ledger/entry.ts";
import { costOfLines } from "../ledger/price.ts";
import type { Observation, RequestFacts } from "../protocols/protocol.ts";
import type { Attempt } from "../router/index.ts";
import { outcomeOf, type Ending } from "./outcome.ts";

/** One deployment's part, as it stands. `facts` are those of what it was asked. */
export type Part = {
  readonly attempt: Attempt;
  readonly protocol: string;
  readonly facts: RequestFacts;
  readonly why?: Leg["why"];
  readonly seen: Observation | undefined;
  readonly upstreamRequestId: string | null;
  readonly firstByteMs: number | null;
  /** How it ended, and whether it was hung up on or broke off. */
  readonly end: End;
  readonly cut: boolean;
};

/** Of several sources the one that promises least. */
const sources: readonly CostSource[] = ["unpriced", "estimated", "reported", "price"];

/** The ledger's view of a request in the parts that its answer was given in, the last one's where only it can be told. */
export function outcomeOfParts(parts: readonly Part[], ending: Omit<Ending, "end" | "cut" | "firstByteMs" | "upstreamRequestId">, atMs: number): Outcome {
  const outcomes = parts.map(({ facts, protocol, attempt, seen, end, cut, firstByteMs, upstreamRequestId }) =>
    outcomeOf(facts, protocol, attempt, seen, { ...ending, end, cut, firstByteMs, upstreamRequestId }, atMs));
  return outcomes.length === 1 ? outcomes[0]! : joined(outcomes, outcomes.map((one, index) => legOf(one, parts[index]!)));
}

/** Outcomes of what makes one answer as one, of which `legs` are the parts: the last one's where only it can be told. */
export function joined(outcomes: readonly Outcome[], legs: readonly Leg[]): Outcome {
  const last = outcomes.at(-1)!;
  const lines = outcomes.flatMap((one) => one.lines);
  const byLines = outcomes.every((one) => one.lines.length > 0 || one.costNanoUsd === 0);
  return {
    ...last,
    usage: outcomes.map(({ usage }) => usage).reduce(together, noUsage),
    costNanoUsd: byLines ? costOfLines(lines) : outcomes.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0),
    costSource: sources.find((source) => outcomes.some(({ costSource }) => costSource === source))!,
    lines,
    pricesFromMs: outcomes.reduce<number | null>((newest, { pricesFromMs: from }) => (from === null ? newest : Math.max(newest ?? from, from)), null),
    estimated: outcomes.some(({ estimated }) => estimated),
    firstByteMs: outcomes.find(({ firstByteMs }) => firstByteMs !== null)?.firstByteMs ?? null,
    legs,
  };
}

/** An outcome as a part of another one. */
export const legOf = ({ deployment, ownKey, protocol, end, usage, costNanoUsd, costSource, lines, estimated, upstreamRequestId, firstByteMs }: Outcome, { why, step }: Pick<Leg, "why" | "step">): Leg =>
  ({ deployment, ...(ownKey && { ownKey }), protocol, end, usage, costNanoUsd, costSource, lines, estimated, upstreamRequestId, firstByteMs, ...(why && { why }), ...(step && { step }) });

/** Anthropic's usage objects, told once in an answer and piece by piece in a stream. */
import { noUsage, type Usage } from "../../chat/usage.ts";
import { record } from "../json.ts";

const count = (value: unknown): number | undefined => (typeof value === "number" && Number.isFinite(value) && value >= 0 ? Math.round(value) : undefined);

/** Counts as they were told; undefined: not told, which is not zero. `input` is without the cache's tokens. */
export type Told = {
  input: number | undefined;
  cacheRead: number | undefined;
  cacheWrite: number | undefined;
  /** Of the cache's writes, those that are kept for an hour and cost more. */
  cacheWrite1h: number | undefined;
  output: number | undefined;
  thinking: number | undefined;
  searches: number | undefined;
  /** What was used beside the message itself and is in none of its counts. */
  beside: { input: number; output: number };
};

export const nothingTold: Told = { input: undefined, cacheRead: undefined, cacheWrite: undefined, cacheWrite1h: undefined, output: undefined, thinking: undefined, searches: undefined, beside: { input: 0, output: 0 } };

/** Reads a `usage` object. */
export function readUsage(value: unknown): Told {
  const usage = record(value);
  const written = record(usage.cache_creation);
  return {
    input: count(usage.input_tokens),
    cacheRead: count(usage.cache_read_input_tokens),
    cacheWrite: count(usage.cache_creation_input_tokens) ?? sum(written.ephemeral_5m_input_tokens, written.ephemeral_1h_input_tokens),
    cacheWrite1h: count(written.ephemeral_1h_input_tokens),
    output: count(usage.output_tokens),
    searches: count(record(usage.server_tool_use).web_search_requests),
    thinking: count(record(usage.output_tokens_details).thinking_tokens),
    beside: besideOf(usage.iterations),
  };
}

/** The sum of those that are counts, undefined when none is. */
function sum(...values: unknown[]): number | undefined {
  const counts = values.map(count).filter((value) => value !== undefined);
  return counts.length === 0 ? undefined : counts.reduce((total, value) => total + value, 0);
}

/** A compaction's and an advisor's tokens are billed and stand in no total; a `message` iteration's do. */
function besideOf(iterations: unknown): Told["beside"] {
  const beside = { input: 0, output: 0 };
  for (const iteration of Array.isArray(iterations) ? iterations : []) {
    const { type, input_tokens, cache_read_input_tokens, cache_creation_input_tokens, output_tokens } = record(iteration);
    if (type !== "compaction" && type !== "advisor_message") continue;
    beside.input += sum(input_tokens, cache_read_input_tokens, cache_creation_input_tokens) ?? 0;
    beside.output += count(output_tokens) ?? 0;
  }
  return beside;
}

const inputOf = ({ input, cacheRead, cacheWrite }: Told): number => (input ?? 0) + (cacheRead ?? 0) + (cacheWrite ?? 0);

/**
 * What is known when `next` has been told after `before`. Counts are totals, so a later one replaces an earlier one and nothing
 * is ever added up. The input's three go together: look-alikes repeat it as zeros, or as one number that has the cache's in it.
 */
export function merge(before: Told, next: Told): Told {
  const repeated = next.cacheRead === undefined && next.cacheWrite === undefined && next.input === inputOf(before);
  const [first, last] = inputOf(next) > 0 && !repeated ? [before, next] : [next, before];
  return {
    input: last.input ?? first.input,
    cacheRead: last.cacheRead ?? first.cacheRead,
    cacheWrite: last.cacheWrite ?? first.cacheWrite,
    cacheWrite1h: last.cacheWrite1h ?? first.cacheWrite1h,
    output: next.output ?? before.output,
    thinking: next.thinking ?? before.thinking,
    searches: next.searches ?? before.searches,
    beside: next.beside.input + next.beside.output > 0 ? next.beside : before.beside,
  };
}

/** What is known of the usage, in our classes. */
export function partOf(told: Told): Partial<Usage> {
  const { input, cacheRead, cacheWrite, cacheWrite1h, output, thinking, searches, beside } = told;
  return {
    ...((input ?? cacheRead ?? cacheWrite) !== undefined && { inputTokens: inputOf(told) + beside.input, cachedTokens: cacheRead ?? 0, cacheWriteTokens: cacheWrite ?? 0, cacheWrite1hTokens: cacheWrite1h ?? 0 }),
    ...(output !== undefined && { outputTokens: output + beside.output, reasoningTokens: thinking ?? 0 }),
    ...(searches !== undefined && { searches }),
  };
}

/** The usage when all of it is known: input and output. */
export function usageOf(told: Told): Usage | undefined {
  const part = partOf(told);
  return part.inputTokens === undefined || part.outputTokens === undefined ? undefined : { ...noUsage, ...part };
}

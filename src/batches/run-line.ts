/** One line of a batch, run as a request of its key's through the one path. */
import { GatewayError } from "../errors.ts";
import { relay, type Settlement } from "../pipeline/index.ts";
import { within } from "../within.ts";
import { requestIdOf, type Batch } from "./batch.ts";
import type { Bench } from "./bench.ts";
import { protocolAt } from "./endpoints.ts";
import type { InputLine } from "./input-line.ts";
import type { Answerer } from "./native-account.ts";
import { answerLine } from "./output-line.ts";
import { mostWaits } from "./part.ts";
import { mostAnswerBytes } from "./seal.ts";
import { noLineUsage, together, type LineUsage, type Result } from "./words.ts";

/** A line was answered, or is to be run again later: `ownLimit`: it met a limit of its key's. */
export type Ran = { readonly result: Result } | { readonly waitMs: number; readonly ownLimit: boolean };

const encoder = new TextEncoder();
/** So long after the batch's own end an answer that is owed is still tried to be reserved for. */
const owedForMs = 3_600_000;
/** How long the outcome of an answer that is whole may be on its way. */
const settledMs = 5_000;

/** A line's request. */
export const requestFor = ({ origin, endpoint, headers }: Batch, body: string): Request =>
  new Request(origin + endpoint, { method: "POST", headers: [["content-type", "application/json"], ...headers.map(([name, value]): [string, string] => [name, value])], body });

/** Runs one line, `line` being its number in the batch. `answerer`: who answers it, where that is not the bench's isolate. Never rejects but for what is no answer at all. */
export async function runLine(bench: Bench, line: number, { customId, body, stream }: InputLine, answerer: Answerer = { isolate: bench.isolate }): Promise<Ran> {
  const { work: { batch, part: { lease, waits } }, waitUntil, seal } = bench;
  const { shape, endpoint, keyId, expiresAtMs } = batch;
  const { protocol, by, lasting = false } = protocolAt(shape, endpoint);
  const requestId = requestIdOf(batch.id, line, lease);
  if (stream) {
    const error = new GatewayError("invalid_request", "stream: a request in a batch cannot stream", { param: "stream" });
    return { result: { line, settles: [], usage: noLineUsage, failed: true, pieces: await seal.line(line, encoder.encode(answerLine(shape, customId, { status: error.status, requestId, body: protocol.renderError(error, requestId) }))) } };
  }
  const settled = Promise.withResolvers<void>();
  const settlements: Settlement[] = [];
  const settles = (one: Settlement): void => settled.resolve(void settlements.push(one));
  const request = requestFor(batch, body);
  const startedAtMs = Date.now();
  if (lasting) request.headers.set("idempotency-key", `${batch.id}/${line}`);
  const asked = { request, keyId, ...answerer, requestId, settles, waitUntil, startedAtMs };
  const response = await (lasting ? by(asked, protocol) : relay(asked, protocol, by));
  const { status } = response;
  const text = await response.text();
  if (status < 400 && settlements.length === 0 && !lasting) await within(settled.promise, settledMs);
  const usage = settlements.map(usageOf).reduce(together, noLineUsage);
  const admitted = settlements.length > 0;
  const owed = answerer.under !== undefined && !admitted;
  const afterMs = status >= 400 && isFree(usage) ? waitOf(response, text, admitted, owed ? 0 : waits) : undefined;
  if (afterMs !== undefined && Date.now() + afterMs < expiresAtMs + (owed ? owedForMs : 0)) return { waitMs: afterMs, ownLimit: !admitted };
  const bytes = encoder.encode(answerLine(shape, customId, { status, requestId, body: text }));
  const common = { line, usage, settles: settlements.map((one) => [one.operation.id, JSON.stringify(one)] as const) };
  if (bytes.length > mostAnswerBytes) return { result: { ...common, failed: true, code: "answer_too_large", pieces: [] } };
  return { result: { ...common, failed: status >= 400, pieces: await seal.line(line, bytes) } };
}

const usageOf = ({ operation: { posting: { inputTokens, cachedTokens, outputTokens, reasoningTokens, nanoUsd } } }: Settlement): LineUsage =>
  ({ inputTokens, cachedTokens, outputTokens, reasoningTokens, costNanoUsd: nanoUsd });

/** Nothing was used for it: it may be taken back. */
const isFree = ({ inputTokens, outputTokens, costNanoUsd }: LineUsage): boolean => inputTokens + outputTokens + costNanoUsd === 0;

/** It asks for more tokens than its key has for a minute: no other minute has more. */
const neverFits = /"(?:error_)?code":"token_rate_limit_exceeded"/;

/**
 * How long to wait until a line that was refused can succeed; undefined: it cannot. `admitted`: the refusal is the provider's, not our own.
 * Limits are waited for without end, all else that may pass a number of times.
 */
function waitOf({ status, headers }: Response, text: string, admitted: boolean, waits: number): number | undefined {
  const said = headers.get("retry-after");
  const askedMs = said !== null && /^\d+(?:\.\d+)?$/.test(said) ? Number(said) * 1_000 : 0;
  const helpless = said === null || neverFits.test(text) || (!admitted && status >= 500);
  if (headers.get("x-should-retry") === "false" && helpless) return undefined;
  if (status === 429 || (status === 402 && !admitted && said !== null)) return askedMs;
  return (status >= 500 || status === 408) && waits < mostWaits ? askedMs : undefined;
}

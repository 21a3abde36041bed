/** Which lines of a batch a provider's own batch can do, and how they go there. */
import { GatewayError } from "../errors.ts";
import { isCheaperInBatches } from "../ledger/price.ts";
import { prepare, type Isolate, type Prepared, type RequestContext } from "../pipeline/index.ts";
import { splice } from "../upstream/splice.ts";
import { requestIdOf } from "./batch.ts";
import type { Bench } from "./bench.ts";
import { protocolAt, type Way } from "./endpoints.ts";
import { inputBytes } from "./input.ts";
import { readLine, type InputLine } from "./input-line.ts";
import { linesOf } from "./lines.ts";
import type { Kind, Load } from "./native-kind.ts";
import { mostLineBytes } from "./read-input.ts";
import { requestFor } from "./run-line.ts";

const encoder = new TextEncoder();

type Line = { readonly number: number; readonly input: InputLine };

/** Every line of the input, blank ones not counted. */
async function* inputLines(bench: Bench): AsyncGenerator<Line, void> {
  const { batch } = bench.work;
  const body = await inputBytes(bench);
  let number = 0;
  for await (const { text } of body ? linesOf(body, mostLineBytes) : []) {
    number += 1;
    const input = readLine(text ?? "", batch.shape, batch.endpoint);
    if (!("fault" in input) && !input.stream) yield { number, input };
  }
}

/** Tools that are run here, between the turns of a model. */
const needsUs = /"type"\s*:\s*"mcp"/;

const contextOf = ({ waitUntil, work: { batch } }: Bench, { number, input }: Line, isolate: Isolate): RequestContext =>
  ({ request: requestFor(batch, input.body), keyId: batch.keyId, isolate, requestId: requestIdOf(batch.id, number, 0), waitUntil, startedAtMs: Date.now() });

/** An isolate that reaches nobody else. */
const at = ({ isolate }: Bench, provider: string): Isolate => ({ ...isolate, endpoints: new Map([[provider, isolate.endpoints.get(provider) ?? []]]) });

/** A line as it would be sent now; undefined: it would be refused, or takes more than one answer. */
const prepared = async (bench: Bench, line: Line, isolate: Isolate = bench.isolate): Promise<Prepared | undefined> =>
  needsUs.test(line.input.body) ? undefined : prepare(contextOf(bench, line, isolate), protocolAt(bench.work.batch.shape, bench.work.batch.endpoint).protocol).catch((error: unknown) => {
    if (error instanceof GatewayError) return undefined;
    throw error;
  });

/** Whether what is asked in this way can be done by the batch of the provider that it would be sent to, for less. */
export function isTaken({ native }: Pick<Way, "native">, { attempt: { endpoint: { provider: { batches } }, prices }, exchange }: Pick<Prepared, "attempt" | "exchange">): boolean {
  const { path, body, times = 1, follow } = exchange;
  return native === true && batches !== undefined && batches.takes?.test(path) !== false && typeof body === "string" && times === 1 && !follow && isCheaperInBatches(prices, Date.now());
}

const suits = ({ work: { batch: { shape, endpoint } } }: Bench, one: Prepared): boolean => !one.discreet && isTaken(protocolAt(shape, endpoint), one);

/** The first line, where it suits: with it go all that are sent to the same place in the same way. */
export async function firstSuiting(bench: Bench): Promise<Prepared | undefined> {
  for await (const line of inputLines(bench)) {
    const one = await prepared(bench, line);
    return one && suits(bench, one) ? one : undefined;
  }
  return undefined;
}

/** Why the first line may not be sent to this provider any more, whoever waits: the key, the organisation or the model may not, or the input is gone. */
export async function barredAt(bench: Bench, provider: string): Promise<string | undefined> {
  const isolate = at(bench, provider);
  for await (const line of inputLines(bench)) {
    try {
      await prepare(contextOf(bench, line, isolate), protocolAt(bench.work.batch.shape, bench.work.batch.endpoint).protocol);
      return undefined;
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      return error.status < 500 || error.code === "sovereign_unavailable" ? error.code : undefined;
    }
  }
  return "input_gone";
}

/** The first line as it would be sent to this provider, whether or not it would be now; undefined: it can not. */
export async function firstAt(bench: Bench, provider: string): Promise<Prepared | undefined> {
  for await (const line of inputLines(bench)) return prepared(bench, line, at(bench, provider));
  return undefined;
}

const isAlike = (one: Prepared, other: Prepared): boolean =>
  one.attempt.vital === other.attempt.vital && one.exchange.path === other.exchange.path && JSON.stringify(one.exchange.headers) === JSON.stringify(other.exchange.headers);

/** A line's body on one line, for the model as it is called there. */
function bodyThere({ attempt: { endpoint: { provider }, upstreamId }, exchange }: Prepared): string {
  const body = (exchange.body as string).replace(/[\r\n]+/g, " ");
  const model = provider.batches?.model?.(upstreamId);
  return model === undefined ? body : splice(body, { model: JSON.stringify(model) });
}

/** The lines that go together with the first one, as the provider takes them. */
async function* handedOver(bench: Bench, first: Prepared, { most, between, line: written }: Kind): AsyncGenerator<{ text: Uint8Array; estimate: Prepared["estimate"] }, void> {
  let [lines, bytes] = [0, 0];
  for await (const line of inputLines(bench)) {
    const one = await prepared(bench, line);
    if (!bench.wanted) throw new GatewayError("upstream_error", "The lease was lost.");
    if (!one || !suits(bench, one) || !isAlike(one, first)) continue;
    const there = written(bench.work.batch.id, line.number, { path: one.exchange.path, body: bodyThere(one) });
    if (there === undefined) continue;
    const text = encoder.encode((lines > 0 ? between : "") + there);
    lines += 1;
    bytes += text.length;
    if (lines > most.lines || bytes > most.bytes) return;
    yield { text, estimate: one.estimate };
  }
}

/** All of them together, and the most that they can use. */
export async function loadOf(bench: Bench, first: Prepared, kind: Kind): Promise<{ load: Load; estimate: Prepared["estimate"] }> {
  let [lines, bytes, tokens, nanoUsd] = [0, 0, 0, 0];
  for await (const { text, estimate } of handedOver(bench, first, kind)) {
    lines += 1;
    bytes += text.length;
    tokens += estimate.tokens;
    nanoUsd += estimate.nanoUsd;
  }
  const { path, headers } = first.exchange;
  const framed: Load["framed"] = (type, head, tail) => {
    const [before, after] = [encoder.encode(head), encoder.encode(tail)];
    return { type, bytes: before.length + bytes + after.length, pieces: between(before, handedOver(bench, first, kind), after) };
  };
  return { load: { mark: bench.work.batch.id, path, headers, lines, framed }, estimate: { tokens, nanoUsd } };
}

async function* between(head: Uint8Array, lines: AsyncIterable<{ text: Uint8Array }>, tail: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield head;
  for await (const { text } of lines) yield text;
  yield tail;
}

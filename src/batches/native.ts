/**
 * A provider's own batch, where it is cheaper: lines that are all for one model of it are handed over together, and their answers come back
 * later. Each answer then takes the one path as if it had come at once, so that it is metered, limited and told like any other, at the batch price.
 */
import { GatewayError } from "../errors.ts";
import { prepare, type Isolate, type Prepared } from "../pipeline/index.ts";
import { isCheaperInBatches } from "../ledger/price.ts";
import { rawValue, splice } from "../upstream/splice.ts";
import { ProviderBatches, type ProviderBatch } from "../upstream/provider-batches.ts";
import { requestIdOf, type Native } from "./batch.ts";
import { piecesPerLine } from "./batch-rows.ts";
import type { Bench } from "./bench.ts";
import { protocolAt } from "./endpoints.ts";
import { readLine, type InputLine } from "./input-line.ts";
import { linesOf } from "./lines.ts";
import { mostLineBytes } from "./read-input.ts";
import { requestFor } from "./run-line.ts";
import { mostAnswerBytes } from "./seal.ts";
import type { Piece } from "./words.ts";

/** After so long what is not done yet is called back, and run here. */
const nativeForMs = 22 * 3_600_000;
/** What is not over so long after the batch's own end is not waited for. */
const waitedForMs = 3_600_000;
/** Answers of so many bytes go to the batch's object together. */
const sentBytes = 2 * 1024 * 1024;

const encoder = new TextEncoder();
const over: Native = { state: "over" };

/** One step of it: hands the lines over, or asks how they stand, and keeps the answers. */
export async function doNative(bench: Bench): Promise<void> {
  const { run, isolate, work: { batch: { native, ending, expiresAtMs }, part: { part, lease } } } = bench;
  const later = { again: true, waitMs: isolate.settings.PROVIDER_BATCH_POLL_MS };
  if (native!.state === "offered") {
    const sent = ending === undefined ? await offer(bench).catch(refused) : over;
    await run.native(lease, sent);
    if (sent.state === "sent") await run.leave(part, lease, later);
    return;
  }
  const provider = Date.now() < expiresAtMs + waitedForMs ? await providerOf(bench) : undefined;
  const found = provider && (await standing(bench, provider));
  if (found && !found.over) return run.leave(part, lease, later);
  const kept = provider && found ? await keepAll(bench, provider, found) : false;
  await run.native(lease, { ...native!, state: "over", kept });
  for (const file of [...(found?.files ?? []), ...(native!.file ? [native!.file] : [])]) await provider?.remove(file).catch(() => {});
}

/** What a provider refuses is run here; what may pass is tried again. */
function refused(error: unknown): Native {
  if (error instanceof GatewayError && error.code !== "upstream_error" && error.code !== "limiter_unavailable") return over;
  throw error;
}

type Line = { readonly number: number; readonly input: InputLine };

/** Every line of the input. */
async function* inputLines({ isolate: { files }, work: { batch } }: Bench): AsyncGenerator<Line, void> {
  const file = await files.find(batch.organisationId, batch.inputFileId, Date.now());
  const body = file && (await files.read(file));
  let number = 0;
  for await (const { text } of body ? linesOf(body, mostLineBytes) : []) {
    number += 1;
    const input = readLine(text ?? "", batch.shape, batch.endpoint);
    if (!("fault" in input) && !input.stream) yield { number, input };
  }
}

/** Tools that are run here, between the turns of a model. */
const needsUs = /"type"\s*:\s*"mcp"/;

/** A line as it would be sent now; undefined: it would be refused, or takes more than one answer. */
const prepared = async ({ isolate, waitUntil, work: { batch } }: Bench, { number, input }: Line): Promise<Prepared | undefined> =>
  needsUs.test(input.body) ? undefined : prepare({ request: requestFor(batch, input.body), keyId: batch.keyId, isolate, requestId: requestIdOf(batch.id, number, 0), waitUntil, startedAtMs: Date.now() }, protocolAt(batch.shape, batch.endpoint).protocol).catch((error: unknown) => {
    if (error instanceof GatewayError) return undefined;
    throw error;
  });

/** Whether a line can be done by the batch of the provider that it would be sent to, for less. */
function suits({ attempt: { endpoint, prices }, exchange, own, discreet }: Prepared): boolean {
  return endpoint.provider.batches === true && own && !discreet && typeof exchange.body === "string" && isCheaperInBatches(prices, Date.now());
}

/** The lines that go together with the first one that suits, as the provider takes them. */
async function* handedOver(bench: Bench, first: Prepared): AsyncGenerator<{ text: Uint8Array; estimate: Prepared["estimate"] }, void> {
  for await (const line of inputLines(bench)) {
    const one = await prepared(bench, line);
    if (!bench.wanted) throw new GatewayError("upstream_error", "The lease was lost.");
    if (!one || !suits(one) || one.attempt.vital !== first.attempt.vital || one.exchange.path !== first.exchange.path) continue;
    yield { text: encoder.encode(`{"custom_id":"${line.number}","method":"POST","url":"/v1${one.exchange.path}","body":${(one.exchange.body as string).replace(/[\r\n]+/g, " ")}}\n`), estimate: one.estimate };
  }
}

async function firstSuiting(bench: Bench): Promise<Prepared | undefined> {
  for await (const line of inputLines(bench)) {
    const one = await prepared(bench, line);
    return one && suits(one) ? one : undefined;
  }
  return undefined;
}

/** Hands the lines over, if that is possible and there is money for all of them. Whoever was interrupted finds the batch by its mark. */
async function offer(bench: Bench): Promise<Native> {
  const { run, isolate, work: { batch, part: { lease } } } = bench;
  const { native } = batch;
  const first = await firstSuiting(bench);
  if (!first) return over;
  let [bytes, tokens, nanoUsd] = [0, 0, 0];
  for await (const { text, estimate } of handedOver(bench, first)) {
    bytes += text.length;
    tokens += estimate.tokens;
    nanoUsd += estimate.nanoUsd;
  }
  const { policy, attempt: { endpoint }, exchange: { path } } = first;
  const reply = await isolate.meters.submit({ do: "reserve", id: requestIdOf(batch.id, 0, lease), version: policy.version, estimate: { tokens, nanoUsd }, model: batch.model! }, policy);
  if (reply.is !== "granted") return over;
  const provider = new ProviderBatches(endpoint);
  const named = { state: "sent", provider: endpoint.provider.id, hold: lease, ...(native!.file !== undefined && { file: native!.file }) } as const;
  const before = await provider.find(batch.id, batch.createdAtMs);
  if (before) return { ...named, id: before.id };
  const file = await provider.upload(`${batch.id}.jsonl`, bytes, texts(handedOver(bench, first)));
  // From here on the provider may have it: whoever goes on looks for it first.
  if (!(await run.native(lease, { state: "offered", provider: endpoint.provider.id, file }))) throw new GatewayError("upstream_error", "The lease was lost.");
  const { id } = await provider.create({ file, path: `/v1${path}`, mark: batch.id });
  return { ...named, file, id };
}

async function* texts(lines: AsyncIterable<{ text: Uint8Array }>): AsyncGenerator<Uint8Array, void> {
  for await (const { text } of lines) yield text;
}

/** The provider as the key reaches it now; undefined: it does not any more. */
async function providerOf(bench: Bench): Promise<ProviderBatches | undefined> {
  const first = await firstSuiting(bench);
  return first && first.attempt.endpoint.provider.id === bench.work.batch.native!.provider ? new ProviderBatches(first.attempt.endpoint) : undefined;
}

/** How it stands, and its hold renewed. What takes too long, or is not wanted any more, is called back. */
async function standing(bench: Bench, provider: ProviderBatches): Promise<ProviderBatch> {
  const { run, isolate, work: { batch, part: { lease } } } = bench;
  const { native, keyId, createdAtMs, ending } = batch;
  await isolate.meters.of(keyId).apply([{ do: "renew", id: requestIdOf(batch.id, 0, native!.hold!) }]);
  const found = await provider.get(native!.id!).catch((error: unknown): ProviderBatch => {
    if (error instanceof GatewayError && error.code === "upstream_refused") return { id: native!.id!, mark: undefined, over: true, files: [] };
    throw error;
  });
  const late = ending !== undefined || Date.now() > createdAtMs + nativeForMs;
  if (late && !found.over && !native!.stopped) {
    await provider.cancel(native!.id!);
    await run.native(lease, { ...native!, stopped: true });
  }
  return found;
}

/** Keeps every answer that there is. Returns whether there was one. */
async function keepAll(bench: Bench, provider: ProviderBatches, { files }: ProviderBatch): Promise<boolean> {
  const { run, seal, work: { part: { lease } } } = bench;
  let [waiting, bytes, kept]: [Piece[], number, boolean] = [[], 0, false];
  const send = async (): Promise<void> => {
    if (waiting.length > 0 && !(await run.keepAnswers(lease, waiting))) throw new GatewayError("upstream_error", "The lease was lost.");
    [waiting, bytes] = [[], 0];
  };
  for (const file of files) {
    for await (const { text } of linesOf(await provider.content(file), mostAnswerBytes)) {
      const answer = text === null ? undefined : answerIn(text);
      if (!answer) continue;
      const pieces = await seal.answer(answer.line, encoder.encode(JSON.stringify(answer)));
      waiting.push(...pieces.map((piece, i) => ({ key: answer.line * piecesPerLine + i, bytes: piece })));
      bytes += pieces.reduce((sum, { length }) => sum + length, 0);
      kept = true;
      if (bytes >= sentBytes) await send();
    }
  }
  await send();
  return kept;
}

/** An answer of the provider's to a line. */
type Answer = { readonly line: number; readonly status: number; readonly requestId: string; readonly body: string };

/** What another time may be answered otherwise is no answer: it is run here. */
const passing = [401, 402, 403, 407, 408, 409, 429];

function answerIn(text: string): Answer | undefined {
  try {
    const { custom_id: customId, response } = JSON.parse(text) as { custom_id?: unknown; response?: { status_code?: unknown; request_id?: unknown } | null };
    const [line, status] = [Number(customId), Number(response?.status_code)];
    if (!Number.isInteger(line) || !(status >= 200 && status < 500) || passing.includes(status)) return undefined;
    const body = rawValue(rawValue(text, "response")!, "body")!;
    return { line, status, requestId: String(response!.request_id ?? ""), body: status < 300 ? splice(body, { service_tier: '"batch"' }) : body };
  } catch {
    return undefined;
  }
}

/** The provider's answers to the lines of the bench's part, each as an isolate with that one provider, which gives it to whatever it is asked. */
export async function answerers({ isolate, run, seal, work: { batch: { native }, part: { part } } }: Bench): Promise<ReadonlyMap<number, Isolate>> {
  const texts = new Map<number, string>();
  const decoders = new Map<number, TextDecoder>();
  for (let from: number | undefined = native?.kept ? 0 : undefined; from !== undefined; ) {
    const page: Awaited<ReturnType<typeof run.answersOf>> = await run.answersOf(part, from);
    for (const { key, bytes } of page.pieces) {
      const line = Math.floor(key / piecesPerLine);
      if (!decoders.has(line)) decoders.set(line, new TextDecoder());
      texts.set(line, (texts.get(line) ?? "") + decoders.get(line)!.decode(await seal.answerPiece(key, bytes), { stream: true }));
    }
    from = page.next;
  }
  return new Map([...texts].map(([line, text]) => [line, answeredBy(isolate, native!.provider!, JSON.parse(text) as Answer)]));
}

const answeredBy = (isolate: Isolate, provider: string, { status, requestId, body }: Answer): Isolate => ({
  ...isolate,
  endpoints: new Map([[provider, (isolate.endpoints.get(provider) ?? []).map((endpoint) => ({
    ...endpoint, dial: () => Promise.resolve(new Response(body, { status, headers: { "content-type": "application/json", "x-request-id": requestId } })),
  }))]]),
});

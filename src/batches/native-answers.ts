/** What a provider's own batch said to the lines: kept with the batch, and given to whoever asks for a line as if it came at once. */
import { GatewayError } from "../errors.ts";
import type { Isolate } from "../pipeline/index.ts";
import { providerOf, type Endpoint } from "../providers/index.ts";
import type { ProviderCalls } from "../upstream/provider-batches.ts";
import type { Native } from "./batch.ts";
import { piecesPerLine } from "./batch-rows.ts";
import type { Bench } from "./bench.ts";
import { linesOf } from "./lines.ts";
import { owing, type Answerer } from "./native-account.ts";
import type { Answer, Kind, Theirs } from "./native-kind.ts";
import { Parts } from "./native-parts.ts";
import { mostAnswerBytes } from "./seal.ts";
import type { Piece } from "./words.ts";

/** Answers of so many bytes go to the batch's object together. */
const sentBytes = 2 * 1024 * 1024;

/** Answers of so many characters are read in one step: more than that may take longer than anybody may work at a time. */
const stepLength = 1024 ** 3;

const notFound = 404;

const encoder = new TextEncoder();

/** Keeps every answer that there is, or as many as one step may, of those that have not been read. Returns whether there was one, and of the latter how many lines have been. */
export async function keepAll(bench: Bench, { kind, calls }: { kind: Kind; calls: ProviderCalls }, { answers }: Pick<Theirs, "answers">, most = stepLength): Promise<Required<Pick<Native, "kept">> & { read: number | undefined }> {
  const { run, seal, work: { batch: { id: mark, native }, part: { lease } } } = bench;
  let [waiting, bytes, kept]: [Piece[], number, boolean] = [[], 0, native?.kept === true];
  let [lines, length] = [0, 0];
  const send = async (): Promise<void> => {
    if (waiting.length > 0 && !(await run.keepAnswers(lease, waiting))) throw new GatewayError("upstream_error", "The lease was lost.");
    [waiting, bytes] = [[], 0];
  };
  const parts = new Parts(kind);
  for (const place of answers) {
    const body = await kind.content(calls, native!, place).catch(nothingThere);
    for await (const { text } of body ? linesOf(body, mostAnswerBytes) : []) {
      lines += 1;
      if (lines <= (native?.read ?? 0)) continue;
      length += text?.length ?? 0;
      const told = text === null ? undefined : answerIn(kind, mark, text);
      const answer = told && parts.whole(told);
      if (answer) {
        const pieces = await seal.answer(answer.line, encoder.encode(JSON.stringify(answer)));
        waiting.push(...pieces.map((piece, i) => ({ key: answer.line * piecesPerLine + i, bytes: piece })));
        bytes += pieces.reduce((sum, piece) => sum + piece.length, 0);
        kept = true;
        if (bytes >= sentBytes) await send();
      }
      if (length < most || parts.areOpen) continue;
      await send();
      return { kept, read: lines };
    }
  }
  await send();
  return { kept, read: undefined };
}

/** A place that is told of and has nothing. */
function nothingThere(error: unknown): undefined {
  if (!(error instanceof GatewayError) || error.status !== notFound) throw error;
}

function answerIn(kind: Kind, mark: string, text: string): Answer | undefined {
  try {
    return kind.answer(mark, text);
  } catch {
    return undefined;
  }
}

/** The provider's answers to the lines of the bench's part, each as the deployment that they were handed to, which gives it to whatever it is asked. */
export async function answerers(bench: Bench): Promise<ReadonlyMap<number, Answerer>> {
  const { isolate, run, seal, work: { batch: { native }, part: { part } } } = bench;
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
  if (texts.size === 0) return new Map();
  const { under, ...owed } = (await owing(bench)) ?? {};
  return new Map([...texts].map(([line, text]) => [line, { ...answeredBy({ ...isolate, ...owed }, native!, JSON.parse(text) as Answer), ...(under && { under }) }]));
}

/** The deployment as it was when lines were handed over to it, wherever they would go by now; of an older version's batch whichever is planned now at that provider. */
function answeredBy(isolate: Isolate, native: Native, answer: Answer): Pick<Answerer, "isolate" | "planned"> {
  const { provider, at, attempt } = native;
  if (attempt) return { isolate, planned: { attempts: [{ ...attempt, endpoint: answering({ provider: providerOf(provider!)!, baseUrl: at!.baseUrl, secret: undefined }, native, answer) }], excluded: [] } };
  const places = (isolate.endpoints.get(provider!) ?? []).filter(({ baseUrl }) => !at || baseUrl === at.baseUrl);
  return { isolate: { ...isolate, endpoints: new Map([[provider!, places.map((endpoint) => answering(endpoint, native, answer))]]) } };
}

/** What would be asked in another protocol than then is not answered by what was said then. */
const answering = (endpoint: Endpoint, { path }: Native, { status, requestId, body }: Answer): Endpoint => ({
  ...endpoint,
  dial: (url: string) => (url === endpoint.baseUrl + path
    ? Promise.resolve(new Response(body, { status, headers: { "content-type": "application/json", ...(requestId !== undefined && { [endpoint.provider.requestIdHeader ?? "x-request-id"]: requestId }) } }))
    : Promise.reject(new Error("It was asked otherwise."))),
});

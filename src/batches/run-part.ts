/** The lines of one part, a few at a time. Their results go to the batch's object as they come, several in one call. */
import { requestIdOf } from "./batch.ts";
import type { Bench } from "./bench.ts";
import { readLine, type InputLine } from "./input-line.ts";
import { linesOf } from "./lines.ts";
import { mostLineBytes } from "./read-input.ts";
import { runLine } from "./run-line.ts";
import { noLineUsage, type Result } from "./words.ts";

/** The platform lets one invocation wait for the headers of six calls: more would only queue. */
const linesAtOnce = 6;
/** After so long no more lines are begun: an invocation ends after 15 minutes, and a line may take ten. */
const beginForMs = 4 * 60_000;
/** What one call may carry is 32 MiB. */
const mostBytesPerCall = 25 * 1024 * 1024;
const sendAgainAfterMs = [200, 1_000, 4_000];

/** Runs what has no result yet, and leaves the part. */
export async function runPart(bench: Bench): Promise<void> {
  const { run, work } = bench;
  const { part, lease } = work.part;
  const next = await openLines(bench);
  if (!next) return inputGone(bench);
  const outbox = new Outbox(bench);
  const begun = new Set<number>();
  const untilMs = Date.now() + beginForMs;
  const waits: { waitMs: number; ownLimit: boolean }[] = [];
  const lane = async (): Promise<void> => {
    while (bench.wanted && waits.length === 0 && Date.now() < untilMs) {
      const { value: line, done } = await next.next();
      if (done) return;
      begun.add(line.number);
      const ran = await runLine(bench, line.number, line.input);
      if ("result" in ran) await outbox.push(ran.result).then(() => begun.delete(line.number));
      else waits.push(ran);
    }
  };
  await Promise.all(Array.from({ length: work.alone ? 1 : linesAtOnce }, lane));
  const wait = waits.length > 0 && { waitMs: Math.max(...waits.map(({ waitMs }) => waitMs)), ownLimit: waits.some(({ ownLimit }) => ownLimit) };
  await run.leave(part, lease, { begun: [...begun], ...wait });
}

/** Lines without a result, one after the other. undefined: the input is gone. */
async function openLines({ isolate: { files }, work }: Bench): Promise<AsyncGenerator<{ number: number; input: InputLine }, void> | undefined> {
  const { batch: { organisationId, inputFileId, shape, endpoint }, part: { start, end, first }, answered } = work;
  const file = await files.find(organisationId, inputFileId, Date.now());
  const body = file && (await files.read(file, { offset: start, length: end - start }));
  if (!body) return undefined;
  const known = new Set(answered);
  return (async function* () {
    let number = first - 1;
    for await (const { text } of linesOf(body, mostLineBytes)) {
      number += 1;
      if (known.has(number)) continue;
      const input = readLine(text ?? "", shape, endpoint);
      if ("fault" in input) throw new Error(`Line ${number} is not what it was when it was read.`);
      yield { number, input };
    }
  })();
}

/** Nothing of the part can be run any more. */
async function inputGone({ run, work: { batch, part: { part, lease, first, lines }, answered } }: Bench): Promise<void> {
  const known = new Set(answered);
  const open = Array.from({ length: lines }, (_, i) => first + i).filter((line) => !known.has(line));
  await run.record(part, lease, open.map((line): Result => ({ line, failed: true, code: "input_gone", pieces: [], id: requestIdOf(batch.id, line, lease), usage: noLineUsage })));
  await run.leave(part, lease, { begun: [] });
}

/** Results on their way: those that come while a call is under way share the next one. */
class Outbox {
  private waiting: Result[] = [];
  private sending: Promise<void> | undefined;
  private readonly bench: Bench;

  constructor(bench: Bench) {
    this.bench = bench;
  }

  /** Resolves when the result is durable, or is not wanted any more. */
  async push(result: Result): Promise<void> {
    this.waiting.push(result);
    while (this.waiting.includes(result)) await (this.sending ??= this.send().finally(() => (this.sending = undefined)));
  }

  private async send(): Promise<void> {
    const group: Result[] = [];
    let bytes = 0;
    for (const result of this.waiting) {
      const size = result.pieces.reduce((sum, piece) => sum + piece.length, 0);
      if (group.length > 0 && bytes + size > mostBytesPerCall) break;
      bytes += size;
      group.push(result);
    }
    this.bench.heard(await this.call(group));
    this.waiting = this.waiting.slice(group.length);
  }

  /** Once more when it broke: what is there already changes nothing. */
  private async call(group: readonly Result[]): Promise<boolean> {
    const { run, work: { part: { part, lease } } } = this.bench;
    for (const pauseMs of sendAgainAfterMs) {
      try {
        return await run.record(part, lease, group);
      } catch {
        await scheduler.wait(pauseMs);
      }
    }
    return run.record(part, lease, group);
  }
}

/** The lines of one part, a few at a time. Their results go to the batch's object as they come, several in one call. */
import type { Bench } from "./bench.ts";
import { inputBytes } from "./input.ts";
import { readLine, type InputLine } from "./input-line.ts";
import { linesOf } from "./lines.ts";
import { answerers } from "./native-answers.ts";
import { mostLineBytes } from "./read-input.ts";
import { runLine } from "./run-line.ts";
import { noLineUsage, type Result } from "./words.ts";

/** The platform lets one invocation wait for the headers of six calls: more would only queue. */
const linesAtOnce = 6;
/** After so long no more lines are begun: an invocation ends after 15 minutes, and a line may take ten. */
const beginForMs = 4 * 60_000;
/** So often a provider's answer that nobody can read is tried until its line is run anew. */
const mostKeptWaits = 3;
/** What one call may carry is 32 MiB; what waits for one beside it. */
const mostBytesPerCall = 25 * 1024 * 1024;
const mostWaitingBytes = 4 * 1024 * 1024;
const sendAgainAfterMs = [200, 1_000, 4_000];

/** Runs what has no result yet, and leaves the part. */
export async function runPart(bench: Bench): Promise<void> {
  const { run, work } = bench;
  const { part, lease } = work.part;
  const next = await openLines(bench);
  if (!next) return inputGone(bench);
  const begun = new Set<number>();
  const kept = await answerers(bench);
  const unread: number[] = [];
  const outbox = new Outbox(bench, ({ line }) => begun.delete(line));
  const untilMs = Date.now() + beginForMs;
  const waits: { waitMs: number; ownLimit: boolean }[] = [];
  const lane = async (): Promise<void> => {
    while (bench.wanted && waits.length === 0 && Date.now() < untilMs) {
      const { value: line, done } = await next.next();
      if (done) return;
      const answerer = kept.get(line.number);
      if (!answerer && work.batch.ending) continue;
      begun.add(line.number);
      const ran = await runLine(bench, line.number, line.input, answerer);
      if ("result" in ran) await outbox.push(ran.result);
      else {
        waits.push(ran);
        if (answerer && !ran.ownLimit && work.part.waits >= mostKeptWaits) unread.push(line.number);
      }
    }
  };
  await Promise.all(Array.from({ length: work.alone ? 1 : linesAtOnce }, lane));
  await outbox.empty();
  const wait = waits.length > 0 && { waitMs: Math.max(...waits.map(({ waitMs }) => waitMs)), ownLimit: waits.some(({ ownLimit }) => ownLimit) };
  await run.leave(part, lease, { begun: [...begun], ...wait, ...(unread.length > 0 && { unread }) });
}

/** Lines without a result, one after the other. undefined: the input is gone. */
async function openLines(bench: Bench): Promise<AsyncGenerator<{ number: number; input: InputLine }, void> | undefined> {
  const { batch: { shape, endpoint }, part: { start, end, first }, answered } = bench.work;
  const body = await inputBytes(bench, { offset: start, length: end - start });
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
async function inputGone({ run, work: { part: { part, lease, first, lines }, answered } }: Bench): Promise<void> {
  const known = new Set(answered);
  const open = Array.from({ length: lines }, (_, i) => first + i).filter((line) => !known.has(line));
  await run.record(part, lease, open.map((line): Result => ({ line, failed: true, code: "input_gone", pieces: [], settles: [], usage: noLineUsage })));
  await run.leave(part, lease, { begun: [] });
}

/** Results on their way: those that come while a call is under way share the next one. */
class Outbox {
  private waiting: Result[] = [];
  private sending: Promise<void> | undefined;
  private readonly bench: Bench;
  private readonly sent: (result: Result) => void;

  constructor(bench: Bench, sent: (result: Result) => void) {
    this.bench = bench;
    this.sent = sent;
  }

  /** Takes a result. Waits while much is on its way. */
  async push(result: Result): Promise<void> {
    this.waiting.push(result);
    const sending = this.send();
    if (this.waiting.reduce((sum, one) => sum + sizeOf(one), 0) > mostWaitingBytes) await sending;
  }

  /** Resolves when all is durable, or not wanted any more. */
  async empty(): Promise<void> {
    await this.send();
  }

  private send(): Promise<void> {
    this.sending ??= this.sendAll().finally(() => (this.sending = undefined));
    this.sending.catch(() => {});
    return this.sending;
  }

  private async sendAll(): Promise<void> {
    while (this.waiting.length > 0) {
      const group = this.group();
      this.bench.heard(await this.call(group));
      this.waiting = this.waiting.slice(group.length);
      group.forEach(this.sent);
    }
  }

  /** As many as one call may carry. */
  private group(): Result[] {
    let bytes = 0;
    const end = this.waiting.findIndex((result, i) => (bytes += sizeOf(result)) > mostBytesPerCall && i > 0);
    return end === -1 ? [...this.waiting] : this.waiting.slice(0, end);
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

const sizeOf = ({ pieces }: Result): number => pieces.reduce((sum, piece) => sum + piece.length, 0);

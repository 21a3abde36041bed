/** The upstream's end of a stream: one piece after the other, and what comes in a burst as few. */

const pieceBytes = 64 * 1024;
/** A piece that needs no longer than this was as good as there. */
const promptMs = 1;
/** So many such pieces in a row are a burst. */
const burstPieces = 3;
const leastGatherMs = 2;
const mostGatherMs = 20;

/** How long to let a burst that has lasted `ms` gather: text is late by at most a quarter of the time it has come for. */
const gatherMs = (ms: number): number => Math.min(mostGatherMs, Math.max(leastGatherMs, ms / 4));

/**
 * The runtime hands out HTTP chunks one by one, and being woken costs far more than what a chunk then needs. So in a burst it reads
 * ahead into a `tee`, and what has come is fetched now and then. A stream that only trickles is read as it comes.
 */
export class Intake {
  private reader: ReadableStreamBYOBReader;
  private ahead: ReadAhead | undefined;
  private buffer = new ArrayBuffer(pieceBytes);
  /** Pieces of the burst so far, and when it began. */
  private prompt = 0;
  private sinceMs = 0;
  /** The last piece took all the room there was: more is there. */
  private full = false;
  private cancelled = false;
  private interrupt: (() => void) | undefined;
  private readonly body: ReadableStream<Uint8Array>;
  private readonly mayReadAhead: boolean;

  constructor(body: ReadableStream<Uint8Array>, { mayReadAhead }: { mayReadAhead: boolean }) {
    this.body = body;
    this.mayReadAhead = mayReadAhead;
    this.reader = body.getReader({ mode: "byob" });
  }

  /** The next piece, which the one after it may overwrite; undefined at the end or once cancelled. Rejects when the upstream breaks. */
  async read(): Promise<Uint8Array | undefined> {
    if (this.ahead && this.prompt > 0 && !this.full) await this.ahead.gather(gatherMs(Date.now() - this.sinceMs));
    if (this.cancelled) return undefined;
    const askedMs = Date.now();
    const result = await new Promise<ReadableStreamReadResult<Uint8Array> | undefined>((resolve, reject) => {
      this.interrupt = () => resolve(undefined);
      this.reader.read(new Uint8Array(this.buffer)).then(resolve, reject);
    });
    if (!result || result.done) return undefined;
    this.buffer = result.value.buffer as ArrayBuffer;
    this.full = result.value.length === pieceBytes;
    this.ahead?.taken(result.value.length);
    this.measure(askedMs, Date.now());
    return result.value;
  }

  /** Hangs up; a read under way ends. */
  cancel(): void {
    if (this.cancelled) return;
    this.cancelled = true;
    this.interrupt?.();
    this.reader.cancel().catch(() => {});
    this.ahead?.cancel();
  }

  /** Lets go of a body that was not read ahead. */
  release(): void {
    this.reader.releaseLock();
  }

  private measure(askedMs: number, nowMs: number): void {
    if (this.prompt === 0) this.sinceMs = nowMs;
    this.prompt = nowMs - askedMs <= promptMs ? this.prompt + 1 : 0;
    if (this.prompt === burstPieces && this.mayReadAhead && !this.ahead) this.readAhead();
  }

  private readAhead(): void {
    this.reader.releaseLock();
    const [forUs, forAhead] = this.body.tee();
    this.reader = forUs.getReader({ mode: "byob" });
    this.ahead = new ReadAhead(forAhead);
  }
}

/**
 * Draws a branch of a `tee` so that the other one fills, no further than 64 KiB past what was taken there. A branch must not ask
 * for a minimum of bytes itself, `tee` would hold the other one back for it; behind a pipe it may.
 */
class ReadAhead {
  private readonly reader: ReadableStreamBYOBReader;
  private readonly stop = new AbortController();
  private lead = 0;
  private caughtUp = Promise.withResolvers<void>();
  /** Settles when no more is drawn until some is taken: the lead is as long as it may be, or nothing comes any more. */
  private drawn = Promise.withResolvers<void>();

  constructor(branch: ReadableStream<Uint8Array>) {
    const { readable, writable } = new IdentityTransformStream();
    branch.pipeTo(writable, { signal: this.stop.signal }).catch(() => {});
    this.reader = readable.getReader({ mode: "byob" });
    this.draw().catch(() => {}).finally(() => this.drawn.resolve());
  }

  /** Waits `ms`, and no longer than bytes come. */
  async gather(ms: number): Promise<void> {
    if (this.lead <= 0) await Promise.race([this.drawn.promise, scheduler.wait(ms)]);
  }

  taken(bytes: number): void {
    this.lead -= bytes;
    if (this.lead <= 0) this.caughtUp.resolve();
  }

  cancel(): void {
    this.stop.abort();
    this.reader.cancel().catch(() => {});
    this.caughtUp.resolve();
    this.drawn.resolve();
  }

  private async draw(): Promise<void> {
    let buffer = new ArrayBuffer(pieceBytes);
    for (;;) {
      const { done, value } = await this.reader.readAtLeast(pieceBytes, new Uint8Array(buffer));
      if (done) return;
      buffer = value.buffer as ArrayBuffer;
      this.lead += value.length;
      if (this.lead <= 0) continue;
      this.caughtUp = Promise.withResolvers();
      this.drawn.resolve();
      await this.caughtUp.promise;
      this.drawn = Promise.withResolvers();
    }
  }
}

/** The leader's side: what its answer says goes to the object in portions, one at a time, and a sign of life while there is none. */
import { within } from "../within.ts";
import { ask } from "./ask.ts";
import { leaseMs } from "./idempotent-call.do.ts";
import { pieceBytes, type Call, type Head, type Portion, type Standing, type Taken } from "./page.ts";
import { joined } from "../bytes.ts";

/** Largest answer that is kept. */
export const mostKeptBytes = 48 * 1024 * 1024;
/** With so much on its way the run waits for the object. */
const mostPendingBytes = 4 * pieceBytes;
const renewEveryMs = leaseMs / 3;
const leastGatherMs = 50;
const mostGatherMs = 1_000;

/**
 * How long bytes gather: each portion is a call and a row, and a read for whoever follows. A request may make 10,000 calls, so a
 * stream that lasts is told more slowly: late by half a percent of the time it has come for.
 */
const gatherMs = (followed: boolean, ms: number): number => (followed ? Math.min(mostGatherMs, Math.max(leastGatherMs, ms / 200)) : mostGatherMs);

export class Recorder {
  /** Settles when everything is at the object, or nothing more can be. */
  readonly written: Promise<void>;
  private pending: Uint8Array[] = [];
  private pendingBytes = 0;
  private sentBytes = 0;
  private head: Head | undefined;
  private last: { head?: Head; standing: Standing } | undefined;
  private closed = false;
  private wake = Promise.withResolvers<void>();
  private hurry = Promise.withResolvers<void>();
  private sent = Promise.withResolvers<void>();
  private readonly beganMs = Date.now();
  private readonly call: Call;
  private readonly run: string;

  constructor(call: Call, run: string) {
    this.call = call;
    this.run = run;
    this.written = this.write();
  }

  /** A stream has begun: its readers may begin too. */
  begin(head: Head): void {
    this.head = head;
    this.wake.resolve();
  }

  /** Takes bytes that stay as they are. Waits only while the object is far behind. */
  async push(bytes: Uint8Array): Promise<void> {
    if (this.closed || this.last) return;
    if (this.sentBytes + this.pendingBytes + bytes.length > mostKeptBytes) return void this.finish("lost");
    for (let at = 0; at < bytes.length; at += pieceBytes) this.pending.push(bytes.subarray(at, at + pieceBytes));
    this.pendingBytes += bytes.length;
    this.wake.resolve();
    if (this.pendingBytes >= pieceBytes) this.hurry.resolve();
    while (this.pendingBytes > mostPendingBytes && !this.closed) await this.sent.promise;
  }

  /** The answer is over. `head`: that of a whole answer, whose readers begin only when all of it is here. */
  finish(standing: Standing, head?: Head): Promise<void> {
    this.last ??= { standing, ...(head && { head }) };
    this.wake.resolve();
    this.hurry.resolve();
    return this.written;
  }

  private async write(): Promise<void> {
    for (;;) {
      if (this.pendingBytes === 0 && !this.last) await within(this.wake.promise, renewEveryMs);
      this.wake = Promise.withResolvers();
      const portion = this.portion();
      const taken = await ask(() => this.call.write(portion)).catch((): Taken => ({ is: "gone" }));
      if (taken.is === "gone" || portion.standing !== "running") return this.close();
      this.sentBytes += portion.bytes.length;
      this.sent.resolve();
      this.sent = Promise.withResolvers();
      if (this.last || this.pendingBytes >= pieceBytes) continue;
      this.hurry = Promise.withResolvers();
      if (portion.bytes.length > 0) await within(this.hurry.promise, gatherMs(taken.followed, Date.now() - this.beganMs));
    }
  }

  /** The next portion, copied together: bytes that cross RPC take the whole buffer along in which they lie. */
  private portion(): Portion {
    const taken: Uint8Array[] = [];
    let length = 0;
    while (this.pending.length > 0 && (length === 0 || length + this.pending[0]!.length <= pieceBytes)) {
      length += this.pending[0]!.length;
      taken.push(this.pending.shift()!);
    }
    this.pendingBytes -= length;
    const last = this.pending.length === 0 ? this.last : undefined;
    const head = last?.head ?? this.head;
    this.head = undefined;
    return { run: this.run, from: this.sentBytes, bytes: joined(taken), standing: last?.standing ?? "running", ...(head && { head }) };
  }

  private close(): void {
    this.closed = true;
    this.pending = [];
    this.pendingBytes = 0;
    this.sent.resolve();
  }
}

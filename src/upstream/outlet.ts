/** The client's end of a stream: writes that gather while one is under way, and the moment the client leaves. */
import { joined } from "../bytes.ts";

const mostBytes = 256 * 1024;

/**
 * Writes pieces to the client, one write at a time: pieces that come while one is under way go together, because each write wakes
 * the runtime.
 */
export class Outlet {
  /** Settles when the client has left. */
  readonly gone: Promise<void>;
  isGone = false;
  private released = false;
  private readonly left = Promise.withResolvers<void>();
  private pieces: Uint8Array[] = [];
  private size = 0;
  private writing: Promise<void> | undefined;
  private readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  private readonly sent: ((piece: Uint8Array) => void) | undefined;

  constructor(writable: WritableStream<Uint8Array>, sent?: (piece: Uint8Array) => void) {
    this.sent = sent;
    this.writer = writable.getWriter();
    this.gone = this.left.promise;
    this.writer.closed.catch(() => this.released || this.leave());
  }

  /** Takes a piece that stays as it is. Waits only while the client is far behind. */
  async write(piece: Uint8Array): Promise<void> {
    if (this.isGone) return;
    this.pieces.push(piece);
    this.size += piece.length;
    if (!this.writing) this.send();
    while (this.size > mostBytes && this.writing && !this.isGone) await Promise.race([this.writing, this.gone]);
  }

  /** The client has left: what was not written never will be. */
  abandon(): void {
    this.leave();
    this.pieces = [];
    this.size = 0;
    if (!this.released) void this.writer.abort().catch(() => {});
  }

  /** Writes what is left and ends the client's stream. */
  async close(): Promise<void> {
    await this.drain();
    await this.writer.close().catch(() => {});
  }

  /** Writes what is left and lets go of the stream. False: the client has left. */
  async release(): Promise<boolean> {
    await this.drain();
    this.released = true;
    this.writer.releaseLock();
    return !this.isGone;
  }

  private readonly leave = (): void => {
    this.isGone = true;
    this.left.resolve();
  };

  private async drain(): Promise<void> {
    while (!this.isGone && (this.size > 0 || this.writing)) {
      if (!this.writing) this.send();
      await Promise.race([this.writing, this.gone]);
    }
  }

  private send(): void {
    if (this.writing || this.size === 0) return;
    const bytes = this.pieces.length === 1 ? this.pieces[0]! : joined(this.pieces);
    this.pieces = [];
    this.size = 0;
    this.sent?.(bytes);
    this.writing = this.writer.write(bytes).catch(this.leave).then(() => {
      this.writing = undefined;
      if (this.size > 0 && !this.isGone) this.send();
    });
  }
}

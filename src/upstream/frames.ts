/** Cuts a stream of bytes into whole frames of server-sent events. */
import { dataOf, isEventData, wholeFrames } from "../protocols/sse.ts";

const largestFrame = 16 * 1024 * 1024;
const decoder = new TextDecoder();

/** A border is at most this long, so that one which two pieces share lies within so many bytes before the later one. */
const longestBorder = 4;

/** Hands out whole frames; what is not whole yet is carried to the next piece. */
export interface Cutter {
  /** Whether the stream stands in the middle of a frame. */
  readonly inside: boolean;
  /** The whole frames that end in `piece`; `piece` may be reused once they are used. Throws when one frame grows without end. */
  push(piece: Uint8Array): Uint8Array | undefined;
  /** What is left when the upstream closes, if a client can use it. Throws when something must be missing. */
  rest(): string;
}

/** Server-sent events as they are. */
export class FrameCutter implements Cutter {
  private readonly carry = new Carry();

  get inside(): boolean {
    return this.carry.length > 0;
  }

  push(piece: Uint8Array): Uint8Array | undefined {
    if (!this.inside) {
      const whole = wholeFrames(piece);
      this.carry.keep(piece.subarray(whole));
      return whole === 0 ? undefined : piece.subarray(0, whole);
    }
    const from = Math.max(0, this.carry.length - longestBorder);
    this.carry.keep(piece);
    const border = wholeFrames(this.carry.bytes.subarray(from));
    return border === 0 ? undefined : this.carry.take(from + border);
  }

  /** A last event without its blank line; nothing when it is half of one (a client would fail on it before it sees our last words). */
  rest(): string {
    const text = decoder.decode(this.carry.bytes);
    const data = dataOf(text);
    return data !== undefined && !isEventData(data) ? "" : text;
  }
}

/** Bytes that wait for more. */
export class Carry {
  length = 0;
  private buffer = new Uint8Array(0);

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.buffer.subarray(0, this.length);
  }

  keep(bytes: Uint8Array): void {
    const length = this.length + bytes.length;
    if (length > largestFrame) throw new Error("frame too large");
    if (length > this.buffer.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.buffer.length));
      larger.set(this.bytes);
      this.buffer = larger;
    }
    this.buffer.set(bytes, this.length);
    this.length = length;
  }

  /** The first `length` bytes as their own; the others move up. */
  take(length: number): Uint8Array<ArrayBuffer> {
    const taken = this.buffer.slice(0, length);
    this.buffer.copyWithin(0, length, this.length);
    this.length -= length;
    return taken;
  }
}

/** Cuts a byte stream at the borders of SSE frames. */
import { dataOf, wholeFrames } from "../protocols/sse.ts";

const largestFrame = 16 * 1024 * 1024;
const decoder = new TextDecoder();

/** A border is at most this long, so that one which two pieces share lies within so many bytes before the later one. */
const longestBorder = 4;

/** Hands out whole frames; what is not whole yet is carried to the next piece. */
export class FrameCutter {
  private carry = new Uint8Array(0);
  private length = 0;

  /** Whether the stream stands in the middle of a frame. */
  get inside(): boolean {
    return this.length > 0;
  }

  /** The whole frames that end in `piece`; `piece` may be reused once they are used. Throws when one frame grows without end. */
  push(piece: Uint8Array): Uint8Array | undefined {
    if (this.length === 0) {
      const whole = wholeFrames(piece);
      this.keep(piece.subarray(whole));
      return whole === 0 ? undefined : piece.subarray(0, whole);
    }
    const from = Math.max(0, this.length - longestBorder);
    this.keep(piece);
    const border = wholeFrames(this.carry.subarray(from, this.length));
    if (border === 0) return undefined;
    const whole = this.carry.slice(0, from + border);
    this.carry.copyWithin(0, whole.length, this.length);
    this.length -= whole.length;
    return whole;
  }

  /**
   * What is left when the upstream closes without a last blank line: its text when it is an event, nothing when it is half of
   * one (a client would fail on it before it sees our last words).
   */
  rest(): string {
    const text = decoder.decode(this.carry.subarray(0, this.length));
    const data = dataOf(text);
    return data !== undefined && data !== "[DONE]" && !isJson(data) ? "" : text;
  }

  private keep(bytes: Uint8Array): void {
    const length = this.length + bytes.length;
    if (length > largestFrame) throw new Error("frame too large");
    if (length > this.carry.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.carry.length));
      larger.set(this.carry.subarray(0, this.length));
      this.carry = larger;
    }
    this.carry.set(bytes, this.length);
    this.length = length;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

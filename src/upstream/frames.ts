/** Cuts a byte stream at the borders of SSE frames. */
import { dataOf, wholeFrames } from "../protocols/sse.ts";

const largestFrame = 16 * 1024 * 1024;
const decoder = new TextDecoder();

/** Hands out whole frames; what is not whole yet is carried to the next piece. */
export class FrameCutter {
  private carry: Uint8Array | undefined;

  /** Whether the stream stands in the middle of a frame. */
  get inside(): boolean {
    return this.carry !== undefined;
  }

  /** The whole frames that end in `piece`; `piece` may be reused afterwards. Throws when one frame grows without end. */
  push(piece: Uint8Array): Uint8Array | undefined {
    const bytes = this.carry ? joined(this.carry, piece) : piece;
    const whole = wholeFrames(bytes);
    this.carry = whole === bytes.length ? undefined : bytes.slice(whole);
    if (this.carry && this.carry.length > largestFrame) throw new Error("frame too large");
    return whole === 0 ? undefined : whole === bytes.length ? bytes : bytes.subarray(0, whole);
  }

  /**
   * What is left when the upstream closes without a last blank line: its text when it is an event, nothing when it is half of
   * one (a client would fail on it before it sees our last words).
   */
  rest(): string {
    if (!this.carry) return "";
    const text = decoder.decode(this.carry);
    const data = dataOf(text);
    return data !== undefined && data !== "[DONE]" && !isJson(data) ? "" : text;
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

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

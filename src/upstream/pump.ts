/** A stream passed on by JavaScript: where something of ours must be taken out, and while the upstream is silent. */
import type { StreamObserver } from "../protocols/protocol.ts";
import { dataOf, wholeFrames } from "../protocols/sse.ts";

/** How a stream ended, seen from the gateway. */
export type StreamEnd = "done" | "client_gone" | "upstream_error" | "idle";

export type PumpOptions = {
  observer: StreamObserver;
  heartbeatMs: number;
  idleMs: number;
  /** What to write when the upstream breaks or goes silent, so that the client's stream ends as its protocol says. */
  lastWords: (end: StreamEnd) => string;
  /** Called exactly once. */
  onEnd: (end: StreamEnd) => void;
};

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const heartbeat = encoder.encode(": ping\n\n");
const largestFrame = 16 * 1024 * 1024;

/**
 * Passes `body` on frame by frame. Whole frames go through the observer; when it hands back the same text the upstream's
 * own bytes are written. Pull-based: a slow client slows the upstream. The client leaving cancels the upstream.
 */
export function pump(body: ReadableStream<Uint8Array>, { observer, heartbeatMs, idleMs, lastWords, onEnd }: PumpOptions): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let carry: Uint8Array | undefined;
  let pending: ReturnType<typeof reader.read> | undefined;
  let silentMs = 0;
  let ended = false;
  const end = (how: StreamEnd): void => {
    if (ended) return;
    ended = true;
    onEnd(how);
  };

  /** The bytes to write for a chunk: whole frames only, the rest is carried over. */
  function take(chunk: Uint8Array): Uint8Array | undefined {
    const bytes = carry ? joined(carry, chunk) : chunk;
    const whole = wholeFrames(bytes);
    carry = whole === bytes.length ? undefined : whole === 0 ? bytes : bytes.slice(whole);
    if (carry && carry.length > largestFrame) throw new Error("frame too large");
    if (whole === 0) return undefined;
    const frames = whole === bytes.length ? bytes : bytes.subarray(0, whole);
    const text = decoder.decode(frames);
    const kept = observer.push(text);
    return kept === text ? frames : kept === "" ? undefined : encoder.encode(kept);
  }

  /**
   * What is left when the upstream closes without a last blank line: passed on when it is an event, dropped when it is half
   * of one (a client would fail on it before it sees our last words).
   */
  function rest(): string {
    if (!carry) return "";
    const text = decoder.decode(carry);
    const data = dataOf(text);
    if (data !== undefined && data !== "[DONE]" && !isJson(data)) return "";
    return observer.push(text);
  }

  /** The upstream closed: its rest, and a last word of ours when it neither finished nor said what went wrong. */
  function close(controller: ReadableStreamDefaultController<Uint8Array>): void {
    const last = rest();
    const { terminated, error } = observer.seen;
    const missing = terminated || error !== undefined ? "" : lastWords("done");
    const text = last + (last && missing ? "\n\n" : "") + missing;
    if (text) controller.enqueue(encoder.encode(text));
    end("done");
    controller.close();
  }

  async function next(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    for (;;) {
      pending ??= reader.read();
      const result = await orSilence(pending, heartbeatMs);
      if (result === "silence") {
        silentMs += heartbeatMs;
        if (silentMs >= idleMs) return fail(controller, "idle");
        if (carry) continue;
        return controller.enqueue(heartbeat);
      }
      silentMs = 0;
      pending = undefined;
      if (result.done) {
        return close(controller);
      }
      const bytes = take(result.value);
      if (bytes) return controller.enqueue(bytes);
    }
  }

  function fail(controller: ReadableStreamDefaultController<Uint8Array>, how: "idle" | "upstream_error"): void {
    controller.enqueue(encoder.encode((carry ? "\n\n" : "") + lastWords(how)));
    controller.close();
    reader.cancel().catch(() => {});
    end(how);
  }

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        await next(controller);
      } catch {
        if (!ended) fail(controller, "upstream_error");
      }
    },
    cancel() {
      reader.cancel().catch(() => {});
      end("client_gone");
    },
  }, { highWaterMark: 0 });
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

async function orSilence<T>(promise: Promise<T>, ms: number): Promise<T | "silence"> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const silence = new Promise<"silence">((resolve) => (timer = setTimeout(() => resolve("silence"), ms)));
  try {
    return await Promise.race([promise, silence]);
  } finally {
    clearTimeout(timer);
  }
}

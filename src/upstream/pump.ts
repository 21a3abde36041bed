/** A stream passed on by JavaScript: where something of ours must be taken out, and until text flows. */
import type { StreamObserver } from "../protocols/protocol.ts";
import { FrameCutter } from "./frames.ts";
import { Outlet } from "./outlet.ts";

/** How a stream ended, seen from the gateway. */
export type StreamEnd = "done" | "client_gone" | "upstream_error" | "idle";

export type StreamOptions = {
  observer: StreamObserver;
  heartbeatMs: number;
  idleMs: number;
  /** What to write when the upstream breaks or goes silent, so that the client's stream ends as its protocol says. */
  lastWords: (end: StreamEnd) => string;
  /** Aborts when the runtime knows that the client has left; it may know before a write fails. */
  clientLeft?: AbortSignal;
};

/** Settles when the signal aborts. */
export const gone = (signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve) => (signal?.aborted ? resolve() : signal?.addEventListener("abort", () => resolve(), { once: true })));

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const heartbeat = encoder.encode(": ping\n\n");
const bufferBytes = 8 * 1024;
/** How long an upstream may keep the connection open behind the end of its answer. */
export const afterEndMs = 5_000;

/**
 * Passes `body` on to `writable`, whole frames at a time, and says how it ended. Frames go through the observer; when it hands
 * back the same text the upstream's own bytes are written. Silence is answered with comments at frame borders. With
 * `untilTextFlows` it stops at a frame border once output text was seen, lets go of both ends and says "flowing".
 */
export async function pump(body: ReadableStream<Uint8Array>, writable: WritableStream<Uint8Array>, options: StreamOptions, untilTextFlows = false): Promise<StreamEnd | "flowing"> {
  const { observer, heartbeatMs, idleMs, lastWords, clientLeft } = options;
  const reader = body.getReader({ mode: "byob" });
  const outlet = new Outlet(writable);
  const frames = new FrameCutter();
  const silence = new Silence(Math.max(5, Math.min(heartbeatMs, idleMs) / 2));
  const leaving = Promise.race([outlet.gone, gone(clientLeft)]).then(() => "client_gone" as const);
  let buffer = new ArrayBuffer(bufferBytes);
  let pending: ReturnType<typeof read> | undefined;
  let beats = 0;
  const read = () => reader.read(new Uint8Array(buffer));

  /** Ends both sides. What comes after the answer's own end is no failure of it and is not told. */
  async function end(how: StreamEnd, words = lastWords(how)): Promise<StreamEnd> {
    silence.stop();
    const over = observer.seen.terminated && how !== "client_gone";
    const last = how === "done" ? words : over ? (observer.close?.() ?? "") : words && (frames.inside && !observer.close ? "\n\n" : "") + words;
    if (last) void outlet.write(encoder.encode(last));
    if (how !== "done") reader.cancel().catch(() => {});
    await outlet.close();
    return over ? "done" : how;
  }

  /** One step: undefined to go on. */
  async function step(): Promise<StreamEnd | "flowing" | undefined> {
    pending ??= read();
    const result = await Promise.race([pending, silence.next(), leaving]);
    if (result === "client_gone") return end("client_gone", "");
    if (result === "silence") {
      if (silence.lengthMs >= (observer.seen.terminated ? Math.min(idleMs, afterEndMs) : idleMs)) return end("idle");
      if (frames.inside || silence.lengthMs < heartbeatMs * (beats + 1)) return undefined;
      beats += 1;
      void outlet.write(heartbeat);
      return undefined;
    }
    pending = undefined;
    beats = 0;
    silence.broken();
    if (result.done) return end("done", ending(frames.rest(), observer, lastWords));
    buffer = result.value.buffer as ArrayBuffer;
    const whole = frames.push(result.value);
    if (whole) {
      const text = decoder.decode(whole);
      const kept = observer.push(text);
      if (kept !== "") await outlet.write(kept === text ? whole.slice() : encoder.encode(kept));
    }
    if (!untilTextFlows || frames.inside || observer.seen.outputCharacters === 0) return undefined;
    silence.stop();
    if (await outlet.release()) {
      reader.releaseLock();
      return "flowing";
    }
    reader.cancel().catch(() => {});
    return "client_gone";
  }

  for (;;) {
    try {
      const how = await step();
      if (how) return how;
    } catch {
      return end("upstream_error");
    }
  }
}

/** The last bytes of a stream that closed: its rest, and words of ours when it neither finished nor said what went wrong. */
export function ending(rest: string, observer: StreamObserver, lastWords: StreamOptions["lastWords"]): string {
  const last = (rest && observer.push(rest)) + (observer.close?.() ?? "");
  const { terminated, error } = observer.seen;
  const missing = terminated || error !== undefined ? "" : lastWords("done");
  return last + (last && missing && !observer.close ? "\n\n" : "") + missing;
}

/** One timer for a whole stream: ticks, and how long nothing has come. */
class Silence {
  private sinceMs = Date.now();
  private tick = Promise.withResolvers<"silence">();
  private readonly timer: ReturnType<typeof setInterval>;

  constructor(everyMs: number) {
    this.timer = setInterval(() => {
      this.tick.resolve("silence");
      this.tick = Promise.withResolvers();
    }, everyMs);
  }

  get lengthMs(): number {
    return Date.now() - this.sinceMs;
  }

  next(): Promise<"silence"> {
    return this.tick.promise;
  }

  broken(): void {
    this.sinceMs = Date.now();
  }

  stop(): void {
    clearInterval(this.timer);
  }
}

/** A stream passed on by JavaScript: where something of ours must be taken out or told anew, and until text flows. */
import type { StreamObserver } from "../protocols/protocol.ts";
import { FrameCutter, type Cutter } from "./frames.ts";
import { Intake } from "./intake.ts";
import type { Opening } from "./opening.ts";
import { Outlet } from "./outlet.ts";

/**
 * How a stream ended, seen from the gateway. `client_gone`: we hung up without its client; `drained`: it was read to its end without
 * it; `refused`: another upstream takes its place, nothing was written.
 */
export type StreamEnd = "done" | "client_gone" | "drained" | "upstream_error" | "idle" | "refused";

/** An upstream's body, and how it is cut where it is no event stream as such. */
export type Body = { readonly body: ReadableStream<Uint8Array>; readonly cutter?: Cutter | undefined };

export type StreamOptions = {
  observer: StreamObserver;
  heartbeatMs: number;
  /** What a comment says that fills a silence. */
  comment?: string | undefined;
  idleMs: number;
  /** What to write when the upstream breaks or goes silent, so that the client's stream ends as its protocol says. */
  lastWords: (end: StreamEnd) => string;
  /** For a body that is no event stream as such. */
  cutter?: Cutter | undefined;
  /** Aborts when the runtime knows that the client has left; it may know before a write fails. */
  clientLeft?: AbortSignal;
  /** Hears every piece that is sent to the client. */
  sent?: (piece: Uint8Array) => void;
  /** Set while another upstream may take this one's place. */
  opening?: Opening | undefined;
  /** The first of it is on its way to the client. */
  began?: () => void;
  /**
   * Asked when the upstream broke in the middle of the answer: a body that goes on with it, for the same observer, which knows of it then.
   * Undefined: nobody does. The signal aborts when it is not wanted any more; its reason says why, as a stream's end.
   */
  next?: ((how: StreamEnd, signal: AbortSignal) => Promise<Body | undefined>) | undefined;
  /** Asked once the client has left: how long the upstream may be read on without it. Absent or 0: not at all. */
  graceMs?: () => number;
};

/** Settles when the signal aborts. */
export const gone = (signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve) => (signal?.aborted ? resolve() : signal?.addEventListener("abort", () => resolve(), { once: true })));

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** So long what precedes the first word of an answer is held back, where another upstream could take its place. */
const prefaceMs = 1_000;
/** How long an upstream may keep the connection open behind the end of its answer. */
export const afterEndMs = 5_000;

/**
 * Passes `body` on to `writable`, whole frames at a time, and says how it ended. Frames go through the observer; when it hands
 * back the same text the upstream's own bytes are written. Silence is answered with comments, also inside a frame: the client has
 * only whole ones. With `untilTextFlows` it stops at a frame border once output text was seen, lets go of both ends and says "flowing".
 */
export async function pump(body: ReadableStream<Uint8Array>, writable: WritableStream<Uint8Array>, options: StreamOptions, untilTextFlows = false): Promise<StreamEnd | "flowing"> {
  const { observer, heartbeatMs, comment = "ping", idleMs, lastWords, clientLeft, graceMs, sent, opening, began, next } = options;
  let frames = options.cutter ?? new FrameCutter();
  let intake = new Intake(body, { mayReadAhead: !untilTextFlows });
  const outlet = new Outlet(writable, sent);
  let stopped: StreamEnd | undefined;
  let grace: ReturnType<typeof setTimeout> | null = null;
  let waitingSinceMs: number | undefined;
  let beats = 0;
  let over = false;
  let begun = false;
  const preface: Uint8Array[] = [];
  let heldUntil: ReturnType<typeof setTimeout> | null = null;
  let asking: AbortController | undefined;

  function stop(how: StreamEnd): void {
    stopped ??= how;
    intake.cancel();
    asking?.abort(stopped);
  }

  function begin(): void {
    if (begun) return;
    begun = true;
    clearTimeout(heldUntil);
    opening?.begin();
    began?.();
    for (const bytes of preface.splice(0)) void outlet.write(bytes);
  }

  const speaks = (): boolean => observer.seen.outputCharacters > 0 || observer.seen.terminated;

  /** What comes before the first word is held for a moment where another upstream could still say it: many break right there. */
  async function pass(bytes: Uint8Array): Promise<void> {
    if (opening?.waiting && !speaks()) {
      preface.push(bytes);
      heldUntil ??= setTimeout(begin, prefaceMs);
      return;
    }
    begin();
    await outlet.write(bytes);
  }

  /** From here on nothing is written; what still comes is read as long as it may be. */
  function leave(): void {
    if (over) return;
    begin();
    outlet.abandon();
    const ms = graceMs?.() ?? 0;
    if (ms === 0 || asking) stop("client_gone");
    else grace = setTimeout(() => stop("client_gone"), ms);
  }

  /** Looks at a silence, which is time spent waiting for the upstream. */
  function listen(): void {
    if (waitingSinceMs === undefined) return;
    const silentMs = Date.now() - waitingSinceMs;
    if (silentMs >= (observer.seen.terminated ? Math.min(idleMs, afterEndMs) : idleMs)) return stop("idle");
    if (opening?.waiting || silentMs < heartbeatMs * (beats + 1)) return;
    beats += 1;
    void outlet.write(encoder.encode(`: ${comment}\n\n`));
  }

  /** Passes on piece after piece. */
  async function run(): Promise<StreamEnd | "flowing"> {
    for (;;) {
      waitingSinceMs = Date.now();
      beats = 0;
      const piece = await intake.read();
      waitingSinceMs = undefined;
      if (piece === undefined) return stopped ?? "done";
      const whole = frames.push(piece);
      if (!whole) continue;
      const text = decoder.decode(whole);
      const kept = observer.push(text);
      if (opening?.waiting && observer.seen.error !== undefined) return "refused";
      if (kept !== "") await pass(kept === text ? whole.slice() : encoder.encode(kept));
      if (next && observer.seen.error !== undefined) return "upstream_error";
      if (untilTextFlows && !frames.inside && observer.seen.outputCharacters > 0 && !outlet.isGone) return "flowing";
    }
  }

  /** Ends the reading of an upstream without its client. */
  function leftAlone(how: StreamEnd): StreamEnd {
    if (how !== "done") intake.cancel();
    observer.close?.();
    return how === "done" ? "drained" : "client_gone";
  }

  /** Whether another body goes on in place of the one that broke off. Until it is known its client is kept waiting as in any silence. */
  async function goesOn(how: StreamEnd, ask: NonNullable<StreamOptions["next"]>): Promise<boolean> {
    if (observer.seen.terminated || outlet.isGone) return false;
    intake.cancel();
    stopped = undefined;
    asking = new AbortController();
    waitingSinceMs = Date.now();
    beats = 0;
    const following = await ask(how, asking.signal).catch(() => undefined);
    waitingSinceMs = undefined;
    asking = undefined;
    if (!following) return false;
    intake = new Intake(following.body, { mayReadAhead: true });
    frames = following.cutter ?? new FrameCutter();
    if (stopped !== undefined) intake.cancel();
    return true;
  }

  /** Ends both sides, unless another upstream goes on: undefined. What comes after the answer's own end is no failure of it and is not told. */
  async function end(how: StreamEnd): Promise<StreamEnd | undefined> {
    const rest = how === "done" ? frames.rest() : "";
    const kept = rest && observer.push(rest);
    const said = speaks() && observer.seen.error === undefined;
    if (how === "refused" || opening?.state === "late" || (opening?.waiting && !said)) return refuse();
    begin();
    if (outlet.isGone) return leftAlone(how);
    if (next && kept !== "") await outlet.write(encoder.encode(kept));
    if (next && (await goesOn(how, next))) return undefined;
    if (outlet.isGone) return leftAlone("client_gone");
    const last = how === "done" ? (next ? "" : kept) + closing(kept, observer, lastWords) : observer.seen.terminated ? (observer.close?.() ?? "") : lastWords(how);
    if (last) void outlet.write(encoder.encode(last));
    if (how !== "done") intake.cancel();
    await outlet.close();
    return observer.seen.terminated ? "done" : how;
  }

  function refuse(): StreamEnd {
    intake.cancel();
    opening?.refuse();
    return "refused";
  }

  opening?.onStop(() => stop("refused"));
  void Promise.race([outlet.gone, gone(clientLeft)]).then(leave);
  const clock = setInterval(listen, Math.max(5, Math.min(heartbeatMs, idleMs) / 2));
  try {
    for (;;) {
      const how = await run().catch((): StreamEnd => stopped ?? "upstream_error");
      if (how === "flowing") {
        if (!(await outlet.release())) continue;
        intake.release();
        return how;
      }
      const ended = await end(how).catch(() => end(stopped ?? "upstream_error"));
      if (ended) return ended;
    }
  } finally {
    over = true;
    clearInterval(clock);
    clearTimeout(heldUntil);
    clearTimeout(grace);
  }
}

/** The last bytes of a stream that closed: its rest, and words of ours when it neither finished nor said what went wrong. */
export function ending(rest: string, observer: StreamObserver, lastWords: StreamOptions["lastWords"]): string {
  const kept = rest && observer.push(rest);
  return kept + closing(kept, observer, lastWords);
}

function closing(kept: string, observer: StreamObserver, lastWords: StreamOptions["lastWords"]): string {
  const last = observer.close?.() ?? "";
  const { terminated, error } = observer.seen;
  const missing = terminated || error !== undefined ? "" : lastWords("done");
  return last + (kept && missing && !observer.close ? "\n\n" : "") + missing;
}

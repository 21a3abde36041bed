/** A stream passed on by the runtime itself; what it says is read from a second branch, behind the client's back. */
import { FrameCutter } from "./frames.ts";
import { within } from "../within.ts";
import { afterEndMs, ending, gone, type StreamEnd, type StreamOptions } from "./pump.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const bufferBytes = 64 * 1024;
const restMs = 250;
/** How long a branch that holds bytes may take to hand them out once the client has left. */
const leftoverMs = 5;
const mostLeftoverMs = 50;

/**
 * Pipes `body` to `writable` natively and says how it ended. The second branch is read at leisure, four times a second, and at
 * once when the pipe has ended. It must never ask for a minimum of bytes: `tee` would hold the client's branch back for it.
 * No comments are written here: the runtime holds the client's end. A client that leaves is noticed at the next write; then the second
 * branch is read to its end, if there is time.
 */
export async function tap(body: ReadableStream<Uint8Array>, writable: WritableStream<Uint8Array>, { observer, idleMs, lastWords, clientLeft, graceMs, sent }: StreamOptions): Promise<StreamEnd> {
  const [forClient, forUs] = body.tee();
  const stop = new AbortController();
  let brokenAtMs = Infinity;
  let piped = "open" as "open" | "whole" | "broken" | "cut" | "left";
  let readUntilMs = Infinity;
  function broken(): void {
    if (piped !== "open") return;
    piped = "broken";
    brokenAtMs = Date.now();
  }
  const pipe = forClient.pipeTo(writable, { preventClose: true, preventAbort: true, signal: stop.signal }).then(
    () => void (piped = "whole"),
    broken,
  );
  const parted = Promise.race([pipe, gone(clientLeft).then(broken)]);
  const reader = forUs.getReader({ mode: "byob" });
  const frames = new FrameCutter();
  let buffer = new ArrayBuffer(bufferBytes);
  let pending: Promise<ReadableStreamReadResult<Uint8Array>> | undefined;
  let silentSinceMs = Date.now();

  /** Ends both sides. What comes after the answer's own end is no failure of it and is not told. */
  async function finish(how: StreamEnd, words = (frames.inside ? "\n\n" : "") + lastWords(how)): Promise<StreamEnd> {
    if (how !== "done") {
      stop.abort();
      reader.cancel().catch(() => {});
      await pipe;
    }
    const over = observer.seen.terminated && how !== "client_gone";
    if (how === "client_gone" || writable.locked) return over ? "done" : how;
    const writer = writable.getWriter();
    if (words && (!over || how === "done")) {
      const bytes = encoder.encode(words);
      sent?.(bytes);
      await writer.write(bytes).catch(() => {});
    }
    await writer.close().catch(() => {});
    return over ? "done" : how;
  }

  /** Whether the client is still there: a pipe that broke does not say at which end. What follows a blank line are words of ours or nothing. */
  async function isListening(): Promise<boolean> {
    if (clientLeft?.aborted || writable.locked) return false;
    const writer = writable.getWriter();
    sent?.(encoder.encode("\n\n"));
    const taken = await writer.write(encoder.encode("\n\n")).then(() => true, () => false);
    writer.releaseLock();
    return taken;
  }

  const patienceMs = (): number => (observer.seen.terminated ? Math.min(idleMs, afterEndMs) : idleMs);

  /** The pipe is broken and what had come by then is read: whether to go on, and for whom. */
  async function goOn(): Promise<StreamEnd | undefined> {
    if (await isListening()) piped = "cut";
    else {
      const ms = graceMs?.() ?? 0;
      if (ms === 0) return finish("client_gone", "");
      stop.abort();
      piped = "left";
      readUntilMs = Date.now() + ms;
    }
    return undefined;
  }

  /** One step: undefined to go on. */
  async function step(): Promise<StreamEnd | undefined> {
    pending ??= reader.read(new Uint8Array(buffer));
    const result = piped === "whole" || piped === "cut" ? await pending
      : piped === "left" ? await within(pending, Math.min(patienceMs(), readUntilMs - Date.now()))
      : await Promise.race([pending, piped === "broken" ? pause(leftoverMs) : within(parted, Math.min(idleMs, restMs * 4)).then(() => undefined)]);
    if (piped === "left" && (!result || Date.now() >= readUntilMs)) return finish("client_gone", "");
    if (!result) {
      if (piped === "broken") return goOn();
      return piped === "open" && Date.now() - silentSinceMs >= patienceMs() ? finish("idle") : undefined;
    }
    pending = undefined;
    silentSinceMs = Date.now();
    if (result.done) {
      await pipe;
      const rest = frames.rest();
      const words = ending(rest, observer, lastWords).slice(rest.length);
      if (piped === "broken" || piped === "left") return "drained";
      return finish("done", words && (frames.inside && rest === "" ? "\n\n" : "") + words);
    }
    buffer = result.value.buffer as ArrayBuffer;
    sent?.(result.value.slice());
    const whole = frames.push(result.value);
    if (whole) observer.push(decoder.decode(whole));
    if (piped === "broken" && Date.now() - brokenAtMs > mostLeftoverMs) return goOn();
    if (result.value.length < bufferBytes && piped === "open") await within(parted, restMs);
    return undefined;
  }

  for (;;) {
    try {
      const how = await step();
      if (how) return how;
    } catch {
      return piped === "left" ? finish("client_gone", "") : finish("upstream_error");
    }
  }
}

const pause = (ms: number): Promise<undefined> => scheduler.wait(ms).then(() => undefined);

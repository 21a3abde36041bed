/** A stream passed on by the runtime itself; what it says is read from a second branch, behind the client's back. */
import { FrameCutter } from "./frames.ts";
import { ending, type StreamEnd, type StreamOptions } from "./pump.ts";

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
 * No comments are written here: the runtime holds the client's end. A client that leaves is noticed at the next write.
 */
export async function tap(body: ReadableStream<Uint8Array>, writable: WritableStream<Uint8Array>, { observer, idleMs, lastWords }: StreamOptions): Promise<StreamEnd> {
  const [forClient, forUs] = body.tee();
  const stop = new AbortController();
  let brokenAtMs = Infinity;
  let piped = "open" as "open" | "whole" | "broken";
  const pipe = forClient.pipeTo(writable, { preventClose: true, preventAbort: true, signal: stop.signal }).then(
    () => void (piped = "whole"),
    () => {
      piped = "broken";
      brokenAtMs = Date.now();
    },
  );
  const reader = forUs.getReader({ mode: "byob" });
  const frames = new FrameCutter();
  let buffer = new ArrayBuffer(bufferBytes);
  let pending: Promise<ReadableStreamReadResult<Uint8Array>> | undefined;

  async function finish(end: StreamEnd, words: string): Promise<StreamEnd> {
    if (end !== "done") {
      stop.abort();
      reader.cancel().catch(() => {});
      await pipe;
    }
    if (end === "client_gone" || writable.locked) return end;
    const writer = writable.getWriter();
    if (words) await writer.write(encoder.encode(words)).catch(() => {});
    await writer.close().catch(() => {});
    return end;
  }

  for (let silentSinceMs = Date.now(); ; ) {
    pending ??= reader.read(new Uint8Array(buffer));
    let result: ReadableStreamReadResult<Uint8Array> | undefined;
    try {
      if (piped === "whole") result = await pending;
      else result = await Promise.race([pending, piped === "broken" ? pause(leftoverMs) : until(pipe, Math.min(idleMs, restMs * 4))]);
    } catch {
      await pipe;
      return finish("upstream_error", (frames.inside ? "\n\n" : "") + lastWords("upstream_error"));
    }
    if (piped === "broken" && Date.now() - brokenAtMs > mostLeftoverMs) return finish("client_gone", "");
    if (!result) {
      if (piped === "broken") return finish("client_gone", "");
      if (piped === "open" && Date.now() - silentSinceMs >= idleMs) return finish("idle", (frames.inside ? "\n\n" : "") + lastWords("idle"));
      continue;
    }
    pending = undefined;
    silentSinceMs = Date.now();
    if (result.done) {
      await pipe;
      const rest = frames.rest();
      return finish(piped === "broken" ? "client_gone" : "done", ending(rest, observer, lastWords).slice(rest.length));
    }
    buffer = result.value.buffer as ArrayBuffer;
    const whole = frames.push(result.value);
    if (whole) observer.push(decoder.decode(whole));
    if (result.value.length < bufferBytes && piped === "open") await until(pipe, restMs);
  }
}

/** Waits for the pipe's end, at most `ms`. */
async function until(pipe: Promise<void>, ms: number): Promise<undefined> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  await Promise.race([pipe, new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
  return undefined;
}

const pause = (ms: number): Promise<undefined> => scheduler.wait(ms).then(() => undefined);

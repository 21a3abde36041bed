/** An upstream that is told what to do, and a client that reads what comes of it. */
import { openaiChat } from "../../src/protocols/index.ts";
import type { StreamObserver } from "../../src/protocols/protocol.ts";
import { passOn, type StreamEnd } from "../../src/upstream/index.ts";

/** What the upstream does next: sends bytes, waits, or breaks. After the last one it closes. */
export type Step = string | Uint8Array | { waitMs: number } | "break";

export type Options = {
  /** Whether nothing has to be taken out. */
  native?: boolean;
  observer?: StreamObserver;
  heartbeatMs?: number;
  idleMs?: number;
  /** The client leaves after this many bytes. */
  leavesAfter?: number;
  /** The client waits so long before each read. */
  slowMs?: number;
  /** How long the upstream has to learn that it is over. */
  settleMs?: number;
  words?: (end: StreamEnd) => string;
};

export type Driven = {
  text: string;
  bytes: Uint8Array;
  /** Pieces as the client got them. */
  pieces: string[];
  end: StreamEnd;
  observer: StreamObserver;
  /** Whether the upstream was told to stop. */
  cancelled: boolean;
};

export const lastWords = (end: StreamEnd): string => `data: {"error":{"message":"${end}"}}\n\n`;

const encoder = new TextEncoder();
export const bytesOf = (step: string | Uint8Array): Uint8Array => (typeof step === "string" ? encoder.encode(step) : step);
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A body like `fetch`'s: a byte stream that is pulled. It is made by JavaScript, so a pipe that reads it learns of its end with the next piece. */
export function bodyOf(steps: readonly Step[]): { body: ReadableStream<Uint8Array>; sent: () => number; cancelled: () => boolean } {
  let next = 0;
  let sent = 0;
  let cancelled = false;
  const body = new ReadableStream({
    type: "bytes",
    async pull(controller) {
      while (!cancelled) {
        const step = steps[next++];
        if (step === "break") return controller.error(new Error("connection lost"));
        if (step === undefined) {
          controller.close();
          return controller.byobRequest?.respond(0);
        }
        if (typeof step === "object" && "waitMs" in step) {
          await wait(step.waitMs);
          continue;
        }
        const bytes = bytesOf(step);
        if (bytes.length === 0) continue;
        sent += bytes.length;
        return controller.enqueue(bytes.slice());
      }
    },
    cancel() {
      cancelled = true;
    },
  });
  return { body: body as ReadableStream<Uint8Array>, sent: () => sent, cancelled: () => cancelled };
}

/** Passes the upstream's steps on to a client and tells what both saw. */
export async function drive(steps: readonly Step[], options: Options = {}): Promise<Driven> {
  const { native = false, observer = openaiChat.watch(false), heartbeatMs = 60_000, idleMs = 120_000, leavesAfter = Infinity, slowMs = 0, settleMs = 20, words = lastWords } = options;
  const { body, cancelled } = bodyOf(steps);
  const { readable, end } = passOn(body, native, { observer, heartbeatMs, idleMs, lastWords: words });
  const pieces: Uint8Array[] = [];
  let size = 0;
  const reader = readable.getReader();
  while (size < leavesAfter) {
    if (slowMs > 0) await wait(slowMs);
    const { done, value } = await reader.read();
    if (done) break;
    pieces.push(value);
    size += value.length;
  }
  if (size >= leavesAfter) await reader.cancel("the client left");
  const how = await end;
  if (settleMs > 0) await wait(settleMs);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });
  return { text: decoder.decode(bytes), bytes, pieces: pieces.map((piece) => decoder.decode(piece)), end: how, observer, cancelled: cancelled() };
}

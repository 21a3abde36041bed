/** An answer of bytes, sound or a picture or a film: passed on as it comes, counted, and watched for its end. */
import type { Telling } from "../protocols/protocol.ts";
import type { StreamEnd } from "./pump.ts";

export type FlowOptions = {
  readonly idleMs: number;
  /** Hears every piece that comes, and every one that is sent to the client. */
  readonly came?: (piece: Uint8Array) => void;
  readonly sent: (piece: Uint8Array) => void;
  /** How it is told where not as it comes. */
  readonly telling?: Telling | undefined;
  /** What is told instead of an end when it breaks off; absent: then the client's breaks off too. */
  readonly lastWords?: (() => Uint8Array) | undefined;
  readonly signal: AbortSignal;
};

/**
 * The client's bytes, and how they ended, which never rejects. It asks for no piece before the client does. A client that leaves ends the
 * upstream's answer; an upstream that breaks, or is silent for too long, breaks the client's: bytes cannot say that they are not all.
 */
export function flow(body: ReadableStream<Uint8Array>, { idleMs, came, sent, telling, lastWords, signal }: FlowOptions): { readable: ReadableStream<Uint8Array>; end: Promise<StreamEnd> } {
  const reader = body.getReader();
  const over = Promise.withResolvers<StreamEnd>();
  const left = (): void => {
    over.resolve("client_gone");
    void reader.cancel().catch(() => {});
  };
  signal.addEventListener("abort", left, { once: true });
  let begun = false;
  const readable = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const tell = (piece: Uint8Array): void => {
        if (piece.length === 0) return;
        sent(piece);
        controller.enqueue(piece);
      };
      if (!begun && telling) tell(telling.begin());
      begun = true;
      for (let told = false; !told; ) {
        const read = await next();
        if (read === "idle" || read === "upstream_error") {
          over.resolve(read);
          void reader.cancel().catch(() => {});
          if (!lastWords) return controller.error(new Error("The answer broke off."));
          tell(lastWords());
          return controller.close();
        }
        if (read.done) {
          if (telling) tell(telling.end());
          over.resolve("done");
          return controller.close();
        }
        came?.(read.value);
        const piece = telling ? telling.piece(read.value) : read.value;
        told = piece.length > 0;
        tell(piece);
      }
    },
    cancel: left,
  }, { highWaterMark: 0 });
  return { readable, end: over.promise.finally(() => signal.removeEventListener("abort", left)) };

  /** What comes next, or why nothing does. */
  async function next(): Promise<ReadableStreamReadResult<Uint8Array> | "idle" | "upstream_error"> {
    let timer: ReturnType<typeof setTimeout> | null = null;
    const idle = new Promise<"idle">((resolve) => (timer = setTimeout(() => resolve("idle"), idleMs)));
    return Promise.race([reader.read(), idle]).catch((): "upstream_error" => "upstream_error").finally(() => clearTimeout(timer));
  }
}

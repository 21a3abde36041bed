/** An answer of bytes, sound or a picture or a film: passed on as it comes, counted, and watched for its end. */
import type { StreamEnd } from "./pump.ts";

export type FlowOptions = {
  readonly idleMs: number;
  /** Hears every piece that is sent to the client. */
  readonly sent: (piece: Uint8Array) => void;
  readonly signal: AbortSignal;
};

/**
 * The client's bytes, and how they ended, which never rejects. It asks for no piece before the client does. A client that leaves ends the
 * upstream's answer; an upstream that breaks, or is silent for too long, breaks the client's: bytes cannot say that they are not all.
 */
export function flow(body: ReadableStream<Uint8Array>, { idleMs, sent, signal }: FlowOptions): { readable: ReadableStream<Uint8Array>; end: Promise<StreamEnd> } {
  const reader = body.getReader();
  const over = Promise.withResolvers<StreamEnd>();
  const left = (): void => {
    over.resolve("client_gone");
    void reader.cancel().catch(() => {});
  };
  signal.addEventListener("abort", left, { once: true });
  const readable = new ReadableStream<Uint8Array>({
    async pull(controller) {
      let timer: ReturnType<typeof setTimeout> | null = null;
      const idle = new Promise<"idle">((resolve) => (timer = setTimeout(() => resolve("idle"), idleMs)));
      const read = await Promise.race([reader.read(), idle]).catch((): "upstream_error" => "upstream_error");
      clearTimeout(timer);
      if (read === "idle" || read === "upstream_error") {
        over.resolve(read);
        void reader.cancel().catch(() => {});
        return controller.error(new Error("The answer broke off."));
      }
      if (read.done) {
        over.resolve("done");
        return controller.close();
      }
      sent(read.value);
      controller.enqueue(read.value);
    },
    cancel: left,
  }, { highWaterMark: 0 });
  return { readable, end: over.promise.finally(() => signal.removeEventListener("abort", left)) };
}

/** Reading an answer along, in steps: an object that streamed would be billed for as long as the stream takes. */
import { ask } from "./ask.ts";
import type { Call, Head } from "./page.ts";

/** The head of a run's answer, as soon as there is one; undefined when the run is over without. */
export async function headOf(call: Call, run: string): Promise<Head | undefined> {
  for (;;) {
    const { head, standing } = await ask(() => call.read(run, 0, false));
    if (head || standing !== "running") return head;
  }
}

/** The bytes of a run's answer from `from` on, until it is over; `lost` is told where they end before the answer does, and may throw. */
export async function* follow(call: Call, run: string, from: number, lost: () => Uint8Array): AsyncGenerator<Uint8Array, void> {
  for (let at = from; ; ) {
    const page = await ask(() => call.read(run, at, true)).catch(() => undefined);
    if (page && page.bytes.length > 0) yield page.bytes;
    at += page?.bytes.length ?? 0;
    if (!page || page.standing === "lost") return void (yield lost());
    if (page.standing !== "running") return;
  }
}

/** A body of these pieces, asked for one by one. */
export function bodyOf(pieces: AsyncGenerator<Uint8Array, void>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: () => void pieces.return(),
  }, { highWaterMark: 0 });
}

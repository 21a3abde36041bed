/** Reading an answer along, in steps: an object that streamed would be billed for as long as the stream takes. */
import { ask } from "./ask.ts";
import { noBytes, type Call, type Page } from "./page.ts";

/** The beginning of a run's answer, as soon as there is a head; one without a head is over. */
export async function opening(call: Call, run: string): Promise<Page> {
  for (;;) {
    const page = await ask(() => call.read({ run, from: 0, headKnown: false }));
    if (page.head || page.standing !== "running") return page;
  }
}

/** What is read of a run: from which byte on, and what of it is there already. */
export type Reading = { readonly run: string; readonly from: number; readonly first?: Page };

/** The bytes of a run's answer from `from` on, until it is over; `lost` is told where they end before the answer does, and may throw. */
export async function* follow(call: Call, { run, from, first }: Reading, lost: () => Uint8Array): AsyncGenerator<Uint8Array, void> {
  let at = from;
  for (let page = first; ; page = await ask(() => call.read({ run, from: at, headKnown: true })).catch((): Page => ({ bytes: noBytes, standing: "lost" }))) {
    if (!page) continue;
    if (page.bytes.length > 0) yield page.bytes;
    at += page.bytes.length;
    if (page.standing === "lost") return void (yield lost());
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

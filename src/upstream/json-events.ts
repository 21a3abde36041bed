/** A stream of events, one by one, for whoever tells them anew. */
import { dataOf, objectOf, splitFrames } from "../protocols/sse.ts";
import { FrameCutter } from "./frames.ts";

const decoder = new TextDecoder();

/** Each frame, and what its data says where that is JSON. Whoever stops reading hangs up. */
export async function* jsonEventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<{ event: Record<string, unknown> | undefined; data: string | undefined; frame: string }> {
  const cutter = new FrameCutter();
  const told = (text: string) => splitFrames(text).map((frame) => {
    const data = dataOf(frame);
    return { event: objectOf<Record<string, unknown>>(data), data, frame };
  });
  for await (const piece of body) {
    const frames = cutter.push(piece);
    if (frames) yield* told(decoder.decode(frames));
  }
  yield* told(cutter.rest());
}

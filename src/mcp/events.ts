/** The events of a stream of Responses, one by one. */
import type { Json } from "../protocols/json.ts";
import { dataOf, objectOf, splitFrames } from "../protocols/sse.ts";
import { FrameCutter } from "../upstream/frames.ts";

const decoder = new TextDecoder();

/** Each event with its frame; one without data is a comment. Whoever stops reading hangs up. */
export async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<{ event: Json | undefined; frame: string }> {
  const cutter = new FrameCutter();
  const told = (text: string) => splitFrames(text).map((frame) => ({ event: objectOf<Json>(dataOf(frame)), frame }));
  for await (const piece of body) {
    const frames = cutter.push(piece);
    if (frames) yield* told(decoder.decode(frames));
  }
  yield* told(cutter.rest());
}

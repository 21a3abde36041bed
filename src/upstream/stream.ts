/** A stream from an upstream to a client, by whichever way costs least. */
import { EventStreamCutter } from "./event-stream.ts";
import type { Cutter } from "./frames.ts";
import { pump, type StreamEnd, type StreamOptions } from "./pump.ts";
import { tap } from "./tap.ts";

export type { Body, StreamEnd, StreamOptions } from "./pump.ts";

/** The content type as which an answer's stream is passed on, and how it is cut where it is no event stream as such; undefined: it is none. */
export function eventStreamOf(response: Response): { type: string; cutter?: Cutter } | undefined {
  const type = response.headers.get("content-type") ?? "";
  if (type.includes("text/event-stream")) return { type };
  return type.includes("vnd.amazon.eventstream") ? { type: "text/event-stream; charset=utf-8", cutter: new EventStreamCutter() } : undefined;
}

/**
 * The client's stream and its end, which always comes and never rejects. `native`: nothing has to be taken out, so once text flows
 * the runtime pipes it without JavaScript per chunk; until then JavaScript writes comments into the upstream's silence.
 */
export function passOn(body: ReadableStream<Uint8Array>, native: boolean, options: StreamOptions): { readable: ReadableStream<Uint8Array>; end: Promise<StreamEnd> } {
  const { readable, writable } = new IdentityTransformStream();
  return { readable, end: run(body, writable, native, options) };
}

async function run(body: ReadableStream<Uint8Array>, writable: WritableStream<Uint8Array>, native: boolean, options: StreamOptions): Promise<StreamEnd> {
  const end = await pump(body, writable, options, native && !options.cutter);
  return end === "flowing" ? tap(body, writable, options) : end;
}

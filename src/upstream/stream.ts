/** A stream from an upstream to a client, by whichever way costs least. */
import { pump, type StreamEnd, type StreamOptions } from "./pump.ts";
import { tap } from "./tap.ts";

export type { StreamEnd, StreamOptions } from "./pump.ts";

/**
 * The client's stream and its end, which always comes and never rejects. `native`: nothing has to be taken out, so once text flows
 * the runtime pipes it without JavaScript per chunk; until then JavaScript writes comments into the upstream's silence.
 */
export function passOn(body: ReadableStream<Uint8Array>, native: boolean, options: StreamOptions): { readable: ReadableStream<Uint8Array>; end: Promise<StreamEnd> } {
  const { readable, writable } = new IdentityTransformStream();
  return { readable, end: run(body, writable, native, options) };
}

async function run(body: ReadableStream<Uint8Array>, writable: WritableStream<Uint8Array>, native: boolean, options: StreamOptions): Promise<StreamEnd> {
  const end = await pump(body, writable, options, native);
  return end === "flowing" ? tap(body, writable, options) : end;
}

/** A stream that is put together here, out of others. */
import type { GatewayError } from "../errors.ts";
import type { RequestContext } from "./context.ts";
import { asGatewayError } from "./refusal.ts";

export type Write = (text: string) => Promise<void>;

const encoder = new TextEncoder();

/**
 * A stream that `go` writes. It goes on by itself behind the answer, and ends with `go`, or with `lastWords` for what it throws; who has left makes
 * every write reject. `over` is called once, however it ends.
 */
export function written(context: RequestContext, headers: Headers, go: (write: Write) => Promise<void>, lastWords: (error: GatewayError) => string, over: () => void): Response {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  let gone = false;
  const write: Write = (text) => writer.write(encoder.encode(text)).catch((reason: unknown) => {
    gone = true;
    throw reason;
  });
  const fail = async (thrown: unknown): Promise<void> => {
    if (!gone && !context.request.signal.aborted) await write(lastWords(asGatewayError(thrown, context))).catch(() => {});
  };
  context.waitUntil(go(write).catch(fail).finally(() => {
    over();
    return writer.close().catch(() => {});
  }));
  return new Response(readable, { status: 200, headers });
}

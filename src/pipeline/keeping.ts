/** Bodies of requests of organisations that keep them: what passes is copied up to a bound, and written when it has passed. */
import type { Body } from "../files/index.ts";
import { log } from "../telemetry/index.ts";
import type { Admission } from "./admit.ts";
import type { RequestContext } from "./context.ts";

/** Bytes that are kept of a body; it is said that it went on. */
const mostBytes = 256 * 1024;
const told = /^(text\/|application\/(?:[\w.+-]*\+)?json)/i;
const utf8 = new TextDecoder();

/** The beginning of a text. Where it is cut in the middle of a letter, the letter is left out. */
function beginningOf(text: string): Body {
  const place = new Uint8Array(Math.min(mostBytes, 3 * text.length));
  const { read, written } = new TextEncoder().encodeInto(text, place);
  const whole = read === text.length;
  return { text: whole ? text : utf8.decode(place.subarray(0, written)), bytes: whole ? written : new Blob([text]).size, whole };
}

/** What passes, as far as it is kept. */
class Copy {
  private readonly pieces: Uint8Array[] = [];
  private held = 0;
  private bytes = 0;

  push(piece: Uint8Array): void {
    this.bytes += piece.byteLength;
    if (this.held >= mostBytes) return;
    const kept = piece.slice(0, mostBytes - this.held);
    this.held += kept.byteLength;
    this.pieces.push(kept);
  }

  async body(text: boolean): Promise<Body> {
    return { text: text ? await new Blob(this.pieces).text() : undefined, bytes: this.bytes, whole: text && this.held === this.bytes };
  }
}

/** The answer, copied as its client takes it. `text`: the request as its client sent it; undefined: it is no text. */
export function copied({ requestId: id, isolate, waitUntil }: RequestContext, { policy: { organisationId }, bodyDays: days }: Admission, text: string | undefined, response: Response): Response {
  const copy = new Copy();
  const over = Promise.withResolvers<void>();
  const type = response.headers.get("content-type") ?? "";
  waitUntil(over.promise
    .then(async () => isolate.bodies.keep({ organisationId, id, days }, {
      request: text === undefined ? { text, bytes: 0, whole: false } : beginningOf(text),
      response: { type, ...(await copy.body(told.test(type))) },
    }))
    .catch((error: unknown) => log("warn", "bodies_not_kept", { requestId: id, message: String(error) })));
  const reader = response.body?.getReader();
  if (!reader) {
    over.resolve();
    return response;
  }
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) {
          copy.push(value);
          return controller.enqueue(value);
        }
        controller.close();
      } catch (error) {
        controller.error(error);
      }
      over.resolve();
    },
    async cancel(reason) {
      over.resolve();
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
  return new Response(body, response);
}

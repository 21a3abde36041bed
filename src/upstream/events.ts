/** Streams that are not server-sent events, as such. */
import { fromEventStream } from "./event-stream.ts";

/** An answer whose stream is read as server-sent events whatever its own framing. */
export function asEvents(response: Response): Response {
  if (!response.body || !response.headers.get("content-type")?.includes("vnd.amazon.eventstream")) return response;
  const headers = new Headers(response.headers);
  headers.set("content-type", "text/event-stream; charset=utf-8");
  headers.delete("content-length");
  return new Response(fromEventStream(response.body), { status: response.status, headers });
}

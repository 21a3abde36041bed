/** The way to one MCP server. It is the one host that a request itself may name, so it leads there and nowhere else. */

/** Largest answer: an isolate has 128 MB, and a model reads little of it. */
const answerLimit = 4 * 1024 * 1024;

/** Makes the calls of an MCP client in place of `fetch`. */
export type McpDial = (url: string | URL, init?: RequestInit) => Promise<Response>;

/**
 * Calls `server`, whose URL was checked before. Redirects are not followed, and an answer ends in an error behind its fourth mebibyte. A stream
 * in which the server would speak unasked is not opened, as if it had none.
 */
export const mcpDial = (server: URL): McpDial => async (url, init = {}) => {
  if (String(url) !== server.href) throw new Error("This is the way to another server.");
  const headers = new Headers(init.headers);
  headers.set("user-agent", "forge");
  if (init.method === "GET" && !headers.has("last-event-id")) return new Response(null, { status: 405 });
  const response = await fetch(server.href, { ...init, headers, redirect: "manual" });
  if (response.status >= 300 && response.status < 400) {
    void response.body?.cancel();
    throw new Error(`It answered with a redirect (${response.status}), which is not followed.`);
  }
  return response.body ? new Response(response.body.pipeThrough(bounded()), response) : response;
};

function bounded(): TransformStream<Uint8Array, Uint8Array> {
  let length = 0;
  return new TransformStream({
    transform(piece, controller) {
      length += piece.byteLength;
      if (length > answerLimit) controller.error(new Error("The answer is too large."));
      else controller.enqueue(piece);
    },
  });
}

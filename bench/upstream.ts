/**
 * The upstream: a stub of OpenAI's chat completions and Anthropic's Messages over raw sockets, in its own process, so that it is never the
 * bottleneck. `node bench/upstream.ts [port]`; forked, it sends `{port}` to its parent.
 *
 *   POST /<who>/v1/chat/completions, /<who>/v1/messages   `"stream":true`: `sse-N` sends N events at once, `paced-N` one each 5 ms
 *   GET /__stats, POST /__reset                           what was served to each `who`: requests and tokens
 */
import { createServer, type Socket } from "node:net";
import { chatStream, completion, completionTokens, message, messagesStream, promptTokens, withLength } from "./answers.ts";

const paceMs = 5;

/** Served so far to one target: each calls under its own first segment. */
export type Tally = { requests: number; inputTokens: number; outputTokens: number };

const tallies: Record<string, Tally> = {};

const server = createServer({ noDelay: true, keepAlive: false }, (socket) => {
  let pending: Buffer | undefined;
  socket.on("data", (data) => {
    let buffer = pending ? Buffer.concat([pending, data]) : data;
    pending = undefined;
    while (buffer.length > 0) {
      const used = takeRequest(socket, buffer);
      if (used === 0) return void (pending = buffer);
      buffer = buffer.subarray(used);
    }
  });
  socket.on("error", () => socket.destroy());
});

/** Answers the request at the start of `buffer`. Returns its length, or 0 when it is not complete yet. */
function takeRequest(socket: Socket, buffer: Buffer): number {
  const headEnd = buffer.indexOf("\r\n\r\n");
  if (headEnd < 0) return 0;
  const head = buffer.toString("latin1", 0, headEnd);
  const bodyStart = headEnd + 4;
  const length = /\ncontent-length: *(\d+)/i.exec(head)?.[1];
  let end = bodyStart + Number(length ?? 0);
  if (!length && /\ntransfer-encoding: *chunked/i.test(head)) {
    const last = buffer.indexOf("0\r\n\r\n", bodyStart);
    if (last < 0) return 0;
    end = last + 5;
  }
  if (buffer.length < end) return 0;
  const path = head.slice(head.indexOf(" ") + 1, head.indexOf(" HTTP/"));
  const [, who, wire] = /^\/(\w+)\/v1\/(chat\/completions|messages)$/.exec(path) ?? [];
  if (who && wire) answer(socket, who, wire === "messages", buffer.toString("latin1", bodyStart, end));
  else control(socket, path);
  return end;
}

function answer(socket: Socket, who: string, messages: boolean, body: string): void {
  const [, pace, count] = /"model": *"(sse|paced)-(\d+)"/.exec(body) ?? [];
  if (!/"stream": *true/.test(body) || !count) {
    tally(who, completionTokens);
    socket.write(messages ? message : completion);
    return;
  }
  const stream = messages ? messagesStream(Number(count)) : chatStream(Number(count), /"include_usage": *true/.test(body));
  tally(who, stream.outputTokens);
  if (pace === "sse") return void socket.write(stream.all);
  socket.write(stream.head);
  sendPaced(socket, stream.pieces);
}

/** One piece each 5 ms, held to the clock: a late timer is not added up, and pieces are never joined. */
function sendPaced(socket: Socket, pieces: Buffer[]): void {
  const start = performance.now();
  let next = 0;
  const step = () => {
    if (socket.destroyed) return;
    socket.write(pieces[next++]!);
    if (next < pieces.length) setTimeout(step, Math.max(1, start + next * paceMs - performance.now()));
  };
  setTimeout(step, paceMs);
}

function tally(who: string, outputTokens: number): void {
  const sum = (tallies[who] ??= { requests: 0, inputTokens: 0, outputTokens: 0 });
  sum.requests++;
  sum.inputTokens += promptTokens;
  sum.outputTokens += outputTokens;
}

function control(socket: Socket, path: string): void {
  if (path === "/__reset") for (const key of Object.keys(tallies)) delete tallies[key];
  const found = path === "/__stats" || path === "/__reset";
  socket.write(found ? withLength(JSON.stringify(tallies)) : withLength('{"error":"not found"}', "404 Not Found"));
}

server.listen(Number(process.argv[2] ?? 0), "127.0.0.1", 512, () => {
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  if (process.send) process.send({ port });
  else console.log(`upstream on http://127.0.0.1:${port}/v1`);
});
process.on("disconnect", () => process.exit(0));

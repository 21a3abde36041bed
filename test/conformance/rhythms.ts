/** Streams in every rhythm: an upstream on a bare socket that is told byte by byte what to do, a client with a pace, and a judge of what came of it. */
import { request } from "node:http";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { eventsIn, inputTokens, outputTokens, readBy, wires, type Answer, type ProtocolId } from "./rhythm-wires.ts";

/** How the upstream's answer ends: whole, whole but held open, closed well too early, closed or reset in the middle of a chunk, or never. */
export type Ending = "whole" | "lingers" | "stops" | "cut" | "reset" | "hangs";

export type Case = {
  id: string;
  from: ProtocolId;
  to: ProtocolId;
  usage: boolean;
  answer: Answer;
  /** All that the upstream would say. */
  bytes: Buffer;
  /** What it says of that: pieces, each after a pause. */
  pieces: { piece: Buffer; pauseMs: number }[];
  framed: boolean;
  ending: Ending;
  /** Milliseconds that the client waits before each read; it leaves after so many bytes. */
  paceMs: number;
  leavesAfter: number;
};

export const protocols = Object.keys(wires) as ProtocolId[];

/** Numbers in [0, 1) from a seed. */
export function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const alphabet = ["a", "b", " ", "ü", "東京", "🗼", "👩‍👩‍👧", "\n", "\n\n", "\"", "\\", "data: ", "\r\n\r\n", "é", "1", "{", "[DONE]", "\u2028", "\u0000"];

/** A case of its own for each seed. */
export function caseOf(seed: number, id = `case-${seed}`): Case {
  const random = chance(seed);
  const below = (most: number): number => Math.floor(random() * most);
  const pick = <T>(of: readonly T[]): T => of[below(of.length)]!;
  const words = (length: number): string => Array.from({ length }, () => pick(alphabet)).join("");
  const from = pick(protocols);
  const to = random() < 0.4 ? from : pick(protocols);
  const shape = pick(["small", "small", "many", "large", "huge"] as const);
  const texts = Array.from({ length: { small: 1 + below(20), many: 100 + below(900), large: 20, huge: 3 }[shape] }, () => words(1 + below(8)));
  if (shape === "large") for (let i = 0; i < texts.length; i += 2) texts[i] = words(4_000 + below(4_000));
  if (shape === "huge") texts[1] = words(120_000 + below(60_000));
  const input = random() < 0.4 ? JSON.stringify({ city: words(1 + below(40)), n: below(99) }) : "";
  const answer = { texts, args: input.match(/[^]{1,7}/gu) ?? [] };
  const frames = wires[from].tell(answer).flatMap((frame) => [frame, ...(random() < 0.05 ? [": keep-alive\n\n"] : [])]);
  const ends = pick(["lf", "lf", "crlf", "mixed"] as const);
  const bytes = Buffer.from(frames.map((frame) => (ends === "crlf" || (ends === "mixed" && random() < 0.5) ? frame.replaceAll("\n", "\r\n") : frame)).join(""));
  const ending = random() < 0.55 ? "whole" : pick(["lingers", "stops", "cut", "reset", "hangs", "stops", "cut", "reset"] as const);
  const said = ending === "whole" || ending === "lingers" ? bytes : bytes.subarray(0, random() < 0.3 ? Math.max(0, bytes.length - below(400)) : below(bytes.length));
  const pause = pick([0, 0, 5, 20, 200]);
  let leftMs = 1_200;
  const pieces = cut(said, random, below).map((piece) => {
    const pauseMs = pause > 0 && leftMs > 0 && random() < 0.5 ? below(pause + 1) : 0;
    leftMs -= pauseMs;
    return { piece, pauseMs };
  });
  return {
    id, from, to, usage: random() < 0.6, answer, bytes, pieces, framed: ending !== "stops" && ending !== "whole" ? true : random() < 0.8, ending,
    paceMs: pick([0, 0, 0, 1, 10, 50]), leavesAfter: random() < 0.2 ? below(said.length + 1) : Infinity,
  };
}

/** Cuts bytes in one rhythm: byte by byte at first, in random pieces, in large blocks, in whole frames, or all at once. */
function cut(bytes: Buffer, random: () => number, below: (most: number) => number): Buffer[] {
  const kind = below(6);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const frame = bytes.indexOf("\n\n", at) + 2 - at;
    const size =
      kind === 0 ? (at < 3_000 ? 1 : 1 + below(20_000))
      : kind === 1 ? 1 + below(at < 20_000 ? 300 : 30_000)
      : kind === 2 ? 65_537
      : kind === 3 ? (frame > 1 ? frame : bytes.length)
      : kind === 4 ? (random() < 0.1 ? 1 + below(50_000) : 1 + below(4_000))
      : bytes.length;
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

/** One call that the upstream met. `over`: whether its connection closes, or all was said to it, within so long. */
type Call = { over: (ms: number) => Promise<boolean> };

/** Speaks HTTP on bare sockets; the model that a request names says which case it plays. */
export class RhythmicUpstream {
  readonly cases = new Map<string, Case>();
  readonly calls = new Map<string, Call>();
  private readonly sockets = new Set<Socket>();
  private readonly server: Server = createServer((socket) => this.serve(socket));

  async start(): Promise<string> {
    await new Promise<void>((listening) => this.server.listen(0, "127.0.0.1", listening));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private serve(socket: Socket): void {
    let text = "";
    this.sockets.add(socket);
    socket.setNoDelay(true).setMaxListeners(0).on("error", () => {}).on("close", () => this.sockets.delete(socket));
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1]);
      const head = text.indexOf("\r\n\r\n");
      if (head < 0 || text.length < head + 4 + length) return;
      const played = this.cases.get(/case-\d+/.exec(text)![0])!;
      text = "";
      const closed = new Promise<boolean>((resolve) => socket.once("close", () => resolve(true)));
      const said = play(socket, played, closed).then(() => played.ending !== "hangs" || closed);
      this.calls.set(played.id, { over: (ms) => Promise.race([closed, said, sleep(ms, false)]) });
    });
  }
}

async function play(socket: Socket, { pieces, framed, ending }: Case, closed: Promise<unknown>): Promise<void> {
  const say = async (bytes: string | Buffer): Promise<void> => {
    if (!socket.destroyed && !socket.write(bytes)) await Promise.race([new Promise((drained) => socket.once("drain", drained)), closed]);
  };
  await say(`HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n${framed ? "transfer-encoding: chunked" : "connection: close"}\r\n\r\n`);
  for (const { piece, pauseMs } of pieces) {
    if (socket.destroyed) return;
    if (pauseMs > 0) await sleep(pauseMs);
    await say(framed ? Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n")]) : piece);
  }
  if (ending === "cut") socket.end("400\r\n");
  else if (ending === "reset") socket.resetAndDestroy();
  else if (ending !== "whole" && ending !== "stops") return;
  else if (framed) await say("0\r\n\r\n");
  else socket.end();
}

/** What a client got of one case. */
export type Got = { status: number; bytes: Buffer; requestId: string; whole: boolean; left: number | undefined; ms: number };

/** Asks for a case as its client does. Rejects when nothing has come to its end in `deadlineMs`. */
export function ask(gatewayUrl: string, secret: string, { id, from, to, usage, paceMs, leavesAfter }: Case, deadlineMs = 15_000): Promise<Got> {
  const provider = from === "anthropic-messages" ? "anthropic" : from === "gemini-generate" ? "gemini" : "openai";
  const { path, body } = wires[to].ask(`${provider}/${id}`, usage);
  const startedMs = Date.now();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const headers = { authorization: `Bearer ${secret}`, "content-type": "application/json", "x-forge-protocol": from };
    const call = request(gatewayUrl + path, { method: "POST", agent: false, headers }, (response) => {
      const got = (whole: boolean, left?: number): void => {
        clearTimeout(timer);
        resolve({ status: response.statusCode!, bytes: Buffer.concat(chunks), requestId: String(response.headers["x-request-id"]), whole, left, ms: Date.now() - startedMs });
      };
      response.once("error", () => got(false));
      void (async () => {
        try {
          for await (const chunk of response as AsyncIterable<Buffer>) {
            chunks.push(chunk);
            size += chunk.length;
            if (size > leavesAfter) break;
            if (paceMs > 0) await sleep(paceMs);
          }
        } catch {
          return got(false);
        }
        if (size <= leavesAfter) return got(response.complete);
        call.destroy();
        got(false, Date.now());
      })();
    });
    const timer = setTimeout(() => {
      reject(new Error(`${id}: nothing ended in ${deadlineMs} ms; the client has ${size} bytes`));
      call.destroy();
    }, deadlineMs);
    call.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    call.end(JSON.stringify(body));
  });
}

const ping = ": ping\n\n";
const prefixLength = (a: Buffer, b: Buffer): number => {
  let at = 0;
  while (at < a.length && at < b.length && a[at] === b[at]) at += 1;
  return at;
};

/** What is wrong with what a client got; empty when all is well. */
export function complaints(one: Case, got: Got): string[] {
  const { from, to, usage, answer, ending, leavesAfter } = one;
  const wrong: string[] = [];
  const must = (holds: boolean, what: string): void => void (holds || wrong.push(what));
  const said = Buffer.concat(one.pieces.map(({ piece }) => piece));
  const text = got.bytes.toString();
  const read = readBy(to, text);
  const upstream = readBy(from, said.toString());
  const isWhole = ending === "whole" || ending === "lingers";
  // What was under way is lost when a connection is reset.
  const over = isOver(from, said) && (ending !== "reset" || read.end === "whole");
  must(got.status === 200, `status ${got.status}: ${text.slice(0, 300)}`);
  if (got.status !== 200) return wrong;
  const all = { text: answer.texts.join(""), args: answer.args.join("") };
  must(all.text.startsWith(read.text), "text that was not said, twice, or out of order");
  must(to === "gemini-generate" || from === "gemini-generate" ? read.args === "" || same(read.args, all.args) : all.args.startsWith(read.args), `arguments that were not said: ${read.args.slice(0, 200)}`);
  const hides = from === "openai-chat" && !usage;
  if (from === to) {
    const expected = hides ? withoutUsage(one.bytes) : one.bytes;
    const unpinged = withoutPings(got.bytes);
    must(unpinged !== undefined, "a comment inside a frame");
    const common = unpinged ? prefixLength(unpinged, expected) : 0;
    if (unpinged && (isWhole || over)) {
      must(common === unpinged.length, `bytes differ at ${common} of ${unpinged.length}: ${unpinged.subarray(common, common + 300).toString()}`);
      if (isWhole && got.left === undefined) must(unpinged.length === expected.length, `${unpinged.length} bytes of ${expected.length}`);
    } else if (unpinged) {
      must(common === unpinged.length || /^[^]{0,8}(?:\n\n)?(?:event: [\w.]+\n)?data: \{[^\n]*\}\r?\n\r?\n$/.test(unpinged.subarray(Math.max(0, common - 8)).toString()) || read.end === "error", `behind the bytes: ${unpinged.subarray(common).toString().slice(0, 300)}`);
    }
  }
  if (got.left !== undefined) return wrong;
  must(leavesAfter === Infinity || got.bytes.length <= leavesAfter, "the client should have left");
  must(got.whole, "the client's body was broken off");
  if (isWhole || over) {
    must(read.end === "whole", `ended with ${read.end}: …${text.slice(-200)}`);
    if (isWhole || ending !== "reset") must(read.text === upstream.text, `text: ${read.text.length} of ${upstream.text.length}`);
    if (isWhole) must(to === "gemini-generate" || from === "gemini-generate" ? (all.args === "" && read.args === "") || same(read.args, all.args) : read.args === all.args, `arguments: ${read.args}`);
    if (from !== to && to === "openai-chat") must(text.replaceAll(ping, "").endsWith("data: [DONE]\n\n"), "no [DONE]");
    if (from !== to && to === "anthropic-messages") must(text.includes('"message_stop"'), "no message_stop");
    must(read.broken.length === 0, `broken events: ${read.broken.join(" | ")}`);
    if (isWhole) must(read.rest === "", `half an event at the end: ${read.rest.slice(0, 100)}`);
  } else {
    must(read.end === "error", `ended with ${read.end}: …${text.slice(-300)}`);
    must(read.behindEnd === 0, "events behind the error");
    must(read.rest === "", `half an event at the end: ${read.rest.slice(-200)}`);
    must(read.broken.length <= (from === to && !hides ? 1 : 0), `broken events: ${read.broken.join(" | ")}`);
    if (ending !== "reset") must(read.text.length >= upstream.text.length, `text: ${read.text.length} of ${upstream.text.length}`);
  }
  return wrong;
}

/** Whether an upstream that said this has ended its answer. */
export const isOver = (protocol: ProtocolId, said: Buffer): boolean => eventsIn(said.toString()).events.some((event) => wires[protocol].isEnd(event));

/** What the ledger must say of a case that the client saw through; of a reset one nobody knows how much of it came. */
export function expectedEntry({ from, pieces, ending }: Case): object {
  const said = Buffer.concat(pieces.map(({ piece }) => piece));
  const over = isOver(from, said);
  const told = said.includes(from === "gemini-generate" ? "STOP" : from === "openai-chat" ? '"prompt_tokens"' : '"output_tokens":9');
  if (over && ending === "reset") return {};
  const end = over ? "complete" : ending === "stops" ? "unterminated" : ending === "hangs" ? "upstream_timeout" : "upstream_error";
  return { end, ...(over && told && (ending === "whole" || ending === "lingers") && { estimated: false, usage: { inputTokens, outputTokens } }) };
}

function same(a: string, b: string): boolean {
  try {
    return JSON.stringify(JSON.parse(a)) === JSON.stringify(JSON.parse(b));
  } catch {
    return false;
  }
}

/** Without the comments that the gateway wrote; undefined when one stands inside a frame. */
function withoutPings(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  let from = 0;
  for (let at = bytes.indexOf(ping); at >= 0; at = bytes.indexOf(ping, from)) {
    if (at > 0 && !/(?:^|\n\r?)\n$/.test(bytes.subarray(Math.max(0, at - 3), at).toString("latin1"))) return undefined;
    parts.push(bytes.subarray(from, at));
    from = at + ping.length;
  }
  return Buffer.concat([...parts, bytes.subarray(from)]);
}

/** Without the event that the gateway asked for. */
function withoutUsage(bytes: Buffer): Buffer {
  const frames = bytes.toString("latin1").split(/(?<=\n\r?\n)/);
  return Buffer.from(frames.filter((frame) => !frame.includes('"prompt_tokens"')).join(""), "latin1");
}

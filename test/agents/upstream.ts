/** The provider: a server that speaks one protocol, plays a script, and remembers what it was asked and what it told. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { hangUp, listen } from "../support/server.ts";
import type { Heard, Script, Turn } from "./script.ts";
import type { Json, Tokens, Wire } from "./wire.ts";

/** One call: `id` is what the provider calls it, in its answer's header. */
export type Call = { id: string; heard: Heard; turn: Turn; thinks: boolean; tokens: Tokens };

/** No task takes as many calls: an agent that asks on hears its results wrong, or not at all. */
const mostCalls = 12;

export class Upstream {
  readonly wire: Wire;
  /** What the current script has been asked. */
  calls: Call[] = [];
  /** What it was asked and could not answer. */
  complaints: string[] = [];
  private script: Script | undefined;
  private count = 0;
  private readonly server = createServer((request, response) => void this.serve(request, response).catch((error: Error) => {
    this.complaints.push(error.message);
    response.writeHead(400, { "content-type": "application/json" }).end(JSON.stringify({ error: { message: error.message } }));
  }));

  constructor(wire: Wire) {
    this.wire = wire;
  }

  /** Starts it. Returns its origin. */
  start(): Promise<string> {
    return listen(this.server);
  }

  stop(): void {
    hangUp(this.server);
  }

  /** Plays this script from now on. */
  play(script: Script): void {
    this.script = script;
    this.calls = [];
    this.complaints = [];
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (request.url !== this.wire.path) throw new Error(`${request.method} ${request.url}: there is only ${this.wire.path} here`);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Json;
    if (this.calls.length >= mostCalls) throw new Error(`asked more than ${mostCalls} times`);
    if (body.stream !== true) throw new Error("only streams are answered here");
    const heard = this.wire.hear(body);
    const turn = this.script!.turn(heard);
    const n = ++this.count;
    const tokens: Tokens = { inputTokens: 9_000 + 31 * n, cachedTokens: 700 + n, outputTokens: 60 + 7 * n, reasoningTokens: 10 + n };
    const id = `scripted_${n}`;
    this.calls.push({ id, heard, turn, thinks: this.wire.thinks(body), tokens });
    response.writeHead(200, { "content-type": "text/event-stream", "x-request-id": id, "request-id": id });
    response.end(this.wire.tell(turn, tokens, id, body));
  }
}

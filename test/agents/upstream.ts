/** The provider: a server that speaks one protocol, plays a script, and remembers what it was asked and what it told. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { StandIn } from "../support/server.ts";
import type { Heard, Script, Turn } from "./script.ts";
import type { Json, Tokens, Wire } from "./wire.ts";

/** One call: `id` is what the provider calls it, in its answer's header. */
export type Call = { id: string; heard: Heard; turn: Turn; thinks: boolean; tokens: Tokens };

/** No task takes as many calls: an agent that asks on hears its results wrong, or not at all. */
const mostCalls = 12;

export class Upstream extends StandIn {
  readonly wire: Wire;
  /** What the current script has been asked. */
  calls: Call[] = [];
  /** What it was asked and could not answer. */
  complaints: string[] = [];
  private script: Script | undefined;
  private count = 0;

  constructor(wire: Wire) {
    super();
    this.wire = wire;
  }

  /** Plays this script from now on. */
  play(script: Script): void {
    this.script = script;
    this.calls = [];
    this.complaints = [];
  }

  protected async serve(request: IncomingMessage, text: string, response: ServerResponse): Promise<void> {
    if (request.url !== this.wire.path) throw new Error(`${request.method} ${request.url}: there is only ${this.wire.path} here`);
    const body = JSON.parse(text) as Json;
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
  protected override broke(response: ServerResponse, { message }: Error): void {
    this.complaints.push(message);
    response.writeHead(400, { "content-type": "application/json" }).end(JSON.stringify({ error: { message } }));
  }
}

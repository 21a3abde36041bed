/** The provider: plays each trial's answer at a pace, and writes down what it had sent by when, and when its connection closed. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { StandIn } from "../support/server.ts";
import type { Piece } from "./tellers.ts";

export type Moment = "asked" | "headers" | "half" | "silence";

/** What is played for one trial. */
export type Script = { pieces: readonly Piece[]; status?: number; type: string; headersAfterMs: number; firstAfterMs: number; paceMs: number; silence?: { behind: number; ms: number }; breaks?: boolean; at?: (moment: Moment) => void };

/** One call as it went. Times are `performance.now()`; `finishedMs`: all was sent, or it broke; `closedMs`: the connection closed before that. */
export type Call = { sentMs: number[]; finishedMs: number | undefined; closedMs: number | undefined; over: Promise<void> };

export class PacedUpstream extends StandIn {
  readonly scripts = new Map<string, Script>();
  readonly calls = new Map<string, Call[]>();

  protected async serve({ url }: IncomingMessage, text: string, response: ServerResponse): Promise<void> {
    const name = /trial-\d+/.exec(url + text)?.[0];
    const script = name && this.scripts.get(name);
    if (script) await this.play(name, script, response);
    else response.end('{"data":[]}');
  }

  private async play(name: string, { pieces, status = 200, type, headersAfterMs, firstAfterMs, paceMs, silence, breaks, at }: Script, response: ServerResponse): Promise<void> {
    const over = Promise.withResolvers<void>();
    const call: Call = { sentMs: [], finishedMs: undefined, closedMs: undefined, over: over.promise };
    this.calls.set(name, [...(this.calls.get(name) ?? []), call]);
    response.on("close", () => {
      if (!response.writableFinished && call.finishedMs === undefined) call.closedMs = performance.now();
      over.resolve();
    });
    at?.("asked");
    await sleep(headersAfterMs);
    if (response.destroyed) return;
    response.writeHead(status, { "content-type": type, "x-request-id": name, "x-amzn-requestid": name });
    response.flushHeaders();
    at?.("headers");
    await sleep(firstAfterMs);
    for (const [i, { bytes }] of pieces.entries()) {
      if (response.destroyed) return;
      response.write(bytes);
      call.sentMs.push(performance.now());
      if (i === 0) at?.("half");
      if (i !== silence?.behind) {
        await sleep(paceMs);
        continue;
      }
      at?.("silence");
      await sleep(silence.ms);
    }
    if (response.destroyed) return;
    call.finishedMs = performance.now();
    if (breaks) response.destroy();
    else response.end();
  }
}

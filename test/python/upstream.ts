/** One server that is every provider, each under a path of its own: the model asked for says what happens. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { StandIn } from "../support/server.ts";
import { setImmediate as tick, setTimeout as sleep } from "node:timers/promises";
import { answers, counted, deaths, refusals, type ProtocolId } from "./truth.ts";
import { wires } from "./wires.ts";

const pauseMs = 150;

/** A protocol's base URL is `origin/protocol`. */
export class Upstream extends StandIn {
  protected async serve(request: IncomingMessage, text: string, response: ServerResponse): Promise<void> {
    const body = JSON.parse(text) as { model?: string; stream?: boolean };
    const [, protocol = "", path = ""] = /^\/([^/]+)(.*)$/.exec(request.url ?? "") ?? [];
    const wire = wires[protocol as ProtocolId];
    const model = body.model ?? /^\/models\/([^:]+)/.exec(path)?.[1] ?? "";
    const json = (status: number, value: unknown, headers = {}): void => void response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
    if (wire.counting?.path.test(path)) return json(200, wire.counting.tell(counted));
    const answer = answers[model] ?? (deaths.some((death) => death === model) ? answers.text : undefined);
    const refusal = refusals[model] ?? (wire.asked.test(path) && answer ? undefined : { status: 404 });
    if (refusal) return json(refusal.status, wire.refusal(refusal.status, `${model} is refused`), refusal.retryAfter && { "retry-after": refusal.retryAfter });
    if (body.stream !== true && !path.includes(":stream")) return json(200, wire.whole(answer!, model));
    const { said, end } = wire.stream(answer!, model);
    const half = Math.ceil(said.length / 2);
    response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    if (model === "silent") await sleep(pauseMs);
    await write(response, said.slice(0, half));
    if (model === "silent") await sleep(pauseMs);
    if (model === "error") return void response.end(wire.failure("lost its mind"));
    if (model === "cut") return void setTimeout(() => response.socket?.destroy(), 20);
    await write(response, said.slice(half));
    if (model !== "unfinished") await write(response, end);
    response.end();
  }
}

/** Each event by itself, so that they travel in pieces. */
async function write(response: ServerResponse, events: string[]): Promise<void> {
  for (const event of events) {
    response.write(event);
    await tick();
  }
}

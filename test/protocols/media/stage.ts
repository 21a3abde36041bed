/** Crossings as the pipeline uses them: a client's request in, what a provider is sent, and its answer back. */
import type { Crossing, CrossingContext, Protocol } from "../../../src/protocols/protocol.ts";

export const contextOf = (protocol: Protocol, json: Record<string, unknown>, over: Partial<CrossingContext> = {}): CrossingContext =>
  ({ json, facts: protocol.parse(json), upstreamId: "their-model", provider: "Them", requestId: "req_1", nowS: 1, ...over });

export const crossingOf = (protocol: Protocol, id: string): Crossing => protocol.crossings!.find((one) => one.id === id)!;

/** The body that is sent, as JSON, and what is lost. */
export function rendered(crossing: Crossing, context: CrossingContext): { path: string; body: Record<string, unknown>; losses: readonly string[] } {
  const { body, losses } = crossing.render(context);
  return { path: crossing.path(context), body: JSON.parse(body as string) as Record<string, unknown>, losses };
}

/** A provider's answer as the client gets it, and what was seen of it. */
export function told(crossing: Crossing, answer: unknown, context: CrossingContext) {
  const retold = crossing.read({ bytes: new TextEncoder().encode(typeof answer === "string" ? answer : JSON.stringify(answer)), contentType: "application/json" }, context);
  if ("error" in retold) throw retold.error;
  const { body, seen, losses = [] } = retold;
  return { body: JSON.parse(body as string) as Record<string, any>, seen, losses };
}

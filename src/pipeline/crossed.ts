/** A request that is no conversation, asked in its provider's own wire format. */
import { GatewayError } from "../errors.ts";
import type { Crossing, CrossingContext, Observation } from "../protocols/protocol.ts";
import { pathOf } from "../providers/index.ts";
import type { Attempt } from "../router/index.ts";
import type { Exchange } from "./exchange.ts";
import { costSeen } from "./outcome.ts";
import type { ClientRequest } from "./passthrough.ts";
import { isWish } from "./wish.ts";

/** The exchange of a crossing. */
export function crossed(attempt: Attempt, crossing: Crossing, { json, facts, requestId, headers, startedAtMs }: ClientRequest, renderStreamError: (error: GatewayError, requestId: string) => string): Exchange {
  const { endpoint: { provider }, upstreamId, own = false } = attempt;
  const cost = wantsCost(headers) ? (seen: Observation) => costSeen(attempt, seen, startedAtMs) : undefined;
  const context: CrossingContext = { json, facts, upstreamId, provider: provider.name, requestId, nowS: Math.floor(Date.now() / 1000), own, ...(cost && { cost }) };
  const { body, losses } = crossing.render(context);
  const broken = (error: GatewayError): string => renderStreamError(error, requestId);
  return {
    protocol: crossing.id,
    path: pathOf(provider, crossing.id, upstreamId, facts.stream, crossing.path(context)),
    body,
    headers: crossing.headers ?? {},
    losses,
    sameErrors: false,
    ...(crossing.times && { times: crossing.times(context) }),
    ...(crossing.follow && { follow: (answer) => crossing.follow!(answer, context) }),
    read: (bytes, contentType, more, told) => crossing.read({ bytes, contentType, ...(told && { headers: told }) }, context, more),
    watch: () => ({ observer: crossing.watch?.(context) ?? silent(provider.name), native: false, type: "text/event-stream; charset=utf-8", broken }),
    flows: (contentType) => crossing.flows?.(contentType, context),
  };
}

/** Whether a client wants to be told in the answer what it cost. */
export const wantsCost = (headers: Headers): boolean => headers.get("x-forge-cost") === null || isWish(headers.get("x-forge-cost"));

/** A stream of somebody who does not stream is none. */
function silent(name: string): { push: () => string; seen: Observation } {
  return { push: () => "", seen: { usage: undefined, reportedNanoUsd: undefined, error: `${name} answered with a stream that nobody asked for.`, terminated: false, outputCharacters: 0 } };
}

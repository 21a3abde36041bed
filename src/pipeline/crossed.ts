/** A request that is no conversation, asked in its provider's own wire format. */
import { GatewayError } from "../errors.ts";
import type { Crossing, CrossingContext, Observation } from "../protocols/protocol.ts";
import { pathOf } from "../providers/index.ts";
import type { Attempt } from "../router/index.ts";
import type { Exchange } from "./exchange.ts";
import type { ClientRequest } from "./passthrough.ts";

/** The exchange of a crossing. */
export function crossed({ endpoint: { provider }, upstreamId }: Attempt, crossing: Crossing, { json, facts, requestId }: ClientRequest, renderStreamError: (error: GatewayError, requestId: string) => string): Exchange {
  const context: CrossingContext = { json, facts, upstreamId, provider: provider.name, requestId, nowS: Math.floor(Date.now() / 1000) };
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
    read: (bytes, contentType, more) => crossing.read({ bytes, contentType }, context, more),
    watch: () => ({ observer: crossing.watch?.(context) ?? silent(provider.name), native: false, type: "text/event-stream; charset=utf-8", broken }),
    flows: (contentType) => crossing.flows?.(contentType, context),
  };
}

/** A stream of somebody who does not stream is none. */
function silent(name: string): { push: () => string; seen: Observation } {
  return { push: () => "", seen: { usage: undefined, reportedNanoUsd: undefined, error: `${name} answered with a stream that nobody asked for.`, terminated: false, outputCharacters: 0 } };
}

/** One attempt, up to where it has begun to be the answer: until then another may take its place. */
import { GatewayError } from "../errors.ts";
import type { Attempt } from "../router/index.ts";
import { eventStreamOf } from "../upstream/index.ts";
import { final, passing, tryOnce, type Failure } from "./attempt.ts";
import { whole, type Answered } from "./buffered.ts";
import { exchangeFor } from "./chat.ts";
import type { Exchange } from "./exchange.ts";
import { isWish } from "./wish.ts";
import type { Relay } from "./relay.ts";
import { streamed } from "./streamed.ts";

/** An answer that has begun, or why there is none. `abandon`: it will not be the answer, another was quicker. */
export type Begun = { readonly attempt: Attempt } & ({ readonly respond: () => Response | Promise<Response>; readonly abandon: () => void } | { readonly failure: Failure });

/** The reason of an attempt that was hung up on because another had begun to answer. */
export const outrun = new GatewayError("upstream_error", "Another deployment was quicker.");

/** With `X-Forge-Strict` nothing may be lost. */
const lost = ({ losses, protocol }: Exchange, { deployment }: Attempt): GatewayError =>
  new GatewayError("invalid_request", `X-Forge-Strict: ${deployment} cannot be told by ${protocol}: ${losses.join(", ")}.`, { param: "X-Forge-Strict" });

/** A signal that comes with another, or with this error after some time, unless it is held off. */
function deadline(signal: AbortSignal, ms: number, error: GatewayError): { signal: AbortSignal; met: () => void } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(error), ms);
  return { signal: AbortSignal.any([signal, controller.signal]), met: () => clearTimeout(timer) };
}

/**
 * Sends a request to one deployment. `last`: nobody can take its place, so its stream is the answer as soon as it has headers; else it
 * is one when it says its first word. `cancel` ends this attempt alone. Throws only what ends the whole request.
 */
export async function begin(run: Relay, attempt: Attempt, last: boolean, cancel?: AbortSignal): Promise<Begun> {
  const { context, protocol, facts, hold, text, read } = run;
  const { settings, health } = context.isolate;
  const { headers } = context.request;
  const exchange = exchangeFor(attempt, protocol, { text, facts, headers, requestId: context.requestId, startedAtMs: context.startedAtMs }, read);
  if (exchange.losses.length > 0 && isWish(headers.get("x-forge-strict"))) {
    return { attempt, failure: { error: lost(exchange, attempt), upstreamRequestId: null, ...final, failsOver: true } };
  }
  const startedMs = Date.now();
  const tooSlow = new GatewayError("upstream_timeout", `${attempt.endpoint.provider.name} did not answer in time.`);
  const own = cancel ? AbortSignal.any([hold.signal, cancel]) : hold.signal;
  const bounded = facts.stream && !last ? deadline(own, settings.UPSTREAM_CONNECT_TIMEOUT_MS, tooSlow) : undefined;
  const begun = await tried().catch((thrown: unknown): Begun => {
    if (!(thrown instanceof GatewayError) || (thrown !== tooSlow && thrown !== outrun)) throw thrown;
    return { attempt, failure: { error: thrown, upstreamRequestId: null, ...passing } };
  }).finally(bounded?.met);
  if ("failure" in begun) noteFailure(begun.failure);
  return begun;

  async function tried(): Promise<Begun> {
    const came = await tryOnce(attempt, exchange, bounded?.signal ?? own);
    if ("failure" in came) return { attempt, failure: came.failure };
    bounded?.met();
    const answered: Answered = { run, exchange, startedMs, cancel, ...came };
    const isStream = eventStreamOf(came.response) && (facts.stream || exchange.sameErrors);
    const next = isStream ? await streamed(answered, last ? undefined : settings.UPSTREAM_FIRST_BYTE_TIMEOUT_MS) : await whole(answered, last);
    return "failure" in next ? { attempt, failure: next.failure } : { attempt: came.attempt, respond: next.respond, abandon: next.abandon };
  }

  /** What is about the client's request says nothing of the deployment, and neither does our hanging up. */
  function noteFailure({ error, failsOver, retryAfterMs }: Failure): void {
    if (failsOver && error.code !== "invalid_request" && error.status !== 404 && !own.aborted) health.note(attempt.vital, { is: "failed", retryAfterMs }, Date.now());
  }
}

/** One attempt, up to where it has begun to be the answer: until then another may take its place. */
import { GatewayError } from "../errors.ts";
import type { Attempt } from "../router/index.ts";
import { eventStreamOf } from "../upstream/index.ts";
import { final, passing, tryWithin, type Failure } from "./attempt.ts";
import { whole, type Answered, type Beside } from "./buffered.ts";
import { exchangeFor } from "./chat.ts";
import type { Exchange } from "./exchange.ts";
import { noteFailure } from "./failed.ts";
import { flowed } from "./flowed.ts";
import { spoken } from "./otherwise.ts";
import { requestOf } from "./passthrough.ts";
import { isWish } from "./wish.ts";
import type { Relay } from "./relay.ts";
import { streamed } from "./streamed.ts";

/** An answer that has begun, or why there is none. */
export type Begun = { readonly attempt: Attempt } & ({ readonly respond: () => Response | Promise<Response> } | { readonly failure: Failure });

/** The reason of an attempt that was hung up on because another had begun to answer. */
export const outrun = new GatewayError("upstream_error", "Another deployment was quicker.");

/** With `X-Forge-Strict` nothing may be lost, without it only what a request can do without. */
export function lost({ losses, needed, protocol }: Exchange, { deployment }: Attempt, strict: boolean): GatewayError | undefined {
  const missed = strict ? losses : losses.filter((loss) => needed?.includes(loss));
  const [first] = missed;
  if (first === undefined) return undefined;
  const param = strict ? "X-Forge-Strict" : first.replace(/^field:/, "");
  return new GatewayError("invalid_request", `${param}: ${deployment} cannot be told by ${protocol}: ${missed.join(", ")}.`, { param });
}

/**
 * Sends a request to one deployment. `last`: nobody can take its place, so its stream is the answer as soon as it has headers; else it
 * is one when it says its first word. `beside`: it runs beside another, and may be ended alone. Throws only what ends the whole request.
 */
export async function begin(run: Relay, planned: Attempt, last: boolean, beside?: Beside): Promise<Begun> {
  const attempt = spoken(run, planned);
  const { context: { isolate: { settings }, request: { headers } }, protocol, facts, hold, read } = run;
  let exchange: Exchange;
  try {
    exchange = exchangeFor(attempt, protocol, requestOf(run), read);
  } catch (thrown) {
    // What this one can never be told another may be.
    if (last || !(thrown instanceof GatewayError) || thrown.code !== "invalid_request") throw thrown;
    return { attempt, failure: { error: thrown, upstreamRequestId: null, ...final, failsOver: true } };
  }
  const error = exchange.losses.length > 0 ? lost(exchange, attempt, isWish(headers.get("x-forge-strict"))) : undefined;
  if (error) {
    return { attempt, failure: { error, upstreamRequestId: null, ...final, failsOver: true } };
  }
  const startedMs = Date.now();
  const own = beside ? AbortSignal.any([hold.signal, beside.cancel]) : hold.signal;
  const begun = await tried().catch((thrown: unknown): Begun => {
    if (thrown !== outrun) throw thrown;
    return { attempt, failure: { error: outrun, upstreamRequestId: null, ...passing } };
  });
  if ("failure" in begun) noteFailure(run, attempt, begun.failure, own);
  return begun;

  async function tried(): Promise<Begun> {
    const came = await tryWithin(last ? undefined : facts.stream ? settings.UPSTREAM_CONNECT_TIMEOUT_MS : settings.UPSTREAM_ANSWER_TIMEOUT_MS, attempt, exchange, own);
    if ("failure" in came) return { attempt, failure: came.failure };
    const answered: Answered = { run, exchange, startedMs, beside, ...came };
    const flows = came.response.body && !eventStreamOf(came.response) ? exchange.flows?.(came.response.headers.get("content-type") ?? "") : undefined;
    if (flows) return { attempt: came.attempt, respond: flowed(answered, flows).respond };
    const isStream = eventStreamOf(came.response) && (facts.stream || exchange.sameErrors);
    const next = isStream ? await streamed(answered, last ? undefined : settings.UPSTREAM_FIRST_BYTE_TIMEOUT_MS) : await whole(answered, last);
    return "failure" in next ? { attempt, failure: next.failure } : { attempt: came.attempt, respond: next.respond };
  }
}

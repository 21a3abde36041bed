/** Another deployment asked to go on with an answer that broke off in the middle. */
import { eventStreamOf, type Body } from "../upstream/index.ts";
import type { Attempt } from "../router/index.ts";
import { GatewayError } from "../errors.ts";
import { passing, tryWithin, type Failure, type Tried } from "./attempt.ts";
import { continuationFor } from "./chat.ts";
import { continuationOf, prefillsOf } from "./continuing.ts";
import type { Exchange } from "./exchange.ts";
import { noteFailure, refuse } from "./failed.ts";
import { requestOf } from "./passthrough.ts";
import type { Relay } from "./relay.ts";
import { isWish } from "./wish.ts";

/** Who was asked to go on. `body` absent: its client left before there were headers. */
export type Following = {
  readonly attempt: Attempt;
  readonly exchange: Exchange;
  readonly startedMs: number;
  readonly echoes: boolean;
  readonly upstreamRequestId: string | null;
  readonly body?: Body;
};

/**
 * Asks the others of the plan in turn, those that were not tried yet and can go on with such a text, until one streams. Undefined: none
 * does, or the signal has aborted before one was asked. Those that refuse are written down.
 */
export async function goOn(run: Relay, broken: Attempt, told: string, signal: AbortSignal): Promise<Following | undefined> {
  const { context, protocol, admission: { plan }, read, refused } = run;
  const { health, settings } = context.isolate;
  const chat = continuationOf(read(), told);
  if (!chat) return undefined;
  for (const attempt of plan.attempts) {
    if (attempt.vital === broken.vital || refused.some(({ deployment }) => deployment === attempt.deployment)) continue;
    const prefills = prefillsOf(attempt, chat, told);
    if (signal.aborted) return undefined;
    if (prefills.size === 0) continue;
    const exchange = continuationFor(attempt, protocol.conversation!, requestOf(run), chat, prefills);
    if (exchange.losses.length > 0 && isWish(context.request.headers.get("x-forge-strict"))) continue;
    if (!health.mayTry(attempt.vital, Date.now())) continue;
    const asked = { attempt, exchange, startedMs: Date.now(), echoes: prefills.get(exchange.protocol)?.echoes === true, upstreamRequestId: null };
    const came = await tryWithin(settings.UPSTREAM_CONNECT_TIMEOUT_MS, attempt, exchange, signal).catch(() => undefined);
    if (!came && signal.reason === "client_gone") return asked;
    const taken = came ? bodyOf(came, attempt) : { failure: silent(attempt) };
    if ("body" in taken) return { ...asked, ...taken };
    noteFailure(run, attempt, taken.failure, signal);
    refuse(run, attempt, taken.failure);
  }
  return undefined;
}

const silent = ({ endpoint }: Attempt): Failure =>
  ({ error: new GatewayError("upstream_timeout", `${endpoint.provider.name} did not go on in time.`), upstreamRequestId: null, ...passing });

/** An answer that is no stream cannot be put behind one. */
function bodyOf(came: Tried, { endpoint }: Attempt): Required<Pick<Following, "attempt" | "body" | "upstreamRequestId">> | { failure: Failure } {
  if ("failure" in came) return came;
  const { response: { body }, upstreamRequestId, attempt } = came;
  const events = eventStreamOf(came.response);
  if (body && events) return { attempt, upstreamRequestId, body: { body, cutter: events.cutter } };
  void body?.cancel();
  return { failure: { error: new GatewayError("upstream_error", `${endpoint.provider.name} did not answer with a stream.`), upstreamRequestId, ...passing } };
}

/** The end of a request that no deployment answered. */
import { GatewayError } from "../errors.ts";
import type { Attempt } from "../router/index.ts";
import { answerHeaders, failure } from "./answer.ts";
import type { Failure } from "./attempt.ts";
import { clientLeft } from "./hold.ts";
import { outcomeOfParts, type Part } from "./legs.ts";
import type { Relay } from "./relay.ts";
import { routeHeader, routeOf } from "./route.ts";

/** What stands in the ledger where the client heard no status. nginx's word. */
const clientClosedRequest = 499;
const retrySoonSeconds = 5;

/** Writes down who did not answer. */
export function refuse({ refused }: Relay, { deployment }: Attempt, { error, answer: said, upstreamRequestId }: Failure): void {
  refused.push({ deployment, status: said?.status ?? error.status, errorCode: error.code, upstreamRequestId });
}

/** Tells of its deployment. What is about the client's request says nothing of it, and neither does our hanging up. */
export function noteFailure({ context }: Relay, { vital }: Attempt, { error, answered: status, failsOver, retryAfterMs }: Failure, { aborted }: AbortSignal): void {
  if (failsOver && error.code !== "invalid_request" && error.status !== 404 && !aborted) context.isolate.health.note(vital, { is: "failed", retryAfterMs, why: { code: error.code, status } }, Date.now());
}

/** Settles it, and tells the client. `cut`: an answer was about to come when we hung up. */
export function failed(run: Relay, attempt: Attempt, last: Failure, cut = false): Response {
  const { context, protocol, facts, admission, hold } = run;
  const { error, answer, upstreamRequestId } = told(run, attempt, last);
  const left = error === clientLeft;
  const status = left ? clientClosedRequest : (answer?.status ?? error.status);
  const end = hold.clientGone ? "client_gone" : error.code === "upstream_timeout" ? "upstream_timeout" : "upstream_error";
  const ending = { status, way: "buffered", totalMs: Date.now() - context.startedAtMs, errorCode: left ? null : error.code, ...routeOf(run, run.outran.length + 1) } as const;
  const part: Part = { attempt, protocol: protocol.id, facts, seen: undefined, upstreamRequestId, firstByteMs: null, end, cut: cut && !protocol.counting };
  hold.settle(outcomeOfParts([...run.outran, part], ending, context.startedAtMs));
  const route = routeHeader(run, attempt);
  if (!answer) return failure(error, protocol.renderError(error, context.requestId), context.requestId, admission.rate, route);
  const headers = { ...answerHeaders(context.requestId, admission.rate, "application/json"), ...route };
  if (answer.retryAfter !== null) headers["retry-after"] = answer.retryAfter;
  return new Response(answer.body, { status, headers });
}

/**
 * Of one attempt its own words; of several that none of them answered. What is about the client's own request is passed on whoever
 * said it. A sovereign request hears that its servers are not there, whatever went wrong with them.
 */
function told({ refused, admission }: Relay, { deployment }: Attempt, last: Failure): Failure {
  const { error, answer, failsOver, passes, retryAfterMs } = last;
  if (!failsOver || error === clientLeft || error.code === "invalid_request") return last;
  const after = retryAfterMs === undefined ? {} : { retryAfterSeconds: Math.max(1, Math.ceil(retryAfterMs / 1_000)) };
  const status = answer?.status ?? error.status;
  if (admission.sovereign && passes && status !== 429) {
    return { ...last, answer: undefined, error: new GatewayError("sovereign_unavailable", `The self-hosted model did not answer: ${error.message}`, { retryAfterSeconds: retrySoonSeconds, ...after, shouldRetry: false }) };
  }
  // Several tries of one deployment are one: its own words are the answer.
  if (refused.every((one) => one.deployment === deployment)) return last;
  const tried = [...refused.map((one) => `${one.deployment} (${one.status} ${one.errorCode})`), `${deployment} (${status} ${error.code}: ${error.message.slice(0, 500)})`];
  return { ...last, answer: undefined, error: new GatewayError("upstream_error", `None of ${tried.length} attempts was answered: ${tried.join(", ")}.`, after) };
}

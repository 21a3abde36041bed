/** An answer that comes whole: read to its end, so that a broken one is never passed on as a success. */
import { GatewayError } from "../errors.ts";
import { cutOut } from "../telemetry/log.ts";
import { answerHeaders, costHeader, failure, lossHeader } from "./answer.ts";
import { digestOf } from "./digest.ts";
import { final, passing, type Failure } from "./attempt.ts";
import { answerLimit, gathered } from "./errands.ts";
import type { Exchange, WholeAnswer } from "./exchange.ts";
import type { Relay } from "./relay.ts";
import { routeHeader, routeOf, stayedAt } from "./route.ts";
import type { Attempt } from "../router/index.ts";
import { readBounded } from "../upstream/index.ts";
import type { Observation } from "../protocols/protocol.ts";
import { outcomeOf } from "./outcome.ts";

/** An attempt that runs beside another one. `cancel` ends it alone; `decided` once it is known which of them answers; `why`: it was the second. */
export type Beside = { readonly cancel: AbortSignal; readonly decided: Promise<void>; readonly why?: "hedged" };

/** An upstream's answer with status 2xx, who gave it, and when it was asked. */
export type Answered = {
  readonly run: Relay;
  readonly attempt: Attempt;
  readonly exchange: Exchange;
  readonly startedMs: number;
  readonly beside?: Beside | undefined;
  readonly response: Response;
  readonly upstreamRequestId: string | null;
};

const utf8 = new TextDecoder();
/**
 * Reads a JSON answer to its end. One that breaks off, or is none, is a failure, and so is an error in an answer's place unless it is
 * the `last` one's. Throws only when the whole request has ended.
 */
export async function whole({ run, attempt, exchange, response, upstreamRequestId }: Answered, last: boolean): Promise<{ respond: () => Promise<Response> } | { failure: Failure }> {
  const { context, hold } = run;
  const firstByteMs = Date.now() - context.startedAtMs;
  const { name } = attempt.endpoint.provider;
  // What a provider will not do for what was asked it does no other time.
  const fails = (error: GatewayError): { failure: Failure } => ({ failure: { error, upstreamRequestId, ...(error.code === "upstream_refused" ? final : passing) } });
  const broken = Symbol();
  const bytes = await readBounded(response.body, answerLimit).catch((): typeof broken => {
    if (hold.signal.aborted) throw hold.signal.reason;
    return broken;
  });
  if (bytes === broken) return fails(new GatewayError("upstream_error", `The answer of ${name} broke off.`));
  if (!bytes) return fails(new GatewayError("upstream_error", `The answer of ${name} is larger than ${answerLimit / 1024 / 1024} MiB.`));
  const contentType = response.headers.get("content-type") ?? "application/json";
  let answer: WholeAnswer;
  try {
    const { first, more } = exchange.times || exchange.follow ? await gathered({ attempt, exchange, signal: hold.signal }, { bytes, contentType }) : { first: { bytes, contentType }, more: undefined };
    answer = exchange.read(first.bytes, first.contentType, more, response.headers);
  } catch (error) {
    if (hold.signal.aborted) throw hold.signal.reason;
    if (error instanceof GatewayError) return fails(new GatewayError(error.code, cutOut(error.message, attempt.endpoint.secret), error.detail, error.status));
    throw error;
  }
  if (answer.seen.error !== undefined && !last) return fails(new GatewayError("upstream_error", cutOut(`${name}: ${answer.seen.error.slice(0, 2_000)}`, attempt.endpoint.secret)));
  context.isolate.health.note(attempt.vital, answer.seen.error === undefined ? { is: "answered" } : { is: "failed", why: { code: "error_inside" } }, Date.now());
  return { respond: () => told(run, attempt, exchange, answer, { status: response.status, contentType, firstByteMs, upstreamRequestId }) };
}

type Arrived = { status: number; contentType: string; firstByteMs: number; upstreamRequestId: string | null };

/** Passes the answer on, byte for byte where nothing has to be told anew, and settles what it says was used. */
async function told(run: Relay, attempt: Attempt, exchange: Exchange, answer: WholeAnswer, { status, contentType, firstByteMs, upstreamRequestId }: Arrived): Promise<Response> {
  const { context, protocol, facts, admission, hold } = run;
  const { seen } = answer;
  const ending = { end: hold.clientGone ? "client_gone" : "complete", status, way: "buffered", firstByteMs, totalMs: Date.now() - context.startedAtMs, upstreamRequestId, losses: exchange.losses, ...routeOf(run) } as const;
  const { secret } = attempt.endpoint;
  const refused = (error: GatewayError, seen: Observation): Response => {
    hold.settle(outcomeOf(facts, exchange.protocol, attempt, seen, ending, context.startedAtMs));
    const { code, message, detail, status: told } = error;
    const clean = new GatewayError(code, cutOut(message, secret), detail, told);
    return failure(clean, protocol.renderError(clean, context.requestId), context.requestId, admission.rate, routeHeader(run, attempt));
  };
  if ("error" in answer) return refused(answer.error, seen);
  const said = seen.error === undefined || typeof answer.body === "string" ? answer.body : cutOut(utf8.decode(answer.body), secret);
  const retold = (await context.retells?.(run, attempt, said)) ?? { body: said };
  if ("error" in retold) return refused(retold.error, { ...seen, error: retold.error.message });
  const { body, type = answer.type ?? contentType, losses: more = [] } = retold;
  const losses = [...exchange.losses, ...(answer.losses ?? []), ...more];
  const outcome = outcomeOf(facts, exchange.protocol, attempt, seen, { ...ending, losses, responseHash: hold.clientGone ? null : await digestOf(body) }, context.startedAtMs);
  hold.settle(outcome, stayedAt(run, attempt));
  return new Response(body, {
    status,
    headers: { ...answerHeaders(context.requestId, admission.rate, type), ...routeHeader(run, attempt), ...costHeader(outcome), ...lossHeader(losses) },
  });
}

/** An answer that comes whole: read to its end, so that a broken one is never passed on as a success. */
import { GatewayError } from "../errors.ts";
import { cutOut } from "../telemetry/log.ts";
import { answerHeaders, costHeader, failure, lossHeader } from "./answer.ts";
import { digestOf } from "./digest.ts";
import type { Exchange } from "./exchange.ts";
import type { Relay } from "./relay.ts";
import type { Attempt } from "../router/index.ts";
import { readBounded } from "../upstream/index.ts";
import { outcomeOf } from "./outcome.ts";

/** An upstream's answer with status 2xx, and who gave it. */
export type Answered = {
  readonly run: Relay;
  readonly attempt: Attempt;
  readonly exchange: Exchange;
  readonly attempts: number;
  readonly response: Response;
  readonly upstreamRequestId: string | null;
};

const utf8 = new TextDecoder();
/** Largest answer that is read whole: an isolate has 128 MB. */
const answerLimit = 48 * 1024 * 1024;

/** Passes a JSON answer on, byte for byte, and settles what it says was used. Throws when it breaks off. */
export async function buffered({ run, attempt, exchange, attempts, response, upstreamRequestId }: Answered): Promise<Response> {
  const { context, protocol, facts, admission, hold } = run;
  const firstByteMs = Date.now() - context.startedAtMs;
  const { name } = attempt.endpoint.provider;
  const bytes = await readBounded(response.body, answerLimit).catch(() => {
    throw hold.signal.aborted ? hold.signal.reason : new GatewayError("upstream_error", `The answer of ${name} broke off.`);
  });
  if (!bytes) throw new GatewayError("upstream_error", `The answer of ${name} is larger than ${answerLimit / 1024 / 1024} MiB.`);
  const contentType = response.headers.get("content-type") ?? "application/json";
  const answer = exchange.read(bytes, contentType);
  const { seen } = answer;
  const ending = { end: hold.clientGone ? "client_gone" : "complete", status: response.status, way: "buffered", firstByteMs, totalMs: Date.now() - context.startedAtMs, attempts, upstreamRequestId, reserved: admission.reserved, refused: run.refused } as const;
  const { secret } = attempt.endpoint;
  if ("error" in answer) {
    hold.settle(outcomeOf(facts, exchange.protocol, attempt, seen, ending, context.startedAtMs));
    const { code, message, detail, status } = answer.error;
    const error = new GatewayError(code, cutOut(message, secret), detail, status);
    return failure(error, protocol.renderError(error, context.requestId), context.requestId, admission.rate);
  }
  const { type = contentType, losses = [] } = answer;
  const body = seen.error === undefined || typeof answer.body === "string" ? answer.body : cutOut(utf8.decode(answer.body), secret);
  const outcome = outcomeOf(facts, exchange.protocol, attempt, seen, { ...ending, responseHash: hold.clientGone ? null : await digestOf(body) }, context.startedAtMs);
  hold.settle(outcome);
  return new Response(body, {
    status: response.status,
    headers: { ...answerHeaders(context.requestId, admission.rate, type), ...costHeader(outcome), ...lossHeader([...exchange.losses, ...losses]) },
  });
}

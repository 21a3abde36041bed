/**
 * The path of a request whose protocol is the same at both ends: the client's bytes with a few fields set, the upstream's
 * bytes back. Read it from top to bottom.
 */
import { GatewayError } from "../errors.ts";
import { log } from "../telemetry/log.ts";
import type { Protocol, RequestFacts } from "../protocols/protocol.ts";
import type { Attempt } from "../router/index.ts";
import { admit, callerOf, LimitError, look, type Admission } from "./admit.ts";
import { answerHeaders, failure } from "./answer.ts";
import { tryOnce, type Failure } from "./attempt.ts";
import { readJson } from "./body.ts";
import { buffered } from "./buffered.ts";
import type { RequestContext } from "./context.ts";
import { Hold } from "./hold.ts";
import { outcomeOf, type Ending } from "./outcome.ts";
import { streamed } from "./streamed.ts";

/** What the parts of one relayed request share. */
export type Relay = {
  readonly context: RequestContext;
  readonly protocol: Protocol;
  readonly facts: RequestFacts;
  readonly admission: Admission;
  readonly hold: Hold;
};

/** Answers one request of `protocol`. Never rejects: every failure is an answer in that protocol. */
export async function relay(context: RequestContext, protocol: Protocol): Promise<Response> {
  let caller;
  try {
    caller = await callerOf(context);
    const { text, json } = await readJson(context.request);
    const facts = protocol.parse(json);
    const admission = await admit(context, caller, facts, protocol.id);
    const run = { context, protocol, facts, admission, hold: new Hold(context, admission.policy) };
    const answering = answer(run, text);
    context.waitUntil(answering);
    return await answering;
  } catch (thrown) {
    const error = asGatewayError(thrown, context);
    const rate = error instanceof LimitError ? error.rate : caller && (await look(context, caller).catch(() => undefined))?.rate;
    return failure(error, protocol.renderError(error).body, context.requestId, rate);
  }
}

/** Tries the plan's deployments in order until one answers; the last failure is the answer when none does. */
async function answer(run: Relay, text: string): Promise<Response> {
  const { context, protocol, facts, admission } = run;
  const { attempts } = admission.plan;
  const deadline = new Deadline(context, facts.stream);
  for (let i = 0; ; i += 1) {
    const attempt = attempts[i]!;
    try {
      const tried = await tryOnce(attempt, protocol, text, facts, deadline.signal);
      if ("response" in tried) {
        const isStream = tried.response.headers.get("content-type")?.includes("text/event-stream") === true;
        const answered = { run, attempt, attempts: i + 1, response: tried.response, upstreamRequestId: tried.upstreamRequestId };
        return isStream ? streamed(answered, deadline) : await buffered(answered, deadline);
      }
      if (!tried.failure.failsOver || i === attempts.length - 1) return failed(run, attempt, i + 1, tried.failure, deadline);
    } catch (thrown) {
      const error = asGatewayError(thrown, context);
      return failed(run, attempt, i + 1, { error, upstreamRequestId: null, failsOver: false }, deadline);
    }
  }
}

/** Settles a request that no deployment answered, and tells the client. */
function failed(run: Relay, attempt: Attempt, attempts: number, { error, answer, upstreamRequestId }: Failure, deadline: Deadline): Response {
  const { context, protocol, facts, admission, hold } = run;
  deadline.clear();
  const status = answer?.status ?? error.status;
  const ending: Ending = {
    end: deadline.clientGone ? "client_gone" : error.code === "upstream_timeout" ? "upstream_timeout" : "upstream_error",
    status, way: "buffered", firstByteMs: null, totalMs: Date.now() - context.startedAtMs, attempts, upstreamRequestId, errorCode: error.code,
  };
  hold.settle(outcomeOf(facts, protocol.id, attempt, undefined, ending, context.startedAtMs));
  if (!answer) return failure(error, protocol.renderError(error).body, context.requestId, admission.rate);
  const headers = answerHeaders(context.requestId, admission.rate, "application/json");
  if (answer.retryAfter !== null) headers["retry-after"] = answer.retryAfter;
  return new Response(answer.body, { status, headers });
}

/** Ends the upstream call when its headers take too long or the client of a stream leaves. */
export class Deadline {
  readonly signal: AbortSignal;
  clientGone = false;
  private readonly controller = new AbortController();
  private readonly timer: ReturnType<typeof setTimeout>;

  constructor({ isolate, request }: RequestContext, stream: boolean) {
    this.signal = this.controller.signal;
    if (stream) request.signal.addEventListener("abort", this.leave, { once: true });
    const limitMs = isolate.settings.UPSTREAM_HEADERS_TIMEOUT_MS;
    this.timer = setTimeout(() => {
      this.controller.abort(new GatewayError("upstream_timeout", `The provider sent nothing for ${Math.round(limitMs / 1000)} seconds.`));
    }, limitMs);
  }

  private readonly leave = (): void => {
    this.clientGone = true;
    this.controller.abort(new GatewayError("upstream_error", "The client left."));
  };

  /** The answer has begun, or there will be none: the timer ends, a client that leaves later is the stream's business. */
  clear(): void {
    clearTimeout(this.timer);
  }
}

/** Anything thrown, as an error that a client may see. The unexpected is logged and shown as `internal_error`. */
export function asGatewayError(thrown: unknown, { requestId }: { requestId: string }): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  log("error", "unexpected", { requestId, message: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) });
  return new GatewayError("internal_error", `Something went wrong here. Please quote the request id ${requestId}.`);
}

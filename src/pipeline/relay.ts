/** The path of a request, from the client's bytes to the answer and its settlement. Read it from top to bottom. */
import { GatewayError } from "../errors.ts";
import type { Refused } from "../ledger/entry.ts";
import type { Protocol, RequestFacts } from "../protocols/protocol.ts";
import type { Attempt } from "../router/index.ts";
import { admit, callerOf, isWish, type Admission } from "./admit.ts";
import { answerHeaders, failure } from "./answer.ts";
import { tryOnce, type Failure } from "./attempt.ts";
import { readJson } from "./body.ts";
import { buffered } from "./buffered.ts";
import { exchangeFor, protocolsFor, reading } from "./chat.ts";
import type { RequestContext } from "./context.ts";
import type { Exchange } from "./exchange.ts";
import { clientLeft, Hold } from "./hold.ts";
import { once } from "./once.ts";
import { outcomeOf, type Ending } from "./outcome.ts";
import { asGatewayError, refusal } from "./refusal.ts";
import { streamed } from "./streamed.ts";
import { eventStreamOf } from "../upstream/index.ts";

/** What the parts of one relayed request share. */
export type Relay = {
  readonly context: RequestContext;
  readonly protocol: Protocol;
  readonly facts: RequestFacts;
  readonly admission: Admission;
  readonly hold: Hold;
  /** Deployments that were tried and did not answer. */
  readonly refused: Refused[];
};

/** Answers one request of `protocol`. Never rejects, and runs to its settlement even when the client leaves. */
export function relay(context: RequestContext, protocol: Protocol): Promise<Response> {
  const work = context.request.headers.has("idempotency-key") ? once(context, protocol, serve) : serve(context, protocol);
  context.waitUntil(work);
  return work;
}

async function serve(context: RequestContext, protocol: Protocol): Promise<Response> {
  let caller;
  try {
    caller = await callerOf(context);
    const { text, json } = await readJson(context.request, context.named?.body);
    const facts: RequestFacts = { ...protocol.parse(json), ...surchargesOf(text, json) };
    const admission = await admit(context, caller, facts, protocol.id, protocolsFor(protocol, context.request.headers));
    return await answer({ context, protocol, facts, admission, hold: new Hold(context, admission), refused: [] }, text);
  } catch (thrown) {
    return refusal(context, protocol, caller, thrown);
  }
}

/** What any protocol's request may say that makes its tokens dearer. */
const surchargesOf = (text: string, json: unknown): Pick<RequestFacts, "hourCache" | "serviceTier"> => {
  const { service_tier, serviceTier } = json as { service_tier?: unknown; serviceTier?: unknown };
  const tier = service_tier ?? serviceTier;
  return { hourCache: text.includes('"1h"'), serviceTier: typeof tier === "string" ? tier : undefined };
};

/** Tries the plan's deployments in order until one answers; the last failure is the answer when none does. */
async function answer(run: Relay, text: string): Promise<Response> {
  const { context, protocol, facts, admission } = run;
  const { attempts } = admission.plan;
  const { headers } = context.request;
  const strict = isWish(headers.get("x-forge-strict"));
  const read = reading(protocol, text);
  for (let i = 0; ; i += 1) {
    const attempt = attempts[i]!;
    // Nobody waits for an answer any more: nothing is sent, neither for the first time nor to a next deployment.
    if (run.hold.clientGone) return failed(run, attempt, i, { error: clientLeft, upstreamRequestId: null, failsOver: false });
    try {
      const exchange = exchangeFor(attempt, protocol, { text, facts, headers, requestId: context.requestId, startedAtMs: context.startedAtMs }, read);
      if (strict && exchange.losses.length > 0) {
        const refusal = { error: lost(exchange, attempt), upstreamRequestId: null, failsOver: true };
        if (i === attempts.length - 1) return failed(run, attempt, i + 1, refusal);
        continue;
      }
      const tried = await tryOnce(attempt, exchange, run.hold.signal);
      if ("response" in tried) {
        const answered = { run, exchange, attempts: i + 1, ...tried };
        return eventStreamOf(tried.response) && (facts.stream || exchange.sameErrors) ? streamed(answered) : await buffered(answered);
      }
      const { error, answer: said, upstreamRequestId, failsOver } = tried.failure;
      if (!failsOver || i === attempts.length - 1 || run.hold.clientGone) return failed(run, attempt, i + 1, tried.failure);
      run.refused.push({ deployment: attempt.deployment, status: said?.status ?? error.status, errorCode: error.code, upstreamRequestId });
    } catch (thrown) {
      const error = asGatewayError(thrown, context);
      return failed(run, attempt, i + 1, { error, upstreamRequestId: null, failsOver: false }, thrown === clientLeft);
    }
  }
}

/** With `X-Forge-Strict` nothing may be lost. */
const lost = ({ losses, protocol }: Exchange, { deployment }: Attempt): GatewayError =>
  new GatewayError("invalid_request", `X-Forge-Strict: ${deployment} cannot be told by ${protocol}: ${losses.join(", ")}.`, { param: "X-Forge-Strict" });

/** What stands in the ledger where the client heard no status. nginx's word. */
const clientClosedRequest = 499;

/** Settles a request that no deployment answered, and tells the client. `cut`: one was about to when we hung up. */
function failed(run: Relay, attempt: Attempt, attempts: number, { error, answer, upstreamRequestId }: Failure, cut = false): Response {
  const { context, protocol, facts, admission, hold } = run;
  const left = error === clientLeft;
  const status = left ? clientClosedRequest : (answer?.status ?? error.status);
  const ending: Ending = {
    end: hold.clientGone ? "client_gone" : error.code === "upstream_timeout" ? "upstream_timeout" : "upstream_error",
    status, way: "buffered", firstByteMs: null, totalMs: Date.now() - context.startedAtMs, attempts, upstreamRequestId, errorCode: left ? null : error.code, cut: cut && !protocol.counting,
    reserved: admission.reserved, refused: run.refused,
  };
  hold.settle(outcomeOf(facts, protocol.id, attempt, undefined, ending, context.startedAtMs));
  if (!answer) return failure(error, protocol.renderError(error, context.requestId), context.requestId, admission.rate);
  const headers = answerHeaders(context.requestId, admission.rate, "application/json");
  if (answer.retryAfter !== null) headers["retry-after"] = answer.retryAfter;
  return new Response(answer.body, { status, headers });
}

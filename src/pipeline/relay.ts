/** The path of a request, from the client's bytes to the answer and its settlement. Read it from top to bottom. */
import type { Refused } from "../ledger/entry.ts";
import type { Protocol, RequestFacts } from "../protocols/protocol.ts";
import { routingOf } from "../protocols/routing.ts";
import type { Attempt } from "../router/index.ts";
import { admit, callerOf, type Admission } from "./admit.ts";
import { final, type Failure } from "./attempt.ts";
import { begin } from "./begin.ts";
import { readJson } from "./body.ts";
import type { ComingForm, Fields } from "./coming-form.ts";
import { asJson, mostFieldBytes, readForm, type Took } from "./form-body.ts";
import { reading, type Reading } from "./chat.ts";
import type { RequestContext } from "./context.ts";
import { failed, refuse } from "./failed.ts";
import { raced, type Raced } from "./hedge.ts";
import { clientLeft, Hold } from "./hold.ts";
import type { Part } from "./legs.ts";
import { inlined } from "./inlined.ts";
import { copied } from "./keeping.ts";
import { once } from "./once.ts";
import { otherwise } from "./otherwise.ts";
import { asGatewayError, refusal } from "./refusal.ts";
import { sessionIn, type Session } from "./session.ts";
import { Tries } from "./tries.ts";

type Json = Readonly<Record<string, unknown>>;

/** What the parts of one relayed request share. */
export type Relay = {
  readonly context: RequestContext;
  readonly protocol: Protocol;
  readonly facts: RequestFacts;
  /** The body as the client sent it, and the conversation in it. */
  readonly text: string;
  /** The same as an object; of a form its fields. */
  readonly json: Json;
  readonly read: Reading;
  readonly session: () => Session | undefined;
  readonly admission: Admission;
  readonly hold: Hold;
  /** Deployments that were tried and did not answer. */
  readonly refused: Refused[];
  /** Deployments that were asked beside the one that answers, and hung up on. */
  readonly outran: Part[];
};

/** Answers one request. Never rejects. */
export type Serve = (context: RequestContext, protocol: Protocol) => Promise<Response>;

/**
 * Answers one request of `protocol`, once where it has a name. Never rejects, and runs to its settlement even when the client leaves. `by`:
 * a layer of the protocol's own around the path (stored answers, tools that are run here), which calls `serve` in its turn.
 */
export function relay(context: RequestContext, protocol: Protocol, by: Serve = serve): Promise<Response> {
  const work = context.request.headers.has("idempotency-key") ? once(context, protocol, by) : by(context, protocol);
  context.waitUntil(work);
  return work;
}

/** The path itself. */
export async function serve(context: RequestContext, protocol: Protocol): Promise<Response> {
  let caller;
  let leaving: ComingForm | undefined;
  let model: string | undefined;
  try {
    caller = await callerOf(context);
    const { isolate, startedAtMs, waitUntil, request } = context;
    isolate.health.sync(isolate.env.HEALTH_BOARD, isolate.regionOf(request), startedAtMs, waitUntil);
    const took: NonNullable<RequestContext["read"]> & Pick<Took, "coming"> = context.read ?? (await (protocol.form ? readForm(context.request, protocol.form, true) : readJson(context.request, context.named?.body)));
    const { coming } = took;
    leaving = coming;
    const { text, json } = await inlined(context, caller, took);
    const facts = factsOf(protocol, text, json);
    ({ model } = facts);
    // A field behind the file may be as long as a field can be.
    if (coming) facts.inputTokens += mostFieldBytes;
    const read = reading(protocol, text, facts.wish?.fields, json);
    const session = sessionIn(json, facts, context.request.headers);
    const admission = await admit(context, caller, { protocol, facts, text, read, session });
    const run: Relay = { context, protocol, facts, text, json: json as Json, read, session, admission, hold: new Hold(context, admission), refused: [], outran: [] };
    context.admitted?.();
    const answered = await (coming ? answerComing(run, coming) : answer(run));
    return admission.bodyDays === 0 ? answered : copied(context, admission, protocol.form ? undefined : took.text, answered);
  } catch (thrown) {
    return await refusal(context, protocol, caller, thrown, model);
  } finally {
    // Who is answered while still sending must be heard to the end.
    await leaving?.drop();
  }
}

/**
 * Answers a request whose file is still on its way. It is sent on as it comes where one deployment takes the form as it is; where another
 * may have to be asked, or all of the form must be known first, it is held.
 */
async function answerComing(run: Relay, coming: ComingForm): Promise<Response> {
  const { protocol, text, facts, admission: { plan: { attempts } }, context } = run;
  const asJsonNow = (fields: Fields): Json => asJson(fields, protocol.form?.lists);
  const [first, ...others] = attempts as [Attempt, ...Attempt[]];
  if (others.length === 0 && first.protocols[0] === protocol.id) {
    coming.heard = (fields) => (facts.stream = protocol.parse(asJsonNow(fields)).stream);
    return answer(run, 0);
  }
  try {
    const json = asJsonNow(await coming.whole());
    return await answer({ ...run, json, facts: factsOf(protocol, text, json) });
  } catch (thrown) {
    return failed(run, first, { error: asGatewayError(thrown, context), upstreamRequestId: null, ...final });
  }
}

/** What a request of any protocol says that has to be known before it is sent. */
export function factsOf(protocol: Protocol, text: string, json: unknown): RequestFacts {
  const { service_tier, serviceTier } = json as { service_tier?: unknown; serviceTier?: unknown };
  const tier = service_tier ?? serviceTier;
  return { ...protocol.parse(json), hourCache: text.includes('"1h"'), serviceTier: typeof tier === "string" ? tier : undefined, wish: routingOf(json) };
}

/** Tries the plan's deployments until one has begun to answer. `again`: how often one is tried anew; else as the installation has it. */
async function answer(run: Relay, again?: 0): Promise<Response> {
  const { context, admission, hold } = run;
  const { isolate } = context;
  const { settings, health } = isolate;
  const { UPSTREAM_RETRIES, UPSTREAM_RETRY_BUDGET_MS: budgetMs } = settings;
  const tries = new Tries(admission.plan.attempts, { retries: again ?? UPSTREAM_RETRIES, budgetMs }, Date.now(), ({ vital }, nowMs) => health.mayTry(vital, nowMs), Math.random);
  let next = tries.fresh(Date.now())!;
  let doubted: string | undefined;
  for (;;) {
    const { attempt, last } = next;
    // Nobody waits for an answer any more: nothing is sent, neither for the first time nor to a next deployment.
    if (hold.clientGone) return failed(run, attempt, leftAlone);
    try {
      const afterMs = last ? undefined : hedgeAfterMs(run, attempt);
      const { begun, failed: also }: Raced = afterMs === undefined ? { begun: await begin(run, attempt, last) } : await raced(run, next, tries, afterMs);
      if (also) refuse(run, also.attempt, also.failure);
      if ("respond" in begun) {
        if (doubted) isolate.unspoken.set(doubted, true);
        return await begun.respond();
      }
      const anew = hold.clientGone ? undefined : otherwise(run, begun.attempt, begun.failure);
      doubted = anew?.doubted;
      const following = anew ? { attempt: anew.attempt, waitMs: 0, last } : hold.clientGone ? undefined : tries.after(begun.attempt, begun.failure, Date.now());
      if (!following) return failed(run, begun.attempt, begun.failure);
      // Nothing is under way in a pause: whoever leaves in it owes nothing.
      const waited = following.waitMs === 0 || (await hold.pause(following.waitMs));
      if (!waited && !hold.clientGone) return failed(run, begun.attempt, begun.failure);
      refuse(run, begun.attempt, begun.failure);
      next = following;
    } catch (thrown) {
      return failed(run, attempt, { error: asGatewayError(thrown, context), upstreamRequestId: null, ...final }, thrown === clientLeft);
    }
  }
}

/** Where a request is hedged, how long its first attempt may be silent: as long as it nearly always is. undefined: nobody has measured that. */
function hedgeAfterMs({ facts, admission, context: { isolate } }: Relay, { vital }: Attempt): number | undefined {
  if (!facts.stream || !admission.hedges) return undefined;
  return isolate.health.of(vital, Date.now())?.firstByteMs?.p95;
}

const leftAlone: Failure = { error: clientLeft, upstreamRequestId: null, ...final };

/** The way in: who is calling, what may it call, is there room. Ends with a durable reservation, or throws. */
import { countsMoney, keysHeader, secretFromRequest, withBroughtKeys, type Principal } from "../accounts/index.ts";
import { GatewayError } from "../errors.ts";
import { tierOf, worstCost, type Most, type Tier } from "../ledger/price.ts";
import type { Estimate, MeterOperation, MeterPolicy, MeterReply, Meters, RateState, Refusal } from "../limits/index.ts";
import { conversations } from "../protocols/conversations.ts";
import type { RequestFacts } from "../protocols/protocol.ts";
import { namesModels, plan, stickTo, type Attempt, type Plan } from "../router/index.ts";
import type { RequestContext } from "./context.ts";
import { goesOn, mayContinue } from "./continuing.ts";
import type { Isolate } from "./isolate.ts";
import { mostInput, mostOutput } from "./most.ts";
import { questionFor, type Asking } from "./planning.ts";
import { chooses } from "./route.ts";
import { holdsEncrypted } from "./session.ts";
import { isWish } from "./wish.ts";

/** A refusal by the limits; carries the counters so that headers equal them. */
export class LimitError extends GatewayError {
  readonly rate: RateState;

  constructor(refusal: Refusal, rate: RateState) {
    super(refusal.code, refusal.message, { retryAfterSeconds: refusal.retryAfterSeconds, shouldRetry: refusal.shouldRetry });
    this.rate = rate;
  }
}

/**
 * `hedges`: a second deployment is asked when the first is slow; `continues`: another may go on with an answer that breaks off; `reserved`:
 * what is held for the request; `drains`: an answer whose client leaves is read to its end; `bodyDays`: for how many days the bodies are kept, 0: they
 * are not.
 */
export type Admission = Opted & { bodyDays: number; policy: MeterPolicy; plan: Plan; sovereign: boolean; rate: RateState; reserved: Estimate; drains: boolean };
type Opted = { hedges: boolean; continues: boolean };

/** The caller of a request, with the providers' keys that it brought. Throws 401s, and what `withBroughtKeys` does. No D1 query when the isolate knows the key. */
export async function callerOf(context: RequestContext): Promise<Principal> {
  const { startedAtMs, waitUntil } = context;
  const { principals, name } = introduced(context);
  const caller = principals.cached(name, startedAtMs, waitUntil) ?? (await principals.find(name, startedAtMs));
  try {
    return bringing(context, caller);
  } catch (error) {
    // The key may be revoked, or its organisation have allowed the header since: its object knows.
    const { principal } = await look(context, caller);
    if (principal === caller) throw error;
    return principal;
  }
}

/** By which name the caller is known, and to whom. */
const introduced = ({ keyId, request, isolate }: RequestContext): { principals: Isolate["principals"]; name: string | undefined } =>
  keyId === undefined ? { principals: isolate.principals, name: secretFromRequest(request) } : { principals: isolate.keys, name: keyId };

/** Reads the caller again: its key's object knows a newer version. */
async function callerAnew(context: RequestContext, { version }: Principal): Promise<Principal> {
  const { principals, name } = introduced(context);
  return bringing(context, await principals.reload(name, context.startedAtMs, version));
}

const bringing = ({ request, isolate }: RequestContext, caller: Principal): Principal => withBroughtKeys(caller, request.headers.get(keysHeader), isolate.endpoints);

/** A principal's limits as its key's object takes them. */
export const policyOf = ({ keyId, keyName, keyShares, organisationId, version, keyExpiresAtMs, paidUntilMs, pools, limits }: Principal): MeterPolicy => ({
  keyId, keyName, ...(keyShares && { keyShares }), organisationId, version, enabled: true, ...(keyExpiresAtMs !== undefined && { expiresAtMs: keyExpiresAtMs }),
  ...(paidUntilMs !== undefined && { paidUntilMs }), ...(pools && { pools }), limits,
});

type Look = Extract<MeterOperation, { do: "look" }>;

/** What the key's object has let through, and for whom. */
export type Granted = { principal: Principal; policy: MeterPolicy; reply: Extract<MeterReply, { is: "granted" }> };

/**
 * Asks the key's object, and once more with a fresh principal when the object knows a newer version of the key.
 * `operation` is made anew for each try. Throws LimitError, or `limiter_unavailable`.
 */
export async function ask(
  context: RequestContext,
  caller: Principal,
  operation: (principal: Principal) => Promise<MeterOperation> | MeterOperation,
): Promise<Granted> {
  const { isolate } = context;
  let principal = caller;
  for (let tries = 0; tries < 3; tries += 1) {
    const policy = policyOf(principal);
    const reply = await isolate.meters.submit(await made(operation, principal, isolate.meters), policy);
    if (reply.is === "granted") return { principal, policy, reply };
    if (reply.is === "refused") throw new LimitError(reply.refusal, reply.rate);
    principal = await callerAnew(context, principal);
  }
  throw new GatewayError("limiter_unavailable", "Limits cannot be checked right now.", { retryAfterSeconds: 1 });
}

/**
 * The operation for a principal. One that cannot be made (its plan is empty) may stand on an old view of the key: then the
 * object is only looked at, and its "stale" leads to a new view.
 */
async function made(operation: (principal: Principal) => Promise<MeterOperation> | MeterOperation, principal: Principal, meters: Meters): Promise<MeterOperation> {
  try {
    return await operation(principal);
  } catch (error) {
    const look: MeterOperation = { do: "look", version: principal.version };
    if ((await meters.submit(look, policyOf(principal))).is === "stale") return look;
    throw error;
  }
}

/** Whether the caller may still call at all, and its counters. For requests that spend nothing. `refused`: one that is refused here, to be written down. */
export async function look(context: RequestContext, caller: Principal, refused?: Look["refused"]): Promise<{ principal: Principal; rate: RateState }> {
  const { principal, reply } = await ask(context, caller, ({ version }) => ({ do: "look", version, ...(refused && { refused }) }));
  return { principal, rate: reply.rate };
}

/** Plans the request and reserves the most it can use. */
export async function admit(context: RequestContext, caller: Principal, asking: Asking & { text: string }): Promise<Admission> {
  const { facts, protocol, session, text } = asking;
  let planned: Plan | undefined;
  let sovereign = false;
  let opted: Opted = { hedges: false, continues: false };
  let reserved: Estimate = { tokens: 0, nanoUsd: 0 };
  const reserving = async (current: Principal): Promise<Extract<MeterOperation, { do: "reserve" }>> => {
    context.recognised?.(current);
    const question = await questionFor(context, current, asking);
    ({ sovereign } = question);
    planned = context.planned ?? plan(question);
    if (!context.planned) refuseUnchecked(facts, current);
    const hedges = facts.stream && planned.attempts.length > 1 && (planned.hedges === true || isWish(context.request.headers.get("x-forge-hedge")));
    opted = { hedges, continues: mayContinue(context.request.headers, asking, planned) };
    reserved = bound(planned.attempts, facts, protocol.id, context.startedAtMs, opted);
    const choice = chooses(planned) && session()?.begun ? { sessions: session()!.ids } : {};
    return { do: "reserve", id: context.requestId, version: current.version, estimate: reserved, model: facts.model, ...(!context.settles && { protocol: protocol.id }), ...choice };
  };
  const { principal, policy, reply } = context.under ? await context.under.take(reserving) : await ask(context, caller, reserving);
  const stuck = chooses(planned!) ? stickTo(planned!, reply.stuck, holdsEncrypted(text)) : planned!;
  return { ...opted, policy, plan: stuck, sovereign, bodyDays: sovereign ? 0 : (principal.bodyDays ?? 0), rate: reply.rate, reserved, drains: (principal.onDisconnect ?? (facts.stream ? "cancel" : "drain")) === "drain" };
}

/** A provider's own fallbacks escape the plan: only a key whose models and money are not limited may name them. */
export function refuseUnchecked({ otherModels = [] }: RequestFacts, principal: Principal): void {
  const { sovereign, rules } = principal;
  if (otherModels.length === 0 || !(namesModels(principal) || sovereign || rules || countsMoney(principal))) return;
  throw new GatewayError("invalid_request", "models: this key's limits cannot be checked for a provider's own fallbacks. Ask for one model, or for an alias.", { param: "models" });
}

/**
 * The most the request can use on any of the attempts. Only a provider that hears the client's own `protocol` hears of its searches.
 * `batched`: it will be done in the provider's own batch. `hedges`: and on the next dearest, which may be asked beside it. `continues`: and the most that another can use to go on with its
 * answer, which reads what was written beside the request.
 */
export function bound(attempts: readonly Attempt[], facts: RequestFacts, protocol: string, atMs: number, { hedges = false, continues = false, batched = false }: Partial<Opted & { batched: boolean }> = {}): Estimate {
  const { hourCache, serviceTier } = facts;
  const most = (attempt: Attempt, written = 0): Estimate => {
    const asked = facts.standIn && conversations.has(attempt.protocols[0]!) ? standingIn(facts, facts.standIn) : facts;
    const inputTokens = mostInput(attempt, asked) + written;
    const outputTokens = mostOutput(attempt, asked);
    const searches = facts.searchesAnyhow || attempt.protocols[0] === protocol ? facts.searches : 0;
    const tier = batched ? "batch" : tierOf(serviceTier);
    // Whichever way it will be charged.
    const ways: Most[] = [{ inputTokens, outputTokens, searches, hourCache, tier }, ...byThePiece(facts, tier)].map((way) => ({ ...way, surely: batched }));
    return { tokens: countsTokens(attempt, facts) ? inputTokens + outputTokens : 0, nanoUsd: Math.max(...ways.map((way) => worstCost(attempt.prices, way, atMs) ?? 0)) };
  };
  const first = dearest(attempts.map((attempt) => most(attempt)), hedges ? 2 : 1);
  if (!continues) return first;
  const written = Math.max(...attempts.map((attempt) => mostOutput(attempt, facts)));
  const second = dearest(attempts.filter(goesOn).map((attempt) => most(attempt, written)), 1);
  return { tokens: first.tokens + second.tokens, nanoUsd: first.nanoUsd + second.nanoUsd };
}

const standingIn = (facts: RequestFacts, { inputTokens, outputTokens }: NonNullable<RequestFacts["standIn"]>): RequestFacts =>
  ({ ...facts, inputTokens: facts.inputTokens + inputTokens, outputTokens });

/** What is charged by the piece and not by the token, or by nobody, counts no tokens. */
const countsTokens = ({ prices, endpoint: { provider } }: Attempt, { pieces }: RequestFacts): boolean =>
  !pieces || (prices.length > 0 ? prices.some(({ class: unit }) => unit === "input" || unit === "output") : !provider.selfHosted);

/** The most of each kind of piece that a request can use, each by itself. */
const byThePiece = ({ pieces = {} }: RequestFacts, tier: Tier | undefined): Most[] =>
  Object.entries(pieces).map(([piece, amount]) => ({ inputTokens: 0, outputTokens: 0, tier, pieces: { [piece]: amount } }));

/** The sum of the `count` highest of each. */
function dearest(amounts: readonly Estimate[], count: number): Estimate {
  const highest = (of: readonly number[]): number => (count === 1 ? Math.max(0, ...of) : of.toSorted((a, b) => b - a).slice(0, count).reduce((sum, one) => sum + one, 0));
  return { tokens: highest(amounts.map(({ tokens }) => tokens)), nanoUsd: highest(amounts.map(({ nanoUsd }) => nanoUsd)) };
}

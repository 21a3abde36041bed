/** A film is begun: room is reserved for it, and it is asked for at one deployment after the other until one takes it. */
import { keysHeader } from "../accounts/index.ts";
import { GatewayError } from "../errors.ts";
import { admit, callerOf, type Admission } from "../pipeline/admit.ts";
import { tryWithin, type Failure } from "../pipeline/attempt.ts";
import { asGatewayError, type Isolate, type RequestContext } from "../pipeline/index.ts";
import { isWish } from "../pipeline/wish.ts";
import { factsOf } from "../pipeline/relay.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { openaiVideos } from "../protocols/index.ts";
import type { Begin, JobMaker } from "../protocols/job.ts";
import { videoWishIn, type VideoWish } from "../protocols/media/video-wish.ts";
import { pathOf } from "../providers/index.ts";
import type { Attempt } from "../router/index.ts";
import { readBounded } from "../upstream/index.ts";
import { fieldsFromRpc, type Deployed, type Order } from "./job.ts";

/** How long a provider may take to say that it has begun. */
const beginMs = 120_000;
const mostAnswerBytes = 1024 * 1024;

export const makerOf = (id: string): JobMaker | undefined => openaiVideos.jobs!.find((one) => one.id === id);

/** The request as the pipeline has one, in its key's name. */
export function contextFor({ url, headers, keyId, requestId, createdAtMs, fields }: Order, isolate: Isolate, waitUntil: RequestContext["waitUntil"]): RequestContext {
  return { request: new Request(url, { method: "POST", headers: headers.map(([name, value]): [string, string] => [name, value]) }), isolate, requestId, startedAtMs: createdAtMs, waitUntil, keyId, read: { text: "", json: fields } };
}

/** Reserves the most that it can cost. Throws what `admit` throws. */
export async function reserve(context: RequestContext, order: Order): Promise<Admission> {
  const json = fieldsFromRpc(order.fields);
  const facts = factsOf(openaiVideos, "", json);
  const admission = await admit(context, await callerOf(context), { protocol: openaiVideos, facts, text: "", read: () => unreadable(), session: () => undefined });
  if (!order.from) return admission;
  // What is made of a film is made where that was.
  const attempts = admission.plan.attempts.filter(({ deployment, endpoint: { baseUrl } }) => deployment === order.from!.at.deployment && baseUrl === order.from!.at.baseUrl);
  return { ...admission, plan: { ...admission.plan, attempts } };
}

const unreadable = (): never => {
  throw new GatewayError("invalid_request", "A film is no conversation.");
};

/** What came of asking one deployment. `unknown`: nobody knows whether it has begun. */
export type Asked = { readonly is: "begun"; readonly ref: string; readonly losses: Begin["losses"] } | { readonly is: "refused" | "unknown"; readonly failure: Failure };

/** Asks one deployment. Never throws. `sending` is called before anything is sent. */
export async function askOne(context: RequestContext, order: Order, attempt: Attempt, sending: () => void): Promise<Asked> {
  const refused = (error: GatewayError, setback: Partial<Failure> = {}): Asked => ({ is: "refused", failure: { error, upstreamRequestId: null, failsOver: true, passes: false, ...setback } });
  let exchange: Exchange;
  let maker: JobMaker;
  try {
    maker = makerFor(attempt);
    exchange = exchangeOf(attempt, maker, beginningOf(maker, order, videoWishIn(fieldsFromRpc(order.fields)), attempt.upstreamId));
  } catch (thrown) {
    return refused(asGatewayError(thrown, context));
  }
  if (exchange.losses.length > 0 && isWish(context.request.headers.get("x-forge-strict"))) {
    return refused(new GatewayError("invalid_request", `X-Forge-Strict: ${attempt.deployment} cannot be told: ${exchange.losses.join(", ")}.`, { param: "X-Forge-Strict" }));
  }
  sending();
  try {
    const tried = await tryWithin(Math.min(beginMs, context.isolate.settings.UPSTREAM_ANSWER_TIMEOUT_MS), attempt, exchange, new AbortController().signal);
    // A refusal has a status; without one it may have arrived all the same.
    if ("failure" in tried) return { is: tried.failure.answered ? "refused" : "unknown", failure: tried.failure };
    const ref = maker.begun(await jsonIn(tried.response));
    if (ref !== undefined) return { is: "begun", ref, losses: exchange.losses };
  } catch {
    // The answer broke off.
  }
  return { is: "unknown", failure: { error: new GatewayError("upstream_error", `${attempt.endpoint.provider.name} did not say what it calls the film.`), upstreamRequestId: null, failsOver: false, passes: false } };
}

function makerFor({ protocols, deployment }: Attempt): JobMaker {
  const maker = protocols.map(makerOf).find((one) => one !== undefined);
  if (!maker) throw new GatewayError("invalid_request", `model: ${deployment} makes no films`, { param: "model" });
  return maker;
}

function beginningOf(maker: JobMaker, { from }: Order, wish: VideoWish, upstreamId: string): Begin {
  if (!from) return maker.begin(wish, upstreamId);
  const begin = maker.derive?.(from.how, { ref: from.ref, film: from.film }, wish, upstreamId);
  if (!begin) throw new GatewayError("invalid_request", `video: whoever made ${from.id} makes no ${from.how} of a film`, { param: "video" });
  return begin;
}

const exchangeOf = ({ endpoint: { provider }, upstreamId }: Attempt, { id }: JobMaker, { path, body, losses }: Begin): Exchange => ({
  protocol: id, path: pathOf(provider, id, upstreamId, false, path), body, losses, headers: {}, sameErrors: false, read: unreadable, watch: unreadable,
});

export async function jsonIn(response: Response, mostBytes = mostAnswerBytes): Promise<Record<string, unknown>> {
  const bytes = await readBounded(response.body, mostBytes);
  const value: unknown = JSON.parse(new TextDecoder().decode(bytes ?? new Uint8Array()));
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** Where a film is made, as its object remembers it. */
export const deployedAt = ({ endpoint: { provider, baseUrl }, deployment, upstreamId, own, prices, protocols }: Attempt, brought: string | undefined): Deployed =>
  ({ provider: provider.id, baseUrl, deployment, upstreamId, own: own === true, prices, protocol: protocols.find((one) => makerOf(one)) ?? "", brought });

/** Of a client's headers those that say how its request is to be dealt with. The keys that it brought are told apart. */
const told = ["x-sovereign", "x-forge-strict", "x-forge-protocol", keysHeader.toLowerCase()];
export const headersOf = (headers: Headers): [string, string][] => told.flatMap((name): [string, string][] => (headers.has(name) ? [[name, headers.get(name)!]] : []));

/** What a client is told when its request did not come as far as a deployment. */
import type { Principal } from "../accounts/index.ts";
import { GatewayError } from "../errors.ts";
import type { RateState } from "../limits/index.ts";
import { log, redact } from "../telemetry/log.ts";
import type { Protocol } from "../protocols/protocol.ts";
import { LimitError, look } from "./admit.ts";
import { failure } from "./answer.ts";
import { isWish } from "./wish.ts";
import type { RequestContext } from "./context.ts";

/** What may be a model's name, and is written down as one; a prompt in its place is not. */
const nameLike = /^\S{1,200}$/;
/** Told to who has no key, or by a provider that was asked. */
const notRefused: readonly GatewayError["code"][] = ["missing_api_key", "invalid_api_key", "key_revoked", "key_expired", "upstream_refused", "upstream_error", "upstream_timeout"];

/**
 * Whatever was thrown, in the client's protocol, with the counters of a caller that is known, whose key's object writes it down as it tells them. `model`:
 * what was asked for, where the request came so far.
 */
export async function refusal(context: RequestContext, protocol: Protocol, caller: Principal | undefined, thrown: unknown, model?: string): Promise<Response> {
  const error = asGatewayError(thrown, context);
  const told = error instanceof LimitError || !caller ? { error, rate: error instanceof LimitError ? error.rate : undefined } : await withStanding(context, caller, error, { protocol: protocol.id, model });
  return failure(told.error, protocol.renderError(told.error, context.requestId), context.requestId, told.rate);
}

/** A refusal with the key's counters; a key that may call no more hears only that. */
async function withStanding(context: RequestContext, caller: Principal, error: GatewayError, { protocol, model }: { protocol: string; model: string | undefined }): Promise<{ error: GatewayError; rate?: RateState }> {
  const { request: { headers }, requestId: id, settles } = context;
  // What is run again until it can be is refused nobody; a sovereign request's own words are kept nowhere.
  const sovereign = caller.sovereign || isWish(headers.get("x-sovereign"));
  const refused = { id, status: error.status, code: error.code, model: !sovereign && model !== undefined && nameLike.test(model) ? redact(model).toWellFormed() : null, protocol };
  try {
    return { error, rate: (await look(context, caller, settles || notRefused.includes(error.code) ? undefined : refused)).rate };
  } catch (refused) {
    return { error: refused instanceof GatewayError && refused.status === 401 ? refused : error };
  }
}

/** Anything thrown, as an error that a client may see. The unexpected is logged and shown as `internal_error`. */
export function asGatewayError(thrown: unknown, { requestId }: { requestId: string }): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  log("error", "unexpected", { requestId, message: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) });
  return new GatewayError("internal_error", `Something went wrong here. Please quote the request id ${requestId}.`);
}

/** What a client is told when its request did not come as far as a deployment. */
import type { Principal } from "../accounts/index.ts";
import { GatewayError } from "../errors.ts";
import type { RateState } from "../limits/index.ts";
import { log } from "../telemetry/log.ts";
import type { Protocol } from "../protocols/protocol.ts";
import { LimitError, look } from "./admit.ts";
import { failure } from "./answer.ts";
import type { RequestContext } from "./context.ts";

/** Whatever was thrown, in the client's protocol, with the counters of a caller that is known. */
export async function refusal(context: RequestContext, protocol: Protocol, caller: Principal | undefined, thrown: unknown): Promise<Response> {
  const error = asGatewayError(thrown, context);
  const told = error instanceof LimitError || !caller ? { error, rate: error instanceof LimitError ? error.rate : undefined } : await withStanding(context, caller, error);
  return failure(told.error, protocol.renderError(told.error, context.requestId), context.requestId, told.rate);
}

/** A refusal with the key's counters; a key that may call no more hears only that. */
async function withStanding(context: RequestContext, caller: Principal, error: GatewayError): Promise<{ error: GatewayError; rate?: RateState }> {
  try {
    return { error, rate: (await look(context, caller)).rate };
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

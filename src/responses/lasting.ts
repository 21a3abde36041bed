/** How long what is stored lasts: as the gateway has it, or its organisation where that is shorter. */
import type { Principal } from "../accounts/index.ts";
import { GatewayError } from "../errors.ts";
import type { RequestContext } from "../pipeline/index.ts";
import { staysHome } from "./access.ts";
import { isSovereign } from "./names.ts";

const dayMs = 24 * 3_600_000;

/** From the last time on that something was added. undefined: the organisation stores none. */
export function lastsMs({ isolate }: Pick<RequestContext, "isolate">, { keeps }: Principal, what: "responseDays" | "chatDays"): number | undefined {
  const days = Math.min(isolate.settings.RESPONSES_DAYS, keeps?.[what] ?? Infinity);
  return days > 0 ? days * dayMs : undefined;
}

/** The same, where something cannot be done without storing it. Throws `invalid_request`. */
export function mustLastMs(context: Pick<RequestContext, "isolate">, caller: Principal, param: string): number {
  const ms = lastsMs(context, caller, "responseDays");
  if (ms === undefined) throw new GatewayError("invalid_request", `${param}: your organisation stores no responses and no conversations`, { param, shouldRetry: false });
  return ms;
}

/** The same of a thread that a response is about to run in, by what the caller's key's object knows now. Throws `conflict` where the request would lie in the wrong kind of thread. */
export function lastsIn(thread: string, context: RequestContext, caller: Principal): number {
  if (staysHome(context, caller) !== isSovereign(thread)) throw new GatewayError("conflict", "Whether this request is sovereign has just changed. Send it again.", { shouldRetry: true, retryAfterSeconds: 1 });
  return mustLastMs(context, caller, "store");
}

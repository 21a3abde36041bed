/** From Hono's context to the pipeline's. */
import type { Context } from "hono";
import { answerHeaders, callerOf, isolateOf, look, type RequestContext } from "../pipeline/index.ts";
import type { Principal } from "../accounts/index.ts";

export type App = { Bindings: Cloudflare.Env; Variables: { requestId: string } };

/** The pipeline's view of this request. */
export function contextOf(c: Context<App>): RequestContext {
  return {
    request: c.req.raw,
    isolate: isolateOf(c.env),
    requestId: c.get("requestId"),
    startedAtMs: Date.now(),
    waitUntil: (promise) => c.executionCtx.waitUntil(promise),
  };
}

/** The caller of a request that spends nothing, asked of its key's object, and the headers of the answer. */
export async function lookedUp(c: Context<App>): Promise<{ context: RequestContext; principal: Principal; headers: Record<string, string> }> {
  const context = contextOf(c);
  const { principal, rate } = await look(context, await callerOf(context));
  return { context, principal, headers: answerHeaders(context.requestId, rate, "application/json") };
}

/** What the router is asked where there is no request: for lists of models, and for what a name leads to. */
import type { Principal } from "../accounts/index.ts";
import type { Question } from "../router/index.ts";
import type { RequestContext } from "./context.ts";

/** All of a question that is not about one request. */
export type Survey = Pick<Question, "principal" | "catalog" | "atMs" | "selfHostedModels" | "servedAt" | "endpoints" | "health">;

/** Brings it together. The region's health is waited for where this isolate has not heard of it in the last seconds: an isolate that shows pages has no traffic of its own. */
export async function survey({ isolate, request, startedAtMs, waitUntil }: Pick<RequestContext, "isolate" | "request" | "startedAtMs" | "waitUntil">, principal: Principal): Promise<Survey> {
  const { env, health, endpoints } = isolate;
  let heard: Promise<unknown> | undefined;
  health.sync(env.HEALTH_BOARD, isolate.regionOf(request), startedAtMs, (exchange) => {
    heard = exchange;
    waitUntil(exchange);
  });
  const [catalog, { models: selfHostedModels, at: servedAt }] = await Promise.all([isolate.catalog.get(startedAtMs, waitUntil), isolate.selfHosted.get(startedAtMs, waitUntil), heard]);
  return { principal, catalog, atMs: startedAtMs, selfHostedModels, servedAt, endpoints, health: (vital) => health.of(vital, startedAtMs) };
}

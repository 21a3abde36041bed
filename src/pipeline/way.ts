/** The way that a request took, as OpenRouter's clients hear of it in its answer. https://openrouter.ai/docs/features/router-metadata */
import type { Way } from "../protocols/protocol.ts";
import { aliasOf, type Attempt } from "../router/index.ts";
import type { Relay } from "./relay.ts";

const headers = ["x-openrouter-metadata", "x-openrouter-experimental-metadata"];

/** Whether a client asks to be told. */
export const wantsWay = (of: Headers): boolean => headers.some((name) => of.get(name)?.trim().toLowerCase() === "enabled");

function strategyOf({ facts: { model, wish }, context: { isolate, startedAtMs, waitUntil }, admission: { policy: { organisationId } } }: Relay): Way["strategy"] {
  if ((wish?.models.length ?? 0) > 0) return "fallback";
  if (model.endsWith(":free")) return "free";
  const [name = model] = model.split(":");
  const catalog = isolate.catalog.peek(startedAtMs, waitUntil);
  if (!catalog || !aliasOf(name, { organisationId, catalog })) return "direct";
  return name === "auto" ? "auto" : "alias";
}

/** As it stands when `attempt` answers. */
export function wayOf(run: Relay, { deployment, endpoint: { provider } }: Attempt): Way {
  const { facts: { model: requested }, admission: { plan: { attempts, excluded } }, refused, context: { isolate, request } } = run;
  const named = (one: string) => {
    const attempt = attempts.find((planned) => planned.deployment === one);
    return { provider: attempt?.endpoint.provider.name ?? one.split("/")[0]!, model: attempt?.model ?? one };
  };
  const region = isolate.regionOf(request);
  return {
    requested, strategy: strategyOf(run), region: region === "local" ? null : region,
    attempts: [...refused.map((one) => ({ ...named(one.deployment), status: one.status })), { ...named(deployment), status: 200 }],
    available: attempts.map((one) => ({ ...named(one.deployment), selected: one.deployment === deployment })),
    total: attempts.length + excluded.length,
    selected: provider.name,
  };
}

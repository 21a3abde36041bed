/** What a key can call here: what every list of models is made of. */
import type { Context } from "hono";
import { GatewayError } from "../errors.ts";
import { callableModels, type CallableModel } from "../router/index.ts";
import { lookedUp, type App } from "./context.ts";

/** The names that the caller can call, with the deployment that is tried first; `protocols`: in one of these. Asked of its key's object, so that a revoked key sees none. */
export async function callable(c: Context<App>, protocols?: readonly string[]) {
  const { context, principal, headers } = await lookedUp(c);
  const { isolate, startedAtMs, waitUntil } = context;
  const catalog = await isolate.catalog.get(startedAtMs, waitUntil);
  const { models: selfHostedModels } = await isolate.selfHosted.get(startedAtMs, waitUntil);
  const question = { principal, catalog, atMs: startedAtMs, selfHostedModels, endpoints: isolate.endpoints };
  return { list: callableModels({ ...question, ...(protocols && { protocols }) }), question, catalog, context, principal, headers };
}

/** One of them by its name. Throws `model_not_found`. */
export function found(list: readonly CallableModel[], id: string): CallableModel {
  const model = list.find((one) => one.id === id);
  if (!model) throw new GatewayError("model_not_found", `The model ${JSON.stringify(id.slice(0, 200))} does not exist, or this key may not call it.`, { param: "model" });
  return model;
}

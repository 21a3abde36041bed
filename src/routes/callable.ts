/** What a key can call here: what every list of models is made of. */
import type { Context } from "hono";
import { callableModels } from "../router/index.ts";
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

import { Hono } from "hono";
import { GatewayError } from "../errors.ts";
import { callableModels } from "../router/index.ts";
import { lookedUp, type App } from "./context.ts";
import type { Context } from "hono";

/** GET /v1/models: what this key can call here, in OpenAI's shape. */
export const models = new Hono<App>()
  .get("/", async (c) => {
    const { list, headers } = await callable(c);
    return c.json({ object: "list", data: list }, 200, headers);
  })
  .get("/:id{.+}", async (c) => {
    const { list, headers } = await callable(c);
    const id = c.req.param("id");
    const model = list.find((candidate) => candidate.id === id);
    if (!model) throw new GatewayError("model_not_found", `The model ${JSON.stringify(id.slice(0, 200))} does not exist, or this key may not call it.`, { param: "model" });
    return c.json(model, 200, headers);
  });

async function callable(c: Context<App>) {
  const { context, principal, headers } = await lookedUp(c);
  const { isolate, startedAtMs, waitUntil } = context;
  const catalog = await isolate.catalog.get(startedAtMs, waitUntil);
  const selfHostedModels = await isolate.selfHostedModels.get(startedAtMs, waitUntil);
  const list = callableModels({ principal, catalog, selfHostedModels, endpoints: isolate.endpoints }).map(({ id, owner, createdAtMs }) => ({
    id, object: "model" as const, created: Math.floor(createdAtMs / 1000), owned_by: owner,
  }));
  return { list, headers };
}

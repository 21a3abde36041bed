import { Hono } from "hono";
import { GatewayError } from "../errors.ts";
import { findRequest } from "../ledger/index.ts";
import { readQuery } from "./admin/input.ts";
import { lookedUp, type App } from "./context.ts";
import { answerUsage, usageQuery } from "./usage.ts";

/** GET /dashboard/usage and /dashboard/requests/{id}: what a key used, as the ledger has it. */
export const dashboard = new Hono<App>()
  .get("/usage", async (c) => {
    const { context, principal, headers } = await lookedUp(c);
    const query = readQuery(c, usageQuery);
    await context.isolate.meters.of(principal.keyId).flush();
    return answerUsage(c, principal, query, headers);
  })
  .get("/requests/:id", async (c) => {
    const { context, principal, headers } = await lookedUp(c);
    const id = c.req.param("id");
    const entry = (await context.isolate.meters.of(principal.keyId).entry(id)) ?? (await findRequest(c.env.DB, principal, id));
    if (!entry) throw new GatewayError("not_found", `No finished request ${JSON.stringify(id.slice(0, 100))} is known for this key.`);
    return c.json(entry, 200, headers);
  });

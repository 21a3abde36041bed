import { Hono, type Context } from "hono";
import { GatewayError } from "../errors.ts";
import { findRefused, findRequest, toldRefusal } from "../ledger/index.ts";
import { readQuery } from "./admin/input.ts";
import { lookedUp, type App } from "./context.ts";
import { answerUsage, usageQuery } from "./usage.ts";
import { wantsPage } from "./wants-page.ts";

/** The pages. Loaded when the first of them is asked for: no API call pays for them. */
async function page(c: Context<App>): Promise<Response> {
  const { dashboard: room } = await import("../dashboard/index.ts");
  return room.fetch(c.req.raw, c.env, c.executionCtx);
}

function readOnly({ req: { method, path } }: Context<App>): never {
  throw new GatewayError("method_not_allowed", `${path.slice(0, 200)} takes GET, not ${method}.`, { allow: "GET" });
}

/**
 * /dashboard: pages for browsers, in the room of that name. GET /dashboard/usage and /dashboard/requests/{id} are for programs too: what a key
 * used, as the ledger has it.
 */
export const dashboard = new Hono<App>()
  .get("/usage", async (c) => {
    if (wantsPage(c)) return page(c);
    const { context, principal, headers } = await lookedUp(c);
    const query = readQuery(c, usageQuery);
    await context.isolate.meters.of(principal.keyId).flush();
    return answerUsage(c, principal, query, headers);
  })
  .get("/requests/:id", async (c) => {
    if (wantsPage(c)) return page(c);
    const { context, principal, headers } = await lookedUp(c);
    const id = c.req.param("id");
    const meter = context.isolate.meters.of(principal.keyId);
    const entry = (await meter.entry(id)) ?? (await findRequest(c.env.DB, principal, id));
    if (entry) return c.json(entry, 200, headers);
    await meter.flush();
    const refused = await findRefused(c.env.DB, principal, id);
    if (refused) return c.json(toldRefusal(refused), 200, headers);
    throw new GatewayError("not_found", `No finished request ${JSON.stringify(id.slice(0, 100))} is known for this key.`);
  })
  .all("/usage", readOnly)
  .all("/requests/:id", readOnly)
  .all("*", page);

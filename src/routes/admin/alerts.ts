import { Hono, type Context } from "hono";
import * as z from "zod";
import { alertSecret, alertTargetsOf, putAlertTargets, rotateAlertSecret, type AlertTargets } from "../../accounts/alert-targets.ts";
import { sharesSchema } from "../../accounts/budgets.ts";
import { roles } from "../../accounts/members.ts";
import { getOrganisation, noSuchOrganisation } from "../../accounts/organisations.ts";
import { GatewayError } from "../../errors.ts";
import { isolateOf, unreachable } from "../../pipeline/index.ts";
import type { App } from "../context.ts";
import { adopt, byAdmin } from "./adopt.ts";
import { readBody } from "./input.ts";
import { iso } from "./output.ts";

/** `roles`: whose members get an e-mail; `webhookUrl` null: no server is called. */
export const alertsSchema = z.strictObject({
  roles: z.array(z.enum(roles)).max(roles.length).transform((told) => [...new Set(told)]),
  webhookUrl: z.url().max(2_000).nullable().default(null),
  /** At which shares of keys' own limits; absent: as it was. */
  keyShares: sharesSchema.optional(),
});

async function organisationOf(c: Context<App>): Promise<string> {
  const id = (c as Context).req.param("id")!;
  if (!(await getOrganisation(c.env.DB, id))) throw noSuchOrganisation(id);
  return id;
}

const view = ({ roles: told, webhookUrl, keyShares, rotatedAtMs }: AlertTargets) => ({ roles: told, webhookUrl, keyShares, secretRotatedAt: iso(rotatedAtMs) });

/** Mounted below /organisations/:id/alerts: who hears what its budgets have come to. */
export const alerts = new Hono<App>()
  .get("/", async (c) => c.json(view(await alertTargetsOf(c.env.DB, await organisationOf(c)))))
  .put("/", async (c) => {
    const { roles: told, webhookUrl, keyShares } = await readBody(c, alertsSchema);
    const organisation = await organisationOf(c);
    const parsed = webhookUrl === null ? null : new URL(webhookUrl);
    const wrong = parsed && unreachable(parsed, isolateOf(c.env).settings.ALLOW_PRIVATE_UPSTREAMS);
    if (wrong) throw new GatewayError("invalid_request", `webhookUrl: ${wrong}`, { param: "webhookUrl" });
    await adopt(c.env, await putAlertTargets(c.env.DB, byAdmin(), organisation, { roles: told, webhookUrl: parsed?.href ?? null, ...(keyShares && { keyShares }) }));
    return c.json(view(await alertTargetsOf(c.env.DB, organisation)));
  })
  .post("/secret", async (c) => {
    const organisation = await organisationOf(c);
    await rotateAlertSecret(c.env.DB, byAdmin(), organisation);
    const targets = await alertTargetsOf(c.env.DB, organisation);
    return c.json({ ...view(targets), secret: await alertSecret(isolateOf(c.env).masters.current, organisation, targets.secretVersion) }, 201);
  })
  .post("/test", async (c) => {
    const organisation = await organisationOf(c);
    if ((await alertTargetsOf(c.env.DB, organisation)).webhookUrl === null) throw new GatewayError("conflict", "There is no webhook to call.");
    const { tryOut } = await import("../../alerts/index.ts");
    return c.json({ heard: await tryOut(c.env, organisation, Date.now()) });
  });

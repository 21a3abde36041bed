import { Hono } from "hono";
import * as z from "zod";
import { modelIdSchema, providerIdSchema, upstreamIdSchema } from "../../catalog/edit-schemas.ts";
import { catalogFreshMs } from "../../pipeline/isolate.ts";
import { editDeployment, isolateOf, takeBackDeployment } from "../../pipeline/index.ts";
import type { App } from "../context.ts";
import { byAdmin } from "./adopt.ts";
import { readBody, readQuery } from "./input.ts";
import { deploymentView } from "./models.ts";

export const deploymentSchema = z.strictObject({
  provider: providerIdSchema,
  upstreamId: upstreamIdSchema.meta({ description: "What that provider calls it." }),
  model: modelIdSchema.meta({ description: "The model that it serves, which must be in the catalog." }),
  serves: z.boolean().default(true).meta({ description: "false: it is taken out, and nobody is sent there." }),
  confirm: z.boolean().default(false).meta({ description: "It is meant although it looks like a slip, as a refusal (409) has said." }),
});
export const deploymentQuery = z.strictObject({ provider: providerIdSchema, upstreamId: upstreamIdSchema, confirm: z.stringbool().default(false).meta({ description: "Take it back although nobody else serves its model." }) });

/** PUT makes a deployment so, whatever the published catalog says; DELETE takes that back. They are listed with their models. */
export const deployments = new Hono<App>()
  .put("/", async (c) => {
    const { confirm, ...edit } = await readBody(c, deploymentSchema);
    return c.json({ ...deploymentView(await editDeployment(isolateOf(c.env), byAdmin(), edit, confirm)), catalogFreshSeconds: catalogFreshMs / 1000 });
  })
  .delete("/", async (c) => {
    const { confirm, ...which } = readQuery(c, deploymentQuery);
    await takeBackDeployment(isolateOf(c.env), byAdmin(), which, confirm);
    return c.body(null, 204);
  });

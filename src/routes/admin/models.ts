import { Hono } from "hono";
import * as z from "zod";
import type { ListedDeployment } from "../../catalog/deployment-edits.ts";
import { modelFactsSchema, modelIdSchema } from "../../catalog/edit-schemas.ts";
import { getModel, listModels, type ListedModel } from "../../catalog/model-edits.ts";
import { catalogFreshMs } from "../../pipeline/isolate.ts";
import { editModel, isolateOf, takeBackModel } from "../../pipeline/index.ts";
import type { App } from "../context.ts";
import { byAdmin } from "./adopt.ts";
import { limitQuery, readBody, readParam, readQuery, timeSchema } from "./input.ts";
import { iso, page } from "./output.ts";

export const listQuery = z.strictObject({
  search: z.string().trim().min(1).max(100).optional().meta({ description: "A part of an id or of a maker's name." }),
  edited: z.stringbool().default(false).meta({ description: "Only those that were written here." }),
  limit: limitQuery, after: modelIdSchema.optional(),
});
export const modelSchema = modelFactsSchema.extend({
  releasedAt: timeSchema.nullable().default(null),
  confirm: z.boolean().default(false).meta({ description: "It is meant although it looks like a slip, as a refusal (409) has said." }),
});

export const deploymentView = ({ provider, upstreamId, model, serves, edited, published, prices }: ListedDeployment) => ({ provider, upstreamId, model, serves, edited, published, prices });

const facts = ({ releasedAt, ...rest }: ListedModel["model"]) => ({ ...rest, releasedAt: iso(releasedAt) });
const view = ({ model, edited, ours, published, deployments }: ListedModel) => ({
  ...facts(model), edited, ours, published: published ? facts(published) : null, deployments: deployments.map(deploymentView),
});

/** Ids have slashes: they may stand in the address as they are. */
const one = "/:model{.+}";

/** Models as they count here. PUT makes one so, whatever the published catalog says; DELETE takes that back. */
export const models = new Hono<App>()
  .get("/", async (c) => {
    const { limit, ...asked } = readQuery(c, listQuery);
    return c.json(page(await listModels(c.env.DB, { ...asked, limit: limit + 1 }), { limit, view, cursor: ({ model }) => model.id }));
  })
  .get(one, async (c) => c.json(view(await getModel(c.env.DB, readParam(c, "model", modelIdSchema)))))
  .put(one, async (c) => {
    const id = readParam(c, "model", modelIdSchema);
    const { confirm, ...rest } = await readBody(c, modelSchema);
    return c.json({ ...view(await editModel(isolateOf(c.env), byAdmin(), { id, ...rest }, confirm)), catalogFreshSeconds: catalogFreshMs / 1000 });
  })
  .delete(one, async (c) => {
    await takeBackModel(isolateOf(c.env), byAdmin(), readParam(c, "model", modelIdSchema));
    return c.body(null, 204);
  });

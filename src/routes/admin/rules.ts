import { Hono, type Context } from "hono";
import * as z from "zod";
import { houseRulesSchema } from "../../accounts/demands.ts";
import { getAllowedModels, getRules, putAllowedModels, putRules } from "../../accounts/house-rules.ts";
import { putRetention, retentionOf } from "../../accounts/keeping.ts";
import { modelListSchema } from "../../accounts/policy.ts";
import { retentionSchema } from "../../accounts/retention.ts";
import type { App } from "../context.ts";
import { adopt, byAdmin } from "./adopt.ts";
import { readBody } from "./input.ts";

/** `null`: every model. */
export const modelsSchema = z.strictObject({ models: modelListSchema.transform((names) => [...new Set(names)]).nullable().meta({ description: "Names that its keys may call; `*` at an end matches the rest. `null` is every model, an empty list none." }) });

const organisationOf = (c: Context): string => c.req.param("id")!;

/** Mounted below /organisations/:id: what it demands of every request of its keys, which models they may call, and how long what is kept of it lasts. */
export const rules = new Hono<App>()
  .get("/rules", async (c) => c.json(await getRules(c.env.DB, organisationOf(c))))
  .put("/rules", async (c) => {
    const wanted = await readBody(c, houseRulesSchema);
    const { standings } = await putRules(c.env.DB, byAdmin(), organisationOf(c), wanted);
    await adopt(c.env, standings);
    return c.json(wanted);
  })
  .get("/models", async (c) => c.json({ models: (await getAllowedModels(c.env.DB, organisationOf(c))) ?? null }))
  .put("/models", async (c) => {
    const { models } = await readBody(c, modelsSchema);
    await adopt(c.env, await putAllowedModels(c.env.DB, byAdmin(), organisationOf(c), models ?? undefined));
    return c.json({ models });
  })
  .get("/retention", async (c) => c.json(await retentionOf(c.env.DB, organisationOf(c))))
  .put("/retention", async (c) => {
    const retention = await readBody(c, retentionSchema);
    await adopt(c.env, await putRetention(c.env.DB, byAdmin(), organisationOf(c), retention));
    return c.json(retention);
  });

import { Hono } from "hono";
import * as z from "zod";
import { listPlans, putPlan } from "../../accounts/organisations.ts";
import { limitsSchema } from "../../accounts/policy.ts";
import { planRulesSchema } from "../../accounts/terms.ts";
import type { App } from "../context.ts";
import { adopt, byAdmin } from "./adopt.ts";
import { idSchema, readBody, readParam } from "./input.ts";

const { joint, models, sovereign } = planRulesSchema.shape;
export const planSchema = z.strictObject({ limits: limitsSchema, joint, models, sovereign });

export const plans = new Hono<App>()
  .get("/", async (c) => c.json({ data: await listPlans(c.env.DB) }))
  .put("/:id", async (c) => {
    const id = readParam(c, "id", idSchema);
    const { models, ...rules } = await readBody(c, planSchema);
    const { plan, accounts, standings } = await putPlan(c.env.DB, byAdmin(), { id, models, ...rules });
    await adopt(c.env, standings, accounts);
    return c.json(plan);
  });

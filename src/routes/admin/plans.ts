import { Hono } from "hono";
import { z } from "zod";
import { listPlans, putPlan } from "../../accounts/organisations.ts";
import { limitsSchema } from "../../accounts/policy.ts";
import type { App } from "../context.ts";
import { adopt, byAdmin } from "./adopt.ts";
import { idSchema, readBody, readParam } from "./input.ts";

const planSchema = z.strictObject({ limits: limitsSchema });

export const plans = new Hono<App>()
  .get("/", async (c) => c.json({ data: await listPlans(c.env.DB) }))
  .put("/:id", async (c) => {
    const id = readParam(c, "id", idSchema);
    const { plan, standings } = await putPlan(c.env.DB, byAdmin(), { id, ...(await readBody(c, planSchema)) });
    await adopt(c.env, standings);
    return c.json(plan);
  });

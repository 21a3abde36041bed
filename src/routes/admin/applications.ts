import { Hono } from "hono";
import * as z from "zod";
import { applicationStates, decide, listApplications, type Application } from "../../accounts/applications.ts";
import type { App } from "../context.ts";
import { byAdmin } from "./adopt.ts";
import { readBody, readParam, readQuery } from "./input.ts";
import { iso } from "./output.ts";

const emailSchema = z.string().trim().toLowerCase().pipe(z.email().max(254));
export const listQuery = z.strictObject({ state: z.enum(applicationStates).default("waiting") });
export const decisionSchema = z.strictObject({ state: z.enum(["approved", "declined"]) });

const view = ({ createdAtMs, decidedAtMs, ...application }: Application) => ({ ...application, createdAt: iso(createdAtMs), decidedAt: iso(decidedAtMs) });

/** Who asks to use this gateway through the dashboard, where DASHBOARD_SIGN_UP is approval. */
export const applications = new Hono<App>()
  .get("/", async (c) => c.json({ data: (await listApplications(c.env.DB, readQuery(c, listQuery).state)).map(view) }))
  .put("/:email", async (c) => {
    const email = readParam(c, "email", emailSchema);
    const { state } = await readBody(c, decisionSchema);
    return c.json(view(await decide(c.env.DB, byAdmin(), email, state)));
  });

import { Hono } from "hono";
import * as z from "zod";
import { applicationStates, listApplications, type Application } from "../../accounts/applications.ts";
import { isolateOf } from "../../pipeline/index.ts";
import type { App } from "../context.ts";
import { byAdmin } from "./adopt.ts";
import { readBody, readParam, readQuery } from "./input.ts";
import { iso } from "./output.ts";

const emailSchema = z.string().trim().toLowerCase().pipe(z.email().max(254));
export const listQuery = z.strictObject({ state: z.enum(applicationStates).default("waiting") });
export const decisionSchema = z.strictObject({ state: z.enum(["approved", "declined"]) });

const view = ({ createdAtMs, decidedAtMs, ...application }: Application) => ({ ...application, createdAt: iso(createdAtMs), decidedAt: iso(decidedAtMs) });

/** Who asks to use this gateway through the dashboard, where DASHBOARD_SIGN_UP is approval. Who is decided about hears of it by e-mail. */
export const applications = new Hono<App>()
  .get("/", async (c) => c.json({ data: (await listApplications(c.env.DB, readQuery(c, listQuery).state)).map(view) }))
  .put("/:email", async (c) => {
    const email = readParam(c, "email", emailSchema);
    const { state } = await readBody(c, decisionSchema);
    const { decideAndTell } = await import("../../dashboard/index.ts");
    const { application, telling } = await decideAndTell({ env: c.env, settings: isolateOf(c.env).settings, origin: new URL(c.req.url).origin, by: byAdmin() }, email, state);
    await telling;
    return c.json(view(application));
  });

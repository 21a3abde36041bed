import { Hono } from "hono";
import * as z from "zod";
import { GatewayError } from "../../errors.ts";
import { isolateOf } from "../../pipeline/index.ts";
import type { App } from "../context.ts";
import { nameSchema, readOptionalBody, readParam } from "./input.ts";

const emailSchema = z.string().trim().toLowerCase().pipe(z.email().max(254));
export const linkSchema = z.strictObject({ name: nameSchema.default("there") });

/** People who sign in to the dashboard. The link is what an e-mail would bring them: it works once, for an hour. */
export const people = new Hono<App>().post("/:email/link", async (c) => {
  const email = readParam(c, "email", emailSchema);
  const { name } = await readOptionalBody(c, linkSchema);
  const { linkFor } = await import("../../dashboard/index.ts");
  const url = await linkFor(c.env, isolateOf(c.env).settings, new URL(c.req.url).origin, { email, name });
  if (!url) throw new GatewayError("not_permitted", "Sign-up is closed: add this address to an organisation's members first.");
  return c.json({ url }, 201);
});

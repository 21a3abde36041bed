import { Hono, type Context } from "hono";
import * as z from "zod";
import { deleteMember, listMembers, putMember, roles, type Member } from "../../accounts/members.ts";
import type { App } from "../context.ts";
import { byAdmin } from "./adopt.ts";
import { readBody, readParam } from "./input.ts";
import { iso } from "./output.ts";

export const roleSchema = z.strictObject({ role: z.enum(roles) });
const emailSchema = z.string().trim().toLowerCase().pipe(z.email().max(254));

const organisationOf = (c: Context): string => c.req.param("id")!;
const view = ({ createdAtMs, ...member }: Member) => ({ ...member, createdAt: iso(createdAtMs) });

/** Mounted below /organisations/:id. */
export const members = new Hono<App>()
  .get("/", async (c) => c.json({ data: (await listMembers(c.env.DB, organisationOf(c))).map(view) }))
  .put("/:email", async (c) => {
    const email = readParam(c, "email", emailSchema);
    const { role } = await readBody(c, roleSchema);
    return c.json(view(await putMember(c.env.DB, byAdmin(), organisationOf(c), { email, role })));
  })
  .delete("/:email", async (c) => {
    await deleteMember(c.env.DB, byAdmin(), organisationOf(c), readParam(c, "email", emailSchema));
    return c.body(null, 204);
  });

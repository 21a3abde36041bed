import { Hono } from "hono";
import * as z from "zod";
import { newId } from "../../accounts/base62.ts";
import {
  createOrganisation, getOrganisation, listOrganisations, noSuchOrganisation, updateOrganisation, type Organisation,
} from "../../accounts/organisations.ts";
import { restoreOrganisation, suspendOrganisation } from "../../accounts/suspension.ts";
import type { App } from "../context.ts";
import { adopt, byAdmin } from "./adopt.ts";
import { idSchema, limitQuery, nameSchema, readBody, readQuery } from "./input.ts";
import { iso, page } from "./output.ts";

export const newSchema = z.strictObject({ id: idSchema.optional(), name: nameSchema, plan: idSchema.default("default"), sovereign: z.boolean().default(false), headerCredentials: z.boolean().default(false) });
export const patchSchema = z.strictObject({ name: nameSchema.optional(), plan: idSchema.optional(), sovereign: z.boolean().optional(), headerCredentials: z.boolean().optional() });
export const listQuery = z.strictObject({ limit: limitQuery, after: idSchema.optional() });

/** Why, as the organisation's people are told. */
export const suspensionSchema = z.strictObject({ reason: z.string().trim().min(1).max(500) });

const view = ({ createdAtMs, suspended, ...organisation }: Organisation) => ({ ...organisation, createdAt: iso(createdAtMs), suspended: suspended ? { since: iso(suspended.sinceMs), reason: suspended.reason } : null });
const viewOf = async (db: D1Database, id: string) => view((await getOrganisation(db, id))!);

export const organisations = new Hono<App>()
  .post("/", async (c) => {
    const { id = newId("org_"), ...wanted } = await readBody(c, newSchema);
    const { organisation, accounts } = await createOrganisation(c.env.DB, byAdmin(), { id, ...wanted });
    await adopt(c.env, [], accounts);
    return c.json(view(organisation), 201);
  })
  .get("/", async (c) => {
    const { limit, after } = readQuery(c, listQuery);
    const rows = await listOrganisations(c.env.DB, { limit: limit + 1, after });
    return c.json(page(rows, { limit, view, cursor: ({ id }) => id }));
  })
  .get("/:id", async (c) => {
    const id = c.req.param("id");
    const organisation = await getOrganisation(c.env.DB, id);
    if (!organisation) throw noSuchOrganisation(id);
    return c.json(view(organisation));
  })
  .patch("/:id", async (c) => {
    const { organisation, accounts, standings } = await updateOrganisation(c.env.DB, byAdmin(), c.req.param("id"), await readBody(c, patchSchema));
    await adopt(c.env, standings, accounts);
    return c.json(view(organisation));
  })
  .put("/:id/suspension", async (c) => {
    const id = c.req.param("id");
    const { reason } = await readBody(c, suspensionSchema);
    await adopt(c.env, await suspendOrganisation(c.env.DB, byAdmin(), id, reason));
    return c.json(await viewOf(c.env.DB, id));
  })
  .delete("/:id/suspension", async (c) => {
    const id = c.req.param("id");
    await adopt(c.env, await restoreOrganisation(c.env.DB, byAdmin(), id));
    return c.json(await viewOf(c.env.DB, id));
  });

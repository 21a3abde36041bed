import { Hono } from "hono";
import * as z from "zod";
import { newId } from "../../accounts/base62.ts";
import {
  createOrganisation, getOrganisation, listOrganisations, noSuchOrganisation, updateOrganisation, type Organisation,
} from "../../accounts/organisations.ts";
import type { App } from "../context.ts";
import { adopt, byAdmin } from "./adopt.ts";
import { idSchema, limitQuery, nameSchema, readBody, readQuery } from "./input.ts";
import { iso, page } from "./output.ts";

export const newSchema = z.strictObject({ id: idSchema.optional(), name: nameSchema, plan: idSchema.default("default"), sovereign: z.boolean().default(false), headerCredentials: z.boolean().default(false) });
export const patchSchema = z.strictObject({ name: nameSchema.optional(), plan: idSchema.optional(), sovereign: z.boolean().optional(), headerCredentials: z.boolean().optional() });
export const listQuery = z.strictObject({ limit: limitQuery, after: idSchema.optional() });

const view = ({ createdAtMs, ...organisation }: Organisation) => ({ ...organisation, createdAt: iso(createdAtMs) });

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
  });

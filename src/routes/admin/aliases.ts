import { Hono, type Context } from "hono";
import { z } from "zod";
import { deleteAlias, listAliases, putAlias, type Alias } from "../../accounts/aliases.ts";
import { isolateOf } from "../../pipeline/index.ts";
import type { App } from "../context.ts";
import { byAdmin } from "./adopt.ts";
import { idSchema, readBody, readParam, readQuery } from "./input.ts";

const aliasSchema = z.strictObject({ organisation: idSchema.nullable().default(null), targets: z.array(z.string().trim().min(1).max(200)).min(1).max(20) });
const organisationQuery = z.strictObject({ organisation: idSchema.optional() });
const nameSchema = z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9._:-]{0,99}$/, "1 to 100 letters, digits and . _ : -, beginning with a letter or digit");

const view = ({ organisationId, name, targets }: Alias) => ({ organisation: organisationId || null, name, targets });

/** The change is at work here at once, and within a minute where other isolates hold the catalog. */
const refreshCatalog = (c: Context<App>) => isolateOf(c.env).catalog.refresh(Date.now());

export const aliases = new Hono<App>()
  .get("/", async (c) => {
    const { organisation } = readQuery(c, organisationQuery);
    return c.json({ data: (await listAliases(c.env.DB, organisation)).map(view) });
  })
  .put("/:name", async (c) => {
    const name = readParam(c, "name", nameSchema);
    const { organisation, targets } = await readBody(c, aliasSchema);
    const alias = { organisationId: organisation ?? "", name, targets };
    await putAlias(c.env.DB, byAdmin(), alias);
    await refreshCatalog(c);
    return c.json(view(alias));
  })
  .delete("/:name", async (c) => {
    const { organisation = "" } = readQuery(c, organisationQuery);
    await deleteAlias(c.env.DB, byAdmin(), { organisationId: organisation, name: c.req.param("name") });
    await refreshCatalog(c);
    return c.body(null, 204);
  });

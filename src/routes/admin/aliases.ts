import { Hono, type Context } from "hono";
import * as z from "zod";
import { deleteAlias, listAliases, putAlias, type Alias } from "../../accounts/aliases.ts";
import { picks } from "../../catalog/rows.ts";
import { editAlias, isolateOf, removeAlias, takeBackAlias } from "../../pipeline/index.ts";
import type { App } from "../context.ts";
import { byAdmin } from "./adopt.ts";
import { idSchema, readBody, readParam, readQuery } from "./input.ts";

/** A name, `provider/*` or `*`. */
const targetName = z.string().trim().min(1).max(200).regex(/^(?:\*|[^*\s]+|[^*\s]+\/\*)$/, "a name, provider/* or *");
const targetSchema = z.union([
  targetName.transform((name) => ({ name, weight: 1 })),
  z.strictObject({ name: targetName, weight: z.number().int().min(0).max(1_000_000).default(1) }),
], "a name, or {name, weight}");
export const aliasSchema = z.strictObject({
  organisation: idSchema.nullable().default(null),
  targets: z.array(targetSchema).min(1).max(100),
  /** How the order among the targets is found. */
  pick: z.enum(picks).default("order"),
  /** Its requests are hedged, and its broken streams go on elsewhere, unasked. */
  hedges: z.boolean().default(false),
  continues: z.boolean().default(false),
  /** It is meant although it looks like a slip; asked for everyone's aliases only. */
  confirm: z.boolean().default(false).meta({ description: "It is meant although it looks like a slip, as a refusal (409) has said. Asked for everyone's aliases only." }),
}).refine(({ pick, targets }) => pick !== "weighted" || targets.some(({ weight }) => weight > 0), { path: ["targets"], message: "needs a weight above 0" });
export const organisationQuery = z.strictObject({ organisation: idSchema.optional() });
export const removalQuery = organisationQuery.extend({ confirm: z.stringbool().default(false).meta({ description: "Remove it although somebody names it; asked for everyone's aliases only." }) });
export const nameSchema = z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9._:-]{0,99}$/, "1 to 100 letters, digits and . _ : -, beginning with a letter or digit");

/** Targets without a weight of their own as they were written: by their names. */
const view = ({ organisationId, name, targets, pick, hedges, continues }: Alias) => ({
  organisation: organisationId || null, name, targets: targets.map((target) => (target.weight === 1 ? target.name : target)), pick, hedges, continues,
});

/** The change is at work here at once, and within a minute where other isolates hold the catalog. */
const refreshCatalog = (c: Context<App>) => isolateOf(c.env).catalog.refresh(Date.now());

export const aliases = new Hono<App>()
  .get("/", async (c) => {
    const { organisation } = readQuery(c, organisationQuery);
    return c.json({ data: (await listAliases(c.env.DB, organisation)).map(view) });
  })
  .put("/:name", async (c) => {
    const name = readParam(c, "name", nameSchema);
    const { organisation, confirm, ...rule } = await readBody(c, aliasSchema);
    const alias = { organisationId: organisation ?? "", name, ...rule };
    if (organisation === null) await editAlias(isolateOf(c.env), byAdmin(), alias, confirm);
    else {
      await putAlias(c.env.DB, byAdmin(), alias);
      await refreshCatalog(c);
    }
    return c.json(view(alias));
  })
  .delete("/:name", async (c) => {
    const { organisation, confirm } = readQuery(c, removalQuery);
    const name = c.req.param("name");
    if (organisation === undefined) await removeAlias(isolateOf(c.env), byAdmin(), name, confirm);
    else {
      await deleteAlias(c.env.DB, byAdmin(), { organisationId: organisation, name });
      await refreshCatalog(c);
    }
    return c.body(null, 204);
  })
  .post("/:name/restore", async (c) => {
    const { name } = c.req.param();
    await takeBackAlias(isolateOf(c.env), byAdmin(), name);
    return c.json(view((await listAliases(c.env.DB, "")).find((one) => one.name === name)!));
  });

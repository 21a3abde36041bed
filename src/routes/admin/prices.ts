import { Hono } from "hono";
import * as z from "zod";
import { listPrices, pricesOf, putPrice, type ListedPrice } from "../../catalog/price-edits.ts";
import { priceClasses, type PriceClass } from "../../ledger/price.ts";
import { catalogFreshMs, isolateOf } from "../../pipeline/isolate.ts";
import type { App } from "../context.ts";
import { byAdmin } from "./adopt.ts";
import { nameSchema, readBody, readQuery, timeSchema } from "./input.ts";
import { iso } from "./output.ts";

export const listQuery = z.strictObject({ model: z.string().trim().min(1).max(256) });
export const priceSchema = z.strictObject({
  provider: nameSchema,
  upstreamId: nameSchema,
  class: z.enum(priceClasses as [PriceClass, ...PriceClass[]]),
  aboveTokens: z.int().min(0).max(100_000_000).default(0),
  picoUsd: z.int().min(0).optional(),
  usdPerMillion: z.number().min(0).max(1e9).optional(),
  validFrom: timeSchema.optional(),
  source: z.string().trim().min(1).max(500),
  confirm: z.boolean().default(false),
}).refine(({ picoUsd, usdPerMillion }) => (picoUsd === undefined) !== (usdPerMillion === undefined), { path: ["picoUsd"], message: "send either picoUsd or usdPerMillion" });

const view = ({ provider, upstreamId, model, class: of, aboveTokens, picoUsd, validFromMs, source, inForce }: ListedPrice) => ({
  provider, upstreamId, model, class: of, aboveTokens, picoUsd, usdPerMillion: picoUsd / 1e6, validFrom: iso(validFromMs), source, inForce,
});

/** GET ?model= (any of its names): all prices it has or had, newest first. PUT adds one; no row is ever changed. */
export const prices = new Hono<App>()
  .get("/", async (c) => {
    const { model } = readQuery(c, listQuery);
    return c.json({ data: (await listPrices(c.env.DB, model, Date.now())).map(view) });
  })
  .put("/", async (c) => {
    const { picoUsd, usdPerMillion = 0, validFrom, confirm, ...edit } = await readBody(c, priceSchema);
    const by = byAdmin();
    const validFromMs = validFrom ?? by.nowMs;
    await putPrice(c.env.DB, by, { ...edit, picoUsd: picoUsd ?? Math.round(usdPerMillion * 1e6), validFromMs }, confirm);
    await isolateOf(c.env).catalog.refresh(by.nowMs);
    const added = (await pricesOf(c.env.DB, edit, by.nowMs)).find((price) => price.class === edit.class && price.aboveTokens === edit.aboveTokens && price.validFromMs === validFromMs);
    // Here it holds at once; others go on with the catalog that they hold, and read it anew once that is so old.
    return c.json({ ...view(added!), catalogFreshSeconds: catalogFreshMs / 1000 });
  });

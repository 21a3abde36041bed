/** What an edit of a price means: dollars for as much as people say prices by, as pico-USD a unit, exact. */
import * as z from "zod";
import type { PriceEdit, PriceOf } from "../catalog/price-edits.ts";
import { priceClasses, type PriceClass } from "../ledger/index.ts";
import { optional, ticked } from "./key-form.ts";
import { perOf, timesOf } from "./model-prices.ts";

const name = z.string().trim().min(1).max(200);
const classField = z.enum(priceClasses as [PriceClass, ...PriceClass[]]);
const above = optional.pipe(z.string().regex(/^\d[\d,_ ]*$/, "A whole number, please.").transform((text) => Number(text.replace(/[,_ ]/g, ""))).pipe(z.int().max(1e8, "That is too large.")).optional()).transform((tokens) => tokens ?? 0);

export const priceSchema = z.object({
  provider: name, upstreamId: name, class: classField, aboveTokens: above,
  usd: z.string("Fill this in.").trim().regex(/^\$?\d{1,7}(\.\d{1,12})?$/, "An amount in US dollars, such as 0.15."),
  from: optional.pipe(z.iso.date("A day, such as 2027-01-31.").transform((day) => Date.parse(day)).optional()),
  source: z.string("Fill this in.").trim().min(1, "Fill this in.").max(400, "At most 400 characters."),
  confirm: ticked,
}).superRefine((fields, context) => {
  if (/^\$?\d{1,7}(\.\d{1,12})?$/.test(fields.usd) && picoOf(fields) === undefined) context.addIssue({ code: "custom", path: ["usd"], message: `That is no whole number of pico-dollars for one of ${perOf(fields.class)}.` });
});

/** Pico-USD for one unit; undefined: there is no whole number of them. */
function picoOf({ usd, class: of }: { usd: string; class: PriceClass }): number | undefined {
  const [whole, part = ""] = usd.replace("$", "").split(".");
  const pico = BigInt(whole! + part.padEnd(12, "0"));
  const times = BigInt(timesOf(of));
  return pico % times === 0n && pico / times <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(pico / times) : undefined;
}

/** The edit of these fields. Without a day it holds from now on. */
export const editOf = ({ provider, upstreamId, class: of, aboveTokens, from, source, usd }: z.output<typeof priceSchema>, nowMs: number): PriceEdit =>
  ({ provider, upstreamId, class: of, aboveTokens, picoUsd: picoOf({ usd, class: of })!, validFromMs: from ?? nowMs, source });

/** Which edit is taken back. */
export const withdrawalSchema: z.ZodType<PriceOf> = z.object({ provider: name, upstreamId: name, class: classField, aboveTokens: z.coerce.number().int(), validFromMs: z.coerce.number().int() });

import { Hono } from "hono";
import * as z from "zod";
import { GatewayError } from "../errors.ts";
import { findReceipt, listReceipts } from "../ledger/requests.ts";
import { isolateOf } from "../pipeline/index.ts";
import type { Receipt } from "../receipts/index.ts";
import { readQuery } from "./admin/input.ts";
import { lookedUp, type App } from "./context.ts";

/** The key's id and the place in its chain, as `next` gave them. */
const placeSchema = z.string().regex(/^[a-zA-Z0-9_-]{1,64}\.\d{1,15}$/, "not a cursor of this list").transform((text) => {
  const dot = text.indexOf(".");
  return { keyId: text.slice(0, dot), sequence: Number(text.slice(dot + 1)) };
});
export const listQuery = z.strictObject({ after: placeSchema.default({ keyId: "", sequence: 0 }), limit: z.coerce.number().int().min(1).max(500).default(100) });

const placeOf = ({ entry: { keyId }, chain: { sequence } }: Receipt): string => `${keyId}.${sequence}`;

/** /v1/receipts: what requests were charged and why, signed. Of the asking key, or of its organisation where its policy says so. */
export const receipts = new Hono<App>()
  .get("/:id", async (c) => {
    const { context, principal, headers } = await lookedUp(c);
    const id = c.req.param("id");
    const receipt = ((await context.isolate.meters.of(principal.keyId).receipt(id)) as Receipt | undefined) ?? (await findReceipt(c.env.DB, principal, id));
    if (!receipt) throw new GatewayError("not_found", `No finished request ${JSON.stringify(id.slice(0, 100))} is known for this key.`);
    return c.json({ ...receipt, jws: await context.isolate.receipts.sign(receipt) }, 200, headers);
  })
  .get("/", async (c) => {
    const { context, principal, headers } = await lookedUp(c);
    const { after, limit } = readQuery(c, listQuery);
    await context.isolate.meters.of(principal.keyId).flush();
    const list = await listReceipts(c.env.DB, principal, { after, limit: limit + 1 });
    const data = await Promise.all(list.slice(0, limit).map(async (receipt) => ({ ...receipt, jws: await context.isolate.receipts.sign(receipt) })));
    return c.json({ data, next: list.length > limit ? placeOf(data.at(-1)!) : null }, 200, headers);
  });

/** The keys that receipts are and were signed with, as a JWK set. */
export const receiptKeys = new Hono<App>().get("/", async (c) => c.json({ keys: await isolateOf(c.env).receipts.publicKeys() }));

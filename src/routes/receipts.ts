import { Hono } from "hono";
import { z } from "zod";
import { GatewayError } from "../errors.ts";
import { findReceipt, listReceipts } from "../ledger/requests.ts";
import { isolateOf } from "../pipeline/index.ts";
import type { Receipt } from "../receipts/index.ts";
import { readQuery } from "./admin/input.ts";
import { lookedUp, type App } from "./context.ts";

const listQuery = z.strictObject({ after: z.string().max(200).default(""), limit: z.coerce.number().int().min(1).max(500).default(100) });

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
    return c.json({ data, next: list.length > limit ? data.at(-1)!.entry.id : null }, 200, headers);
  });

/** The key that receipts are signed with, as a JWK set. */
export const receiptKeys = new Hono<App>().get("/", async (c) => c.json({ keys: [await isolateOf(c.env).receipts.publicKey()] }));

import { Hono } from "hono";
import type { Context } from "hono";
import * as z from "zod";
import { conversations as store, type Asking } from "../responses/index.ts";
import { lookedUp, type App } from "./context.ts";
import { metadata, metadataBody, pageQuery, readKept, readPage, wantsSecrets } from "./kept-query.ts";

const items = z.array(z.record(z.string(), z.unknown(), "must be an item"), "must be an array of items").max(20, "are more than 20 at a time");
export const createBody = z.object({ metadata: metadata.nullish().transform((value) => value ?? {}), items: items.nullish().transform((value) => value ?? []) });
export const addBody = z.object({ items });

/** Answers with what the store says to who is asking. */
const asked = (act: (asking: Asking, c: Context<App>, id: string) => Promise<unknown>) => async (c: Context<App>): Promise<Response> => {
  const { context, principal: caller, headers } = await lookedUp(c);
  return c.json(await act({ context, caller }, c, c.req.param("id") ?? ""), 200, headers);
};

/** POST /v1/conversations, a conversation by its id, and its items. https://platform.openai.com/docs/api-reference/conversations */
export const conversations = new Hono<App>()
  .post("/", asked(async (asking, c) => store.create(asking, await readKept(c, createBody))))
  .get("/:id", asked((asking, _, id) => store.retrieve(asking, id)))
  .post("/:id", asked(async (asking, c, id) => store.describe(asking, id, (await readKept(c, metadataBody)).metadata)))
  .delete("/:id", asked((asking, _, id) => store.remove(asking, id)))
  .post("/:id/items", asked(async (asking, c, id) => store.add(asking, id, (await readKept(c, addBody)).items, wantsSecrets(c))))
  .get("/:id/items", asked((asking, c, id) => store.items(asking, id, readPage(c, pageQuery), wantsSecrets(c))))
  .get("/:id/items/:item", asked((asking, c, id) => store.item(asking, id, c.req.param("item") ?? "", wantsSecrets(c))))
  .delete("/:id/items/:item", asked((asking, c, id) => store.removeItem(asking, id, c.req.param("item") ?? "")));

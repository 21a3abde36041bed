import { Hono } from "hono";
import type { Context } from "hono";
import * as z from "zod";
import { relay } from "../pipeline/index.ts";
import { openaiChat } from "../protocols/index.ts";
import { chats, chatsKept, type Asking } from "../responses/index.ts";
import { contextOf, lookedUp, type App } from "./context.ts";
import { metadataBody, pageQuery, readKept, readPage } from "./kept-query.ts";

const ascending = { order: z.enum(["asc", "desc"], "must be asc or desc").default("asc") };
export const listQuery = pageQuery.extend({ ...ascending, model: z.string().max(200).optional() });
export const messagesQuery = pageQuery.extend(ascending);

/** `metadata[k]=v` of the query. */
const metadataIn = (c: Context<App>): Record<string, string> =>
  Object.fromEntries(Object.entries(c.req.query()).flatMap(([name, value]) => (/^metadata\[(.+)\]$/.exec(name) ? [[/^metadata\[(.+)\]$/.exec(name)![1]!, value]] : [])));

/** Answers with what the store says to who is asking. */
const asked = (act: (asking: Asking, c: Context<App>, id: string) => Promise<unknown>) => async (c: Context<App>): Promise<Response> => {
  const { context, principal: caller, headers } = await lookedUp(c);
  return c.json(await act({ context, caller }, c, c.req.param("id") ?? ""), 200, headers);
};

/** POST /v1/chat/completions, and those that were stored. https://platform.openai.com/docs/api-reference/chat */
export const chatCompletions = new Hono<App>()
  .post("/", (c) => relay(contextOf(c), openaiChat, chatsKept))
  .get("/", asked((asking, c) => chats.list(asking, { ...readPage(c, listQuery), metadata: metadataIn(c) })))
  .get("/:id", asked((asking, _, id) => chats.retrieve(asking, id)))
  .post("/:id", asked(async (asking, c, id) => chats.describe(asking, id, (await readKept(c, metadataBody)).metadata)))
  .delete("/:id", asked((asking, _, id) => chats.remove(asking, id)))
  .get("/:id/messages", asked((asking, c, id) => chats.messages(asking, id, readPage(c, messagesQuery))));

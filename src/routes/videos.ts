import { Hono, type Context } from "hono";
import * as z from "zod";
import { GatewayError } from "../errors.ts";
import { isForm } from "../form.ts";
import { readForm, readJson, type RequestContext } from "../pipeline/index.ts";
import type { Principal } from "../accounts/index.ts";
import { openaiVideos, renderVideo } from "../protocols/index.ts";
import { begun, contentOf, create, told, Videos } from "../videos/index.ts";
import { readQuery } from "./admin/input.ts";
import { contextOf, lookedUp, type App } from "./context.ts";
import { answerContent } from "./file-content.ts";

/** A form crosses to the film's object in one call, which takes 32 MiB. */
const mostBytes = 24 * 1024 * 1024;

export const listQuery = z.strictObject({ limit: z.coerce.number().int().min(1).max(100).default(20), order: z.enum(["asc", "desc"]).default("desc"), after: z.string().max(64).optional() });
export const contentQuery = z.object({ variant: z.enum(["video", "thumbnail", "spritesheet"]).default("video") });

const read = async (request: Request): Promise<Record<string, unknown>> => (isForm(request.headers) ? await readForm(request, { mostBytes }) : await readJson(request)).json as Record<string, unknown>;

/** A film made of another one, at whoever made that. */
async function derive(context: RequestContext, principal: Principal, how: "remix" | "edits" | "extensions", named?: string): Promise<Response> {
  const { model: _, ...fields } = await read(context.request);
  const videos = new Videos(context.isolate);
  const { id } = (fields.video ?? {}) as { id?: unknown };
  const bracketed = fields["video[id]"];
  const source = named ?? (typeof id === "string" ? id : bracketed);
  if (typeof source !== "string") throw new GatewayError("invalid_request", "video: name one of your films by its id", { param: "video" });
  const from = await videos.source(principal, source, how);
  const whole = { ...fields, model: from.at.deployment };
  openaiVideos.parse(whole);
  return told(context, await videos.create(context, principal, whole, { from }));
}

async function withoutCharacters(c: Context<App>): Promise<never> {
  await lookedUp(c);
  throw new GatewayError("invalid_request", "No provider here keeps characters for one organisation alone.", { param: "characters" });
}

/** /v1/videos: begun, listed, told of, fetched, made of others and deleted. */
export const videos = new Hono<App>()
  .post("/", (c) => begun(contextOf(c), async (context, principal) => create(context, principal, await read(context.request))))
  .post("/edits", (c) => begun(contextOf(c), (context, principal) => derive(context, principal, "edits")))
  .post("/extensions", (c) => begun(contextOf(c), (context, principal) => derive(context, principal, "extensions")))
  .post("/characters", withoutCharacters)
  .get("/characters/:id", withoutCharacters)
  .post("/:id{video_[^/]*}/remix", (c) => begun(contextOf(c), (context, principal) => derive(context, principal, "remix", c.req.param("id"))))
  .get("/", async (c) => {
    const { context, principal, headers } = await lookedUp(c);
    const { after, limit, order } = readQuery(c, listQuery);
    const { videos: found, hasMore } = await new Videos(context.isolate).page(principal, { after, limit, order });
    return c.json({ object: "list", data: found.map(renderVideo), first_id: found[0]?.id ?? null, last_id: found.at(-1)?.id ?? null, has_more: hasMore }, 200, headers);
  })
  .get("/:id{video_[^/]*}", async (c) => {
    const { context, principal, headers } = await lookedUp(c);
    return c.json(renderVideo(await new Videos(context.isolate).find(principal, c.req.param("id"))), 200, headers);
  })
  .get("/:id{video_[^/]*}/content", async (c) => {
    const { context, principal, headers } = await lookedUp(c);
    const film = await contentOf(context, principal, c.req.param("id"), readQuery(c, contentQuery).variant, headers);
    return film instanceof Response ? film : answerContent(c, context, film, headers);
  })
  .delete("/:id{video_[^/]*}", async (c) => {
    const { context, principal, headers } = await lookedUp(c);
    const id = c.req.param("id");
    await new Videos(context.isolate).remove(principal, id);
    return c.json({ id, object: "video.deleted", deleted: true }, 200, headers);
  });

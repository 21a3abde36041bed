import { Hono } from "hono";
import * as z from "zod";
import { GatewayError } from "../errors.ts";
import { webhookSecret, type Principal } from "../accounts/index.ts";
import { isWish, readJson, unreachable, type RequestContext } from "../pipeline/index.ts";
import { openrouterVideos as protocol, renderOpenrouterVideo } from "../protocols/index.ts";
import { begun, contentOf, create, Videos, type Words } from "../videos/index.ts";
import { readQuery } from "./admin/input.ts";
import { callable } from "./callable.ts";
import { contextOf, lookedUp, type App } from "./context.ts";
import { answerContent } from "./file-content.ts";
import { videoModelView } from "./openrouter-model-view.ts";

const words: Words = { protocol, status: 202, render: (video, { request }) => renderOpenrouterVideo(video, addressOf(request.url)) };
const addressOf = (url: string): string => `${new URL(url).origin}/api/v1/videos`;

/** A film is one file. */
export const contentQuery = z.strictObject({ index: z.coerce.number().int().min(0).max(0, "there is one film").default(0) });

/** Most characters of an address at which somebody is told of a film. */
export const mostUrl = 2_048;

const nameOf = ({ hostname }: URL): string => hostname.replace(/\.+$/, "");

/** Where the end of a film is to be told; undefined: nowhere. Throws `invalid_request` for an address that may not be called, and where nobody may be told. */
function callbackIn(value: unknown, { request, isolate: { settings } }: RequestContext, isSovereign: boolean): { url: string; videosUrl: string } | undefined {
  if (value === undefined || value === null) return undefined;
  const refused = (why: string): GatewayError => new GatewayError("invalid_request", `callback_url: ${why}`, { param: "callback_url" });
  const url = typeof value === "string" && value.length <= mostUrl ? URL.parse(value) : null;
  if (!url) throw refused(`must be an https URL of at most ${mostUrl} characters`);
  if (isSovereign) throw refused("a sovereign request is told of nowhere else; ask its polling_url");
  const why = unreachable(url, settings.ALLOW_PRIVATE_UPSTREAMS);
  if (why !== undefined) throw refused(why);
  if (nameOf(url) === nameOf(new URL(request.url))) throw refused("is this gateway's own host");
  url.hash = "";
  return { url: url.href, videosUrl: addressOf(request.url) };
}

async function begin(context: RequestContext, principal: Principal): Promise<Response> {
  const { callback_url: callback, ...fields } = (await readJson(context.request)).json as Record<string, unknown>;
  return create(context, principal, fields, words, callbackIn(callback, context, principal.sovereign || isWish(context.request.headers.get("x-sovereign"))));
}

/** /api/v1/videos: begun, asked after, fetched. https://openrouter.ai/docs/features/multimodal/video-generation */
export const openrouterVideos = new Hono<App>()
  .post("/", (c) => begun(contextOf(c), begin, words))
  .get("/webhook-secret", async (c) => {
    const { context: { isolate: { masters } }, principal, headers } = await lookedUp(c);
    return c.json({ data: { secret: await webhookSecret(masters.current, principal.keyId) } }, 200, headers);
  })
  .get("/models", async (c) => {
    const { list, headers, context: { startedAtMs } } = await callable(c);
    return c.json({ data: list.filter(({ kind }) => kind === "video").map((one) => videoModelView(one, startedAtMs)) }, 200, headers);
  })
  .get("/:id{video_[^/]*}", async (c) => {
    const { context, principal, headers } = await lookedUp(c);
    return c.json(renderOpenrouterVideo(await new Videos(context.isolate).find(principal, c.req.param("id")), addressOf(c.req.url)), 200, headers);
  })
  .get("/:id{video_[^/]*}/content", async (c) => {
    const { context, principal, headers } = await lookedUp(c);
    readQuery(c, contentQuery);
    const film = await contentOf(context, principal, c.req.param("id"), "video", headers);
    return film instanceof Response ? film : answerContent(c, context, film, headers);
  });

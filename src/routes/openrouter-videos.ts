import { Hono } from "hono";
import { z } from "zod";
import { GatewayError } from "../errors.ts";
import { readJson } from "../pipeline/index.ts";
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
const contentQuery = z.strictObject({ index: z.coerce.number().int().min(0).max(0, "there is one film").default(0) });

/** Throws for a request whose end would be told to nobody. */
function askable(fields: Record<string, unknown>): Record<string, unknown> {
  if (fields.callback_url != null) throw new GatewayError("invalid_request", "callback_url: nobody is called when a film is ready; ask its polling_url", { param: "callback_url" });
  return fields;
}

/** /api/v1/videos: begun, asked after, fetched. https://openrouter.ai/docs/features/multimodal/video-generation */
export const openrouterVideos = new Hono<App>()
  .post("/", (c) => begun(contextOf(c), async (context, principal) => create(context, principal, askable((await readJson(context.request)).json as Record<string, unknown>), words), words))
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

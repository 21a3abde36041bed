import { Hono } from "hono";
import { GatewayError } from "../errors.ts";
import { isForm } from "../form.ts";
import { isolateOf, relay, retellPictures, type RequestContext } from "../pipeline/index.ts";
import { openaiImageEdits, openaiImageEditsJson, openaiImages, openaiImageVariations } from "../protocols/index.ts";
import { Pictures } from "../pictures/index.ts";
import { contextOf, type App } from "./context.ts";

const picturing = (context: RequestContext): RequestContext => ({ ...context, retells: retellPictures });

/** What a browser may do with a picture of ours: draw it, wherever it is shown. */
const drawnOnly = { "content-security-policy": "default-src 'none'; sandbox", "cross-origin-resource-policy": "cross-origin", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" };

/** POST /v1/images/generations, /edits (a form, or JSON with addresses), /variations; GET /v1/images/files/{name}: a picture by its address, which is all that it takes. */
export const images = new Hono<App>()
  .post("/generations", (c) => relay(picturing(contextOf(c)), openaiImages))
  .post("/edits", (c) => relay(picturing(contextOf(c)), isForm(c.req.raw.headers) ? openaiImageEdits : openaiImageEditsJson))
  .post("/variations", (c) => relay(picturing(contextOf(c)), openaiImageVariations))
  .get("/files/:name", async (c) => {
    const shown = await new Pictures(isolateOf(c.env).env.FILES).show(c.req.param("name"), Date.now());
    if (!shown) throw new GatewayError("not_found", "There is no such picture, or its hour is over.");
    const { bytes, type, filename } = shown;
    return new Response(bytes, { headers: { ...drawnOnly, "content-type": type, "content-disposition": `inline; filename="${filename}"`, "cache-control": "private, max-age=300" } });
  });

import { Hono, type Context } from "hono";
import { etag, RETAINED_304_HEADERS } from "hono/etag";
import type { App } from "../routes/context.ts";
import { openapi } from "./document.ts";

/** A document for everybody: a copy is good for five minutes, and then for as long as its ETag is the same. */
const lasting = (c: Context<App>, type: string): Record<string, string> => ({
  "content-type": type, "cache-control": "public, max-age=300", "x-content-type-options": "nosniff", "x-request-id": c.get("requestId"), "request-id": c.get("requestId"),
});

/** Made once in an isolate's life, when it is first asked for. */
let document: string | undefined;

/** GET /openapi.json */
export const reference = new Hono<App>()
  .get("/openapi.json", etag({ retainedHeaders: [...RETAINED_304_HEADERS, "x-content-type-options", "x-request-id", "request-id"] }), (c) => c.body((document ??= JSON.stringify(openapi())), 200, lasting(c, "application/json")));

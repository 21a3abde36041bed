import { Hono, type Context } from "hono";
import { etag, RETAINED_304_HEADERS } from "hono/etag";
import { GatewayError } from "../errors.ts";
import { icon } from "../icon.ts";
import type { App } from "../routes/context.ts";
import { openapi } from "./document.ts";
import type { Json } from "./json-schema.ts";

/** What everything here carries: a copy is good for five minutes, and then for as long as its ETag is the same. */
const lasting = (c: Context<App>, type: string): Record<string, string> => ({
  "content-type": type, "cache-control": "public, max-age=300", "x-content-type-options": "nosniff", "x-request-id": c.get("requestId"), "request-id": c.get("requestId"),
});

/** Made once in an isolate's life, when it is first asked for. */
let document: { json: Json; bytes: Uint8Array; tag: string } | undefined;

const tagOf = async (bytes: Uint8Array): Promise<string> => `"${new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex().slice(0, 32)}"`;

async function made(): Promise<NonNullable<typeof document>> {
  const json = openapi();
  const bytes = new TextEncoder().encode(JSON.stringify(json));
  return { json, bytes, tag: await tagOf(bytes) };
}

const tagged = etag({ retainedHeaders: [...RETAINED_304_HEADERS, "x-content-type-options", "x-request-id", "request-id"] });

/** Where scripts/guides.ts says that the gateway is. */
const printedOrigin = "https://forge.example";

/** A page or a text that scripts/guides.ts has written, with this gateway's origin in it. Throws `not_found`. */
async function written(c: Context<App>, path: string, headers: Record<string, string>): Promise<Response> {
  const asked = c.req.header("if-none-match");
  const found = await c.env.ASSETS.fetch(new Request(`https://assets.local${path}`, { ...(asked !== undefined && { headers: { "if-none-match": asked } }) }));
  if (!found.ok && found.status !== 304) throw new GatewayError("not_found", "There is no such guide.");
  const kept = { ...headers, etag: found.headers.get("etag") ?? "" };
  return found.status === 304 ? new Response(null, { status: 304, headers: kept }) : new Response((await found.text()).replaceAll(printedOrigin, new URL(c.req.url).origin), { headers: kept });
}

/** Nothing from elsewhere, nothing inline, in nobody's frame. What is tried out on /reference goes to this gateway. */
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const pageHeaders = (c: Context<App>): Record<string, string> => ({
  ...lasting(c, "text/html; charset=utf-8"), "content-security-policy": policy, "x-frame-options": "DENY", "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin", "cross-origin-resource-policy": "same-origin",
});
const page = (c: Context<App>, path: string): Promise<Response> => written(c, path, pageHeaders(c));

/** A page of the reference. What makes it is loaded when the first of them is asked for. Throws `not_found`. */
async function drawn(c: Context<App>, id?: string): Promise<Response> {
  const { referencePage } = await import("./pages.tsx");
  const { json } = (document ??= await made());
  const text = await referencePage(json, c.env, { origin: new URL(c.req.url).origin, id });
  if (text === undefined) throw new GatewayError("not_found", "There is no such operation.");
  const headers = { ...pageHeaders(c), etag: await tagOf(new TextEncoder().encode(text)) };
  return c.req.header("if-none-match") === headers.etag ? new Response(null, { status: 304, headers }) : new Response(text, { headers });
}

/** GET /openapi.json; /reference, which shows it, and /reference/{operationId}; /docs and /docs/{guide}, with .md behind it for machines; /llms.txt, which lists them; what browsers and crawlers ask for by themselves. */
export const reference = new Hono<App>()
  .get("/openapi.json", tagged, async (c) => {
    const { bytes, tag } = (document ??= await made());
    return new Response(bytes, { headers: { ...lasting(c, "application/json"), etag: tag } });
  })
  .get("/llms.txt", (c) => written(c, "/llms.txt", lasting(c, "text/plain; charset=utf-8")))
  .get("/favicon.ico", tagged, (c) => c.body(icon, 200, lasting(c, "image/svg+xml")))
  .get("/robots.txt", tagged, (c) => c.body("User-agent: *\nAllow: /docs\nAllow: /reference\nAllow: /openapi.json\nAllow: /llms.txt\nDisallow: /\n", 200, lasting(c, "text/plain; charset=utf-8")))
  .get("/docs", (c) => page(c, "/docs/index.html"))
  .get("/docs/:name{[a-z-]+\\.md}", (c) => written(c, `/docs/${c.req.param("name")}`, lasting(c, "text/markdown; charset=utf-8")))
  .get("/docs/:name{[a-z-]+}", (c) => page(c, `/docs/${c.req.param("name")}.html`))
  .get("/reference", (c) => drawn(c))
  .get("/reference/:id{[a-zA-Z0-9]+}", (c) => drawn(c, c.req.param("id")));

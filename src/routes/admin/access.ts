import { createMiddleware } from "hono/factory";
import { GatewayError } from "../../errors.ts";
import { isolateOf } from "../../pipeline/index.ts";
import type { App } from "../context.ts";

/** Keeps every answer, errors too, out of every cache. */
export const neverStored = createMiddleware<App>(async function neverStored(c, next) {
  await next();
  c.header("cache-control", "private, no-store");
  c.header("vary", "Authorization");
});

/** Lets only the holder of ADMIN_SECRET in. */
export const adminOnly = createMiddleware<App>(async function adminOnly(c, next) {
  const given = /^bearer[ \t]+(\S+)$/i.exec(c.req.header("authorization")?.slice(0, 1024) ?? "")?.[1] ?? "";
  if (!(await same(given, isolateOf(c.env).settings.ADMIN_SECRET))) throw new GatewayError("invalid_admin_secret", "Invalid admin secret.", { shouldRetry: false });
  await next();
});

/** Compares in constant time. Digests, because texts of unequal length cannot be compared so. */
async function same(given: string, expected: string): Promise<boolean> {
  const [a, b] = await Promise.all([given, expected].map((text) => crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
  return crypto.subtle.timingSafeEqual(a!, b!);
}

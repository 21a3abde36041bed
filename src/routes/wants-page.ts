import type { Context } from "hono";
import { secretFromHeaders } from "../accounts/index.ts";
import type { App } from "./context.ts";

/** Whether a browser asks, not a program with a key. */
export const wantsPage = (c: Context<App>): boolean =>
  secretFromHeaders(c.req.raw.headers) === undefined && c.req.header("authorization") === undefined && /\btext\/html\b/.test(c.req.header("accept") ?? "");

import { Hono } from "hono";
import { isolateOf, selftestOf } from "../../pipeline/index.ts";
import type { App } from "../context.ts";

/** What holds a sovereign call: each way out, tried. It takes no body and changes nothing. */
export const sovereign = new Hono<App>().get("/selftest", async (c) => c.json(await selftestOf(isolateOf(c.env))));

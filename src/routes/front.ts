import { Hono } from "hono";
import type { App } from "./context.ts";
import { wantsPage } from "./wants-page.ts";

/** GET /: it leads people to the dashboard and tells programs where everything is. */
export const front = new Hono<App>().get("/", (c) => {
  if (wantsPage(c)) return c.redirect("/dashboard", 303);
  return c.json({ name: "Forge", api: "/v1", openapi: "/openapi.json", documentation: "/docs", reference: "/reference", guides_for_models: "/llms.txt", dashboard: "/dashboard" });
});

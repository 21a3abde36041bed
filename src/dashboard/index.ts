/**
 * The dashboard: pages for people, made on the server, with islands where something moves. Belongs here: pages, their parts, who may open
 * them (table.ts, rights.ts), people's accounts (auth.ts). Does not belong here: SQL (accounts, ledger), what an API key may do (pipeline).
 * Imports the stores; routes import it by import() alone, when a browser comes or an administrator has a person written to: no other API call evaluates any of it.
 */
import { Hono } from "hono";
import { asGatewayError } from "../pipeline/index.ts";
export { decideAndTell } from "./decision.ts";
export { linkFor } from "./link.ts";
import { asset } from "./assets.ts";
import { errorPage } from "./pages/error.tsx";
import { guarded, known, noSuchPage, sameOrigin, sealed } from "./guard.ts";
import { table } from "./table.ts";
import type { Room } from "./visit.ts";

export const dashboard = new Hono<Room>().basePath("/dashboard");

dashboard.use(sealed);
dashboard.get("/assets/*", (c) => asset(c.env, c.req.raw));
dashboard.use(known);
dashboard.use(sameOrigin);
for (const entry of table) dashboard.on(entry.method, entry.path || "/", guarded(entry) as never);
dashboard.notFound((c) => errorPage(c, noSuchPage()));
dashboard.onError((thrown, c) => errorPage(c, asGatewayError(thrown, { requestId: c.req.header("x-request-id") ?? "dashboard" })));

import { Hono } from "hono";
import { relay } from "../pipeline/index.ts";
import { openaiModerations } from "../protocols/index.ts";
import { contextOf, type App } from "./context.ts";

/** POST /v1/moderations */
export const moderations = new Hono<App>().post("/", (c) => relay(contextOf(c), openaiModerations));

import { Hono } from "hono";
import { relay } from "../pipeline/index.ts";
import { rerank } from "../protocols/index.ts";
import { contextOf, type App } from "./context.ts";

/** POST /v1/rerank and /v2/rerank: Cohere's two versions, and what others made of them. */
export const rankings = new Hono<App>().post("/", (c) => relay(contextOf(c), rerank));

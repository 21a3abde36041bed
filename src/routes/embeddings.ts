import { Hono } from "hono";
import { relay } from "../pipeline/index.ts";
import { openaiEmbeddings } from "../protocols/index.ts";
import { contextOf, type App } from "./context.ts";

/** POST /v1/embeddings */
export const embeddings = new Hono<App>().post("/", (c) => relay(contextOf(c), openaiEmbeddings));

import { Hono } from "hono";
import { relay } from "../pipeline/index.ts";
import { openaiChat } from "../protocols/index.ts";
import { contextOf, type App } from "./context.ts";

/** POST /v1/chat/completions */
export const chatCompletions = new Hono<App>().post("/", (c) => relay(contextOf(c), openaiChat));

import { Hono } from "hono";
import { relay, serve, withPrompts } from "../pipeline/index.ts";
import { openaiCompletions } from "../protocols/index.ts";
import { contextOf, type App } from "./context.ts";

const answer = withPrompts(serve);

/** POST /v1/completions */
export const completions = new Hono<App>().post("/", (c) => relay(contextOf(c), openaiCompletions, answer));

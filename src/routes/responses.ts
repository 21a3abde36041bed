import { Hono } from "hono";
import { relay } from "../pipeline/index.ts";
import { openaiInputTokens, openaiResponses } from "../protocols/index.ts";
import { contextOf, type App } from "./context.ts";

/** POST /v1/responses, POST /v1/responses/input_tokens */
export const responses = new Hono<App>()
  .post("/", (c) => relay(contextOf(c), openaiResponses))
  .post("/input_tokens", (c) => relay(contextOf(c), openaiInputTokens));

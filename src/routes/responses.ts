import { Hono } from "hono";
import { withMcp } from "../mcp/index.ts";
import { relay, serve } from "../pipeline/index.ts";
import { openaiInputTokens, openaiResponses } from "../protocols/index.ts";
import { contextOf, type App } from "./context.ts";

const answer = withMcp(serve);

/** POST /v1/responses, POST /v1/responses/input_tokens */
export const responses = new Hono<App>()
  .post("/", (c) => relay(contextOf(c), openaiResponses, answer))
  .post("/input_tokens", (c) => relay(contextOf(c), openaiInputTokens));

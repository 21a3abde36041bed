import { Hono } from "hono";
import { relay } from "../pipeline/index.ts";
import { anthropicCountTokens, anthropicMessages } from "../protocols/index.ts";
import { contextOf, type App } from "./context.ts";

/** POST /v1/messages and POST /v1/messages/count_tokens; also under /v1/v1, where SDKs go whose base URL ends in /v1. */
export const messages = new Hono<App>()
  .post("/", (c) => relay(contextOf(c), anthropicMessages))
  .post("/count_tokens", (c) => relay(contextOf(c), anthropicCountTokens));

import { Hono } from "hono";
import { z } from "zod";
import { answerHeaders, callerOf, dryRun } from "../pipeline/index.ts";
import { anthropicMessages, openaiChat, openaiCompletions, openaiEmbeddings, openaiResponses } from "../protocols/index.ts";
import { readQuery } from "./admin/input.ts";
import { contextOf, type App } from "./context.ts";

const short = [{ role: "user", content: "Hello." }];

/** Endpoints that a request can be meant for, and what a body is completed with that only names a model. */
const endpoints = {
  "/v1/chat/completions": { protocol: openaiChat, sample: { messages: short } },
  "/v1/messages": { protocol: anthropicMessages, sample: { messages: short, max_tokens: 1_024 } },
  "/v1/responses": { protocol: openaiResponses, sample: { input: "Hello." } },
  "/v1/completions": { protocol: openaiCompletions, sample: { prompt: "Hello." } },
  "/v1/embeddings": { protocol: openaiEmbeddings, sample: { input: "Hello." } },
} as const;

const query = z.strictObject({ endpoint: z.enum(Object.keys(endpoints) as (keyof typeof endpoints)[]).default("/v1/chat/completions") });

/**
 * POST /v1/route?endpoint=/v1/messages: a dry run of the request that is its body. Which deployments would be tried, in which order,
 * at what price, and why not the others. It costs nothing and counts against no limit.
 */
export const route = new Hono<App>().post("/", async (c) => {
  const { endpoint } = readQuery(c, query);
  const { protocol, sample } = endpoints[endpoint];
  const context = contextOf(c);
  const { report, rate } = await dryRun(context, protocol, await callerOf(context), sample);
  return c.json(report, 200, answerHeaders(context.requestId, rate, "application/json"));
});

import { Hono } from "hono";
import * as z from "zod";
import { asFunctions } from "../mcp/index.ts";
import { answerHeaders, callerOf, dryRun, eachPrompt, type Seen } from "../pipeline/index.ts";
import { anthropicMessages, openaiChat, openaiCompletions, openaiEmbeddings, openaiImages, openaiResponses, openaiSpeech, openaiTranscriptions, openaiTranslations, type Protocol } from "../protocols/index.ts";
import { readQuery } from "./admin/input.ts";
import { contextOf, type App } from "./context.ts";

const short = [{ role: "user", content: "Hello." }];

type Endpoint = { readonly protocol: Protocol; readonly sample: object; readonly seen?: Seen };

/** Endpoints that a request can be meant for, what a body is completed with that only names a model, and what layers make of one. */
const endpoints = {
  "/v1/chat/completions": { protocol: openaiChat, sample: { messages: short } },
  "/v1/messages": { protocol: anthropicMessages, sample: { messages: short, max_tokens: 1_024 } },
  "/v1/responses": { protocol: openaiResponses, sample: { input: "Hello." }, seen: asFunctions },
  "/v1/completions": { protocol: openaiCompletions, sample: { prompt: "Hello." }, seen: eachPrompt },
  "/v1/images/generations": { protocol: openaiImages, sample: { prompt: "A house." } },
  "/v1/embeddings": { protocol: openaiEmbeddings, sample: { input: "Hello." } },
  "/v1/audio/speech": { protocol: openaiSpeech, sample: { input: "Hello.", voice: "alloy" } },
  "/v1/audio/transcriptions": { protocol: openaiTranscriptions, sample: { input_audio: { data: "AAAA", format: "mp3" } } },
  "/v1/audio/translations": { protocol: openaiTranslations, sample: { input_audio: { data: "AAAA", format: "mp3" } } },
} as const satisfies Record<string, Endpoint>;

export const query = z.strictObject({ endpoint: z.enum(Object.keys(endpoints) as (keyof typeof endpoints)[]).default("/v1/chat/completions") });

/**
 * POST /v1/route?endpoint=/v1/messages: a dry run of the request that is its body. Which deployments would be tried, in which order,
 * at what price, and why not the others. It costs nothing and counts against no limit.
 */
export const route = new Hono<App>().post("/", async (c) => {
  const { endpoint } = readQuery(c, query);
  const { protocol, sample, seen }: Endpoint = endpoints[endpoint];
  const context = contextOf(c);
  const { report, rate } = await dryRun(context, protocol, await callerOf(context), sample, seen);
  return c.json(report, 200, answerHeaders(context.requestId, rate, "application/json"));
});

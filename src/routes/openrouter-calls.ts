import { Hono } from "hono";
import { relay } from "../pipeline/index.ts";
import { generationId, openrouterChat, openrouterCompletions, openrouterEmbeddings, openrouterMessages, openrouterResponses, type Protocol } from "../protocols/index.ts";
import { contextOf, type App } from "./context.ts";
import type { Context } from "hono";

/** Answers with the id under which OpenRouter's clients ask for a generation: of an answer that is told again, the first one's. */
const answer = (protocol: Protocol) => async (c: Context<App>): Promise<Response> => {
  const response = await relay(contextOf(c), protocol);
  const id = response.headers.get("x-request-id");
  if (response.ok && id !== null) response.headers.set("x-generation-id", generationId(id));
  return response;
};

/** /api/v1 of OpenRouter, as far as it asks a model. https://openrouter.ai/docs/api-reference/overview */
export const openrouterCalls = new Hono<App>()
  .post("/chat/completions", answer(openrouterChat))
  .post("/completions", answer(openrouterCompletions))
  .post("/embeddings", answer(openrouterEmbeddings))
  .post("/responses", answer(openrouterResponses))
  .post("/messages", answer(openrouterMessages));

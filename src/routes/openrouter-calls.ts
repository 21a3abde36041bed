import { Hono, type Context } from "hono";
import { withMcp } from "../mcp/index.ts";
import { picturesAsBytes, readJson, refusal, relay, serve, withPrompts, type Serve } from "../pipeline/index.ts";
import { generationId, openrouterChat, openrouterCompletions, openrouterEmbeddings, openrouterImages, openrouterImagesFor, openrouterMessages, openrouterRerank, openrouterResponses, openrouterSpeech, openrouterTranscriptions, type Protocol } from "../protocols/index.ts";
import { contextOf, type App } from "./context.ts";
import { orForgelab } from "./forgelab.ts";

/** Answers with the id under which OpenRouter's clients ask for a generation: of an answer that is told again, the first one's. */
const answer = (protocol: Protocol, by?: Serve) => async (c: Context<App>): Promise<Response> => {
  const response = await relay(contextOf(c), protocol, by);
  const id = response.headers.get("x-request-id");
  if (response.ok && id !== null) response.headers.set("x-generation-id", generationId(id));
  return response;
};

/** Pictures, of nothing but words or of others: whom they are asked of, and how, depends on that. */
const drawn: Serve = async (context, protocol) => {
  try {
    const read = context.read ?? (await readJson(context.request, context.named?.body));
    return await serve({ ...context, read, retells: picturesAsBytes }, openrouterImagesFor(read.json));
  } catch (thrown) {
    return refusal(context, protocol, undefined, thrown);
  }
};

/**
 * /api/v1 of OpenRouter, as far as it asks a model. https://openrouter.ai/docs/api-reference/overview
 * Chat completions are also where ForgeLab's clients come.
 */
export const openrouterCalls = new Hono<App>()
  .post("/chat/completions", answer(openrouterChat, orForgelab(serve)))
  .post("/completions", answer(openrouterCompletions, withPrompts(serve)))
  .post("/embeddings", answer(openrouterEmbeddings))
  .post("/rerank", answer(openrouterRerank))
  .post("/images", answer(openrouterImages, drawn))
  .post("/audio/speech", answer(openrouterSpeech))
  .post("/audio/transcriptions", answer(openrouterTranscriptions))
  .post("/responses", answer(openrouterResponses, withMcp(serve)))
  .post("/messages", answer(openrouterMessages));

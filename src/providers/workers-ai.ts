import { openaiLike } from "./provider.ts";

const converses = ["openai-chat", "workers-ai-embeddings", "openai-responses"];

/** Models of pictures, which are run under a path of their own. */
const draws = /black-forest-labs|stabilityai|stable-diffusion|leonardo|lucid|dreamshaper/;

/** Needs CLOUDFLARE_ACCOUNT_ID. Conversations and vectors as OpenAI has them, all other models by their run call. https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility/ */
export const workersAi = openaiLike("workers-ai", "Workers AI", "https://api.cloudflare.com/client/v4/accounts/{CLOUDFLARE_ACCOUNT_ID}/ai", {
  speaks: [...converses, "workers-ai-rerank", "workers-ai-speech", "workers-ai-transcriptions", "workers-ai-translations", "workers-images"],
  speaksFor: (upstreamId) => (upstreamId.includes("rerank") ? ["workers-ai-rerank"] : draws.test(upstreamId) ? ["workers-images"] : [...converses, "workers-ai-speech", "workers-ai-transcriptions", "workers-ai-translations"]),
  paths: { "openai-chat": "/v1/chat/completions", "workers-ai-embeddings": "/v1/embeddings", "openai-responses": "/v1/responses" },
  alsoCalled: ["cloudflare"],
  data: { trains: false, source: "https://developers.cloudflare.com/workers-ai/platform/data-usage/" },
  requestIdHeader: "cf-ray",
});

import { openaiLike } from "./provider.ts";

/** Needs CLOUDFLARE_ACCOUNT_ID. https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility/ */
export const workersAi = openaiLike("workers-ai", "Workers AI", "https://api.cloudflare.com/client/v4/accounts/{CLOUDFLARE_ACCOUNT_ID}/ai/v1", {
  speaks: ["openai-chat", "workers-ai-embeddings", "openai-responses", "workers-ai-rerank"],
  speaksFor: (upstreamId) => (upstreamId.includes("rerank") ? ["workers-ai-rerank"] : ["openai-chat", "workers-ai-embeddings", "openai-responses"]),
/** Needs CLOUDFLARE_ACCOUNT_ID. Conversations and vectors as OpenAI has them, all other models by their run call. https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility/ */
export const workersAi = openaiLike("workers-ai", "Workers AI", "https://api.cloudflare.com/client/v4/accounts/{CLOUDFLARE_ACCOUNT_ID}/ai", {
  speaks: ["openai-chat", "openai-embeddings", "openai-responses", "workers-ai-speech", "workers-ai-transcriptions", "workers-ai-translations"],
  paths: { "openai-chat": "/v1/chat/completions", "openai-embeddings": "/v1/embeddings", "openai-responses": "/v1/responses" },
  alsoCalled: ["cloudflare"],
  data: { trains: false, source: "https://developers.cloudflare.com/workers-ai/platform/data-usage/" },
  requestIdHeader: "cf-ray",
});

import { openaiLike } from "./provider.ts";

/** Needs CLOUDFLARE_ACCOUNT_ID. https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility/ */
export const workersAi = openaiLike("workers-ai", "Workers AI", "https://api.cloudflare.com/client/v4/accounts/{CLOUDFLARE_ACCOUNT_ID}/ai/v1", {
  speaks: ["openai-chat", "workers-ai-embeddings", "openai-responses", "workers-ai-rerank"],
  speaksFor: (upstreamId) => (upstreamId.includes("rerank") ? ["workers-ai-rerank"] : ["openai-chat", "workers-ai-embeddings", "openai-responses"]),
  alsoCalled: ["cloudflare"],
  data: { trains: false, source: "https://developers.cloudflare.com/workers-ai/platform/data-usage/" },
  requestIdHeader: "cf-ray",
});

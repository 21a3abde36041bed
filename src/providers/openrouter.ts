import { openaiLike } from "./provider.ts";

/** Sends usage in a last chunk by itself. https://openrouter.ai/docs/api-reference/overview */
export const openrouter = openaiLike("openrouter", "OpenRouter", "https://openrouter.ai/api/v1", {
  speaks: ["openai-chat", "openai-embeddings", "openai-responses", "openai-completions", "anthropic-messages", "jina-rerank"],
  paths: { "anthropic-messages": "/messages" },
  streamOptions: "needless",
  dialect: { reasoning: "object", reasoningBack: "reasoning_details", jsonSchema: true },
  routes: true,
  requestIdHeader: "x-generation-id",
});

import { openaiLike } from "./provider.ts";

/** Anthropic's OpenAI-compatible endpoint. https://docs.anthropic.com/en/api/openai-sdk */
export const anthropic = openaiLike("anthropic", "Anthropic", "https://api.anthropic.com", {
  speaks: ["openai-chat"],
  paths: { "openai-chat": "/v1/chat/completions" },
  requestIdHeader: "request-id",
});

import { openaiLike } from "./provider.ts";

/** Messages, and an endpoint that is like OpenAI's. https://docs.anthropic.com/en/api/messages and https://docs.anthropic.com/en/api/openai-sdk */
export const anthropic = openaiLike("anthropic", "Anthropic", "https://api.anthropic.com", {
  speaks: ["openai-chat", "anthropic-messages", "anthropic-count-tokens"],
  paths: { "openai-chat": "/v1/chat/completions" },
  auth: (secret, protocol): Record<string, string> =>
    protocol === "openai-chat" ? { authorization: `Bearer ${secret}` } : { "x-api-key": secret, "anthropic-version": "2023-06-01" },
  requestIdHeader: "request-id",
});

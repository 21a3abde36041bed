import { openaiLike } from "./provider.ts";

/**
 * Completions are its beta (FIM), on a path of their own, and so is going on with a `prefix`, of which nobody says whether a model that thinks
 * can: https://api-docs.deepseek.com/guides/chat_prefix_completion
 */
export const deepseek = openaiLike("deepseek", "DeepSeek", "https://api.deepseek.com", {
  speaks: ["openai-chat", "openai-responses", "openai-completions", "anthropic-messages"],
  paths: { "openai-completions": "/beta/completions", "anthropic-messages": "/anthropic/v1/messages" },
  auth: (secret, protocol): Record<string, string> => (protocol === "anthropic-messages" ? { "x-api-key": secret } : { authorization: `Bearer ${secret}` }),
  dialect: { reasoning: "effort", reasoningBack: "reasoning_content" },
  prefill: (protocol, upstreamId) =>
    protocol === "openai-chat" && upstreamId === "deepseek-chat" ? { message: { prefix: true }, path: "/beta/chat/completions", echoes: true } : undefined,
  requestIdHeader: "x-ds-trace-id",
});

import { openaiLike } from "./provider.ts";

/** Completions are its beta (FIM), on a path of their own. https://api-docs.deepseek.com */
export const deepseek = openaiLike("deepseek", "DeepSeek", "https://api.deepseek.com", {
  speaks: ["openai-chat", "openai-responses", "openai-completions", "anthropic-messages"],
  paths: { "openai-completions": "/beta/completions", "anthropic-messages": "/anthropic/v1/messages" },
  auth: (secret, protocol): Record<string, string> => (protocol === "anthropic-messages" ? { "x-api-key": secret } : { authorization: `Bearer ${secret}` }),
  dialect: { reasoning: "effort", reasoningBack: "reasoning_content" },
  requestIdHeader: "x-ds-trace-id",
});

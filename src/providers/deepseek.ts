import { openaiLike } from "./provider.ts";

/** https://api-docs.deepseek.com */
export const deepseek = openaiLike("deepseek", "DeepSeek", "https://api.deepseek.com", {
  speaks: ["openai-chat", "anthropic-messages"],
  paths: { "anthropic-messages": "/anthropic/v1/messages" },
  auth: (secret, protocol): Record<string, string> => (protocol === "anthropic-messages" ? { "x-api-key": secret } : { authorization: `Bearer ${secret}` }),
  requestIdHeader: "x-ds-trace-id",
});

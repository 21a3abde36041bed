import { openaiLike } from "./provider.ts";

/** https://platform.openai.com/docs/api-reference */
export const openai = openaiLike("openai", "OpenAI", "https://api.openai.com/v1", {
  speaks: ["openai-chat", "openai-embeddings", "openai-responses", "openai-input-tokens", "openai-completions"],
});

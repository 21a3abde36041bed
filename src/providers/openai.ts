import { openaiLike } from "./provider.ts";

/** https://platform.openai.com/docs/api-reference */
export const openai = openaiLike("openai", "OpenAI", "https://api.openai.com/v1", {
  dialect: { maxTokensField: "max_completion_tokens", developerRole: true, reasoning: "effort", jsonSchema: true },
  speaks: ["openai-responses", "openai-chat", "openai-embeddings", "openai-input-tokens", "openai-completions"],
  data: { trains: false, source: "https://developers.openai.com/api/docs/guides/your-data" },
});

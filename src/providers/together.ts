import { openaiLike } from "./provider.ts";

/** https://docs.together.ai/docs/openai-api-compatibility */
export const together = openaiLike("together", "Together AI", "https://api.together.xyz/v1", {
  speaks: ["openai-chat", "openai-embeddings", "openai-completions", "jina-rerank", "openai-speech", "segmented-transcriptions", "segmented-translations", "openai-images"], fileHosts: ["api.together.ai", ".together.ai", ".together.xyz"], dialect: { jsonSchema: true },
});

import { openaiLike } from "./provider.ts";

/** Sends usage in a last chunk by itself. Its speech is PCM where nobody says otherwise, and MP3 everywhere else. https://openrouter.ai/docs/api-reference/overview */
export const openrouter = openaiLike("openrouter", "OpenRouter", "https://openrouter.ai/api/v1", {
  speaks: ["openai-chat", "openai-embeddings", "openai-responses", "openai-completions", "anthropic-messages", "jina-rerank", "openai-speech", "segmented-transcriptions", "openrouter-images", "openrouter-videos"],
  paths: { "anthropic-messages": "/messages" },
  streamOptions: "needless",
  dialect: { reasoning: "object", reasoningBack: "reasoning_details", jsonSchema: true, routerFields: true },
  edits: (protocol) => (protocol === "openai-speech" ? { absent: { response_format: '"mp3"' } } : undefined),
  routes: true,
  sealsReasoning: true,
  requestIdHeader: "x-generation-id",
});

import { openaiLike } from "./provider.ts";

/** Gemini's OpenAI-compatible endpoint. https://ai.google.dev/gemini-api/docs/openai */
export const gemini = openaiLike("gemini", "Google Gemini", "https://generativelanguage.googleapis.com/v1beta", {
  paths: { "openai-chat": "/openai/chat/completions", "openai-embeddings": "/openai/embeddings" },
});

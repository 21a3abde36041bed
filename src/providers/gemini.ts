import { openaiLike } from "./provider.ts";

/** Gemini's own API, and its OpenAI-compatible endpoint. https://ai.google.dev/api and https://ai.google.dev/gemini-api/docs/openai */
export const gemini = openaiLike("gemini", "Google Gemini", "https://generativelanguage.googleapis.com/v1beta", {
  speaks: ["gemini-generate", "gemini-embeddings", "openai-embeddings"],
  alsoCalled: ["google-ai-studio", "google ai studio"],
  paths: { "openai-embeddings": "/openai/embeddings" },
  auth: (secret, protocol): Record<string, string> => (protocol.startsWith("openai-") ? { authorization: `Bearer ${secret}` } : { "x-goog-api-key": secret }),
});

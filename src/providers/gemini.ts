import { openaiLike } from "./provider.ts";

/** https://ai.google.dev/api */
export const gemini = openaiLike("gemini", "Google Gemini", "https://generativelanguage.googleapis.com/v1beta", {
  speaks: ["gemini-generate", "gemini-embeddings", "gemini-speech", "gemini-transcriptions", "gemini-translations", "google-images", "gemini-videos"],
  dialect: { webSearch: true },
  alsoCalled: ["google-ai-studio", "google ai studio"],
  batches: { by: "keyed", takes: /:(?:generateContent|batchEmbedContents)$/ },
  auth: (secret) => ({ "x-goog-api-key": secret }),
});

/** A body to begin with, by what it is: the page fills it in where a request is tried out. */
const messages = [{ role: "user", content: "Hello" }];

export const samples: Readonly<Record<string, object>> = {
  ChatCompletionRequest: { model: "auto", messages },
  CompletionRequest: { model: "auto", prompt: "Once upon a time", max_tokens: 64 },
  ResponseRequest: { model: "auto", input: "Hello" },
  MessageRequest: { model: "auto", max_tokens: 1_024, messages },
  CountTokensRequest: { model: "auto", messages },
  GenerateContentRequest: { contents: [{ role: "user", parts: [{ text: "Hello" }] }] },
  CountContentTokensRequest: { contents: [{ role: "user", parts: [{ text: "Hello" }] }] },
  EmbedContentRequest: { content: { parts: [{ text: "Hello" }] } },
  EmbeddingRequest: { model: "embedding", input: ["Hello"] },
  ModerationRequest: { input: "Hello" },
  RerankRequest: { model: "rerank", query: "Which mango is sweet?", documents: ["Himsagar is sweet.", "The Padma is a river."] },
  SpeechRequest: { model: "tts-1", input: "Hello", voice: "alloy" },
  ImageRequest: { model: "gpt-image-2", prompt: "A house by the sea" },
  OpenRouterImageRequest: { model: "gpt-image-2", prompt: "A house by the sea" },
  VideoRequest: { model: "veo-3.1-generate-001", prompt: "A boat leaves the harbour", seconds: "4" },
  InsForgeChatRequest: { model: "auto", messages },
  InsForgeImageRequest: { model: "gemini-2.5-flash-image", prompt: "A house by the sea" },
  AtlassianLlmRequest: { messages: [{ role: "user", content: [{ type: "text", text: "Hello" }] }] },
};

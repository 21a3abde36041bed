/**
 * Wire formats: how bytes look. Pure: no fetch, no environment, no clock, no provider. Imports: chat, errors, zod.
 */
export { conversations } from "./conversations.ts";
export { atlassianLlm, renderError as renderAtlassianError } from "./atlassian-llm/index.ts";
export { anthropicCountTokens, anthropicMessages, chatErrorOf as anthropicErrorOf, renderError as renderAnthropicError } from "./anthropic-messages/index.ts";
export { gemini, geminiMethods, renderError as renderGoogleError } from "./gemini/index.ts";
export { insforgeChat, insforgeImages, renderError as renderInsforgeError } from "./insforge/index.ts";
export { embedders, openaiEmbeddings } from "./media/embeddings.ts";
export { openaiModerations } from "./media/moderations.ts";
export { renderRerankError, rerank } from "./media/rerank.ts";
export { openaiSpeech } from "./media/speech.ts";
export { openaiTranscriptions, openaiTranslations } from "./media/transcription.ts";
export { openaiImageEdits, openaiImageEditsJson, openaiImages, openaiImageVariations } from "./media/images.ts";
export { openaiVideos, renderOpenrouterVideo, renderVideo, renderVideoEvent, type Video, type VideoStatus } from "./media/videos.ts";
export { openaiChat, renderError as renderOpenaiError } from "./openai-chat/index.ts";
export { fltOf, forgelab, isForgelab, readForgelab, type Before, type ForgelabRequest } from "./forgelab/index.ts";
export { openaiCompletions } from "./openai-completions/index.ts";
export { openaiInputTokens, openaiResponses } from "./openai-responses/index.ts";
export {
  generationId, imageAbilities, openrouterChat, openrouterCompletions, openrouterEmbeddings, openrouterImages, openrouterImagesFor, openrouterMessages, openrouterRerank, openrouterResponses, openrouterSpeech, openrouterTranscriptions, openrouterVideos, renderError as renderOpenrouterError, requestIdOf,
} from "./openrouter/index.ts";
export { textBound } from "./text-bound.ts";
export type { Observation, Protocol, RequestFacts, StreamObserver } from "./protocol.ts";

/**
 * What a client may send in each wire format, for whoever describes the API: the very schemas by which requests are read. A request that passes
 * is read by the first that is named, one that crosses by all of them, and where two read the same field the later one is the stricter.
 */
import * as z from "zod";
import { countSchema as anthropicCount, requestSchema as anthropicFacts } from "./anthropic-messages/request.ts";
import { requestSchema as forgelab } from "./forgelab/index.ts";
import { batchEmbedSchema, configSchema, countSchema as geminiCount, embedSchema, generateSchema } from "./gemini/request.ts";
import { chatSchema as insforgeChat, fileSchema, imageSchema as insforgeImage, webSchema } from "./insforge/request.ts";
import { requestSchema as embeddingsFacts } from "./media/embeddings.ts";
import { wishSchema as embeddingsWish } from "./media/embeddings-request.ts";
import { madeSchema, variedSchema } from "./media/images.ts";
import { requestSchema as moderation } from "./media/moderations-request.ts";
import { requestSchema as rerank } from "./media/rerank-request.ts";
import { requestSchema as speech } from "./media/speech-request.ts";
import { schemas as transcription } from "./media/transcription-request.ts";
import { requestSchema as video } from "./media/video-wish.ts";
import { requestSchema as chatConversation } from "./openai-chat/parse-request.ts";
import { requestSchema as chatFacts } from "./openai-chat/request.ts";
import { requestSchema as completionConversation } from "./openai-completions/parse-request.ts";
import { requestSchema as completionFacts } from "./openai-completions/request.ts";
import { requestSchema as responsesConversation } from "./openai-responses/parse-request.ts";
import { requestSchema as responsesFacts } from "./openai-responses/request.ts";
import { imageSchema as openrouterImage } from "./openrouter/image-request.ts";
import { pluginsSchema } from "./openrouter/plugins.ts";
import { wishSchema } from "./routing.ts";

const together = (...schemas: readonly z.ZodObject[]): z.ZodObject => z.object(Object.assign({}, ...schemas.map(({ shape }) => shape)) as z.ZodRawShape);
const { model: _, messages: __, ...withoutModel } = chatConversation.shape;

/** By the name of what is sent. Made when it is asked for: no request needs it. */
export const requestSchemas = () => ({
  ChatCompletionRequest: together(chatFacts, chatConversation, wishSchema, pluginsSchema),
  CompletionRequest: together(completionFacts, completionConversation, wishSchema),
  ResponseRequest: together(responsesFacts, responsesConversation, wishSchema),
  MessageRequest: together(anthropicFacts, wishSchema),
  CountTokensRequest: anthropicCount,
  GenerateContentRequest: generateSchema.extend({ generationConfig: configSchema.nullish() }),
  CountContentTokensRequest: geminiCount,
  EmbedContentRequest: embedSchema,
  BatchEmbedContentsRequest: batchEmbedSchema,
  EmbeddingRequest: together(embeddingsFacts, embeddingsWish, wishSchema),
  ModerationRequest: moderation,
  RerankRequest: rerank,
  SpeechRequest: speech,
  TranscriptionForm: transcription.transcribe,
  TranslationForm: transcription.translate,
  ImageRequest: madeSchema,
  OpenRouterImageRequest: openrouterImage,
  ImageVariationForm: variedSchema,
  VideoRequest: video,
  ForgeLabRequest: forgelab,
  InsForgeChatRequest: insforgeChat.extend({ webSearch: webSchema.nullish(), fileParser: fileSchema.nullish() }),
  InsForgeImageRequest: insforgeImage,
  AtlassianLlmRequest: z.object({ messages: chatConversation.shape.messages, ...withoutModel }),
});

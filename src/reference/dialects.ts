/** OpenRouter's API, and the dialects of other systems. */
import type { requestSchemas } from "../protocols/request-schemas.ts";
import * as z from "zod";
import * as account from "../routes/openrouter-account.ts";
import * as keys from "../routes/openrouter-keys.ts";
import * as models from "../routes/openrouter-models.ts";
import { contentQuery, mostUrl } from "../routes/openrouter-videos.ts";
import type { Family } from "./operation.ts";

const openrouter = (page: string): string => `https://openrouter.ai/docs/api-reference/${page}`;
const events = "text/event-stream";

export const dialectFamilies = (bodies: ReturnType<typeof requestSchemas>): Family[] => [
  {
    name: "OpenRouter", about: "OpenRouter's API. A chat completion with a `message` and no `messages` is ForgeLab's.",
    operations: [
      {
        on: "POST /api/v1/chat/completions", is: "Answer a conversation", says: "Also ForgeLab's, which is told by its `message`.", docs: openrouter("chat-completion"), asks: true, streams: events,
        json: z.union([bodies.ChatCompletionRequest, bodies.ForgeLabRequest]),
      },
      { on: "POST /api/v1/completions", is: "Complete a text", docs: openrouter("completion"), asks: true, json: bodies.CompletionRequest, streams: events },
      { on: "POST /api/v1/responses", is: "Make a response", docs: openrouter("responses-api"), asks: true, json: bodies.ResponseRequest, streams: events },
      { on: "POST /api/v1/messages", is: "Answer a conversation in Anthropic's words", docs: openrouter("overview"), asks: true, json: bodies.MessageRequest, streams: events },
      { on: "POST /api/v1/embeddings", is: "Embed texts", docs: openrouter("embeddings"), asks: true, json: bodies.EmbeddingRequest },
      { on: "POST /api/v1/rerank", is: "Rank documents by a query", docs: openrouter("rerank"), asks: true, json: bodies.RerankRequest },
      { on: "POST /api/v1/audio/speech", is: "Speak a text", docs: openrouter("overview"), asks: true, json: bodies.SpeechRequest.partial({ voice: true }), type: "audio/pcm" },
      {
        on: "POST /api/v1/audio/transcriptions", is: "Write down what is said", docs: openrouter("transcriptions"), asks: true, form: bodies.TranscriptionForm,
        json: bodies.TranscriptionForm.omit({ file: true }).extend({ input_audio: z.object({ data: z.string(), format: z.string() }) }),
      },
      { on: "POST /api/v1/videos", is: "Begin a film", docs: openrouter("overview"), asks: true, json: bodies.VideoRequest.extend({ callback_url: z.string().max(mostUrl).nullish() }), status: 202 },
      { on: "POST /api/v1/images", is: "Make pictures", docs: openrouter("images"), asks: true, json: bodies.OpenRouterImageRequest, streams: events },
      { on: "GET /api/v1/images/models", is: "Models that make pictures", docs: openrouter("images") },
      { on: "GET /api/v1/images/models/{model}/endpoints", is: "Every deployment of such a model", docs: openrouter("images") },
      { on: "GET /api/v1/videos/webhook-secret", is: "What a finished film's callback is signed with", docs: openrouter("overview") },
      { on: "GET /api/v1/videos/models", is: "Models that make films", docs: openrouter("overview") },
      { on: "GET /api/v1/videos/{video_id}", is: "How a film stands", docs: openrouter("overview") },
      { on: "GET /api/v1/videos/{video_id}/content", is: "The film itself", docs: openrouter("overview"), query: contentQuery, type: "video/mp4" },
      { on: "GET /api/v1/models", is: "Models, with filters", docs: openrouter("list-available-models"), query: models.listQuery },
      { on: "GET /api/v1/models/user", is: "Models that this key can call", docs: openrouter("list-available-models"), query: models.pageQuery },
      { on: "GET /api/v1/models/count", is: "How many models there are", docs: openrouter("list-available-models"), query: models.pageQuery },
      { on: "GET /api/v1/embeddings/models", is: "Embedding models", docs: openrouter("list-available-models"), query: models.pageQuery },
      { on: "GET /api/v1/models/{model}/endpoints", is: "Every deployment of a model, with measured latency and uptime", docs: openrouter("list-endpoints-for-a-model") },
      { on: "GET /api/v1/model/{model}", is: "One model", docs: openrouter("list-available-models") },
      { on: "GET /api/v1/providers", is: "Providers that are set up here", docs: openrouter("list-available-providers") },
      { on: "GET /api/v1/endpoints/zdr", is: "Deployments that keep nothing", docs: openrouter("overview") },
      { on: "GET /api/v1/key", is: "The calling key", docs: openrouter("get-current-api-key") },
      { on: "GET /api/v1/credits", is: "The organisation's credits", docs: openrouter("get-credits") },
      { on: "GET /api/v1/generation", is: "One request, by its generation's id", docs: openrouter("get-a-generation"), query: account.generationQuery },
      { on: "GET /api/v1/activity", is: "The last thirty days, by day and model", docs: openrouter("overview"), query: account.activityQuery },
      { on: "POST /api/v1/keys", is: "Make a key", says: "For keys whose policy says `managesKeys`.", docs: openrouter("create-api-key"), json: keys.newSchema, status: 201 },
      { on: "GET /api/v1/keys", is: "List keys", docs: openrouter("list-api-keys"), query: keys.listQuery },
      { on: "GET /api/v1/keys/{key_hash}", is: "One key", docs: openrouter("get-api-key") },
      { on: "PATCH /api/v1/keys/{key_hash}", is: "Change a key", docs: openrouter("update-api-key"), json: keys.patchSchema },
      { on: "DELETE /api/v1/keys/{key_hash}", is: "End a key", docs: openrouter("delete-api-key") },
    ],
  },
  {
    name: "InsForge", about: "InsForge's legacy AI proxy. What is told of a project is told to its own key (`ik_…`).",
    operations: [
      { on: "POST /api/ai/chat/completion", is: "Answer a conversation", asks: true, json: bodies.InsForgeChatRequest, streams: events },
      { on: "POST /api/ai/image/generation", is: "Make a picture", asks: true, json: bodies.InsForgeImageRequest },
      { on: "POST /api/ai/embeddings", is: "Embed texts", asks: true, json: bodies.EmbeddingRequest },
      { on: "GET /api/ai/models", is: "Models" },
      { on: "GET /api/ai/overview", is: "What the key may spend and has spent" },
      { on: "GET /api/ai/config", is: "Which keys are set" },
      { on: "GET /api/ai/openrouter/api-key", is: "The project's key" },
      { on: "POST /api/ai/openrouter/api-key/rotate", is: "A new secret for the project's key" },
    ],
  },
  {
    name: "Atlassian Forge LLM", about: "Atlassian's Forge LLM, as its REST reference prints it (`/forge/llm`) and as its SDK calls it (`/llm`, arguments of tool calls as objects).",
    operations: (["/forge/llm", "/llm"] as const).flatMap((path) => [
      { on: `GET ${path}`, is: "What can be called" } as const,
      { on: `POST ${path}/{model}`, is: "Answer a conversation", asks: true, json: bodies.AtlassianLlmRequest, streams: "application/x-ndjson" } as const,
    ]),
  },
];

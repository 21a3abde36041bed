/** What is compared: one row per folder of recordings. A new protocol joins by its row. */
import type { Recording } from "./compare.ts";
import { otherRanking, otherVectors, shapeOf } from "./vectors.ts";

/** `refusedFor`: the field for which we refuse the request by rule. */
export type ClientRequest = { path: string; headers?: Record<string, string>; body: object; refusedFor?: string };

export type Endpoint = {
  /** Folder under `corpus/<provider>/`, and the index's `endpoint`. */
  folder: string;
  /** Our provider for a recorded one; undefined: that one is not compared. */
  through: (recordedProvider: string) => string | undefined;
  /** What the client sends for a recording when it asks for `model`; the recorded body is missing in some. */
  ask: (recording: Recording, recorded: Record<string, unknown> | undefined, model: string) => ClientRequest;
  /** Where the provider is asked in its own words: why the answer says something else than the provider did; undefined: it does not. */
  other?: (wanted: string, got: string) => string | undefined;
};

/** Recorded providers that we have an OpenAI-like row for; others go through OpenAI's. */
const openaiLike = new Set(["openai", "azure", "deepseek", "groq", "mistral", "ollama", "openrouter", "perplexity", "together", "xai", "zai"]);
const throughOpenai = (recorded: string): string => (openaiLike.has(recorded) ? recorded : "openai");
const hello = [{ role: "user", content: "recorded" }];

/** Of a recorded request's headers those of this name. */
const recordedHeader = ({ request }: Recording, name: string): Record<string, string> => {
  const value = request?.headers?.[name];
  return typeof value === "string" ? { [name]: value } : {};
};

/** What Responses keep at the provider, where all our clients would share it. */
const statefulFields = ["previous_response_id", "conversation", "background", "prompt"];
const statefulIn = (recorded: Record<string, unknown> | undefined): string | undefined => statefulFields.find((field) => recorded?.[field]);

/** Those with a format of their own for vectors and rankings. */
const ownWords = new Set([...openaiLike, "cohere", "gemini", "voyage"]);
const inTheirs = (recorded: string): string | undefined => (ownWords.has(recorded) ? recorded : undefined);
const textOf = ({ response }: Recording): string => response.body_text ?? "";

/** What a client calls the model that answers with a recording. Vertex knows by a model's name what it speaks. */
export const modelFor = (provider: string, recordingId: string): string => `${provider}/${provider === "vertex" ? "gemini-" : ""}${recordingId}`;

export const endpoints: readonly Endpoint[] = [
  {
    folder: "chat",
    through: throughOpenai,
    ask: ({ stream }, recorded, model) => ({
      path: "/v1/chat/completions",
      body: recorded?.messages ? { ...recorded, model } : { model, messages: hello, ...(stream && { stream: true, stream_options: { include_usage: true } }) },
    }),
  },
  {
    folder: "responses",
    through: throughOpenai,
    ask: ({ stream }, recorded, model) => {
      const refusedFor = statefulIn(recorded);
      return { path: "/v1/responses", body: recorded ? { ...recorded, model } : { model, input: "recorded", ...(stream && { stream }) }, ...(refusedFor && { refusedFor }) };
    },
  },
  {
    folder: "completions",
    through: throughOpenai,
    ask: (_, recorded, model) => ({ path: "/v1/completions", body: recorded?.prompt ? { ...recorded, model } : { model, prompt: "recorded" } }),
  },
  {
    folder: "messages",
    through: () => "anthropic",
    ask: (recording, recorded, model) => ({
      path: "/v1/messages",
      headers: { "anthropic-version": "2023-06-01", ...recordedHeader(recording, "anthropic-beta") },
      body: recorded?.messages ? { ...recorded, model } : { model, max_tokens: 1024, messages: hello, ...(recording.stream && { stream: true }) },
    }),
  },
  {
    folder: "generate_content",
    through: (recorded) => (recorded === "gemini" || recorded === "vertex" ? recorded : undefined),
    ask: ({ stream, format }, recorded, model) => ({
      path: `/v1beta/models/${model}:${stream ? "streamGenerateContent" : "generateContent"}${format === "sse" ? "?alt=sse" : ""}`,
      body: recorded?.contents ? recorded : { contents: [{ role: "user", parts: [{ text: "recorded" }] }] },
    }),
  },
  {
    folder: "embeddings",
    through: inTheirs,
    ask(recording, recorded, model) {
      if (recorded?.input) return { path: "/v1/embeddings", body: { ...recorded, model } };
      const { vectors, base64 } = shapeOf(textOf(recording));
      const { output_dimension: dimensions } = recorded ?? {};
      return { path: "/v1/embeddings", body: { model, input: Array.from({ length: vectors }, (_, i) => `recorded ${i}`), encoding_format: base64 ? "base64" : "float", ...(dimensions !== undefined && { dimensions }) } };
    },
    other: otherVectors,
  },
  {
    folder: "embeddings",
    through: (recorded) => (recorded === "gemini" ? "gemini" : undefined),
    ask(recording, recorded, model) {
      const content = { parts: [{ text: "recorded" }] };
      const { single, vectors } = shapeOf(textOf(recording));
      if (single) return { path: `/v1beta/models/${model}:embedContent`, body: { content } };
      return { path: `/v1beta/models/${model}:batchEmbedContents`, body: recorded?.requests ? recorded : { requests: Array.from({ length: vectors }, () => ({ content })) } };
    },
  },
  {
    folder: "moderations",
    through: throughOpenai,
    ask: (_, recorded, model) => ({ path: "/v1/moderations", body: recorded?.input ? { ...recorded, model } : { model, input: "recorded" } }),
  },
  {
    folder: "rerank",
    through: inTheirs,
    ask: (_, recorded, model) => ({ path: "/v2/rerank", body: recorded?.documents ? { ...recorded, model } : { model, query: "recorded", documents: ["a", "b", "c", "d", "e"] } }),
    other: otherRanking,
  },
  {
    folder: "count_tokens",
    through: (recorded) => (recorded === "anthropic" ? "anthropic" : undefined),
    ask: (_, recorded, model) => ({
      path: "/v1/messages/count_tokens",
      headers: { "anthropic-version": "2023-06-01" },
      body: recorded?.messages ? { ...recorded, model } : { model, messages: hello },
    }),
  },
];

/** Where the replay server stands in for each provider: base URLs by var. */
export const baseUrls = (replay: string): Record<string, string> => ({
  ...Object.fromEntries([...openaiLike].map((id) => [`${id.toUpperCase()}_BASE_URL`, `${replay}/v1`])),
  ANTHROPIC_BASE_URL: replay,
  GEMINI_BASE_URL: `${replay}/v1beta`,
  COHERE_BASE_URL: replay,
  VOYAGE_BASE_URL: `${replay}/v1`,
  VERTEX_BASE_URL: `${replay}/v1/projects/recorded/locations/global`,
});

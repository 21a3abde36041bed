/** What is compared: one row per folder of recordings. A new protocol joins by its row. */
import type { Recording } from "./compare.ts";
import { otherRanking, otherVectors, shapeOf } from "./vectors.ts";

/**
 * `refusedFor`: the field for which we refuse the request by rule. `callsServers`: it names MCP servers, which we call and not its provider. `told`: what an answer in another wire format must become, or the text of
 * the transcript that it must have.
 */
export type ClientRequest = { path: string; headers?: Record<string, string>; body: object | FormData; refusedFor?: string; callsServers?: boolean; told?: Buffer | string };

export type Endpoint = {
  /** Folder under `corpus/<provider>/`, and the index's `endpoint`. */
  folder: string;
  /** Of a folder of many endpoints, those of which this row is. */
  only?: (recording: Recording) => boolean;
  /** Our provider for a recorded one; undefined: that one is not compared. */
  through: (recordedProvider: string) => string | undefined;
  /** What the client sends for a recording when it asks for `model`; the recorded body is missing in some. */
  ask: (recording: Recording, recorded: Record<string, unknown> | undefined, model: string) => ClientRequest;
  /** Where the provider is asked in its own words: why the answer says something else than the provider did; undefined: it does not. */
  other?: (wanted: string, got: string) => string | undefined;
};

/** Recorded providers that we have an OpenAI-like row for; others go through OpenAI's. */
const openaiLike = new Set(["openai", "azure", "deepseek", "groq", "mistral", "ollama", "openrouter", "perplexity", "together", "xai", "zai"]);
export const throughOpenai = (recorded: string): string => (openaiLike.has(recorded) ? recorded : "openai");
const hello = [{ role: "user", content: "recorded" }];

/** Of a recorded request's headers those of this name. */
const recordedHeader = ({ request }: Recording, name: string): Record<string, string> => {
  const value = request?.headers?.[name];
  return typeof value === "string" ? { [name]: value } : {};
};

/** A form with a picture: recorded ones are no good, their parts have no type. */
function pictured(model: string, fields: Record<string, string>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries({ model, ...fields })) form.set(name, value);
  form.set("image", new File([Buffer.from("iVBORw0KGgoAAAANSUhEUg==", "base64")], "image.png", { type: "image/png" }));
  return form;
}

/** What Responses keep at the provider, where all our clients would share it. */
const statefulFields = ["previous_response_id", "conversation", "background", "prompt"];
const statefulIn = (recorded: Record<string, unknown> | undefined): string | undefined => statefulFields.find((field) => recorded?.[field]);

const namesServers = (recorded: Record<string, unknown> | undefined): boolean => Array.isArray(recorded?.tools) && recorded.tools.some((tool: { type?: unknown; server_url?: unknown }) => tool.type === "mcp" && tool.server_url);

/** Those with a format of their own for vectors and rankings. */
const ownWords = new Set([...openaiLike, "cohere", "gemini", "voyage"]);
const inTheirs = (recorded: string): string | undefined => (ownWords.has(recorded) ? recorded : undefined);
const textOf = ({ response }: Recording): string => response.body_text ?? "";

/** What a client calls the model that answers with a recording. Vertex and OpenAI know by a model's name what it speaks. */
export function modelFor(provider: string, recordingId: string, folder?: string): string {
  const family = provider === "vertex" ? "gemini-" : provider === "openai" && folder === "completions" ? "instruct-" : "";
  return `${provider}/${family}${recordingId}`;
}

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
      return { path: "/v1/responses", body: recorded ? { ...recorded, model } : { model, input: "recorded", ...(stream && { stream }) }, ...(refusedFor && { refusedFor }), callsServers: namesServers(recorded) };
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
  { folder: "invoke", through: (recorded) => recorded, ask: asVectors, other: otherVectors },
  { folder: "predict", only: at(":predict"), through: (recorded) => (recorded === "vertex" ? recorded : undefined), ask: asVectors, other: otherVectors },
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
    folder: "images",
    through: throughOpenai,
    ask: (_, recorded, model) => ({ path: "/v1/images/generations", body: recorded?.prompt ? { ...recorded, model } : { model, prompt: "recorded" } }),
  },
  {
    folder: "image_edits",
    through: throughOpenai,
    ask: ({ provider }, recorded, model) => ({ path: "/v1/images/edits", body: recorded?.prompt ? { ...recorded, model } : provider === "xai" ? { model, prompt: "recorded", images: [{ url: "https://a.example/a.png" }] } : pictured(model, { prompt: "recorded" }) }),
  },
  { folder: "image_variations", through: () => "selfhosted", ask: (_, __, model) => ({ path: "/v1/images/variations", body: pictured(model, {}) }) },
  {
    folder: "count_tokens",
    through: (recorded) => (recorded === "anthropic" ? "anthropic" : undefined),
    ask: (_, recorded, model) => ({
      path: "/v1/messages/count_tokens",
      headers: { "anthropic-version": "2023-06-01" },
      body: recorded?.messages ? { ...recorded, model } : { model, messages: hello },
    }),
  },
  { folder: "speech", through: (recorded) => recorded, ask: asSpeech },
  { folder: "generate_content", only: ({ request }) => request?.url?.includes("-tts:generateContent") === true, through: (recorded) => (recorded === "gemini" ? recorded : undefined), ask: asGeminiSpeech },
  { folder: "other", only: at("/v1/tts"), through: (recorded) => recorded, ask: asSpeech },
  { folder: "transcriptions", through: (recorded) => recorded, ask: asTranscription("/v1/audio/transcriptions") },
  { folder: "other", only: at("/v1/listen"), through: (recorded) => recorded, ask: asTranscription("/v1/audio/transcriptions") },
  { folder: "other", only: at("/v1/stt"), through: (recorded) => recorded, ask: asTranscription("/v1/audio/transcriptions") },
  { folder: "translations", through: (recorded) => recorded, ask: asTranscription("/v1/audio/translations") },
];

function at(path: string): (recording: Recording) => boolean {
  return ({ request }) => request?.url?.split("?")[0]!.endsWith(path) === true;
}

/** As the recorded request was, whose words are its provider's; a model's kind stands in its name. */
function asVectors({ id, model, provider }: Recording, recorded: Record<string, unknown> | undefined): ClientRequest {
  const { inputText, texts, singleEmbeddingParams: single, instances, parameters, dimensions, output_dimension } = (recorded ?? {}) as Record<string, any>;
  const input = inputText ?? texts ?? single?.text.value ?? instances.map(({ content }: { content: string }) => content);
  const length = dimensions ?? output_dimension ?? single?.embeddingDimension ?? parameters?.outputDimensionality;
  return { path: "/v1/embeddings", body: { model: `${provider}/${model}-${id}`, input, ...(length !== undefined && { dimensions: length }) } };
}

/** The recording's id stands in the text, where its provider is not told a model. */
function asSpeech({ id, response }: Recording, recorded: Record<string, unknown> | undefined, model: string): ClientRequest {
  const { audio_data } = objectIn(response.body_text);
  return { path: "/v1/audio/speech", body: { model, input: `${String(recorded?.input ?? recorded?.text)} ${id}`, voice: recorded?.voice ?? "alloy" }, ...(typeof audio_data === "string" && { told: Buffer.from(audio_data, "base64") }) };
}

/** Its PCM, as the PCM that was asked for. */
function asGeminiSpeech({ id, response }: Recording, _: Record<string, unknown> | undefined, model: string): ClientRequest {
  const { candidates } = objectIn(response.body_text) as { candidates?: { content: { parts: { inlineData: { data: string } }[] } }[] };
  return { path: "/v1/audio/speech", body: { model, input: id, voice: "Kore", response_format: "pcm" }, told: Buffer.from(candidates![0]!.content.parts[0]!.inlineData.data, "base64") };
}

/** Its answer's bytes, or of those who speak otherwise its words. */
function asTranscription(path: string) {
  return ({ id, stream, response }: Recording, _: Record<string, unknown> | undefined, model: string): ClientRequest => {
    const answer = objectIn(response.body_text) as { text?: string; results?: { channels?: { alternatives?: { transcript?: string }[] }[] } };
    const said = answer.results?.channels?.[0]?.alternatives?.[0]?.transcript ?? answer.text;
    const body = { model, input_audio: { data: "UklGRg==", format: "wav" }, prompt: id, ...(model.startsWith("xai/") && { language: id }), ...(stream && { stream }) };
    return { path, body, ...(/^(?:mistral|cohere|elevenlabs|deepgram|xai)\//.test(model) && { told: said!.trim() }) };
  };
}

function objectIn(text = ""): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** Where the replay server stands in for each provider: base URLs by var. `lenient`: one that does not know a provider's paths, and so answers any. */
export const baseUrls = (replay: string, lenient = replay): Record<string, string> => ({
  ...Object.fromEntries([...openaiLike].map((id) => [`${id.toUpperCase()}_BASE_URL`, `${replay}/v1`])),
  ANTHROPIC_BASE_URL: replay,
  GEMINI_BASE_URL: `${replay}/v1beta`,
  COHERE_BASE_URL: replay,
  BEDROCK_BASE_URL: replay,
  VOYAGE_BASE_URL: `${replay}/v1`,
  ELEVENLABS_BASE_URL: lenient,
  DEEPGRAM_BASE_URL: lenient,
  SOVEREIGN_ORIGIN: `${lenient}/v1`,
  VERTEX_BASE_URL: `${lenient}/v1/projects/recorded/locations/global`,
});

import { claudePrefill, invokedClaude } from "./claude.ts";
import { openaiLike, type BodyEdits } from "./provider.ts";

const resources = "/v1/projects/{VERTEX_PROJECT}/locations/{VERTEX_LOCATION}";
const version = "vertex-2023-10-16";

/** What models speak, by their ids; all others speak chat completions under `publisher/model`. */
const publishers: readonly { ids: RegExp; speaks: readonly string[] }[] = [
  { ids: /embedding/, speaks: ["vertex-embeddings"] },
  { ids: /^(?:google\/)?gemini-/, speaks: ["gemini-generate", "gemini-speech", "gemini-transcriptions", "gemini-translations", "google-images"] },
  { ids: /^(?:google\/)?imagen/, speaks: ["google-images"] },
  { ids: /^(?:google\/)?veo/, speaks: ["vertex-videos"] },
  { ids: /^(?:anthropic\/)?claude-/, speaks: ["anthropic-messages", "anthropic-count-tokens"] },
];

/** A call: its path by the model's name, and what its body has. */
type Call = { path(model: string, stream: boolean, own: string): string; edits(model: string): BodyEdits };

const generated: Call = { path: (model, _, own) => `/publishers/google/models/${model}${own.slice(own.lastIndexOf(":"))}`, edits: () => ({ without: ["model"] }) };
const predicted: Call = { ...generated, edits: () => ({}) };

const calls: Readonly<Record<string, Call>> = {
  "gemini-generate": generated, "gemini-speech": generated, "gemini-transcriptions": generated, "gemini-translations": generated,
  "google-images": predicted, "vertex-videos": predicted,
  "anthropic-messages": {
    path: (model, stream) => `/publishers/anthropic/models/${model}:${stream ? "streamRawPredict" : "rawPredict"}`,
    edits: () => invokedClaude(version, "model"),
  },
  "anthropic-count-tokens": {
    path: () => "/publishers/anthropic/models/count-tokens:rawPredict",
    edits: (model) => ({ set: { ...invokedClaude(version).set, model: JSON.stringify(model) } }),
  },
};

/** Of Gemini's API Vertex takes no count of a request within a request, no content without a role, and no ids of calls. */
const takesGemini = (text: string): boolean =>
  !/"generate_?content_?request"/i.test(text) && text.includes('"role"') && !(/"function_?(?:call|response)"/i.test(text) && text.includes('"id"'));

const nameOf = (upstreamId: string): string => upstreamId.replace(/^(?:google|anthropic)\//, "");

/**
 * Google Vertex AI in VERTEX_PROJECT and VERTEX_LOCATION. VERTEX_API_KEY is an OAuth access token, or a service account's key file
 * (its JSON), for which tokens are got. Gemini and Claude are asked in their own protocols, embeddings by prediction, all others by chat completions.
 * https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest
 */
export const vertex = openaiLike("vertex", "Google Vertex AI", `https://{VERTEX_LOCATION}-aiplatform.googleapis.com${resources}`, {
  hosts: {
    "global-aiplatform.googleapis.com": "aiplatform.googleapis.com",
    "us-aiplatform.googleapis.com": "aiplatform.us.rep.googleapis.com",
    "eu-aiplatform.googleapis.com": "aiplatform.eu.rep.googleapis.com",
  },
  accessTokens: "google",
  speaks: ["openai-chat"],
  speaksFor: (upstreamId) => publishers.find(({ ids }) => ids.test(upstreamId))?.speaks ?? ["openai-chat"],
  paths: { "openai-chat": "/endpoints/openapi/chat/completions" },
  pathFor: (protocol, upstreamId, stream, own) => calls[protocol]?.path(encodeURIComponent(nameOf(upstreamId)).replaceAll("%40", "@"), stream, own),
  edits: (protocol, upstreamId) => calls[protocol]?.edits(nameOf(upstreamId)),
  takes: (protocol, text) => protocol !== "gemini-generate" || takesGemini(text),
  alsoCalled: ["google-vertex", "google"],
  data: { trains: false, source: "https://docs.cloud.google.com/gemini-enterprise-agent-platform/resources/zero-data-retention" },
  prefill: claudePrefill,
  dialect: { callIds: "refused", counts: "bare" },
});

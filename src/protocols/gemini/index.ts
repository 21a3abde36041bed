/** Google's Gemini API: model and method stand in the URL. https://ai.google.dev/api */
import { noUsage } from "../../chat/usage.ts";
import type { Observation, Protocol, RequestFacts } from "../protocol.ts";
import { geminiConversation } from "./client.ts";
import { embedCrossings } from "./embed-client.ts";
import { renderError, renderStreamError } from "./error.ts";
import { modelEdits, parseBatchEmbed, parseCount, parseEmbed, parseGenerate } from "./request.ts";
import { GeminiStreamObserver, nothingSeen, note } from "./stream.ts";

export { renderError } from "./error.ts";
export { geminiUpstream } from "./upstream.ts";

/** One method of the API. */
type Method = {
  /** Conversations and embeddings are two protocols: a provider may speak one of them. */
  id: "gemini-generate" | "gemini-embeddings";
  parse(model: string, body: unknown): RequestFacts;
  /** Fields that hold requests with a model of their own. */
  nested?: readonly string[];
  /** It costs nothing, whatever it says. */
  free?: true;
};

const methods: Record<string, Method> = {
  generateContent: { id: "gemini-generate", parse: (model, body) => parseGenerate(model, false, body) },
  streamGenerateContent: { id: "gemini-generate", parse: (model, body) => parseGenerate(model, true, body) },
  countTokens: { id: "gemini-generate", parse: parseCount, nested: ["generateContentRequest", "generate_content_request"], free: true },
  embedContent: { id: "gemini-embeddings", parse: parseEmbed },
  batchEmbedContents: { id: "gemini-embeddings", parse: parseBatchEmbed, nested: ["requests"] },
};

/** The names of the methods that there are. */
export const geminiMethods: readonly string[] = Object.keys(methods);

/** Reads a whole answer; a stream that did not come as events is an array of what they would have been. */
function observe(body: unknown, free = false): Observation {
  const seen = { ...nothingSeen(), terminated: true };
  for (const answer of Array.isArray(body) ? (body as unknown[]) : [body]) note(seen, answer);
  if (free) seen.usage = noUsage;
  return seen;
}

/** The request whose tokens are to be counted: the body itself, or what it holds. */
const counted = (body: unknown): unknown => {
  const { generateContentRequest, generate_content_request } = body as { generateContentRequest?: unknown; generate_content_request?: unknown };
  return generateContentRequest ?? generate_content_request ?? body;
};

/**
 * The protocol of one request by what its URL says: the model, the method, and whether a stream shall come as events (without
 * that Google streams one JSON array). undefined: there is no such method.
 */
export function gemini(model: string, method: string, events: boolean): Protocol | undefined {
  if (!Object.hasOwn(methods, method)) return undefined;
  const { id, parse, nested = [], free } = methods[method]!;
  const query = method === "streamGenerateContent" && events ? "?alt=sse" : "";
  return {
    id,
    path: (upstreamId) => `/models/${encodeURIComponent(upstreamId)}:${method}${query}`,
    parse: (body) => parse(model, body),
    edits: (_, raw, upstreamId) => modelEdits(nested, raw, upstreamId),
    observe: (body) => observe(body, free),
    watch: () => new GeminiStreamObserver(),
    takesComments: false,
    renderError,
    renderStreamError,
    ...(id === "gemini-embeddings" && { kind: "embedding", crossings: embedCrossings }),
    ...((method === "generateContent" || method === "streamGenerateContent") && {
      conversation: geminiConversation(model, method === "streamGenerateContent", events),
    }),
    ...(method === "countTokens" && {
      counting: {
        parseRequest: (body: unknown) => geminiConversation(model, false, false).parseRequest(counted(body)),
        render: (totalTokens: number) => JSON.stringify({ totalTokens }),
      },
    }),
  };
}

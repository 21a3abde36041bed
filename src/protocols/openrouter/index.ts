/**
 * OpenRouter's API as its clients speak it: OpenAI's, worded otherwise, and with fields of its own. Nobody here speaks it upstream: an answer
 * has to be told with our own id, cost and provider, so it is always told anew. https://openrouter.ai/docs/api-reference/overview
 */
import { anthropicMessages } from "../anthropic-messages/index.ts";
import { openaiChat } from "../openai-chat/index.ts";
import { parseConversation } from "../openai-chat/parse-request.ts";
import { renderResponse } from "../openai-chat/render-response.ts";
import { isRouters } from "../openai-chat/render-tools.ts";
import { ChunkRenderer } from "../openai-chat/render-stream.ts";
import { openaiCompletions } from "../openai-completions/index.ts";
import { parseConversation as parseCompletion } from "../openai-completions/parse-request.ts";
import { CompletionRenderer, renderResponse as renderCompletion } from "../openai-completions/render.ts";
import { openaiResponses } from "../openai-responses/index.ts";
import { withOwnCalls } from "../own-calls.ts";
import { openaiEmbeddings } from "../media/embeddings.ts";
import { openaiVideos } from "../media/videos.ts";
import { openaiTranscriptions } from "../media/transcription.ts";
import { webSearchTool, type ChatRequest, type Loss } from "../../chat/index.ts";
import type { ClientHalf, Protocol, RequestFacts } from "../protocol.ts";
import { renderError } from "./error.ts";
import { pluginsIn } from "./plugins.ts";
import { rankings } from "./rankings.ts";
import { speech } from "./speech.ts";
import { openrouterWording as wording, processing } from "./wording.ts";

export { renderError } from "./error.ts";
export { imageAbilities } from "./image-abilities.ts";
export { openrouterImages, openrouterImagesFor } from "./images.ts";
export { generationId, requestIdOf } from "./generation-id.ts";

type Json = Record<string, unknown>;

/** Chat completions take a bare `prompt` in place of messages, and are answered as completions are then. */
const isCompletion = (body: object): boolean => !Object.hasOwn(body, "messages") && Object.hasOwn(body, "prompt");

/** Usage always comes, whatever a request says of it. */
const counted = <T extends RequestFacts>(facts: T): T => ({ ...facts, usageAsked: true });

function parse(body: unknown): RequestFacts {
  const { search } = pluginsIn(body as object);
  const facts = counted(isCompletion(body as object) ? openaiCompletions.parse(body) : openaiChat.parse(body));
  return search ? { ...facts, unseen: true, searches: search.most, readings: search.most + 1, searchesAnyhow: true } : facts;
}

function parseRequest(body: unknown): ChatRequest {
  const { search, others, needed } = pluginsIn(body as object);
  const { plugins: _, ...fields } = body as Json;
  const asked = others.length > 0 ? { ...fields, plugins: others } : fields;
  const request = isCompletion(asked) ? parseCompletion(asked) : parseConversation(asked);
  const tools = search ? [...request.tools, webSearchTool(search)] : request.tools;
  const all: Loss[] = request.tools.some(isRouters) ? [...needed, "provider_tool"] : needed;
  return { ...request, tools, streamUsage: true, ...(all.length > 0 && { needed: all }) };
}

const isText = ({ rest }: ChatRequest): boolean => rest.protocol === openaiCompletions.id;

const conversation: ClientHalf = withOwnCalls({
  parseRequest,
  renderResponse: (response, context) => (isText(context.request) ? renderCompletion : renderResponse)(response, context, wording),
  renderStream: (context) => (isText(context.request) ? new CompletionRenderer(context, wording) : new ChunkRenderer(context, wording)),
  streamType: "text/event-stream; charset=utf-8",
});

/** What all its endpoints have in common: errors, and what is said in silences. */
const ours = { ownErrors: true, comment: processing, renderError, renderStreamError: (error) => `data: ${renderError(error)}\n\n` } as const satisfies Partial<Protocol>;

/** POST /api/v1/chat/completions */
export const openrouterChat: Protocol = { ...openaiChat, ...ours, retold: true, parse, conversation };

/** POST /api/v1/completions: passed through where a provider has them, for there are models that can do nothing else. */
export const openrouterCompletions: Protocol = {
  ...openaiCompletions, ...ours, conversation,
  parse: (body) => counted(openaiCompletions.parse(body)),
  edits: (facts, ...rest) => openaiCompletions.edits({ ...facts, usageAsked: false }, ...rest),
};

export const openrouterEmbeddings: Protocol = { ...openaiEmbeddings, ...ours };

/** POST /api/v1/rerank */
export const openrouterRerank: Protocol = { ...rankings, ...ours };

/** POST /api/v1/audio/speech */
export const openrouterSpeech: Protocol = { ...speech, ...ours };

/** POST /api/v1/audio/transcriptions: JSON with the sound in it, or a form. */
export const openrouterTranscriptions: Protocol = { ...openaiTranscriptions, ...ours };

/** POST /api/v1/videos */
export const openrouterVideos: Protocol = { ...openaiVideos, ...ours };

/** Responses, of which its SDK wants each field to be there. */
export const openrouterResponses: Protocol = { ...openaiResponses, ...ours, retold: true, renderStreamError: openaiResponses.renderStreamError };

/** Most tokens of a message whose request does not say, which Anthropic's must. */
const usualTokens = 4_096;
const bounded = (body: unknown): object => ({ max_tokens: usualTokens, ...(body as object) });

/** Messages are Anthropic's, errors too. */
export const openrouterMessages: Protocol = {
  ...anthropicMessages, ownErrors: true, comment: ours.comment,
  parse: (body) => anthropicMessages.parse(bounded(body)),
  edits: (_, raw): Record<string, string> => (raw("max_tokens") === undefined ? { max_tokens: String(usualTokens) } : {}),
  conversation: { ...anthropicMessages.conversation!, parseRequest: (body) => anthropicMessages.conversation!.parseRequest(bounded(body)) },
};

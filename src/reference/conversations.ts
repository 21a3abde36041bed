/** Conversations in every vendor's words, and what is kept of them. */
import type { requestSchemas } from "../protocols/request-schemas.ts";
import * as chats from "../routes/chat-completions.ts";
import * as conversations from "../routes/conversations.ts";
import { metadataBody, pageQuery } from "../routes/kept-query.ts";
import { retrieveQuery } from "../routes/responses.ts";
import type { Family } from "./operation.ts";

const openai = (page: string): string => `https://platform.openai.com/docs/api-reference/${page}`;
const anthropic = (page: string): string => `https://docs.anthropic.com/en/api/${page}`;
const google = "https://ai.google.dev/api/generate-content";
const events = "text/event-stream";
const further = "Fields that are not listed go to the provider as they are where it speaks the same protocol.";

export const conversationFamilies = (bodies: ReturnType<typeof requestSchemas>): Family[] => [
  {
    name: "Chat completions", about: "OpenAI's chat completions for every model. Any OpenAI SDK works with its base URL at `/v1`.",
    operations: [
      { on: "POST /v1/chat/completions", is: "Answer a conversation", says: further, docs: openai("chat/create"), asks: true, json: bodies.ChatCompletionRequest, streams: events },
      { on: "GET /v1/chat/completions", is: "List stored chat completions", says: "Those that were made with `store: true`. `metadata[key]=value` filters.", docs: openai("chat/list"), query: chats.listQuery },
      { on: "GET /v1/chat/completions/{completion_id}", is: "A stored chat completion", docs: openai("chat/get") },
      { on: "POST /v1/chat/completions/{completion_id}", is: "Change a stored chat completion's metadata", docs: openai("chat/update"), json: metadataBody },
      { on: "DELETE /v1/chat/completions/{completion_id}", is: "Delete a stored chat completion", docs: openai("chat/delete") },
      { on: "GET /v1/chat/completions/{completion_id}/messages", is: "The messages of a stored chat completion", docs: openai("chat/getMessages"), query: chats.messagesQuery },
      { on: "POST /v1/completions", is: "Complete a text (legacy)", says: "What of it reaches models that only converse stands in the guide to legacy completions.", docs: openai("completions/create"), asks: true, json: bodies.CompletionRequest, streams: events },
    ],
  },
  {
    name: "Responses", about: "OpenAI's Responses for every model: kept, chained, run on without their client, resumed. Also as a WebSocket at the same URL.",
    operations: [
      { on: "POST /v1/responses", is: "Make a response", says: `${further} Remote MCP servers in \`tools\` are called here.`, docs: openai("responses/create"), asks: true, json: bodies.ResponseRequest, streams: events },
      { on: "GET /v1/responses", is: "Open a WebSocket", says: "Each message is a `response.create`, and its events come back one message each. Without an upgrade it is refused.", docs: openai("responses-streaming"), status: 101, type: null },
      { on: "GET /v1/responses/{response_id}", is: "A kept response, or its events", says: "With `stream=true` its events, from the one behind `starting_after`.", docs: openai("responses/get"), query: retrieveQuery, streams: events },
      { on: "DELETE /v1/responses/{response_id}", is: "Delete a kept response", docs: openai("responses/delete") },
      { on: "POST /v1/responses/{response_id}/cancel", is: "Stop a background response", docs: openai("responses/cancel") },
      { on: "GET /v1/responses/{response_id}/input_items", is: "What a kept response was made from", docs: openai("responses/input-items"), query: pageQuery },
      { on: "POST /v1/responses/input_tokens", is: "Count a request's input tokens", docs: openai("responses/input-tokens"), json: bodies.ResponseRequest },
      { on: "POST /v1/responses/compact", is: "Compact a conversation", docs: openai("responses/compact"), asks: true, json: bodies.ResponseRequest },
      { on: "POST /v1/conversations", is: "Begin a conversation", docs: openai("conversations/create"), json: conversations.createBody, bodyOptional: true },
      { on: "GET /v1/conversations/{conversation_id}", is: "A conversation", docs: openai("conversations/retrieve") },
      { on: "POST /v1/conversations/{conversation_id}", is: "Change a conversation's metadata", docs: openai("conversations/update"), json: metadataBody },
      { on: "DELETE /v1/conversations/{conversation_id}", is: "Delete a conversation", docs: openai("conversations/delete") },
      { on: "POST /v1/conversations/{conversation_id}/items", is: "Add items", docs: openai("conversations/create-items"), json: conversations.addBody },
      { on: "GET /v1/conversations/{conversation_id}/items", is: "List items", docs: openai("conversations/list-items"), query: pageQuery },
      { on: "GET /v1/conversations/{conversation_id}/items/{item_id}", is: "An item", docs: openai("conversations/get-item") },
      { on: "DELETE /v1/conversations/{conversation_id}/items/{item_id}", is: "Delete an item", docs: openai("conversations/delete-item") },
    ],
  },
  {
    name: "Messages", about: "Anthropic's Messages for every model. Its SDKs work with the gateway's origin as their base URL, and with `/v1` behind it.",
    operations: [
      { on: "POST /v1/messages", is: "Answer a conversation", says: further, docs: anthropic("messages"), asks: true, json: bodies.MessageRequest, streams: events },
      { on: "POST /v1/messages/count_tokens", is: "Count a conversation's tokens", docs: anthropic("messages-count-tokens"), json: bodies.CountTokensRequest },
    ],
  },
  {
    name: "Gemini", about: "Google's Gemini API for every model, also under `/v1`. Names of fields may be written in snake case.",
    operations: [
      { on: "POST /v1beta/models/{model}:generateContent", is: "Answer contents", says: further, docs: google, asks: true, json: bodies.GenerateContentRequest },
      { on: "POST /v1beta/models/{model}:streamGenerateContent", is: "Answer contents as a stream", says: "`alt=sse` for server-sent events; a JSON array without it.", docs: google, asks: true, json: bodies.GenerateContentRequest, streams: events },
      { on: "POST /v1beta/models/{model}:countTokens", is: "Count tokens", docs: "https://ai.google.dev/api/tokens", json: bodies.CountContentTokensRequest },
      { on: "POST /v1beta/models/{model}:embedContent", is: "Embed one content", docs: "https://ai.google.dev/api/embeddings", asks: true, json: bodies.EmbedContentRequest },
      { on: "POST /v1beta/models/{model}:batchEmbedContents", is: "Embed several contents", docs: "https://ai.google.dev/api/embeddings", asks: true, json: bodies.BatchEmbedContentsRequest },
      { on: "GET /v1beta/models", is: "What this key can call, in Google's shape", docs: "https://ai.google.dev/api/models" },
      { on: "GET /v1beta/models/{model}", is: "One model, in Google's shape", docs: "https://ai.google.dev/api/models" },
    ],
  },
];

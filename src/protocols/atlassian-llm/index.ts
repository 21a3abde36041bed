/**
 * Atlassian's Forge LLM, the client's half: no model in the body, content in parts, streams of one JSON object a line.
 * https://developer.atlassian.com/platform/forge/rest/v2/api-group-forge-llm/
 */
import { record } from "../json.ts";
import { openaiChat } from "../openai-chat/index.ts";
import type { Protocol } from "../protocol.ts";
import { renderError } from "./error.ts";
import { LineRenderer, renderResponse } from "./render.ts";
import { asChat } from "./request.ts";

export { renderError } from "./error.ts";

/**
 * The protocol for a model, which stands in the path. `parsedInput`: arguments of tool calls are objects, as Atlassian's own SDK types them;
 * else JSON text, as its REST reference prints them.
 */
export function atlassianLlm(model: string, parsedInput: boolean): Protocol {
  const chat = openaiChat.conversation!;
  return {
    ...openaiChat,
    id: "atlassian-llm",
    takesComments: false,
    parse: (body) => openaiChat.parse(asChat(record(body), model)),
    renderError,
    renderStreamError: (error) => `${renderError(error)}\n`,
    conversation: {
      ...chat,
      parseRequest: (body) => ({ ...chat.parseRequest(asChat(record(body), model)), streamUsage: true }),
      renderResponse: (response) => renderResponse(response, parsedInput),
      renderStream: () => new LineRenderer(parsedInput),
      streamType: "application/x-ndjson",
    },
  };
}

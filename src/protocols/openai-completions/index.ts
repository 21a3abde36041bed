/** OpenAI's legacy completions: chat's stream, usage and errors around plain text. https://platform.openai.com/docs/api-reference/completions */
import { openaiChat } from "../openai-chat/index.ts";
import { ChatStreamObserver } from "../openai-chat/stream.ts";
import type { Observation, Protocol } from "../protocol.ts";
import { mistralFim } from "./fim.ts";
import { parseConversation, protocolId } from "./parse-request.ts";
import { CompletionRenderer, renderResponse } from "./render.ts";
import { parseRequest } from "./request.ts";

const outputText = /"text"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"/g;

type Choice = { text?: unknown } | null;

function observe(body: unknown): Observation {
  const choices: unknown = (body as { choices?: unknown } | null | undefined)?.choices;
  const outputCharacters = Array.isArray(choices) ? choices.reduce<number>((sum, choice: Choice) => sum + (typeof choice?.text === "string" ? choice.text.length : 0), 0) : 0;
  return { ...openaiChat.observe(body), outputCharacters };
}

export const openaiCompletions: Protocol = {
  ...openaiChat,
  id: protocolId,
  path: "/completions",
  conversation: {
    parseRequest: parseConversation,
    renderResponse,
    renderStream: (context) => new CompletionRenderer(context),
    streamType: "text/event-stream; charset=utf-8",
  },
  crossings: [mistralFim],
  parse: parseRequest,
  observe,
  watch: (hideUsage) => new ChatStreamObserver(hideUsage, outputText),
};

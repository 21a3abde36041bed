/** What a client of each protocol asks, and by which events of its stream it can leave. */

export type ClientId = "openai-chat" | "openai-completions" | "openai-responses" | "anthropic-messages" | "gemini-generate";
type Json = Record<string, unknown>;
type Client = {
  path(model: string, stream: boolean): string;
  body(model: string, stream: boolean, usage: boolean): Json;
  /** Event types in the order in which they come, each by what it looks like on the wire. */
  events: Readonly<Record<string, RegExp>>;
  /** Text and arguments of whole events. */
  said: RegExp;
};

const prompt = "Say seven words and call the tool.";
const types = (...names: string[]): Record<string, RegExp> => Object.fromEntries(names.map((name) => [name, new RegExp(`"type":"${name.replaceAll(".", "\\.")}"[^\\n]*\\n`)]));

export const clients: Readonly<Record<ClientId, Client>> = {
  "openai-chat": {
    path: () => "/v1/chat/completions",
    body: (model, stream, usage) => ({ model, messages: [{ role: "user", content: prompt }], stream, ...(stream && usage && { stream_options: { include_usage: true } }) }),
    events: { role: /"role":"assistant"[^\n]*\n/, text: /"content":"word[^\n]*\n/, call: /"tool_calls":[^\n]*\n/, arguments: /"arguments":"[{ ]+"[^\n]*\n/, finish: /"finish_reason":"[^\n]*\n/, usage: /"prompt_tokens"[^\n]*\n/, done: /\[DONE\]/ },
    said: /"(?:content|arguments)":"([^"]*)"/g,
  },
  "openai-completions": {
    path: () => "/v1/completions",
    body: (model, stream, usage) => ({ model, prompt, stream, ...(stream && usage && { stream_options: { include_usage: true } }) }),
    events: { text: /"text":"word[^\n]*\n/, finish: /"finish_reason":"[^\n]*\n/, usage: /"prompt_tokens"[^\n]*\n/, done: /\[DONE\]/ },
    said: /"text":"([^"]*)"/g,
  },
  "openai-responses": {
    path: () => "/v1/responses",
    // One that is kept runs on without its client, whatever its policy.
    body: (model, stream) => ({ model, input: prompt, stream, store: false }),
    events: types(
      "response.created", "response.output_item.added", "response.content_part.added", "response.output_text.delta", "response.output_text.done", "response.content_part.done",
      "response.output_item.done", "response.function_call_arguments.delta", "response.function_call_arguments.done", "response.completed",
    ),
    said: /"delta":"([^"]*)"/g,
  },
  "anthropic-messages": {
    path: () => "/v1/messages",
    body: (model, stream) => ({ model, max_tokens: 500, messages: [{ role: "user", content: prompt }], stream }),
    events: { ...types("message_start", "content_block_start", "text_delta", "content_block_stop", "input_json_delta", "message_delta", "message_stop") },
    said: /"(?:text_delta","text|partial_json)":"([^"]*)"/g,
  },
  "gemini-generate": {
    path: (model, stream) => `/v1beta/models/${model}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
    body: () => ({ contents: [{ role: "user", parts: [{ text: prompt }] }] }),
    events: { text: /"text":"word[^\n]*\n/, functionCall: /"functionCall"[^\n]*\n/, finish: /"finishReason":"STOP"[^\n]*\n/ },
    said: /"text":"([^"]*)"/g,
  },
};

/** Characters of text and arguments in what a client received. */
export const charactersIn = (client: ClientId, received: string): number => [...received.matchAll(clients[client].said)].reduce((sum, [, text]) => sum + text!.length, 0);

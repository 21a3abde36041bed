/** The providers' side of four protocols: how each tells an answer, whole and as a stream, how it refuses and how it breaks. */
import { event, pieces, type Json } from "../agents/wire.ts";
import type { Answer, Citation, ProtocolId, Usage } from "./truth.ts";

export type Wire = {
  /** Paths that are answered, those that only count, and how a count is told. */
  asked: RegExp;
  counting?: { path: RegExp; tell: (tokens: number) => Json };
  whole(answer: Answer, model: string): Json;
  /** Events of a stream. Without the last of them, `end`, it is no whole answer. */
  stream(answer: Answer, model: string): { said: string[]; end: string[] };
  /** An error's body, and the event that is one in the middle of a stream. */
  refusal(status: number, message: string): Json;
  failure(message: string): string;
};

const chatUsage = ({ input, cached, output, reasoning }: Usage): Json => ({
  prompt_tokens: input, completion_tokens: output, total_tokens: input + output,
  prompt_tokens_details: { cached_tokens: cached }, completion_tokens_details: { reasoning_tokens: reasoning },
});
const chatFinish = { stop: "stop", tools: "tool_calls", length: "length" };
const chatCitation = ({ url, title }: Citation): Json => ({ type: "url_citation", url_citation: { url, title, start_index: 0, end_index: 5 } });
const openaiError = (type: string, message: string): Json => ({ error: { message, type, param: null, code: null } });

const openaiChat: Wire = {
  asked: /^\/chat\/completions$/,
  whole({ thought, text, calls, citations, finish, usage }, model) {
    const message = {
      role: "assistant", content: text, ...(thought && { reasoning_content: thought }), ...(citations.length > 0 && { annotations: citations.map(chatCitation) }),
      ...(calls.length > 0 && { tool_calls: calls.map(({ id, name, input }) => ({ id, type: "function", function: { name, arguments: JSON.stringify(input) } })) }),
    };
    return { id: "chatcmpl-truth", object: "chat.completion", created: 1_790_000_000, model, choices: [{ index: 0, message, logprobs: null, finish_reason: chatFinish[finish] }], usage: chatUsage(usage) };
  },
  stream({ thought, text, calls, citations, finish, usage }, model) {
    const head = { id: "chatcmpl-truth", object: "chat.completion.chunk", created: 1_790_000_000, model };
    const chunk = (delta: Json, finish_reason: string | null = null): string => event({ ...head, choices: [{ index: 0, delta, logprobs: null, finish_reason }] });
    const told = calls.flatMap(({ id, name, input }, index) => [
      chunk({ tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] }),
      ...pieces(JSON.stringify(input)).map((piece) => chunk({ tool_calls: [{ index, function: { arguments: piece } }] })),
    ]);
    return {
      said: [
        chunk({ role: "assistant", content: "" }), ...pieces(thought).map((piece) => chunk({ reasoning_content: piece })), ...pieces(text).map((content) => chunk({ content })),
        ...(citations.length > 0 ? [chunk({ annotations: citations.map(chatCitation) })] : []), ...told,
      ],
      end: [chunk({}, chatFinish[finish]), event({ ...head, choices: [], usage: chatUsage(usage) }), "data: [DONE]\n\n"],
    };
  },
  refusal: (status, message) => openaiError(status === 429 ? "rate_limit_exceeded" : "server_error", message),
  failure: (message) => event(openaiError("server_error", message)),
};

const responsesUsage = ({ input, cached, output, reasoning }: Usage): Json => ({
  input_tokens: input, input_tokens_details: { cached_tokens: cached }, output_tokens: output, output_tokens_details: { reasoning_tokens: reasoning }, total_tokens: input + output,
});

/** One output item: as it begins, as it ends, and the events between. */
type Item = { empty: Json; whole: Json; inside: Json[] };

function reasoningItem(thought: string): Item {
  const whole = { id: "rs_truth", type: "reasoning", summary: thought.split("\n\n").map((text) => ({ type: "summary_text", text })), encrypted_content: "c2VhbGVk" };
  const inside = whole.summary.flatMap((part, summary_index) => [
    { type: "response.reasoning_summary_part.added", summary_index, part: { ...part, text: "" } },
    ...pieces(part.text).map((delta) => ({ type: "response.reasoning_summary_text.delta", summary_index, delta })),
    { type: "response.reasoning_summary_text.done", summary_index, text: part.text },
    { type: "response.reasoning_summary_part.done", summary_index, part },
  ]);
  return { empty: { ...whole, summary: [] }, whole, inside };
}

function messageItem(text: string, citations: Citation[]): Item {
  const annotations = citations.map(({ url, title }) => ({ type: "url_citation", url, title, start_index: 0, end_index: 5 }));
  const part = { type: "output_text", text, annotations, logprobs: [] };
  const head = { id: "msg_truth", type: "message", role: "assistant" };
  const inside = [
    { type: "response.content_part.added", part: { ...part, text: "", annotations: [] } },
    ...pieces(text).map((delta) => ({ type: "response.output_text.delta", delta, logprobs: [] })),
    ...annotations.map((annotation, annotation_index) => ({ type: "response.output_text.annotation.added", annotation_index, annotation })),
    { type: "response.output_text.done", text, logprobs: [] }, { type: "response.content_part.done", part },
  ].map((one) => ({ ...one, content_index: 0 }));
  return { empty: { ...head, status: "in_progress", content: [] }, whole: { ...head, status: "completed", content: [part] }, inside };
}

function callItem({ id, name, input }: Answer["calls"][number]): Item {
  const head = { id: `fc_${id}`, type: "function_call", call_id: id, name };
  const text = JSON.stringify(input);
  const inside = [...pieces(text).map((delta) => ({ type: "response.function_call_arguments.delta", delta })), { type: "response.function_call_arguments.done", arguments: text }];
  return { empty: { ...head, status: "in_progress", arguments: "" }, whole: { ...head, status: "completed", arguments: text }, inside };
}

const itemsOf = ({ thought, text, calls, citations }: Answer): Item[] => [...(thought ? [reasoningItem(thought)] : []), ...(text ? [messageItem(text, citations)] : []), ...calls.map(callItem)];
const responseHead = (model: string): Json => ({
  id: "resp_truth", object: "response", created_at: 1_790_000_000, model, status: "in_progress", error: null, incomplete_details: null, output: [],
  parallel_tool_calls: true, tool_choice: "auto", tools: [], usage: null,
});

const openaiResponses: Wire = {
  asked: /^\/responses$/,
  counting: { path: /^\/responses\/input_tokens$/, tell: (input_tokens) => ({ object: "response.input_tokens", input_tokens }) },
  whole(answer, model) {
    const ending = answer.finish === "length" ? { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } } : { status: "completed" };
    return { ...responseHead(model), ...ending, output: itemsOf(answer).map(({ whole }) => whole), usage: responsesUsage(answer.usage) };
  },
  stream(answer, model) {
    const items = itemsOf(answer).flatMap(({ empty, whole, inside }, output_index) => [
      { type: "response.output_item.added", output_index, item: empty },
      ...inside.map((one) => ({ ...one, output_index, item_id: whole.id })),
      { type: "response.output_item.done", output_index, item: whole },
    ]);
    const response = this.whole(answer, model);
    const events = [{ type: "response.created", response: responseHead(model) }, ...items, { type: `response.${response.status as string}`, response }]
      .map((one, sequence_number) => event({ ...one, sequence_number }));
    return { said: events.slice(0, -1), end: events.slice(-1) };
  },
  refusal: openaiChat.refusal,
  failure: (message) => event({ type: "error", sequence_number: 99, code: "server_error", message, param: null }),
};

const messagesFinish = { stop: "end_turn", tools: "tool_use", length: "max_tokens" };
const messagesCitation = ({ url, title }: Citation): Json => ({ type: "web_search_result_location", url, title, encrypted_index: "aW5kZXg=", cited_text: "Grüße" });
const promptUsage = ({ input, cached }: Usage): Json => ({ input_tokens: input - cached, cache_read_input_tokens: cached, cache_creation_input_tokens: 0 });
const answerUsage = ({ output, reasoning }: Usage): Json => ({ output_tokens: output, output_tokens_details: { thinking_tokens: reasoning } });

/** Content blocks: as each begins, as it ends, and its deltas. */
const blocksOf = ({ thought, text, calls, citations }: Answer): Item[] => [
  ...(thought ? [{
    empty: { type: "thinking", thinking: "", signature: "" }, whole: { type: "thinking", thinking: thought, signature: "c2lnbmVk" },
    inside: [...pieces(thought).map((thinking) => ({ type: "thinking_delta", thinking })), { type: "signature_delta", signature: "c2lnbmVk" }],
  }] : []),
  ...(text ? [{
    empty: { type: "text", text: "" }, whole: { type: "text", text, citations: citations.length > 0 ? citations.map(messagesCitation) : null },
    inside: [...pieces(text).map((piece) => ({ type: "text_delta", text: piece })), ...citations.map((one) => ({ type: "citations_delta", citation: messagesCitation(one) }))],
  }] : []),
  ...calls.map(({ id, name, input }) => ({
    empty: { type: "tool_use", id, name, input: {} }, whole: { type: "tool_use", id, name, input },
    inside: ["", ...(Object.keys(input).length > 0 ? pieces(JSON.stringify(input)) : [])].map((partial_json) => ({ type: "input_json_delta", partial_json })),
  })),
];

const anthropicMessages: Wire = {
  asked: /^\/v1\/messages$/,
  counting: { path: /^\/v1\/messages\/count_tokens$/, tell: (input_tokens) => ({ input_tokens }) },
  whole: (answer, model) => ({
    id: "msg_truth", type: "message", role: "assistant", model, content: blocksOf(answer).map(({ whole }) => whole),
    stop_reason: messagesFinish[answer.finish], stop_sequence: null, usage: { ...promptUsage(answer.usage), ...answerUsage(answer.usage) },
  }),
  stream(answer, model) {
    const blocks = blocksOf(answer).flatMap(({ empty, inside }, index) => [
      { type: "content_block_start", index, content_block: empty }, ...inside.map((delta) => ({ type: "content_block_delta", index, delta })), { type: "content_block_stop", index },
    ]);
    const message = { ...this.whole(answer, model), content: [], stop_reason: null, usage: { ...promptUsage(answer.usage), output_tokens: 1 } };
    return {
      said: [{ type: "message_start", message }, { type: "ping" }, ...blocks].map(event),
      end: [{ type: "message_delta", delta: { stop_reason: messagesFinish[answer.finish], stop_sequence: null }, usage: answerUsage(answer.usage) }, { type: "message_stop" }].map(event),
    };
  },
  refusal: (status, message) => ({ type: "error", error: { type: status === 429 ? "rate_limit_error" : "api_error", message } }),
  failure: (message) => event({ type: "error", error: { type: "overloaded_error", message } }),
};

const geminiFinish = { stop: "STOP", tools: "STOP", length: "MAX_TOKENS" };
const geminiUsage = ({ input, cached, output, reasoning }: Usage): Json => ({
  promptTokenCount: input, cachedContentTokenCount: cached, candidatesTokenCount: output - reasoning, thoughtsTokenCount: reasoning, totalTokenCount: input + output,
});

/** The answer in parts, the texts cut by `cut`. Who thinks signs its first call. */
const partsOf = ({ thought, text, calls }: Answer, cut: (text: string) => string[]): Json[] => [
  ...cut(thought).map((piece) => ({ text: piece, thought: true })), ...cut(text).map((piece) => ({ text: piece })),
  ...calls.map(({ id, name, input }, index) => ({ functionCall: { id, name, args: input }, ...(thought && index === 0 && { thoughtSignature: "c2lnbmVk" }) })),
];
const grounding = (citations: Citation[]): Json => (citations.length > 0 ? { groundingMetadata: { groundingChunks: citations.map(({ url, title }) => ({ web: { uri: url, title } })) } } : {});
const geminiAnswer = (model: string, candidate: Json, usage: Json): Json => ({ candidates: [{ index: 0, ...candidate }], usageMetadata: usage, modelVersion: model, responseId: "truth" });

const geminiGenerate: Wire = {
  asked: /^\/models\/[^:]+:(generateContent|streamGenerateContent\?alt=sse)$/,
  counting: { path: /^\/models\/[^:]+:countTokens$/, tell: (totalTokens) => ({ totalTokens }) },
  whole(answer, model) {
    const parts = partsOf(answer, (text) => (text ? [text] : []));
    return geminiAnswer(model, { content: { role: "model", parts }, finishReason: geminiFinish[answer.finish], ...grounding(answer.citations) }, geminiUsage(answer.usage));
  },
  stream(answer, model) {
    const chunk = (part: Json, more: Json = {}, usage: Json = { promptTokenCount: answer.usage.input, totalTokenCount: answer.usage.input }): string =>
      `data: ${JSON.stringify(geminiAnswer(model, { content: { role: "model", parts: [part] }, ...more }, usage))}\r\n\r\n`;
    return {
      said: partsOf(answer, pieces).map((part) => chunk(part)),
      end: [chunk({ text: "" }, { finishReason: geminiFinish[answer.finish], ...grounding(answer.citations) }, geminiUsage(answer.usage))],
    };
  },
  refusal: (status, message) => ({ error: { code: status, message, status: status === 429 ? "RESOURCE_EXHAUSTED" : "INTERNAL" } }),
  failure: (message) => `data: ${JSON.stringify({ error: { code: 503, message, status: "UNAVAILABLE" } })}\r\n\r\n`,
};

export const wires: Record<ProtocolId, Wire> = {
  "openai-chat": openaiChat, "openai-responses": openaiResponses, "anthropic-messages": anthropicMessages, "gemini-generate": geminiGenerate,
};

/** How four protocols tell one answer as a stream, and what a client of each reads out of one. */

export type ProtocolId = "openai-chat" | "anthropic-messages" | "openai-responses" | "gemini-generate";
/** Deltas of a text, and of the arguments of a call behind it. */
export type Answer = { texts: string[]; args: string[] };
/** `end`: the last thing told: the protocol's own end, an error, or neither. `text` and `args` are deltas joined. */
export type Read = { text: string; args: string; end: "whole" | "error" | "none"; behindEnd: number };

type Json = Record<string, unknown>;
type Wire = {
  /** Where a client asks, and with what. */
  ask(model: string, usage: boolean): { path: string; body: Json };
  /** Whole frames. */
  tell(answer: Answer): string[];
  /** The event as which the answer is over, whatever an upstream does behind it. */
  isEnd(event: Json): boolean;
  /** Adds what one event says. */
  read(event: Json, read: Read): void;
};

export const inputTokens = 21;
export const outputTokens = 9;

const data = (value: Json): string => `data: ${JSON.stringify(value)}\n\n`;
const named = (value: Json): string => `event: ${String(value.type)}\n${data(value)}`;
const list = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : []);
const inside = (value: unknown): Json => (value ?? {}) as Json;
const words = (value: unknown): string => (typeof value === "string" ? value : "");

const chat: Wire = {
  ask: (model, include_usage) => ({ path: "/v1/chat/completions", body: { model, messages: [{ role: "user", content: "x" }], stream: true, ...(include_usage && { stream_options: { include_usage } }) } }),
  tell({ texts, args }) {
    const chunk = (delta: Json, finish_reason: string | null = null, rest: Json = {}): string =>
      data({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta, finish_reason }], ...rest });
    const call = (fields: Json): string => chunk({ tool_calls: [{ index: 0, ...fields }] });
    return [
      chunk({ role: "assistant", content: "" }), ...texts.map((content) => chunk({ content })),
      ...(args.length > 0 ? [call({ id: "call_1", type: "function", function: { name: "f", arguments: "" } }), ...args.map((piece) => call({ function: { arguments: piece } }))] : []),
      chunk({}, args.length > 0 ? "tool_calls" : "stop"),
      chunk({}, null, { choices: [], usage: { prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: inputTokens + outputTokens } }), "data: [DONE]\n\n",
    ];
  },
  isEnd: ({ choices }) => list(choices).some((choice) => choice.finish_reason),
  read(event, read) {
    for (const { delta, finish_reason: finish } of list(event.choices)) {
      read.text += words(inside(delta).content);
      for (const call of list(inside(delta).tool_calls)) read.args += words(inside(call.function).arguments);
      if (finish) read.end = "whole";
    }
    if (event.error) read.end = "error";
  },
};

const messages: Wire = {
  ask: (model) => ({ path: "/v1/messages", body: { model, max_tokens: 1_000, messages: [{ role: "user", content: "x" }], stream: true } }),
  tell({ texts, args }) {
    const block = (index: number, begin: Json, deltas: Json[]): string[] => [
      named({ type: "content_block_start", index, content_block: begin }), ...deltas.map((delta) => named({ type: "content_block_delta", index, delta })), named({ type: "content_block_stop", index }),
    ];
    return [
      named({ type: "message_start", message: { id: "msg_1", type: "message", role: "assistant", model: "m", content: [], stop_reason: null, stop_sequence: null, usage: { input_tokens: inputTokens, output_tokens: 1 } } }),
      ...block(0, { type: "text", text: "" }, texts.map((text) => ({ type: "text_delta", text }))),
      ...(args.length > 0 ? block(1, { type: "tool_use", id: "toolu_1", name: "f", input: {} }, args.map((partial_json) => ({ type: "input_json_delta", partial_json }))) : []),
      named({ type: "message_delta", delta: { stop_reason: args.length > 0 ? "tool_use" : "end_turn", stop_sequence: null }, usage: { output_tokens: outputTokens } }), named({ type: "message_stop" }),
    ];
  },
  isEnd: ({ type, delta }) => type === "message_stop" || typeof inside(delta).stop_reason === "string",
  read({ type, delta: told }, read) {
    const delta = inside(told);
    read.text += words(delta.text);
    read.args += words(delta.partial_json);
    if (type === "error") read.end = "error";
    else if (type === "message_stop" || typeof delta.stop_reason === "string") read.end = "whole";
  },
};

const responses: Wire = {
  ask: (model) => ({ path: "/v1/responses", body: { model, input: "x", stream: true, store: false } }),
  tell({ texts, args }) {
    const part = { type: "output_text", text: texts.join(""), annotations: [] };
    const message = { id: "msg_1", type: "message", role: "assistant" };
    const call = { id: "fc_1", type: "function_call", call_id: "call_1", name: "f" };
    const response = { id: "resp_1", object: "response", created_at: 1, model: "m", error: null };
    const output = [{ ...message, status: "completed", content: [part] }, ...(args.length > 0 ? [{ ...call, status: "completed", arguments: args.join("") }] : [])];
    const at = { output_index: 0, item_id: "msg_1", content_index: 0 };
    return [
      { type: "response.created", response: { ...response, status: "in_progress", output: [] } },
      { type: "response.output_item.added", output_index: 0, item: { ...message, status: "in_progress", content: [] } },
      { type: "response.content_part.added", ...at, part: { ...part, text: "" } }, ...texts.map((delta) => ({ type: "response.output_text.delta", ...at, delta })),
      { type: "response.output_text.done", ...at, text: part.text }, { type: "response.content_part.done", ...at, part }, { type: "response.output_item.done", output_index: 0, item: output[0] },
      ...(args.length > 0
        ? [
            { type: "response.output_item.added", output_index: 1, item: { ...call, status: "in_progress", arguments: "" } },
            ...args.map((delta) => ({ type: "response.function_call_arguments.delta", output_index: 1, item_id: "fc_1", delta })),
            { type: "response.function_call_arguments.done", output_index: 1, item_id: "fc_1", arguments: args.join("") }, { type: "response.output_item.done", output_index: 1, item: output[1] },
          ]
        : []),
      { type: "response.completed", response: { ...response, status: "completed", output, usage: { input_tokens: inputTokens, output_tokens: outputTokens, total_tokens: inputTokens + outputTokens } } },
    ].map((event, sequence_number) => named({ ...event, sequence_number }));
  },
  isEnd: ({ type }) => type === "response.completed",
  read({ type, delta }, read) {
    if (type === "response.output_text.delta") read.text += words(delta);
    else if (type === "response.function_call_arguments.delta") read.args += words(delta);
    else if (type === "response.completed") read.end = "whole";
    else if (type === "response.failed" || type === "error") read.end = "error";
  },
};

const gemini: Wire = {
  ask: (model) => ({ path: `/v1beta/models/${model}:streamGenerateContent?alt=sse`, body: { contents: [{ role: "user", parts: [{ text: "x" }] }] } }),
  tell({ texts, args }) {
    const usageMetadata = { promptTokenCount: inputTokens, candidatesTokenCount: outputTokens, totalTokenCount: inputTokens + outputTokens };
    const said = (parts: Json[], rest: Json = {}): string => data({ candidates: [{ content: { parts, role: "model" }, index: 0, ...rest }], usageMetadata, modelVersion: "m", responseId: "r" });
    return [
      ...texts.map((text) => said([{ text }])), ...(args.length > 0 ? [said([{ functionCall: { name: "f", args: JSON.parse(args.join("")) as Json } }])] : []), said([{ text: "" }], { finishReason: "STOP" }),
    ];
  },
  isEnd: ({ candidates }) => list(candidates).some((candidate) => candidate.finishReason),
  read({ candidates, error }, read) {
    for (const { content, finishReason } of list(candidates)) {
      for (const part of list(inside(content).parts)) {
        read.text += words(part.text);
        if (part.functionCall) read.args += JSON.stringify(inside(part.functionCall).args);
      }
      if (finishReason) read.end = "whole";
    }
    if (error) read.end = "error";
  },
};

export const wires: Readonly<Record<ProtocolId, Wire>> = { "openai-chat": chat, "anthropic-messages": messages, "openai-responses": responses, "gemini-generate": gemini };

/** Events of whole frames, as an SDK parses them. Data that is no JSON is told as such. */
export function eventsIn(text: string): { events: Json[]; broken: string[]; rest: string } {
  const frames = text.split(/\r?\n\r?\n/);
  const rest = frames.pop()!;
  const events: Json[] = [];
  const broken: string[] = [];
  for (const frame of frames) {
    const told = frame.split(/\r?\n/).filter((line) => line.startsWith("data:")).map((line) => line.slice(5).replace(/^ /, "")).join("\n");
    if (told === "" || told === "[DONE]") continue;
    try {
      events.push(JSON.parse(told) as Json);
    } catch {
      broken.push(told.slice(0, 200));
    }
  }
  return { events, broken, rest };
}

/** What a client of this protocol reads. */
export function readBy(protocol: ProtocolId, text: string): Read & { broken: string[]; rest: string } {
  const { events, broken, rest } = eventsIn(text);
  const read: Read = { text: "", args: "", end: "none", behindEnd: 0 };
  for (const event of events) {
    if (read.end === "error") read.behindEnd += 1;
    wires[protocol].read(event, read);
  }
  return { ...read, broken, rest };
}

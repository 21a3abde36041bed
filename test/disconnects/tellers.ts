/**
 * How an upstream of each protocol tells one answer, piece by piece, and what each piece says of usage. Texts and arguments hold
 * nothing that JSON would escape, so that everybody counts the same characters.
 */
import { EventStreamCodec } from "@smithy/eventstream-codec";

export type UpstreamId = "openai-chat" | "openai-completions" | "openai-responses" | "anthropic-messages" | "gemini-generate" | "bedrock-converse";
export type Counts = { input: number; output: number };

/**
 * How the answer differs from a plain one: usage told all along (with choices, or the prompt's alone where Gemini does that), zeros told,
 * usage never told, no terminal event, an error after 200, a connection that breaks.
 */
export type Shape = "plain" | "running" | "zero" | "untold" | "open" | "fails" | "breaks";

/** One piece on the wire. `said`: counts that it tells, totals so far; `over`: the answer's finish; `failed`: an error event. */
export type Piece = { bytes: string | Uint8Array; characters: number; said?: Partial<Counts>; over?: true; failed?: true };

type Json = Record<string, unknown>;
type Teller = {
  begin(counts: Counts): Piece[];
  text(text: string, running: Counts | undefined): Piece;
  callBegin(): Piece[];
  /** Undefined: calls come whole, at their end. */
  callInput?(input: string): Piece;
  callEnd(input: string): Piece[];
  /** Between text and call; after the last. */
  finish(counts: Counts | undefined, withCall: boolean, running: boolean): Piece[];
  error(): Piece;
  whole(texts: readonly string[], counts: Counts | undefined): Json;
};

export const texts: readonly string[] = ["word one ", "word two ", "word three ", "word four ", "word five ", "word six ", "word seven "];
/** JSON of nothing but braces and blanks. */
const args: readonly string[] = ["{   ", "    ", "    ", "   }"];

const data = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
const named = (value: Json): string => `event: ${String(value.type)}\n${data(value)}`;
const piece = (bytes: string | Uint8Array, characters = 0, rest: Partial<Piece> = {}): Piece => ({ bytes, characters, ...rest });

const chatUsage = ({ input, output }: Counts): Json => ({ prompt_tokens: input, completion_tokens: output, total_tokens: input + output });
const openaiHead = { id: "c1", created: 1, model: "m" };

function chunked(object: string, delta: (text: string) => Json): Pick<Teller, "text" | "finish" | "error"> & { chunk: (choice: Json, rest?: Json) => string } {
  const chunk = (choice: Json, rest: Json = {}): string => data({ ...openaiHead, object, choices: [{ index: 0, finish_reason: null, ...choice }], ...rest });
  return {
    chunk,
    text: (text, running) => piece(chunk(delta(text), running ? { usage: chatUsage(running) } : {}), text.length, running ? { said: running } : {}),
    finish: (counts, withCall, running) => {
      const end = { ...delta(""), finish_reason: withCall ? "tool_calls" : "stop" };
      const said = counts ? { said: counts } : {};
      if (running) return [piece(chunk(end, counts ? { usage: chatUsage(counts) } : {}), 0, { over: true, ...said }), piece("data: [DONE]\n\n")];
      const usage = counts ? [piece(data({ ...openaiHead, object, choices: [], usage: chatUsage(counts) }), 0, said)] : [];
      return [piece(chunk(end), 0, { over: true }), ...usage, piece("data: [DONE]\n\n")];
    },
    error: () => piece(data({ error: { message: "no more", type: "server_error" } }), 0, { failed: true }),
  };
}

const toolCall = (fields: Json): Json => ({ delta: { tool_calls: [{ index: 0, ...fields }] } });
const chatChunks = chunked("chat.completion.chunk", (content) => ({ delta: content ? { content } : {} }));
const chat: Teller = {
  ...chatChunks,
  begin: () => [piece(chatChunks.chunk({ delta: { role: "assistant", content: "" } }))],
  callBegin: () => [piece(chatChunks.chunk(toolCall({ id: "call_1", type: "function", function: { name: "f", arguments: "" } })))],
  callInput: (input) => piece(chatChunks.chunk(toolCall({ function: { arguments: input } })), input.length),
  callEnd: () => [],
  whole: (said, counts) => ({ ...openaiHead, object: "chat.completion", choices: [{ index: 0, message: { role: "assistant", content: said.join("") }, finish_reason: "stop" }], ...(counts && { usage: chatUsage(counts) }) }),
};

const textChunks = chunked("text_completion", (text) => ({ text }));
const completions: Teller = {
  ...textChunks, begin: () => [], callBegin: () => [], callEnd: () => [],
  whole: (said, counts) => ({ ...openaiHead, object: "text_completion", choices: [{ index: 0, text: said.join(""), finish_reason: "stop" }], ...(counts && { usage: chatUsage(counts) }) }),
};

const event = (type: string, rest: Json, more: Partial<Piece> = {}, characters = 0): Piece => piece(named({ type, ...rest }), characters, more);
const messages: Teller = {
  begin: ({ input }) => [
    event("message_start", { message: { id: "msg_1", type: "message", role: "assistant", model: "m", content: [], stop_reason: null, stop_sequence: null, usage: { input_tokens: input, output_tokens: 1 } } }, { said: { input } }),
    event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
  ],
  text: (text) => event("content_block_delta", { index: 0, delta: { type: "text_delta", text } }, {}, text.length),
  callBegin: () => [event("content_block_stop", { index: 0 }), event("content_block_start", { index: 1, content_block: { type: "tool_use", id: "toolu_1", name: "f", input: {} } })],
  callInput: (input) => event("content_block_delta", { index: 1, delta: { type: "input_json_delta", partial_json: input } }, {}, input.length),
  callEnd: () => [event("content_block_stop", { index: 1 })],
  finish: (counts, withCall) => [
    ...(withCall ? [] : [event("content_block_stop", { index: 0 })]),
    event("message_delta", { delta: { stop_reason: withCall ? "tool_use" : "end_turn", stop_sequence: null }, ...(counts && { usage: { output_tokens: counts.output } }) }, { over: true, ...(counts && { said: { output: counts.output } }) }),
    event("message_stop", {}),
  ],
  error: () => event("error", { error: { type: "overloaded_error", message: "no more" } }, { failed: true }),
  whole: (said, counts) => ({ id: "msg_1", type: "message", role: "assistant", model: "m", content: [{ type: "text", text: said.join("") }], stop_reason: "end_turn", stop_sequence: null, ...(counts && { usage: { input_tokens: counts.input, output_tokens: counts.output } }) }),
};

const response = { id: "resp_1", object: "response", created_at: 1, model: "m", error: null };
const message = { id: "msg_1", type: "message", role: "assistant" };
const call = { id: "fc_1", type: "function_call", call_id: "call_1", name: "f" };
const part = (said: readonly string[]): Json => ({ type: "output_text", text: said.join(""), annotations: [] });
const responsesUsage = ({ input, output }: Counts): Json => ({ input_tokens: input, output_tokens: output, total_tokens: input + output });
const textDone = (): Piece[] => [
  event("response.output_text.done", { output_index: 0, item_id: "msg_1", content_index: 0, text: texts.join("") }),
  event("response.content_part.done", { output_index: 0, item_id: "msg_1", content_index: 0, part: part(texts) }),
  event("response.output_item.done", { output_index: 0, item: { ...message, status: "completed", content: [part(texts)] } }),
];
const responses: Teller = {
  begin: () => [
    event("response.created", { response: { ...response, status: "in_progress", output: [] } }),
    event("response.output_item.added", { output_index: 0, item: { ...message, status: "in_progress", content: [] } }),
    event("response.content_part.added", { output_index: 0, item_id: "msg_1", content_index: 0, part: part([]) }),
  ],
  text: (delta) => event("response.output_text.delta", { output_index: 0, item_id: "msg_1", content_index: 0, delta }, {}, delta.length),
  callBegin: () => [...textDone(), event("response.output_item.added", { output_index: 1, item: { ...call, status: "in_progress", arguments: "" } })],
  callInput: (delta) => event("response.function_call_arguments.delta", { output_index: 1, item_id: "fc_1", delta }, {}, delta.length),
  callEnd: (input) => [event("response.function_call_arguments.done", { output_index: 1, item_id: "fc_1", arguments: input }), event("response.output_item.done", { output_index: 1, item: { ...call, status: "completed", arguments: input } })],
  finish: (counts, withCall) => [
    ...(withCall ? [] : textDone()),
    event("response.completed", { response: { ...response, status: "completed", output: [{ ...message, status: "completed", content: [part(texts)] }, ...(withCall ? [{ ...call, status: "completed", arguments: args.join("") }] : [])], ...(counts && { usage: responsesUsage(counts) }) } }, { over: true, ...(counts && { said: counts }) }),
  ],
  error: () => event("error", { code: "server_error", message: "no more", param: null }, { failed: true }),
  whole: (said, counts) => ({ ...response, status: "completed", output: [{ ...message, status: "completed", content: [part(said)] }], ...(counts && { usage: responsesUsage(counts) }) }),
};

const geminiUsage = ({ input, output }: Partial<Counts>): Json => ({ usageMetadata: { promptTokenCount: input, ...(output !== undefined && { candidatesTokenCount: output }), totalTokenCount: (input ?? 0) + (output ?? 0) } });
const candidate = (parts: Json[], rest: Json = {}): Json => ({ candidates: [{ content: { parts, role: "model" }, index: 0, ...rest }], modelVersion: "m", responseId: "r" });
const gemini: Teller = {
  begin: () => [],
  text: (text, running) => piece(data({ ...candidate([{ text }]), ...(running && geminiUsage({ input: running.input })) }), text.length, running ? { said: { input: running.input } } : {}),
  callBegin: () => [],
  callEnd: () => [piece(data(candidate([{ functionCall: { name: "f", args: {} } }])), 2)],
  finish: (counts) => [piece(data({ ...candidate([{ text: "" }], { finishReason: "STOP" }), ...(counts && geminiUsage(counts)) }), 0, { over: true, ...(counts && { said: counts }) })],
  error: () => piece(data({ error: { code: 503, message: "no more", status: "UNAVAILABLE" } }), 0, { failed: true }),
  whole: (said, counts) => ({ ...candidate([{ text: said.join("") }], { finishReason: "STOP" }), ...(counts && geminiUsage(counts)) }),
};

const codec = new EventStreamCodec((bytes) => new TextDecoder().decode(bytes), (text) => new TextEncoder().encode(text));
const binary = (type: string, body: Json, characters = 0, rest: Partial<Piece> = {}, header = ":event-type"): Piece => piece(codec.encode({
  headers: { [header]: { type: "string", value: type }, ":message-type": { type: "string", value: header === ":event-type" ? "event" : "exception" }, ":content-type": { type: "string", value: "application/json" } },
  body: new TextEncoder().encode(JSON.stringify(body)),
}), characters, rest);
const converseUsage = ({ input, output }: Counts): Json => ({ usage: { inputTokens: input, outputTokens: output, totalTokens: input + output } });
const converse: Teller = {
  begin: () => [binary("messageStart", { role: "assistant" })],
  text: (text) => binary("contentBlockDelta", { contentBlockIndex: 0, delta: { text } }, text.length),
  callBegin: () => [binary("contentBlockStop", { contentBlockIndex: 0 }), binary("contentBlockStart", { contentBlockIndex: 1, start: { toolUse: { toolUseId: "t1", name: "f" } } })],
  callInput: (input) => binary("contentBlockDelta", { contentBlockIndex: 1, delta: { toolUse: { input } } }, input.length),
  callEnd: () => [binary("contentBlockStop", { contentBlockIndex: 1 })],
  finish: (counts, withCall) => [
    ...(withCall ? [] : [binary("contentBlockStop", { contentBlockIndex: 0 })]), binary("messageStop", { stopReason: withCall ? "tool_use" : "end_turn" }, 0, { over: true }),
    ...(counts ? [binary("metadata", { ...converseUsage(counts), metrics: { latencyMs: 1 } }, 0, { said: counts })] : []),
  ],
  error: () => binary("modelStreamErrorException", { message: "no more" }, 0, { failed: true }, ":exception-type"),
  whole: (said, counts) => ({ output: { message: { role: "assistant", content: [{ text: said.join("") }] } }, stopReason: "end_turn", ...(counts && converseUsage(counts)) }),
};

const tellers: Readonly<Record<UpstreamId, Teller>> = {
  "openai-chat": chat, "openai-completions": completions, "openai-responses": responses, "anthropic-messages": messages, "gemini-generate": gemini, "bedrock-converse": converse,
};

/** The answer as a stream. */
export function streamOf(protocol: UpstreamId, shape: Shape, counts: Counts): Piece[] {
  const teller = tellers[protocol];
  const told = shape === "untold" ? undefined : counts;
  const running = shape === "running" || shape === "open" || shape === "breaks";
  const said = texts.map((text, i) => teller.text(text, running ? { input: counts.input, output: i + 1 } : undefined));
  if (shape === "fails") return [...teller.begin(counts), ...said, teller.error()];
  const withCall = protocol !== "openai-completions";
  const inputs = teller.callInput ? args.map((input) => teller.callInput!(input)) : [];
  const all = [...teller.begin(counts), ...said, ...(withCall ? [...teller.callBegin(), ...inputs, ...teller.callEnd(args.join(""))] : []), ...teller.finish(told, withCall, running)];
  return shape === "open" || shape === "breaks" ? all.slice(0, all.findIndex(({ over }) => over)) : all;
}

/** The answer whole, in two halves. */
export function wholeOf(protocol: UpstreamId, shape: Shape, counts: Counts): [string, string] {
  const text = JSON.stringify(tellers[protocol].whole(texts, shape === "untold" ? undefined : counts));
  return [text.slice(0, 40), text.slice(40)];
}

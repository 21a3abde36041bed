/**
 * A provider on a socket, in Responses, Messages and Gemini's own protocol by the path that is called. What it says depends on what it is
 * asked: `tag-7` in the last turn gives an answer that is that request's alone, a tool that is offered is called.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { StandIn } from "../support/server.ts";

type Json = Record<string, any>;
type Told = { type: string; whole: Json; events: string[] };

const named = (json: Json): string => `event: ${String(json.type)}\ndata: ${JSON.stringify(json)}\n\n`;
const data = (json: Json): string => `data: ${JSON.stringify(json)}\n\n`;

export const wordsOf = (tag: string): string[] => Array.from({ length: 12 + (Number(tag.slice(4)) % 40) }, (_, i) => `${tag}.${i} Grüße 漢字 `);
export const usage = { input: 17, output: 23 };
const toolInput = '{"location":"San Francisco, CA"}';
/** What OpenAI does itself with a tool of its own: https://platform.openai.com/docs/guides/tools-file-search, …/tools-web-search */
const hosted: Readonly<Record<string, Json>> = {
  file_search: { id: "fs_1", type: "file_search_call", status: "completed", queries: ["what is in it"], results: [{ file_id: "file-1", filename: "a.txt", score: 0.9, text: "found", attributes: {} }] },
  web_search: { id: "ws_1", type: "web_search_call", status: "completed", action: { type: "search", query: "Open Responses", sources: [{ type: "url", url: "https://example.com/" }] } },
};

function responses({ model, tools, stream }: Json, words: string[]): Told {
  const base = { id: `resp_${words.length}`, object: "response", created_at: 1, model, error: null, incomplete_details: null, instructions: null, metadata: {}, parallel_tool_calls: true, temperature: 1, tool_choice: "auto", tools: (tools ?? []).map((tool: Json) => ({ strict: true, ...tool })), top_p: 1, max_output_tokens: null, max_tool_calls: null, previous_response_id: null, presence_penalty: 0, frequency_penalty: 0, top_logprobs: 0, prompt_cache_key: null, safety_identifier: null, reasoning: { effort: null, summary: null }, service_tier: "default", store: false, background: false, text: { format: { type: "text" } }, truncation: "disabled", completed_at: null };
  const text = words.join("");
  const thought = { id: "rs_1", type: "reasoning", summary: [], encrypted_content: "c2VhbGVkLWJ5LWl0cy1tYWtlcg==" };
  const done = (tools ?? []).flatMap(({ type }: Json) => hosted[type as string] ?? []) as Json[];
  const item = tools?.length && done.length === 0 ? { id: "fc_1", type: "function_call", status: "completed", call_id: "call_1", name: tools[0].name, arguments: toolInput } : { id: "msg_1", type: "message", status: "completed", role: "assistant", content: [{ type: "output_text", text, annotations: [], logprobs: [] }] };
  const whole = { ...base, status: "completed", completed_at: 2, output: [thought, ...done, item], usage: { input_tokens: usage.input, input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 }, output_tokens: usage.output, output_tokens_details: { reasoning_tokens: 0 }, total_tokens: usage.input + usage.output } };
  if (!stream) return { type: "application/json", whole, events: [] };
  let sequence = 0;
  const say = (type: string, rest: Json): string => named({ type: `response.${type}`, sequence_number: sequence++, ...rest });
  const begun = { ...base, status: "in_progress", output: [], usage: null };
  const at = { item_id: item.id, output_index: 1 };
  const part = { type: "output_text", text: "", annotations: [], logprobs: [] };
  const events = [
    say("created", { response: begun }), say("in_progress", { response: begun }),
    say("output_item.added", { output_index: 0, item: { ...thought, encrypted_content: "" } }), say("output_item.done", { output_index: 0, item: thought }),
    ...(item.type === "function_call"
      ? [say("output_item.added", { output_index: 1, item: { ...item, status: "in_progress", arguments: "" } }), say("function_call_arguments.delta", { ...at, delta: toolInput }), say("function_call_arguments.done", { ...at, name: tools[0].name, arguments: toolInput })]
      : [
          say("output_item.added", { output_index: 1, item: { ...item, status: "in_progress", content: [] } }), say("content_part.added", { ...at, content_index: 0, part }),
          ...words.map((delta) => say("output_text.delta", { ...at, content_index: 0, delta, logprobs: [] })),
          say("output_text.done", { ...at, content_index: 0, text, logprobs: [] }), say("content_part.done", { ...at, content_index: 0, part: { ...part, text } }),
        ]),
    say("output_item.done", { output_index: 1, item }), say("completed", { response: whole }),
  ];
  return { type: "text/event-stream", whole, events };
}

function messages({ model, tools, stream }: Json, words: string[]): Told {
  const base = { id: "msg_up", type: "message", role: "assistant", model };
  const input = { input_tokens: usage.input, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 };
  const block = tools?.length ? { type: "tool_use", id: "toolu_1", name: tools[0].name, input: JSON.parse(toolInput) as Json } : { type: "text", text: words.join("") };
  const end = { stop_reason: tools?.length ? "tool_use" : "end_turn", stop_sequence: null };
  const whole = { ...base, content: [block], ...end, usage: { ...input, output_tokens: usage.output } };
  if (!stream) return { type: "application/json", whole, events: [] };
  const deltas = tools?.length ? [toolInput.slice(0, 9), toolInput.slice(9)].map((partial_json) => ({ type: "input_json_delta", partial_json })) : words.map((text) => ({ type: "text_delta", text }));
  const events = [
    named({ type: "message_start", message: { ...base, content: [], stop_reason: null, stop_sequence: null, usage: { ...input, output_tokens: 1 } } }),
    named({ type: "content_block_start", index: 0, content_block: tools?.length ? { ...block, input: {} } : { type: "text", text: "" } }), named({ type: "ping" }),
    ...deltas.map((delta) => named({ type: "content_block_delta", index: 0, delta })), named({ type: "content_block_stop", index: 0 }),
    named({ type: "message_delta", delta: end, usage: { output_tokens: usage.output } }), named({ type: "message_stop" }),
  ];
  return { type: "text/event-stream", whole, events };
}

function gemini({ tools }: Json, words: string[]): Told {
  const counted = { promptTokenCount: usage.input, candidatesTokenCount: usage.output, totalTokenCount: usage.input + usage.output };
  const piece = (text: string, rest: Json = {}): Json => ({ candidates: [{ index: 0, content: { role: "model", parts: [{ text }] }, ...rest }], modelVersion: "gemini-test" });
  if (tools?.length) {
    const call = { ...piece(""), candidates: [{ index: 0, content: { role: "model", parts: [{ functionCall: { name: tools[0].functionDeclarations[0].name, args: JSON.parse(toolInput) as Json } }] }, finishReason: "STOP" }], usageMetadata: counted };
    return { type: "text/event-stream", whole: call, events: [data(call)] };
  }
  return { type: "text/event-stream", whole: { ...piece(words.join(""), { finishReason: "STOP" }), usageMetadata: counted }, events: [...words.map((word) => data(piece(word))), data({ ...piece("", { finishReason: "STOP" }), usageMetadata: counted })] };
}

export type Call = { readonly path: string; readonly body: Json; readonly tag: string };

export class Upstream extends StandIn {
  readonly calls: Call[] = [];
  private readonly paceMs: number;

  constructor(paceMs: number) {
    super();
    this.paceMs = paceMs;
  }

  protected async serve({ url: path = "" }: IncomingMessage, text: string, response: ServerResponse): Promise<void> {
    const body = text === "" ? {} : (JSON.parse(text) as Json);
    const tag = [...JSON.stringify(body).matchAll(/tag-\d+/g)].at(-1)?.[0] ?? "tag-1";
    this.calls.push({ path, body, tag });
    const words = wordsOf(tag);
    const isGemini = path.includes(":streamGenerateContent") || path.includes(":generateContent");
    const { type, whole, events } = isGemini ? gemini(body, words) : path.endsWith("/messages") ? messages(body, words) : responses(body, words);
    if (!(body.stream || path.includes(":streamGenerateContent"))) return void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(whole));
    response.writeHead(200, { "content-type": type });
    for (const event of events) {
      if (response.destroyed) return;
      response.write(event);
      await sleep(this.paceMs * Math.random() * 2);
    }
    response.end();
  }
}

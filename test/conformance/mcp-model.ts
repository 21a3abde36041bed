/** A model that plays a script in three protocols: chat completions, Messages and Responses, whole and as a stream. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { hangUp, listen } from "../support/server.ts";

/** What it says in one turn. */
export type Step = { text?: string; calls?: { name: string; input: object }[]; cut?: true; refuse?: number; /** Signed, where it speaks Messages. */ thought?: string };
type Json = Record<string, unknown>;
type Body = Json & { stream?: boolean; tools?: Json[]; messages?: Json[]; input?: Json[] };

const sse = (data: object, event?: string): string => `${event ? `event: ${event}\n` : ""}data: ${JSON.stringify(data)}\n\n`;
const halves = (text: string): string[] => [text.slice(0, text.length / 2), text.slice(text.length / 2)];

export class Model {
  /** What it was asked, by path and body. */
  readonly asked: { path: string; body: Body; headers: IncomingMessage["headers"] }[] = [];
  private steps: Step[] = [];
  private readonly server = createServer((request, response) => void this.answer(request, response));

  start(): Promise<string> {
    return listen(this.server);
  }

  stop(): void {
    hangUp(this.server);
  }

  play(...steps: Step[]): void {
    this.steps = steps;
    this.asked.length = 0;
  }

  /** Names of the tools that it was told of, in its last turn. */
  get tools(): unknown[] {
    return (this.asked.at(-1)?.body.tools ?? []).map((tool) => (tool.function as Json | undefined)?.name ?? tool.name ?? tool.type);
  }

  /** Results of its calls as it has heard them, in its last turn. */
  get results(): unknown[] {
    const { messages = [], input = [] } = this.asked.at(-1)!.body;
    const blocks = messages.flatMap(({ content }) => (Array.isArray(content) ? (content as Json[]) : []));
    const texts = (content: unknown): unknown => (Array.isArray(content) ? (content as Json[]).map(({ text }) => text).join("") : content);
    return [
      ...messages.filter(({ role }) => role === "tool").map(({ content }) => texts(content)),
      ...blocks.filter(({ type }) => type === "tool_result").map(({ content }) => texts(content)),
      ...input.filter(({ type }) => type === "function_call_output").map(({ output }) => output),
    ];
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    for await (const part of request.setEncoding("utf8")) text += part;
    const path = request.url!.replace(/^\/v1/, "");
    if (!text) return void response.writeHead(404).end();
    const body = JSON.parse(text) as Body;
    this.asked.push({ path, body, headers: request.headers });
    const step = this.steps.shift() ?? { text: "The script is over." };
    if (step.refuse) return void response.writeHead(step.refuse, { "content-type": "application/json" }).end(JSON.stringify({ error: { message: "no more", type: "x" } }));
    const write = { "/chat/completions": chat, "/messages": messages, "/responses": responses }[path];
    if (!write) return void response.writeHead(404).end();
    response.writeHead(200, { "content-type": body.stream ? "text/event-stream" : "application/json" });
    response.end(write(step, this.asked.length, body));
  }
}

function chat({ text, calls = [], cut }: Step, n: number, { model, stream }: Body): string {
  const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
  const finish_reason = cut ? "length" : calls.length > 0 ? "tool_calls" : "stop";
  const tool_calls = calls.map(({ name, input }, index) => ({ index, id: `call_${n}_${index}`, type: "function", function: { name, arguments: JSON.stringify(input) } }));
  const head = { id: `chatcmpl-${n}`, created: 1, model };
  if (!stream) return JSON.stringify({ ...head, object: "chat.completion", choices: [{ index: 0, finish_reason, message: { role: "assistant", content: text ?? null, ...(calls.length > 0 && { tool_calls }) } }], usage });
  const chunk = (delta: object, reason: string | null = null, rest: object = {}): string => sse({ ...head, object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason: reason }], ...rest });
  const args = tool_calls.flatMap(({ index, id, type, function: { name, arguments: input } }) => [
    chunk({ tool_calls: [{ index, id, type, function: { name, arguments: "" } }] }), ...halves(input).map((half) => chunk({ tool_calls: [{ index, function: { arguments: half } }] })),
  ]);
  return chunk({ role: "assistant", content: "" }) + (text ? halves(text).map((content) => chunk({ content })).join("") : "") + args.join("") + chunk({}, finish_reason) + sse({ ...head, object: "chat.completion.chunk", choices: [], usage }) + "data: [DONE]\n\n";
}

function messages({ text, calls = [], cut, thought }: Step, n: number, { model, stream }: Body): string {
  const usage = { input_tokens: 10, output_tokens: 5 };
  const stop_reason = cut ? "max_tokens" : calls.length > 0 ? "tool_use" : "end_turn";
  const head = { id: `msg_${n}`, type: "message", role: "assistant", model, stop_sequence: null };
  const blocks: Json[] = [...(thought ? [{ type: "thinking", thinking: thought, signature: `signed-${n}` }] : []), ...(text ? [{ type: "text", text }] : []), ...calls.map(({ name, input }, index) => ({ type: "tool_use", id: `toolu_${n}_${index}`, name, input }))];
  if (!stream) return JSON.stringify({ ...head, content: blocks, stop_reason, usage });
  const event = (type: string, rest: object): string => sse({ type, ...rest }, type);
  const told = blocks.map((block, index) => {
    const [empty, deltas] = block.type === "thinking" ? [{ ...block, thinking: "", signature: "" }, [{ type: "thinking_delta", thinking: block.thinking }, { type: "signature_delta", signature: block.signature }]]
      : block.type === "text"
      ? [{ ...block, text: "" }, halves(block.text as string).map((half) => ({ type: "text_delta", text: half }))]
      : [{ ...block, input: {} }, halves(JSON.stringify(block.input)).map((half) => ({ type: "input_json_delta", partial_json: half }))];
    return event("content_block_start", { index, content_block: empty }) + deltas.map((delta) => event("content_block_delta", { index, delta })).join("") + event("content_block_stop", { index });
  });
  return event("message_start", { message: { ...head, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } } }) + told.join("")
    + event("message_delta", { delta: { stop_reason, stop_sequence: null }, usage }) + event("message_stop", {});
}

function responses({ text, calls = [], cut }: Step, n: number, { model, stream, tools = [] }: Body): string {
  const usage = { input_tokens: 10, input_tokens_details: { cached_tokens: 2 }, output_tokens: 5, output_tokens_details: { reasoning_tokens: 1 }, total_tokens: 15 };
  const output: Json[] = [
    { id: `rs_${n}`, type: "reasoning", summary: [] },
    ...(text ? [{ id: `msg_${n}`, type: "message", role: "assistant", status: "completed", content: [{ type: "output_text", text, annotations: [], logprobs: [] }] }] : []),
    ...calls.map(({ name, input }, index) => ({ id: `fc_${n}_${index}`, type: "function_call", call_id: `call_${n}_${index}`, name, arguments: JSON.stringify(input), status: "completed" })),
  ];
  const head = { id: `resp_${n}`, object: "response", created_at: 1_700_000_000 + n, model, error: null, incomplete_details: cut ? { reason: "max_output_tokens" } : null, tools, tool_choice: "auto", parallel_tool_calls: true };
  const status = cut ? "incomplete" : "completed";
  const whole = { ...head, status, output, usage };
  if (!stream) return JSON.stringify(whole);
  let sequence_number = 0;
  const event = (type: string, rest: object): string => sse({ type, sequence_number: sequence_number++, ...rest }, type);
  const begun = { ...head, status: "in_progress", output: [], usage: null };
  const items = output.map((item, output_index) => {
    const place = { item_id: item.id, output_index };
    const part = ((item.content as Json[] | undefined) ?? [])[0];
    const empty = { ...item, status: "in_progress", ...(part && { content: [] }), ...(item.type === "function_call" && { arguments: "" }) };
    const inside = item.type === "function_call"
      ? halves(item.arguments as string).map((delta) => event("response.function_call_arguments.delta", { ...place, delta })).join("") + event("response.function_call_arguments.done", { ...place, name: item.name, arguments: item.arguments })
      : part ? event("response.content_part.added", { ...place, content_index: 0, part: { ...part, text: "" } }) + halves(part.text as string).map((delta) => event("response.output_text.delta", { ...place, content_index: 0, delta, logprobs: [] })).join("")
        + event("response.output_text.done", { ...place, content_index: 0, text: part.text, logprobs: [] }) + event("response.content_part.done", { ...place, content_index: 0, part }) : "";
    return () => event("response.output_item.added", { output_index, item: empty }) + inside + event("response.output_item.done", { output_index, item });
  });
  return event("response.created", { response: begun }) + event("response.in_progress", { response: begun }) + items.map((item) => item()).join("") + event(`response.${status}`, { response: whole });
}

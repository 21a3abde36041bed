/** A server that speaks Messages as Anthropic does, and fails in every way that it can. The model says which. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { StandIn } from "../support/server.ts";

type Body = { model: string; max_tokens?: number; stream?: boolean; tools?: { name: string }[] };
export type Call = { path: string; headers: IncomingHttpHeaders; body: Body; text: string; gone: Promise<void> };

export const usage = { input_tokens: 11, cache_read_input_tokens: 200, cache_creation_input_tokens: 30, output_tokens: 7, output_tokens_details: { thinking_tokens: 2 }, service_tier: "standard" };
export const words = ["Grüße ", "aus 東京", " 🗼"];
export const toolInput = { city: "Zürich", days: [1, 2] };

const block = (model: string): object => (model === "tool" ? { type: "tool_use", id: "toolu_1", name: "weather", input: toolInput } : { type: "text", text: words.join(""), citations: null });
const reasonOf = (model: string): string => (model === "tool" ? "tool_use" : "end_turn");
const envelope = (model: string): object => ({ id: "msg_fixed", type: "message", role: "assistant", model, stop_sequence: null });

export const event = (type: string, rest: object = {}): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`;
const delta = (part: object): string => event("content_block_delta", { index: 0, delta: part });

function opening(model: string): string {
  const { input_tokens, cache_read_input_tokens, cache_creation_input_tokens } = usage;
  const first = model === "tool" ? { type: "tool_use", id: "toolu_1", name: "weather", input: {} } : { type: "text", text: "" };
  return event("message_start", { message: { ...envelope(model), content: [], stop_reason: null, usage: { input_tokens, cache_read_input_tokens, cache_creation_input_tokens, output_tokens: 1 } } })
    + event("content_block_start", { index: 0, content_block: first }) + event("ping");
}

/** The events of a whole stream. */
export function events(model: string): string[] {
  const parts = model === "tool" ? [JSON.stringify(toolInput).slice(0, 9), JSON.stringify(toolInput).slice(9)].map((partial_json) => ({ type: "input_json_delta", partial_json })) : words.map((text) => ({ type: "text_delta", text }));
  return [
    opening(model), ...parts.map(delta), event("content_block_stop", { index: 0 }),
    event("message_delta", { delta: { stop_reason: reasonOf(model), stop_sequence: null }, usage: { output_tokens: usage.output_tokens, output_tokens_details: usage.output_tokens_details } }), event("message_stop"),
  ];
}

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", "request-id": "req_upstream", ...headers }).end(JSON.stringify(body));
}

const refuse = (response: ServerResponse, status: number, type: string, headers?: Record<string, string>): void =>
  json(response, status, { type: "error", error: { type, message: `upstream says ${type}` }, request_id: "req_upstream" }, headers);

function startStream(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "request-id": "req_upstream" });
  response.write(opening("fault") + delta({ type: "text_delta", text: "so far" }));
}

const faults: Record<string, (response: ServerResponse) => void> = {
  "bad-request": (response) => refuse(response, 400, "invalid_request_error"),
  "no-model": (response) => refuse(response, 404, "not_found_error"),
  "no-key": (response) => refuse(response, 401, "authentication_error"),
  busy: (response) => refuse(response, 429, "rate_limit_error", { "retry-after": "7" }),
  overloaded: (response) => refuse(response, 529, "overloaded_error"),
  hangup: (response) => void response.socket!.destroy(),
  "error-event": (response) => {
    startStream(response);
    response.end(event("error", { error: { type: "overloaded_error", message: "upstream is overloaded" } }));
  },
  cut: (response) => {
    startStream(response);
    setTimeout(() => response.socket?.destroy(), 50);
  },
  endless: (response) => {
    startStream(response);
    const timer = setInterval(() => response.write(delta({ type: "text_delta", text: "more " })), 10);
    response.once("close", () => clearInterval(timer));
  },
};

export class AnthropicUpstream extends StandIn {
  readonly calls: Call[] = [];

  get last(): Call {
    return this.calls.at(-1)!;
  }

  protected serve({ url: path = "", headers }: IncomingMessage, text: string, response: ServerResponse): void {
    const body = JSON.parse(text) as Body;
    const gone = new Promise<void>((resolve) => response.once("close", () => response.writableFinished || resolve()));
    this.calls.push({ path, headers, body, text, gone });
    const { model, stream } = body;
    if (path === "/v1/messages/count_tokens") return json(response, 200, { input_tokens: 241 });
    if (path !== "/v1/messages") return refuse(response, 404, "not_found_error");
    if (faults[model]) return faults[model](response);
    if (!stream) return json(response, 200, { ...envelope(model), content: [block(model)], stop_reason: reasonOf(model), usage });
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "request-id": "req_upstream" });
    response.end(events(model).join(""));
  }
}

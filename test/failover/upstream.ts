/**
 * A provider on a socket, in chat completions and in Messages by the path that is called. Each answer has a text and a usage of its own,
 * from which its request and its provider can be told.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { StandIn } from "../support/server.ts";
import type { Fault } from "./faults.ts";

/** Longer than the gateway waits for headers or a first byte while it has another deployment. */
export const tooSlowMs = 8_000;
/** A whole answer that takes its time. */
const slowWholeMs = 300;
const paceMs = 2;

export type Usage = { readonly inputTokens: number; readonly outputTokens: number };
type Json = Record<string, unknown>;
type Body = { model: string; stream?: boolean; stream_options?: { include_usage?: boolean } };

const numberOf = (tag: string): number => Number(tag.slice(tag.indexOf("-") + 1));

/** The words of a provider's answer to one request: nobody else's, and none twice. */
export const wordsOf = (provider: string, tag: string): string[] => Array.from({ length: 4 + (numberOf(tag) % 9) }, (_, i) => `${provider}.${numberOf(tag)}.${i} `);

const offsets: Readonly<Record<string, number>> = { first: 20_000, second: 40_000, third: 60_000 };
/** What a provider says was used. */
export const usageOf = (provider: string, tag: string): Usage => ({ inputTokens: 1_000 + (numberOf(tag) % 9_000), outputTokens: offsets[provider]! + (numberOf(tag) % 9_000) });

const data = (json: Json): string => `data: ${JSON.stringify(json)}\n\n`;
const named = (json: Json): string => `event: ${String(json.type)}\n${data(json)}`;

/** The events of a stream: those before its text, its text, those behind. */
type Told = { opening: string[]; text: string[]; closing: string[]; whole: Json; error: Json };

function chat(tag: string, { model, stream_options: options }: Body, words: string[], { inputTokens, outputTokens }: Usage): Told {
  const usage = { prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: inputTokens + outputTokens };
  const base = { id: `chatcmpl-${tag}`, object: "chat.completion.chunk", created: 1, model };
  const chunk = (delta: Json, finish: string | null = null): string => data({ ...base, choices: [{ index: 0, delta, finish_reason: finish }] });
  return {
    opening: [chunk({ role: "assistant", content: "" })],
    text: words.map((content) => chunk({ content })),
    closing: [chunk({}, "stop"), ...(options?.include_usage ? [data({ ...base, choices: [], usage })] : []), "data: [DONE]\n\n"],
    whole: { ...base, object: "chat.completion", choices: [{ index: 0, message: { role: "assistant", content: words.join("") }, finish_reason: "stop" }], usage },
    error: { error: { message: "The engine is overloaded.", type: "server_error", param: null, code: "overloaded" } },
  };
}

function messages(tag: string, { model }: Body, words: string[], { inputTokens, outputTokens }: Usage): Told {
  const base = { id: `msg_${tag}`, type: "message", role: "assistant", model };
  return {
    opening: [
      named({ type: "message_start", message: { ...base, content: [], stop_reason: null, stop_sequence: null, usage: { input_tokens: inputTokens, output_tokens: 1 } } }),
      named({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }),
    ],
    text: words.map((text) => named({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } })),
    closing: [
      named({ type: "content_block_stop", index: 0 }),
      named({ type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens: outputTokens } }),
      named({ type: "message_stop" }),
    ],
    whole: { ...base, content: [{ type: "text", text: words.join("") }], stop_reason: "end_turn", stop_sequence: null, usage: { input_tokens: inputTokens, output_tokens: outputTokens } },
    error: { type: "error", error: { type: "overloaded_error", message: "Overloaded" } },
  };
}

export type Call = { readonly atMs: number; readonly fault: Fault | undefined };

export class Upstream extends StandIn {
  /** What a request meets here. */
  readonly faults = new Map<string, Fault>();
  /** Meets every request that has no fault of its own. */
  down: Fault | undefined;
  readonly calls = new Map<string, Call[]>();
  readonly name: string;

  constructor(name: string) {
    super();
    this.name = name;
  }

  protected async serve(request: IncomingMessage, text: string, response: ServerResponse): Promise<void> {
    const tag = /failover-\d+/.exec(text)?.[0];
    if (tag === undefined) return void response.end('{"data":[]}');
    const fault = this.faults.get(tag) ?? this.down;
    this.calls.set(tag, [...(this.calls.get(tag) ?? []), { atMs: performance.now(), fault }]);
    const body = JSON.parse(text) as Body;
    const told = (request.url!.endsWith("/messages") ? messages : chat)(tag, body, wordsOf(this.name, tag), usageOf(this.name, tag));
    response.setHeader("x-request-id", `${this.name}-${tag}`);
    if (fault) await this.fail(response, fault, told, body.stream === true, tag);
    else if (body.stream) await stream(response, [...told.opening, ...told.text, ...told.closing], numberOf(tag) % 4 === 0 ? paceMs : 0);
    else json(response, 200, told.whole);
  }

  private async fail(response: ServerResponse, { kind, variant }: Fault, told: Told, streams: boolean, tag: string): Promise<void> {
    const broken = JSON.stringify(told.whole).slice(0, 60);
    if (kind === "500") return json(response, [500, 502, 503, 529][variant % 4]!, told.error);
    if (kind === "429") return json(response, 429, told.error, variant % 3 === 0 ? { "retry-after": "1" } : { "retry-after-ms": "50" });
    if (kind === "error") return streams && variant % 3 > 0 ? stream(response, [data(told.error)], 0) : json(response, 200, told.error);
    if (kind === "malformed") {
      const [type, text] = ([["application/json", broken], ["text/html", "<html>busy</html>"], ...(streams ? [["text/event-stream", `data: ${broken}\n\n`]] : [])] as [string, string][]).at(variant % (streams ? 3 : 2))!;
      return void response.writeHead(200, { "content-type": type }).end(text);
    }
    if (kind === "slow") {
      if (!streams) {
        await sleep(slowWholeMs);
        return json(response, 200, told.whole);
      }
      if (variant % 2 === 0) response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
      await gone(response, tooSlowMs);
      return response.destroyed ? undefined : stream(response, [...told.opening, ...told.text, ...told.closing], 0);
    }
    if (kind === "cut") return cut(response, variant % 3, streams, JSON.stringify(told.whole), told);
    const words = kind === "opened" ? [] : told.text.slice(0, 1 + (numberOf(tag) % (told.text.length - 1)));
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write([...told.opening, ...words].join(""));
    await sleep(20);
    if (variant % 2 === 0) response.destroy();
    else response.end(data(told.error));
  }
}

/** Breaks the connection: before headers, behind them, or in the middle of a whole answer. */
async function cut(response: ServerResponse, variant: number, streams: boolean, whole: string, { opening }: Told): Promise<void> {
  if (variant === 0) return void response.destroy();
  if (streams) {
    response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    // In the middle of the first event.
    if (variant === 2) response.write(opening[0]!.slice(0, 20));
  } else {
    response.writeHead(200, { "content-type": "application/json", "content-length": whole.length }).flushHeaders();
    if (variant === 2) response.write(whole.slice(0, 40));
  }
  await sleep(5);
  response.destroy();
}

function json(response: ServerResponse, status: number, body: Json, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

async function stream(response: ServerResponse, events: readonly string[], pace: number): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" });
  if (pace === 0) return void response.end(events.join(""));
  for (const event of events) {
    response.write(event);
    await sleep(pace);
  }
  response.end();
}

/** Until the caller has hung up, or so long. */
async function gone(response: ServerResponse, ms: number): Promise<void> {
  const closed = new Promise<void>((resolve) => response.once("close", () => resolve()));
  const timer = new AbortController();
  await Promise.race([closed, sleep(ms, undefined, { signal: timer.signal }).catch(() => {})]);
  timer.abort();
}

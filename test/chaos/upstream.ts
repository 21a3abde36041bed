/**
 * The provider: a chat completions server that counts, to the token, what it tells its callers. A request's tag (its only
 * message) comes back as `x-request-id`, so that the gateway's ledger names it. The model says how it behaves:
 *   fast     answers at once; `stream` sends all events together      paced    one event each few milliseconds
 *   gated    answers when `open()` is called
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { StandIn } from "../support/server.ts";

/** What was told about one tag. `finished`: the answer went out to its last byte. */
export type Sent = { times: number; stream: boolean; inputTokens: number; cachedTokens: number; outputTokens: number; finished: boolean };

export type Sums = { requests: number; inputTokens: number; cachedTokens: number; outputTokens: number };

type Body = { model: string; stream?: boolean; stream_options?: { include_usage?: boolean }; max_tokens: number; messages: { content: string }[] };

/** Tokens of input that the provider never exceeds: less than any bound of the gateway for these requests. */
const mostInputTokens = 10;
const paceMs = 4;

export class Upstream extends StandIn {
  /** Tag → what was told. */
  readonly sent = new Map<string, Sent>();
  inFlight = 0;
  peak = 0;
  private gate = Promise.withResolvers<void>();

  override async start(): Promise<string> {
    return `${await super.start()}/v1`;
  }

  /** Answers all gated requests, and gates the next ones anew. */
  open(): void {
    this.gate.resolve();
    this.gate = Promise.withResolvers();
    this.peak = this.inFlight;
  }

  /** What was told to requests whose tag begins so. */
  sums(prefix: string): Sums {
    const sums = { requests: 0, inputTokens: 0, cachedTokens: 0, outputTokens: 0 };
    for (const [tag, sent] of this.sent) {
      if (!tag.startsWith(prefix)) continue;
      sums.requests += sent.times;
      sums.inputTokens += sent.inputTokens;
      sums.cachedTokens += sent.cachedTokens;
      sums.outputTokens += sent.outputTokens;
    }
    return sums;
  }

  protected async serve(request: IncomingMessage, text: string, response: ServerResponse): Promise<void> {
    if (!request.url?.endsWith("/chat/completions")) return void response.end('{"data":[]}');
    const body = JSON.parse(text) as Body;
    const tag = body.messages[0]!.content;
    const inputTokens = 1 + Math.floor(Math.random() * mostInputTokens);
    const sent: Sent = {
      times: (this.sent.get(tag)?.times ?? 0) + 1, stream: body.stream === true, finished: false,
      inputTokens, cachedTokens: Math.floor(Math.random() * inputTokens), outputTokens: 1 + Math.floor(Math.random() * body.max_tokens),
    };
    this.sent.set(tag, sent);
    this.inFlight += 1;
    this.peak = Math.max(this.peak, this.inFlight);
    response.on("close", () => (this.inFlight -= 1));
    response.on("finish", () => (sent.finished = true));
    if (body.model === "gated") await this.gate.promise;
    await (sent.stream ? this.stream(body, sent, tag, response) : this.whole(body, sent, tag, response));
  }

  private async whole({ model }: Body, sent: Sent, tag: string, response: ServerResponse): Promise<void> {
    if (model === "paced") await sleep(Math.random() * 40);
    response.writeHead(200, { "content-type": "application/json", "x-request-id": tag });
    response.end(JSON.stringify({
      id: tag, object: "chat.completion", model, usage: usageOf(sent),
      choices: [{ index: 0, message: { role: "assistant", content: "word ".repeat(sent.outputTokens) }, finish_reason: "stop" }],
    }));
  }

  private async stream({ model, stream_options: options }: Body, sent: Sent, tag: string, response: ServerResponse): Promise<void> {
    if (model === "paced") await sleep(Math.random() * 10);
    response.writeHead(200, { "content-type": "text/event-stream", "x-request-id": tag });
    for (let i = 0; i < sent.outputTokens; i += 1) {
      response.write(chunk(tag, { choices: [{ index: 0, delta: { content: "word " }, finish_reason: null }] }));
      if (model === "paced") await sleep(paceMs);
      if (response.destroyed) return;
    }
    response.write(chunk(tag, { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }));
    if (options?.include_usage) response.write(chunk(tag, { choices: [], usage: usageOf(sent) }));
    response.end("data: [DONE]\n\n");
  }
}

const usageOf = ({ inputTokens, cachedTokens, outputTokens }: Sent) => ({
  prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: inputTokens + outputTokens, prompt_tokens_details: { cached_tokens: cachedTokens },
});

const chunk = (id: string, fields: object): string => `data: ${JSON.stringify({ id, object: "chat.completion.chunk", created: 1, model: "m", ...fields })}\n\n`;

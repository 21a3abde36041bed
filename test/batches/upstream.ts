/**
 * The provider: a chat completions server whose answer and usage follow from the question alone, so that a line that is asked twice is
 * answered alike. It counts how often each tag (the only message) was asked. Every 97th tag is refused; every 101st is told to wait the first time.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { hangUp, listen } from "../support/server.ts";

type Body = { model: string; messages: { content: string }[] };

export const usageOf = (i: number): { input: number; output: number } => ({ input: 5 + (i % 13), output: 1 + (i % 17) });
export const isRefused = (i: number): boolean => i % 97 === 96;
const isBusy = (i: number): boolean => i % 101 === 100;

export class Upstream {
  /** Tag → how often it was asked, and how often it was answered. */
  readonly asked = new Map<number, number>();
  private readonly server = createServer((request, response) => void this.serve(request, response).catch(() => response.destroy()));

  start(): Promise<string> {
    return listen(this.server).then((origin) => `${origin}/v1`);
  }

  stop(): void {
    hangUp(this.server);
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (!request.url?.endsWith("/chat/completions")) return void response.end('{"data":[]}');
    const { model, messages } = JSON.parse(Buffer.concat(chunks).toString()) as Body;
    const i = Number(messages[0]!.content.split(" ")[0]);
    const times = (this.asked.get(i) ?? 0) + 1;
    this.asked.set(i, times);
    if (isBusy(i) && times === 1) return json(response, 429, { error: { message: "busy", type: "rate_limit_error", param: null, code: "rate_limit_exceeded" } }, { "retry-after": "1" });
    if (isRefused(i)) return json(response, 400, { error: { message: "refused", type: "invalid_request_error", param: "messages", code: "content_policy" } });
    const { input, output } = usageOf(i);
    json(response, 200, {
      id: `chatcmpl-${i}`, object: "chat.completion", created: 1, model,
      choices: [{ index: 0, message: { role: "assistant", content: `answer ${i}` }, finish_reason: "stop" }],
      usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output },
    });
  }
}

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

/** A server that does what aimock cannot: base64 embeddings as OpenAI sends them, endless streams, and every way to fail. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { StandIn } from "../support/server.ts";

type Body = { model: string; input?: string | string[]; encoding_format?: string; stream?: boolean };
/** What one call met: set `gone` when its client's connection closes before the answer is whole. */
export type Call = { path: string; authorization: string | undefined; body: Body; text: string; gone: Promise<void> };

export const vector = [0.5, -0.25, 0.125, 1];

/** One event of a stream. */
export const chunk = (delta: object, finish: string | null = null, rest: object = {}): string =>
  `data: ${JSON.stringify({ id: "chatcmpl-fault", object: "chat.completion.chunk", created: 1, model: "fault", choices: [{ index: 0, delta, finish_reason: finish }], ...rest })}\n\n`;

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", "x-request-id": "req-upstream", ...headers }).end(JSON.stringify(body));
}

const refuse = (response: ServerResponse, status: number, code: string, headers?: Record<string, string>): void =>
  json(response, status, { error: { message: `upstream says ${code}`, type: code, param: null, code } }, headers);

function startStream(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(chunk({ role: "assistant", content: "" }));
}

/** What each model does. */
const faults: Record<string, (response: ServerResponse) => void> = {
  "bad-request": (response) => refuse(response, 400, "context_length_exceeded"),
  "no-key": (response) => refuse(response, 401, "invalid_api_key"),
  busy: (response) => refuse(response, 429, "rate_limit_exceeded", { "retry-after": "7" }),
  broken: (response) => refuse(response, 500, "server_error"),
  html: (response) => void response.writeHead(502, { "content-type": "text/html" }).end("<h1>Bad gateway</h1>"),
  hangup: (response) => void response.socket!.destroy(),
  "error-chunk": (response) => {
    startStream(response);
    response.write(chunk({ content: "so far" }));
    response.end('data: {"error":{"message":"upstream lost its mind","type":"server_error","param":null,"code":null}}\n\n');
  },
  cut: (response) => {
    startStream(response);
    response.write(chunk({ content: "so far" }), () => setTimeout(() => response.socket?.destroy(), 50));
  },
  unfinished: (response) => {
    startStream(response);
    response.end(chunk({ content: "so far" }));
  },
  endless: (response) => {
    startStream(response);
    const timer = setInterval(() => response.write(chunk({ content: "more " })), 10);
    response.once("close", () => clearInterval(timer));
  },
};

function embed(response: ServerResponse, { model, input, encoding_format }: Body): void {
  const inputs = Array.isArray(input) ? input : [input];
  const embedding = encoding_format === "base64" ? Buffer.from(Float32Array.from(vector).buffer).toString("base64") : vector;
  const usage = { prompt_tokens: 3 * inputs.length, total_tokens: 3 * inputs.length };
  json(response, 200, { object: "list", data: inputs.map((_, index) => ({ object: "embedding", index, embedding })), model, usage });
}

export class Upstream extends StandIn {
  readonly calls: Call[] = [];
  /** More models, as a test needs them. */
  readonly scripts = new Map<string, (response: ServerResponse) => void>(Object.entries(faults));

  override async start(): Promise<string> {
    return `${await super.start()}/v1`;
  }

  /** The last call for a model. */
  last(model: string): Call {
    const call = this.calls.findLast(({ body }) => body.model === model);
    if (!call) throw new Error(`no call for ${model}`);
    return call;
  }

  protected serve(request: IncomingMessage, text: string, response: ServerResponse): void {
    const path = request.url ?? "";
    if (path.endsWith("/models")) return json(response, 200, { object: "list", data: Object.keys(faults).map((id) => ({ id, object: "model", created: 1, owned_by: "me" })) });
    const body = JSON.parse(text) as Body;
    const gone = new Promise<void>((resolve) => response.once("close", () => response.writableFinished || resolve()));
    this.calls.push({ path, authorization: request.headers.authorization, body, text, gone });
    if (path.endsWith("/embeddings")) return embed(response, body);
    const script = this.scripts.get(body.model);
    return script ? script(response) : refuse(response, 404, "model_not_found");
  }
}

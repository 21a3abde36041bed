/**
 * Responses over a WebSocket: each message asks for one, its events come back as messages. What is not stored is remembered while the socket
 * is open, so that a client sends only what is new. https://platform.openai.com/docs/guides/websocket-mode
 */
import { parseExact } from "../chat/index.ts";
import { GatewayError } from "../errors.ts";
import { asGatewayError, callerOf, checkShape, look, newRequestId, type RequestContext } from "../pipeline/index.ts";
import { openaiResponses } from "../protocols/index.ts";
import { said } from "./asked.ts";
import { beginningOf } from "./beginning.ts";
import { eventsIn } from "./frames.ts";
import { responsesKept } from "./layer.ts";
import { isEnd, isObject, objects, type Json } from "./teller.ts";

/** Largest message, as the largest body of a request. */
const mostCharacters = 20 * 1024 * 1024;
/** Responses that a socket remembers: clients go on from their last one. */
const mostRemembered = 4;
/** Headers that are about the socket, not about what is asked over it. */
const ofSocket = /^(?:upgrade|connection|sec-websocket-.*|content-length|idempotency-key)$/i;

/** Fields of a message that are no part of what it asks. */
const ofMessage = new Set(["type", "stream_id", "background", "stream_options", "generate"]);

/** What a response that is only remembered was made of and said. `follows`: a kept one, behind which all that comes. */
type Turn = { readonly items: readonly Json[]; readonly follows?: string | undefined };

/** Answers the request for a socket. Throws what a request without the right to one is refused with. */
export async function socketFor(context: RequestContext): Promise<Response> {
  await look(context, await callerOf(context));
  if (context.request.headers.get("upgrade")?.toLowerCase() !== "websocket") throw new GatewayError("invalid_request", "GET /v1/responses is for WebSockets: send Upgrade: websocket, or POST your request.");
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  new Socket(server, context);
  return new Response(null, { status: 101, webSocket: client });
}

class Socket {
  private readonly socket: WebSocket;
  private readonly context: RequestContext;
  private readonly gone = new AbortController();
  private readonly remembered = new Map<string, Turn>();
  /** What runs in a lane is over before its next message is looked at. */
  private readonly lanes = new Map<string, Promise<void>>();

  constructor(socket: WebSocket, context: RequestContext) {
    this.socket = socket;
    this.context = context;
    socket.addEventListener("message", ({ data }) => this.hear(data));
    for (const end of ["close", "error"] as const) socket.addEventListener(end, () => this.gone.abort());
  }

  private hear(data: string | ArrayBuffer): void {
    let message: Json;
    try {
      message = messageIn(data);
    } catch (error) {
      return this.refuse(error, undefined);
    }
    const lane = typeof message.stream_id === "string" ? message.stream_id : "";
    const turn = (this.lanes.get(lane) ?? Promise.resolve()).then(() => this.answer(message).catch((error: unknown) => this.refuse(error, message.stream_id)));
    this.lanes.set(lane, turn);
    this.context.waitUntil(turn.then(() => void (this.lanes.get(lane) === turn && this.lanes.delete(lane))));
  }

  private async answer(message: Json): Promise<void> {
    const { url, headers } = this.context.request;
    const { stream_id: lane } = message;
    const asked = Object.fromEntries(Object.entries(message).filter(([name]) => !ofMessage.has(name)));
    const previous = typeof asked.previous_response_id === "string" ? asked.previous_response_id : undefined;
    const before = previous === undefined ? undefined : this.remembered.get(previous);
    const own = typeof asked.input === "string" ? [said(asked.input)] : objects(asked.input);
    const body: Json = { ...asked, stream: true };
    if (before) {
      if (before.follows === undefined) delete body.previous_response_id;
      else body.previous_response_id = before.follows;
      body.input = [...before.items, ...own];
    }
    const items = [...(before?.items ?? []), ...own];
    const follows = before ? before.follows : previous;
    if (message.generate === false) return this.prepare(body, previous, { items, follows }, lane);
    const text = JSON.stringify(body);
    const request = new Request(url, { method: "POST", headers: [...headers].filter(([name]) => !ofSocket.test(name)), signal: this.gone.signal });
    const context: RequestContext = { ...this.context, request, requestId: newRequestId(), startedAtMs: Date.now(), read: { text, json: JSON.parse(text) as unknown } };
    const response = await responsesKept(context, openaiResponses);
    if (!response.ok) return this.send({ type: "error", status: response.status, ...((await response.json()) as Json) }, lane);
    for await (const event of eventsIn(response, this.gone.signal)) {
      const told = before && isObject(event.response) ? { ...event, response: { ...event.response, previous_response_id: previous } } : event;
      if (isEnd(told) && isObject(told.response) && told.response.store !== true) this.remember(told.response, { items, follows });
      this.send(told, lane);
    }
  }

  /** Remembers what a client will go on from, and asks nobody. */
  private prepare(body: Json, previous: string | undefined, turn: Turn, lane: unknown): void {
    const context = { ...this.context, requestId: newRequestId(), startedAtMs: Date.now() };
    const echo = { previous_response_id: previous ?? null, instructions: body.instructions ?? null, background: false, store: false };
    const response = beginningOf(context, `resp_${context.requestId.replace(/^req_/, "")}`, echo, body);
    this.remember(response, turn);
    this.send({ type: "response.created", sequence_number: 0, response }, lane);
    const usage = { input_tokens: 0, input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 }, output_tokens: 0, output_tokens_details: { reasoning_tokens: 0 }, total_tokens: 0 };
    this.send({ type: "response.completed", sequence_number: 1, response: { ...response, status: "completed", completed_at: response.created_at, usage } }, lane);
  }

  private remember({ id, output }: Json, { items, follows }: Turn): void {
    if (typeof id !== "string") return;
    if (this.remembered.size >= mostRemembered) this.remembered.delete(this.remembered.keys().next().value!);
    this.remembered.set(id, { items: [...items, ...objects(output)], follows });
  }

  private refuse(thrown: unknown, lane: unknown): void {
    const error = asGatewayError(thrown, this.context);
    this.send({ type: "error", status: error.status, ...(JSON.parse(openaiResponses.renderError(error, this.context.requestId)) as Json) }, lane);
  }

  private send(event: Json, lane: unknown): void {
    if (!this.gone.signal.aborted) this.socket.send(JSON.stringify(typeof lane === "string" ? { ...event, stream_id: lane } : event));
  }
}

/** Reads a message. Throws `invalid_json`, `request_too_large` or `invalid_request`. */
function messageIn(data: string | ArrayBuffer): Json {
  if (typeof data !== "string") throw new GatewayError("invalid_json", "Send messages as text.");
  if (data.length > mostCharacters) throw new GatewayError("request_too_large", "The message is larger than 20 MiB.");
  checkShape(data);
  const message = parsed(data);
  if (!isObject(message)) throw new GatewayError("invalid_json", "A message must be a JSON object.");
  if (message.type !== "response.create") throw new GatewayError("invalid_request", `type: must be response.create, not ${JSON.stringify(message.type)?.slice(0, 60)}`, { param: "type" });
  return message;
}

function parsed(data: string): unknown {
  try {
    return parseExact(data);
  } catch (error) {
    throw new GatewayError("invalid_json", `The message is not valid JSON: ${(error as Error).message.slice(0, 120)}`);
  }
}

/**
 * The provider: a chat completions server whose answer and usage follow from the question alone, so that a line that is asked twice is
 * answered alike. It counts how often each tag (the only message) was asked. Every 97th tag is refused; every 101st is told to wait the first time.
 * It has batches of its own too, OpenAI's, Anthropic's, Gemini's, Azure's and xAI's, which take a while, and answer all lines but every 53rd. Of all but OpenAI's the
 * first that is asked for is not made, and how the next was made is told late; others make batches at the same time.
 */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { StandIn } from "../support/server.ts";
import { AnthropicBatches, errored, messageOf, succeeded } from "./anthropic.ts";
import { AzureBatches } from "./azure.ts";
import { answerOf, embedded, errored as keyedError, GeminiBatches, type Request as Keyed } from "./gemini.ts";
import { textsOf } from "./gateway.ts";
import { errored as namedError, succeeded as namedAnswer, XaiBatches } from "./xai.ts";

type Body = { model: string; messages: { content: string | { text: string }[] }[] };

export const usageOf = (i: number): { input: number; output: number } => ({ input: 5 + (i % 13), output: 1 + (i % 17) });
export const isRefused = (i: number): boolean => i % 97 === 96;
const isBusy = (i: number): boolean => i % 101 === 100;

/** Its own batches leave these without an answer. */
export const isLeftOut = (i: number): boolean => i % 53 === 52;
const batchMs = 4_000;
/** How long Anthropic takes to tell of a batch that it has made. */
const toldAfterMs = 2_000;
const path = "/messages/batches";

type Line = { custom_id: string; body: Body };

/** A provider beside OpenAI whose batches are made by a POST to `/batches`, behind a base URL of its own. */
type Beside = { readonly base: string; readonly batches: AzureBatches | XaiBatches; asked: number };

export class Upstream extends StandIn {
  readonly batches: { id: string; input_file_id: string; metadata: unknown; madeMs: number }[] = [];
  private readonly files = new Map<string, string>();
  /** Tag → how often it was asked, and how often it was answered. */
  readonly asked = new Map<number, number>();
  readonly claude = new AnthropicBatches();
  /** How often Anthropic was asked for a batch. */
  claudeAsked = 0;
  readonly gemini = new GeminiBatches();
  /** In which words Gemini was asked for a batch. */
  readonly geminiAsked = new Set<string>();
  readonly azure = new AzureBatches();
  readonly xai = new XaiBatches();
  private readonly besides: readonly Beside[] = [{ base: "/azure/openai/v1", batches: this.azure, asked: 0 }, { base: "/xai/v1", batches: this.xai, asked: 0 }];

  override async start(): Promise<string> {
    this.claude.ended = ({ createdMs, id }) => Date.now() > createdMs + batchMs * (1 + (Number(id.slice(-1)) % 2));
    this.claude.resultOf = ({ params }) => {
      const i = tagOf((params as unknown as Body).messages);
      return isLeftOut(i) ? { type: "expired" } : isRefused(i) ? errored("invalid_request_error") : succeeded(`answer ${i}`, { ...tokensOf(i), service_tier: "batch" });
    };
    this.gemini.over = ({ createdMs }) => Date.now() > createdMs + batchMs;
    this.gemini.resultOf = ({ request }) => {
      if (request.content) return vectorOf(request.content);
      const i = keyedTag(request);
      return isLeftOut(i) ? undefined : isRefused(i) ? keyedError(3) : { response: answerOf(`answer ${i}`, keyedTokens(i)) };
    };
    this.azure.over = ({ createdMs }) => Date.now() > createdMs + batchMs;
    this.xai.done = ({ createdMs }) => Date.now() > createdMs + batchMs;
    this.azure.deployments = ["native-priced-batch"];
    this.azure.resultOf = ({ body }) => {
      const { model, messages } = body as unknown as Body;
      const i = tagOf(messages);
      return isLeftOut(i) ? undefined : responseTo(i, model);
    };
    this.xai.pageMost = Infinity;
    this.xai.resultOf = ({ body }) => {
      const { model, messages } = body as unknown as Body;
      const i = tagOf(messages);
      return isLeftOut(i) ? namedError(8, "busy") : isRefused(i) ? namedError(3) : namedAnswer(answerTo(i, model));
    };
    return `${await super.start()}/v1`;
  }

  protected async serve(request: IncomingMessage, text: string, response: ServerResponse): Promise<void> {
    if (request.url!.startsWith(`/v1${path}`)) return this.inline(request, text, response);
    if (/^\/(?:upload\/|download\/)?v1beta\//.test(request.url!)) return this.keyed(request, text, response);
    const beside = this.besides.find(({ base }) => request.url!.startsWith(`${base}/`));
    if (beside && (await this.beside(beside, request, text, response))) return;
    const at = request.url!.slice(beside?.base.length ?? 0).replace(/^\/v1|\?.*$/g, "");
    if (!beside && /^\/(?:files|batches)/.test(at)) return this.batch(request.method!, at, text, response);
    if (at !== "/chat/completions" && at !== "/messages") return void response.end('{"data":[]}');
    const { model, messages } = JSON.parse(text) as Body;
    const i = tagOf(messages);
    const times = this.times(i);
    if (isBusy(i) && times === 1) return json(response, 429, { error: { message: "busy", type: "rate_limit_error", param: null, code: "rate_limit_exceeded" } }, { "retry-after": "1" });
    if (isRefused(i)) return json(response, 400, { error: { message: "refused", type: "invalid_request_error", param: "messages", code: "content_policy" } });
    json(response, 200, at === "/messages" ? messageOf(`answer ${i}`, { ...tokensOf(i), service_tier: "standard" }) : answerTo(i, model));
  }

  /** One more time that a tag is asked. */
  private times(i: number): number {
    const times = (this.asked.get(i) ?? 0) + 1;
    this.asked.set(i, times);
    return times;
  }

  private async keyed({ method, url }: IncomingMessage, text: string, response: ServerResponse): Promise<void> {
    const { gemini } = this;
    if (url!.endsWith(":batchEmbedContents")) {
      const { requests } = JSON.parse(text) as { requests: { content: Content }[] };
      const [i] = placeOf(requests[0]!.content);
      this.times(i);
      if (isRefused(i)) return json(response, 400, { error: { code: 400, message: "refused", status: "INVALID_ARGUMENT" } });
      return json(response, 200, { embeddings: requests.map(({ content }) => ({ values: placeOf(content) })), usageMetadata: { promptTokenCount: requests.length * usageOf(i).input } });
    }
    if (url!.endsWith(":generateContent")) {
      const i = keyedTag(JSON.parse(text) as Keyed["request"]);
      const times = this.times(i);
      if (isBusy(i) && times === 1) return json(response, 429, { error: { code: 429, message: "busy", status: "RESOURCE_EXHAUSTED" } }, { "retry-after": "1" });
      if (isRefused(i)) return json(response, 400, { error: { code: 400, message: "refused", status: "INVALID_ARGUMENT" } });
      return json(response, 200, answerOf(`answer ${i}`, keyedTokens(i)));
    }
    const asks = url!.match(/:(?:batchGenerateContent|asyncBatchEmbedContent)$/)?.[0];
    if (asks) {
      for (const _ of [1, 2]) gemini.add("theirs");
      if (!this.geminiAsked.has(asks) && this.geminiAsked.add(asks)) return void response.destroy();
    }
    const { status, type, text: told } = gemini.play(method!, url!, text);
    if (asks) await sleep(toldAfterMs);
    response.writeHead(status, { "content-type": type }).end(told);
  }

  /** Whether it was of a batch. */
  private async beside(one: Beside, { method, url }: IncomingMessage, text: string, response: ServerResponse): Promise<boolean> {
    const path = url!.slice(one.base.length);
    const asks = method === "POST" && path === "/batches";
    if (asks) {
      one.asked += 1;
      for (const _ of [1, 2]) one.batches.add("theirs", "theirs");
      if (one.asked === 1) response.destroy();
    }
    if (response.destroyed) return true;
    const played = one.batches.play(method!, path, text);
    if (!played) return false;
    if (asks) await sleep(toldAfterMs);
    response.writeHead(played.status, { "content-type": played.type }).end(played.text);
    return true;
  }

  private async inline({ method, url }: IncomingMessage, text: string, response: ServerResponse): Promise<void> {
    const { claude } = this;
    const asks = method === "POST" && url === `/v1${path}`;
    if (asks) {
      this.claudeAsked += 1;
      const { length } = (JSON.parse(text) as { requests: unknown[] }).requests;
      for (const _ of [1, 2]) claude.add(Date.now(), length);
      if (this.claudeAsked === 1) return void response.destroy();
    }
    const { status, type, text: told } = claude.play(method!, url!.slice(`/v1${path}`.length), text);
    if (asks) await sleep(toldAfterMs);
    response.writeHead(status, { "content-type": type }).end(told);
  }

  /** OpenAI's files and batches, as far as they are used. */
  private batch(method: string, path: string, text: string, response: ServerResponse): void {
    const [, what, id, act] = path.split("/");
    if (what === "files" && method === "POST") {
      const file = randomUUID();
      this.files.set(file, text.split("\r\n\r\n")[2]!.split("\r\n--")[0]!);
      return json(response, 200, { id: file });
    }
    if (act === "content") return void response.end(this.output(id!));
    if (what === "files") return json(response, 200, { deleted: true });
    if (method === "POST" && !id) this.batches.push({ id: randomUUID(), ...(JSON.parse(text) as { input_file_id: string; metadata: unknown }), madeMs: Date.now() });
    if (method === "GET" && !id) return json(response, 200, { data: this.batches, has_more: false });
    const { madeMs, ...batch } = this.batches.find((one) => one.id === id) ?? this.batches.at(-1)!;
    const done = Date.now() > madeMs + batchMs;
    json(response, 200, { ...batch, status: done ? "completed" : "in_progress", output_file_id: done ? `out-${batch.id}` : null });
  }

  private output(file: string): string {
    const { input_file_id: input } = this.batches.find(({ id }) => file === `out-${id}`)!;
    const lines = this.files.get(input)!.trimEnd().split("\n").map((text) => JSON.parse(text) as Line);
    return lines.filter(({ body }) => !isLeftOut(tagOf(body.messages))).toReversed().map(({ custom_id, body }) => {
      const i = tagOf(body.messages);
      return `${JSON.stringify({ id: "b", custom_id, response: { request_id: `up-${i}`, ...responseTo(i, body.model) }, error: null })}\n`;
    }).join("");
  }
}

/** NaN: there are none. */
function tagOf(messages: Body["messages"] | undefined): number {
  const { content = "" } = messages?.[0] ?? {};
  return Number((typeof content === "string" ? content : content[0]!.text).split(" ")[0] || NaN);
}

type Content = { parts: { text: string }[] };

/** A text's line, and which of the line's it is. */
function placeOf({ parts }: Content): [number, number] {
  const [i, at] = parts[0]!.text.split(" ");
  return [Number(i), Number(at)];
}

/** A vector: of a line that is left out or refused the last text alone is. */
function vectorOf(content: Content): object | undefined {
  const [i, at] = placeOf(content);
  if (at === textsOf(i) - 1 && isLeftOut(i)) return undefined;
  return at === textsOf(i) - 1 && isRefused(i) ? keyedError(3) : embedded([i, at], { usageMetadata: { promptTokenCount: usageOf(i).input } });
}

const keyedTag = ({ contents }: Keyed["request"]): number => tagOf([{ content: contents[0]!.parts[0]!.text }]);
const keyedTokens = (i: number): object => ({ promptTokenCount: usageOf(i).input, candidatesTokenCount: usageOf(i).output, totalTokenCount: usageOf(i).input + usageOf(i).output });
const tokensOf = (i: number): object => ({ input_tokens: usageOf(i).input, output_tokens: usageOf(i).output });

function answerTo(i: number, model: string): object {
  const { input, output } = usageOf(i);
  return {
    id: `chatcmpl-${i}`, object: "chat.completion", created: 1, model,
    choices: [{ index: 0, message: { role: "assistant", content: `answer ${i}` }, finish_reason: "stop" }],
    usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output },
  };
}

/** The response to a line of a batch that goes by files. */
const responseTo = (i: number, model: string): object =>
  (isRefused(i) ? { status_code: 400, body: { error: { message: "refused", type: "invalid_request_error", param: "messages", code: "content_policy" } } } : { status_code: 200, body: answerTo(i, model) });

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

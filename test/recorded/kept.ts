/**
 * What is kept here and by no provider: files, batches, conversations, stored responses. Each recorded exchange is made with the gateway
 * itself, its ids exchanged for ones that exist here; the answer must have the recording's status and shape, and say the same.
 */
import type { Comparison, Recording } from "./compare.ts";

/** A recorded exchange of what is kept, whole. */
export type Kept = Recording & { provider: string; request: { method: string; path: string; query: Record<string, string>; headers: Record<string, string>; body?: unknown; body_text?: string; body_base64?: string } };

/** Folders of recordings that are compared so. */
export const keepers: readonly string[] = ["openai", "anthropic"];
export const keptFolders = ["files", "batches", "conversations", "responses_other"];

/** Vector stores are OpenAI's own and not kept here; an error about somebody's account is none of ours. */
export const isKept = ({ request: { path }, status }: Kept): boolean => !path.includes("/vector_stores/") && status < 300;

type Call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<{ status: number; headers: Headers; bytes: Buffer }>;
type Json = Record<string, unknown>;

const idPattern = /\b(?:file|batch|msgbatch|conv|item|resp)[-_][A-Za-z0-9]{10,}/g;
const anthropicHeaders = { "anthropic-version": "2023-06-01" };
const json = ({ bytes }: { bytes: Buffer }): Json => JSON.parse(bytes.toString()) as Json;

/** Values that differ from one day to the next, and what only their maker can know. */
const passing = /^data\[|content\[|text\.format|(?:^|\.)(?:id|.*_id|.*_at|model|results_url|request_counts\..*|status|processing_status|has_more|usage.*|first_id|last_id)$/;
/** What a later version of the provider says and an earlier did not is no difference; `status_details` OpenAI has given up. */
const leftOut = /(?:^|\.)(?:status_details|generate_summary|output\[\d+\].*|usage\..*_details.*|billing.*|prompt_cache_retention|safety_identifier|user|top_logprobs|max_tool_calls|moderation.*)$/;

const kindOf = (value: unknown): string => (value === null ? "null" : Array.isArray(value) ? "list" : typeof value);

/** Where `ours` lacks something of the recording, or says it otherwise. */
export function differences(theirs: unknown, ours: unknown, path = ""): string[] {
  if (leftOut.test(path)) return [];
  if (ours === undefined) return [`${path} is missing`];
  const [their, our] = [kindOf(theirs), kindOf(ours)];
  if (their === "null" || our === "null") return passing.test(path) || their === our ? [] : [`${path}: ${their} became ${our}`];
  if (their !== our) return [`${path}: ${their} became ${our}`];
  if (their === "list") return (theirs as unknown[]).slice(0, (ours as unknown[]).length).flatMap((one, i) => differences(one, (ours as unknown[])[i], `${path}[${i}]`));
  if (their === "object") return Object.entries(theirs as Json).flatMap(([key, value]) => differences(value, (ours as Json)[key], path ? `${path}.${key}` : key));
  return theirs === ours || passing.test(path) ? [] : [`${path}: ${JSON.stringify(theirs).slice(0, 60)} became ${JSON.stringify(ours).slice(0, 60)}`];
}

const wrong = (...problems: string[]): Comparison => ({ problems, rule: undefined });

/** Where the provider's own API is another today than it was when it was recorded, or ours is another by choice. */
function ruleFor({ request: { method, path }, provider }: Kept, ours: Json): string | undefined {
  if (provider === "anthropic" && path === "/v1/files" && ours.downloadable === true) return "files that were sent here can be had back";
  if (path.includes("/items")) return "items of conversations are as OpenAI's SDK of today reads them";
  if (method === "DELETE" && path.startsWith("/v1/responses/") && ours.deleted === true) return "a deletion names its object as OpenAI's reference of today has it";
  return undefined;
}

/** Makes recorded exchanges with the gateway, and what they speak of before. */
export class Keeper {
  private readonly ours = new Map<string, string>();
  private readonly call: Call;
  /** Model that answers. */
  private readonly model: string;
  /** Recorded uploads by the id that they were given, and batches by theirs. */
  private readonly recorded: ReadonlyMap<string, Kept>;

  constructor(call: Call, model: string, recordings: readonly Kept[]) {
    this.call = call;
    this.model = model;
    this.recorded = new Map(recordings.flatMap((one): [string, Kept][] => {
      const id = one.request.method === "POST" && /^\/v1\/(?:files|batches|messages\/batches)$/.test(one.request.path) ? (JSON.parse(one.response.body_text!) as Json).id : undefined;
      return typeof id === "string" ? [[id, one]] : [];
    }));
  }

  /** What is wrong with the gateway's answer to a recorded request. */
  async compare(one: Kept): Promise<Comparison> {
    const { request, response } = one;
    const query = new URLSearchParams(request.query).toString();
    const target = await this.exchanged(request.path + (query && `?${query}`), one);
    const answer = await this.send(one, target);
    if (answer.status !== one.status) return wrong(`${request.method} ${target}: status ${one.status} became ${answer.status}: ${answer.bytes.toString().slice(0, 200)}`);
    if (/\/(?:content|results)$/.test(request.path)) return wrong(...this.sameLines(one, answer.bytes));
    const problems = differences(JSON.parse(response.body_text!), json(answer));
    const rule = problems.length > 0 ? ruleFor(one, json(answer)) : undefined;
    return { problems: rule === undefined ? problems : [], rule };
  }

  private async send({ request, provider }: Kept, target: string): ReturnType<Call> {
    const own = provider === "anthropic" ? anthropicHeaders : {};
    const raw = request.body_base64 !== undefined ? Buffer.from(request.body_base64, "base64") : request.body_text;
    if (raw !== undefined) return this.call(request.method, target, raw, { ...own, "content-type": request.headers["content-type"]! });
    const text = request.body === undefined ? undefined : await this.exchanged(JSON.stringify(request.body), undefined);
    return this.call(request.method, target, text && (JSON.parse(text) as Json), own);
  }

  /** Answers of a file: the same bytes where the recording has the upload; lines of the same shape where a batch wrote it. */
  private sameLines({ response, request: { path } }: Kept, bytes: Buffer): string[] {
    const theirs = (response.body_text ?? "").split("\n").filter(Boolean);
    const id = idPattern[Symbol.match](path)?.[0] ?? "";
    const upload = this.recorded.get(id);
    if (upload?.request.body_text?.includes(theirs[0] ?? "\0")) return bytes.toString().includes(theirs[0]!) ? [] : ["the file came back otherwise"];
    const shape = (text: string): string[] => { try { return Object.keys(JSON.parse(text) as Json).sort(); } catch { return []; } };
    const ours = bytes.toString().split("\n").filter(Boolean);
    const wanted = theirs[0] === undefined ? [] : shape(theirs[0]);
    return wanted.length > 0 && !wanted.includes("prompt") && wanted.some((key) => !shape(ours[0] ?? "{}").includes(key)) ? [`lines have ${shape(ours[0] ?? "{}").join(", ")}, not ${wanted.join(", ")}`] : [];
  }

  /** A text with every recorded id exchanged for one that exists here. */
  private async exchanged(text: string, of: Kept | undefined): Promise<string> {
    let exchanged = text;
    for (const [id] of text.matchAll(idPattern)) exchanged = exchanged.replaceAll(id, await this.idFor(id, of));
    return exchanged;
  }

  private async idFor(id: string, of: Kept | undefined): Promise<string> {
    const known = this.ours.get(id);
    if (known) return known;
    const made = await this.make(id, of);
    this.ours.set(id, made);
    if (of?.request.method === "DELETE") this.ours.delete(id);
    return made;
  }

  private async make(id: string, of: Kept | undefined): Promise<string> {
    if (id.startsWith("file")) return this.upload(id, of);
    if (id.startsWith("batch") || id.startsWith("msgbatch")) return this.batch(id, of);
    if (id.startsWith("conv")) return String(json(await this.call("POST", "/v1/conversations", { metadata: id && of?.request.path.endsWith(id) ? {} : { modified: "true" } })).id);
    if (id.startsWith("item")) return this.item(of!);
    return String(json(await this.call("POST", "/v1/responses", { model: this.model, input: "Hello", store: true })).id);
  }

  private async upload(id: string, of: Kept | undefined): Promise<string> {
    const upload = this.recorded.get(id);
    if (!upload && of?.response.body_text?.includes('"custom_id"')) return this.written();
    if (upload) return String(json(await this.send(upload, "/v1/files")).id);
    const form = new FormData();
    const said = of?.response.body_text && /\/files\/[^/]+$/.test(of.request.path) ? (JSON.parse(of.response.body_text) as { filename?: string; bytes?: number; purpose?: string }) : {};
    form.set("purpose", said.purpose ?? "batch");
    const line = JSON.stringify({ custom_id: "0", method: "POST", url: "/v1/responses", body: { model: this.model, input: "Hello" } });
    form.set("file", new Blob([said.bytes === undefined ? line : "x".repeat(said.bytes)]), said.filename ?? "batch.jsonl");
    return String(json(await this.call("POST", "/v1/files", form)).id);
  }

  private async batch(id: string, of: Kept | undefined): Promise<string> {
    const created = this.recorded.get(id);
    const isAnthropic = id.startsWith("msgbatch");
    const path = isAnthropic ? "/v1/messages/batches" : "/v1/batches";
    const endpoint = of && !isAnthropic && of.response.body_text ? ((JSON.parse(of.response.body_text) as { endpoint?: string }).endpoint ?? "/v1/chat/completions") : "/v1/chat/completions";
    const made = created ? await this.send(created, path)
      : isAnthropic ? await this.call("POST", path, { requests: [{ custom_id: "0", params: { model: this.model, max_tokens: 8, messages: [{ role: "user", content: "Hello" }] } }] }, anthropicHeaders)
      : await this.call("POST", path, { input_file_id: await this.lineFile(endpoint), endpoint, completion_window: "24h" });
    const ours = String(json(made).id);
    if (of?.response.body_text?.includes('"ended"') || of?.request.path.endsWith("/results") || of?.response.body_text?.includes('"completed",')) await this.ended(`${path}/${ours}`, isAnthropic);
    return ours;
  }

  /** A file that a batch wrote. */
  private async written(): Promise<string> {
    const input_file_id = await this.lineFile("/v1/responses");
    const { id } = json(await this.call("POST", "/v1/batches", { input_file_id, endpoint: "/v1/responses", completion_window: "24h" }));
    await this.ended(`/v1/batches/${String(id)}`, false);
    return String(json(await this.call("GET", `/v1/batches/${String(id)}`)).output_file_id);
  }

  private async lineFile(url: string): Promise<string> {
    const body = url === "/v1/embeddings" ? { model: this.model, input: "Hello" } : url === "/v1/responses" ? { model: this.model, input: "Hello" } : { model: this.model, messages: [{ role: "user", content: "Hello" }] };
    const form = new FormData();
    form.set("purpose", "batch");
    form.set("file", new Blob([JSON.stringify({ custom_id: "0", method: "POST", url, body })]), "batch.jsonl");
    return String(json(await this.call("POST", "/v1/files", form)).id);
  }

  private async ended(path: string, isAnthropic: boolean): Promise<void> {
    for (let i = 0; i < 150; i += 1) {
      const { status, processing_status } = json(await this.call("GET", path, undefined, isAnthropic ? anthropicHeaders : {}));
      if (processing_status === "ended" || ["completed", "failed", "expired", "cancelled"].includes(String(status))) return;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  private async item({ request: { path } }: Kept): Promise<string> {
    const conversation = await this.exchanged(/conv_[A-Za-z0-9]+/.exec(path)![0], undefined);
    const { data } = json(await this.call("POST", `/v1/conversations/${conversation}/items`, { items: [{ type: "message", role: "user", content: [{ type: "input_text", text: "Hello, this is a test item" }] }] })) as { data: { id: string }[] };
    return data[0]!.id;
  }
}

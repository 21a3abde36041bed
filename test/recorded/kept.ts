/**
 * What is kept here and by no provider: files, batches, conversations, stored responses. The recorded exchanges are made with the gateway
 * itself, in the order in which they were recorded; what they speak of and no recording made is made before. Behind batches stands a
 * provider that answers as theirs did. Each answer must have the recording's status and say the same.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Comparison, Recording } from "./compare.ts";
import { idPattern, Likeness } from "./kept-likeness.ts";
import type { RecordedLines } from "./kept-upstream.ts";

/** A recorded exchange of what is kept, whole. */
export type Kept = Omit<Recording, "response"> & {
  provider: string;
  endpoint: string;
  source: { path: string; index: number };
  request: { method: string; path: string; query: Record<string, string>; headers: Record<string, string>; body?: unknown; body_text?: string; body_base64?: string };
  response: { headers: Record<string, string>; body_text?: string; body_base64?: string };
};

/** Folders of recordings that are compared so. */
export const keepers: readonly string[] = ["openai", "anthropic"];
export const keptFolders = ["files", "batches", "conversations", "responses_other"];

/** Vector stores are OpenAI's own and not kept here. */
export const isKept = ({ request: { path } }: Kept): boolean => !path.includes("/vector_stores/");

export type Call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<{ status: number; headers: Headers; bytes: Buffer }>;
type Json = Record<string, unknown>;
type Reply = Awaited<ReturnType<Call>>;

const anthropicHeaders = { "anthropic-version": "2023-06-01" };
const json = ({ bytes }: { bytes: Buffer }): Json => JSON.parse(bytes.toString()) as Json;
const recorded = ({ response }: Kept): Json => JSON.parse(response.body_text!) as Json;
const isListOf = (what: string, { request: { method, path } }: Kept): boolean => method === "GET" && path === `/v1/${what}`;
const timeOf = ({ response: { headers } }: Kept): number => Date.parse(headers.date ?? headers.Date!);

/** As they were recorded; within a second what makes something comes first. */
export const inOrder = (recordings: readonly Kept[]): Kept[] => [...recordings].sort((a, b) => timeOf(a) - timeOf(b) || Number(b.request.method === "POST") - Number(a.request.method === "POST") || a.source.path.localeCompare(b.source.path) || a.source.index - b.source.index);
/** Those that must be made in a world of their own: what they list is all there is. */
export const isAlone = (one: Kept): boolean => isListOf("files", one);

const over = ["completed", "failed", "expired", "cancelled", "ended"];
const stateOf = (batch: Json): string => String(batch.status ?? batch.processing_status);
/** How far a batch may be here when it was so far there: its lines are validated at once. */
const soon: Readonly<Record<string, readonly string[]>> = { validating: ["validating", "in_progress"], cancelling: ["cancelling", "cancelled"], canceling: ["canceling", "ended"] };
const isSoon = (theirs: Json, ours: Json): boolean => (soon[stateOf(theirs)] ?? [stateOf(theirs)]).includes(stateOf(ours));
const isSoonEach = (theirs: Json, ours: Json): boolean => (theirs.data as Json[]).every((one, i) => isSoon(one, (ours.data as Json[])[i] ?? {}));
const doneOf = (batch: Json): number => { const { completed, succeeded } = batch.request_counts as Record<string, number>; return completed ?? succeeded!; };

/** Where our answer is another by choice, or the provider's own API has become another since: what else it says must be the same. `paths`: what may differ. */
const rules: readonly { applies: (one: Kept, ours: Json) => boolean; paths: RegExp; why: string }[] = [
  { applies: ({ provider, request }) => provider === "anthropic" && request.path === "/v1/files", paths: /^downloadable\b/, why: "files that were sent here can be had back" },
  { applies: (one) => one.request.path.startsWith("/v1/files") && recorded(one).status === "uploaded", paths: /^status\b/, why: "a file is processed when it is told of" },
  { applies: (one) => one.request.path.startsWith("/v1/files") && recorded(one).expires_at === null && recorded(one).purpose === "batch", paths: /^expires_at\b/, why: "files of batches live 30 days, as OpenAI's do since" },
  { applies: (one, ours) => one.endpoint === "batches" && ["validating", "cancelling", "cancelled"].includes(stateOf(recorded(one))) && isSoon(recorded(one), ours), paths: /^(?:status|in_progress_at|error_file_id|model|request_counts\.(?:total|failed))\b/, why: "lines are validated at once, where it took minutes" },
  { applies: (one, ours) => isListOf("batches", one) && isSoonEach(recorded(one), ours), paths: /^data\[\d+\]\.(?:status|in_progress_at|error_file_id|request_counts\.(?:total|failed))\b/, why: "lines are validated at once, where it took minutes" },
  { applies: (one) => one.endpoint === "batches" && stateOf(recorded(one)) === "in_progress", paths: /^(?:usage|model)\b/, why: "usage is counted while a batch runs, where it was told at its end" },
  { applies: (one, ours) => one.endpoint === "batches" && String(recorded(one).model).startsWith(`${String(ours.model)}-20`), paths: /^model\b/, why: "a batch names its model as its lines do" },
  { applies: ({ request }) => request.query.purpose === "fine-tune-results", paths: /^(?:data|first_id|last_id)\b/, why: "only fine-tunes write such files, and none are made here" },
  { applies: ({ request: { method, path } }) => method === "DELETE" && path.startsWith("/v1/responses/"), paths: /^object\b/, why: "a deletion names its object as OpenAI's reference of today has it" },
];

/** Makes recorded exchanges with the gateway, and what they speak of before. */
export class Keeper {
  private readonly alike = new Likeness();
  private readonly call: Call;
  private readonly upstream: RecordedLines;
  private day = 0;

  constructor(call: Call, upstream: RecordedLines) {
    this.call = call;
    this.upstream = upstream;
  }

  /** What is wrong with the gateway's answer to a recorded request. */
  async compare(one: Kept): Promise<Comparison> {
    const { request, status } = one;
    if (status === 401) return this.refused(one);
    await this.prepare(one);
    const query = new URLSearchParams(request.query).toString();
    const answer = await this.send(one, this.exchanged(request.path + (query && `?${query}`)));
    if (answer.status !== status) return { problems: [`${request.method} ${request.path}: status ${status} became ${answer.status}: ${answer.bytes.toString().slice(0, 200)}`], rule: undefined };
    if (/\/(?:content|results)$/.test(request.path)) return this.fileAlike(one, answer.bytes);
    if (request.path.includes("/items")) return this.itemProblems(one, json(answer));
    const ours = json(answer);
    const problems = this.alike.differences(recorded(one), ours);
    const ruled = rules.filter(({ applies, paths }) => applies(one, ours) && problems.some((problem) => paths.test(problem)));
    if (request.method === "DELETE") this.alike.forget(String(recorded(one).id));
    return { problems: problems.filter((problem) => !ruled.some(({ paths }) => paths.test(problem))), rule: ruled.length > 0 ? [...new Set(ruled.map(({ why }) => why))].join("; ") : undefined };
  }

  private send({ request, provider }: Kept, target: string): Promise<Reply> {
    const own = provider === "anthropic" ? anthropicHeaders : {};
    const raw = request.body_base64 !== undefined ? Buffer.from(request.body_base64, "base64") : request.body_text;
    if (raw !== undefined) return this.call(request.method, target, raw, { ...own, "content-type": request.headers["content-type"]! });
    return this.call(request.method, target, request.body && (JSON.parse(this.exchanged(JSON.stringify(request.body))) as Json), own);
  }

  /** A key that nobody knows. */
  private async refused(one: Kept): Promise<Comparison> {
    const answer = await this.call(one.request.method, one.request.path, undefined, { authorization: "Bearer sk-nobody" });
    const { error: { message: _words, ...theirs } } = recorded(one) as { error: Json };
    const problems = answer.status === 401 ? this.alike.differences(theirs, json(answer).error, "error") : [`status 401 became ${answer.status}`];
    return { problems, rule: problems.length === 0 ? "a key is refused in words of our own" : undefined };
  }

  /** Bytes of an upload as they were sent; of a batch's answers each line, by its id. */
  private fileAlike({ response }: Kept, bytes: Buffer): Comparison {
    const theirs = Buffer.from(response.body_base64 ?? response.body_text ?? "", response.body_base64 === undefined ? "utf8" : "base64");
    const alike = theirs.includes('"custom_id"');
    if (!alike) return { problems: bytes.equals(theirs) ? [] : [`${theirs.length} bytes became ${bytes.length} others`], rule: undefined, alike };
    const linesOf = (text: Buffer): Json[] => text.toString().split("\n").filter(Boolean).map((line) => JSON.parse(line) as Json).sort((a, b) => String(a.custom_id).localeCompare(String(b.custom_id)));
    return { problems: this.alike.differences(linesOf(theirs), linesOf(bytes)), rule: undefined, alike };
  }

  /** Items have become others in OpenAI's API since; what they say is the same. */
  private itemProblems(one: Kept, ours: Json): Comparison {
    const { object: _object, conversation_id: _conversation, created_at: _time, deleted, data, ...item } = recorded(one);
    const rule = "items of conversations are as OpenAI's SDK of today reads them";
    if (deleted) return { problems: ours.object === "conversation" ? [] : [`a deleted item became ${JSON.stringify(ours).slice(0, 80)}`], rule };
    const bare = (data as Json[] | undefined)?.map(({ object: _1, conversation_id: _2, created_at: _3, ...rest }) => rest);
    return { problems: this.alike.differences(bare ? { object: "list", ...item, data: bare } : item, bare ? ours : ((ours.data as Json[] | undefined)?.[0] ?? ours)), rule };
  }

  /** Makes what is spoken of and was not made by a recorded request, and brings a batch so far as it was. */
  private async prepare(one: Kept): Promise<void> {
    const { method, path } = one.request;
    const day = Math.floor(timeOf(one) / 86_400_000);
    // Lines that waited on another day wait no more.
    if (day !== this.day) {
      this.upstream.others = "refused";
      await this.settled();
    }
    this.upstream.others = "wait";
    this.day = day;
    if (isListOf("files", one) && one.request.query.purpose !== "fine-tune-results") for (const file of (recorded(one).data as Json[]).toReversed()) this.alike.pair(String(file.id), await this.uploaded(String(file.filename), "x".repeat(Number(file.bytes)), String(file.purpose)));
    if (isListOf("batches", one) && !one.request.query.after) {
      // One more than the list shows.
      await this.batchOf({ input_file_id: "file-thefirstofall", status: "cancelled" });
      for (const batch of (recorded(one).data as Json[]).toReversed()) this.alike.pair(String(batch.id), await this.batchOf(batch));
    }
    if (path.includes("/items") && method !== "POST") return this.conversation(one);
    for (const [id] of path.matchAll(idPattern)) {
      if (this.alike.idFor(id) !== undefined) continue;
      if (id.startsWith("conv")) this.alike.pair(id, String(json(await this.call("POST", "/v1/conversations", {})).id));
      else if (id.startsWith("resp")) this.alike.pair(id, await this.response(one, id));
    }
    const batch = /^\/v1\/(?:messages\/)?batches\/[^/]+$/.test(path) ? recorded(one) : undefined;
    if (batch && !["validating", "canceling"].includes(stateOf(batch))) await this.bring(this.exchanged(path), doneOf(batch), over.includes(stateOf(batch)));
  }

  /** A conversation with the one item that was recorded. */
  private async conversation({ request: { path }, response }: Kept): Promise<void> {
    const [conversation, item] = [/conv_\w+/.exec(path)![0], /item_\w+/.exec(response.body_text!)![0]];
    const text = /"text": "([^"]*)"/.exec(response.body_text!)?.[1] ?? "Hello!";
    for (const id of [conversation, item]) this.alike.forget(id);
    const items = [{ type: "message", role: "user", content: [{ type: "input_text", text }] }];
    this.alike.pair(conversation, String(json(await this.call("POST", "/v1/conversations", { items })).id));
    this.alike.pair(item, String((json(await this.call("GET", `/v1/conversations/${this.exchanged(conversation)}/items`)).data as Json[])[0]!.id));
  }

  /** A response that was answered as the recorded one, or asked as it. */
  private async response(one: Kept, id: string): Promise<string> {
    const { data, object } = recorded(one) as { data?: { content: { text: string }[] }[]; object?: string };
    const input = data?.[0]?.content[0]?.text ?? id;
    const said = { id: "resp_0recorded0recorded", object: "response", created_at: 1, status: "completed", model: "gpt-4o", output: [], usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 } };
    this.upstream.learn(input, object === "response" ? recorded(one) : said);
    this.upstream.allowed = 1;
    return String(json(await this.call("POST", "/v1/responses", { model: "gpt-4o", input, store: true })).id);
  }

  /** A batch of two lines, as far as a recorded one was. */
  private async batchOf(theirs: Json): Promise<string> {
    const file = String(theirs.input_file_id);
    const line = (n: number): string => JSON.stringify({ custom_id: `request-${n}`, method: "POST", url: "/v1/chat/completions", body: { model: "gpt-3.5-turbo", messages: [{ role: "user", content: "What is 2+2?" }] } });
    if (this.alike.idFor(file) === undefined) this.alike.pair(file, await this.uploaded("batch.jsonl", `${line(1)}\n${line(2)}\n`, "batch"));
    const { id } = json(await this.call("POST", "/v1/batches", { input_file_id: this.alike.idFor(file), endpoint: "/v1/chat/completions", completion_window: "24h" })) as { id: string };
    const path = `/v1/batches/${id}`;
    if (theirs.status === "cancelled") await this.call("POST", `${path}/cancel`);
    this.upstream.others = theirs.status === "cancelled" ? "refused" : theirs.status === "completed" ? "answered" : "wait";
    if (over.includes(stateOf(theirs))) await this.bring(path, theirs.status === "cancelled" ? 0 : 2, true);
    this.upstream.others = "wait";
    return id;
  }

  private async uploaded(filename: string, content: string, purpose: string): Promise<string> {
    const form = new FormData();
    form.set("purpose", purpose);
    form.set("file", new Blob([content]), filename);
    return String(json(await this.call("POST", "/v1/files", form)).id);
  }

  /** Lets so many of a batch's lines be answered, and waits for it. */
  private async bring(path: string, done: number, isOver: boolean): Promise<void> {
    const get = async (): Promise<Json> => json(await this.call("GET", path, undefined, path.includes("messages") ? anthropicHeaders : {}));
    const runs = (batch: Json): boolean => stateOf(batch) !== "validating" && Object.values(batch.request_counts as Record<string, number>).some((count) => count > 0);
    let batch = await get();
    this.upstream.allowed = Math.max(0, done - doneOf(batch));
    for (let i = 0; i < 300 && !(isOver ? over.includes(stateOf(batch)) : runs(batch) && doneOf(batch) === done); i += 1) {
      await sleep(50);
      batch = await get();
    }
    this.upstream.allowed = 0;
  }

  /** Waits until all batches are over. */
  private async settled(): Promise<void> {
    const runs = async (): Promise<boolean> => ((json(await this.call("GET", "/v1/batches?limit=100")).data as Json[]) ?? []).some((batch) => !over.includes(stateOf(batch)));
    for (let i = 0; i < 300 && (await runs()); i += 1) await sleep(50);
  }

  /** A text with every recorded id that was met exchanged for ours. */
  private exchanged(text: string): string {
    return text.replaceAll(idPattern, (id) => this.alike.idFor(id) ?? id);
  }
}

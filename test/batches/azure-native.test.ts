import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { answer, type Json } from "../security/stage.ts";
import { addHalved, keyAt, liveNanoUsd, nativeBatch, type Outcome, type StandIn } from "./native-contract.ts";
import { becomes, linesIn, linesUploaded, madeOf, over, playing, poll, spent } from "./native-stage.ts";

const base = "/openai/v1";

const completed: Json = {
  id: "chatcmpl-1", object: "chat.completion", created: 1, model: "gpt-azure-2026-01-01", prompt_filter_results: [{ prompt_index: 0, content_filter_results: {} }],
  choices: [{ index: 0, content_filter_results: {}, finish_reason: "stop", logprobs: null, message: { role: "assistant", content: "batched" } }], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
};
const results: Readonly<Record<Outcome, Json | undefined>> = {
  answered: { status_code: 200, body: completed }, wrong: { status_code: 400, body: { error: { code: "content_filter", message: "no" } } }, passing: { status_code: 429, body: { error: { code: "429", message: "busy" } } }, none: undefined,
};

/** Azure OpenAI's files and batches in the words of its documentation: capitals, times as text, files that are looked through for a while, files of errors without any. */
class Azure implements StandIn {
  readonly calls: string[] = [];
  readonly keys = new Set<string | null>();
  uploads: string[] = [];
  batches: Json[] = [];
  asked = 0;
  live = 0;
  /** How many looks a file is looked through for. */
  pending = 1;
  over = false;
  outcome: StandIn["outcome"] = () => "answered";
  /** Which deployments do batches. */
  deployments = ["gpt-azure-batch"];
  breaks: StandIn["breaks"];

  constructor() {
    playing("acme.openai.azure.com", ({ url, headers, body }, method) => {
      this.keys.add(headers.get("api-key"));
      const { pathname } = new URL(url);
      const path = pathname.slice(base.length);
      this.calls.push(`${method} ${path}`);
      return this.answer(method, path, body);
    });
  }

  private called(what: RegExp): string[] {
    return this.calls.filter((one) => what.test(one));
  }

  get looks(): number {
    return this.called(/^GET \/batches$/).length;
  }

  get cancelled(): number {
    return this.called(/\/cancel$/).length;
  }

  get removed(): readonly string[] {
    return this.called(/^DELETE/).map((one) => one.split("/").at(-1)!);
  }

  end(): void {
    this.over = true;
  }

  addTheirs(): string {
    this.batches.unshift({ id: "batch_theirs", input_file_id: "file-theirs", created_at: new Date().toISOString() });
    return "batch_theirs";
  }

  lines(): ReadonlyMap<number, Json> {
    return linesUploaded(this.uploads.at(-1)!);
  }

  private answer(method: string, path: string, body: string): Response {
    if (path === "/files") {
      this.uploads.push(body);
      return Response.json(this.file());
    }
    if (path === "/files/file-in" && method === "GET") return Response.json(this.file());
    if (path === "/batches" && method === "POST") return this.create(JSON.parse(body) as Json);
    if (path === "/batches") return Response.json({ object: "list", data: this.batches.map((one) => this.face(one)), first_id: null, last_id: null, has_more: false });
    if (path.startsWith("/batches/")) return Response.json(this.face(this.batches[0]!));
    if (path === "/files/file-out/content" && this.serves) return new Response(this.output());
    if (path === "/files/file-err/content") return new Response("");
    if (method === "DELETE") return Response.json({ deleted: true });
    if (path.endsWith("/content")) return Response.json({ error: { code: "NotFound", message: "Resource not found" } }, { status: 404 });
    this.live += 1;
    return answer();
  }

  private create({ input_file_id, endpoint }: Json): Response {
    this.asked += 1;
    if (this.breaks === "not made") return new Response("", { status: 500 });
    this.batches.push({ id: `batch_${this.batches.length}`, input_file_id, endpoint, created_at: new Date().toISOString().replace("Z", "1382+00:00") });
    return this.breaks ? new Response("", { status: 502 }) : Response.json({ ...this.face(this.batches.at(-1)!), status: "Validating" });
  }

  /** Its metadata is not told again. */
  private face(batch: Json): Json {
    const status = this.over ? (this.serves ? "Completed" : "failed") : "in_progress";
    return { ...batch, object: "batch", metadata: null, status, output_file_id: this.over ? "file-out" : "", error_file_id: this.over ? "file-err" : "", errors: this.serves ? null : { object: "list", data: [{ code: "model_not_found" }] } };
  }

  private file(): Json {
    return { id: "file-in", object: "file", purpose: "batch", status: (this.pending -= 1) < 0 ? "processed" : "pending" };
  }

  private get serves(): boolean {
    return [...this.lines().values()].every(({ body }) => this.deployments.includes(body.model as string));
  }

  private output(): string {
    return [...this.lines().keys()].flatMap((line) => ((result) => (result ? [`${JSON.stringify({ custom_id: String(line), error: null, response: { request_id: `up-${line}`, ...result } })}\n`] : []))(results[this.outcome(line)])).join("");
  }
}

nativeBatch({ name: "Azure's", provider: "azure", upstreamId: "gpt-azure", stage: () => new Azure(), sent: { id: "batch_0", file: "file-in" }, left: ["file-err", "file-in", "file-out"] });

const line = (i: number): Json => ({ custom_id: `id-${i}`, body: { model: "azure/gpt-azure", max_completion_tokens: 10, messages: [{ role: "user", content: `number ${i}` }] } });

let azure: Azure;
beforeAll(() => addHalved("azure", "embed-azure", "embedding", "embedding"));
beforeEach(() => void (azure = new Azure()));
afterEach(() => void vi.restoreAllMocks());

describe("Azure's own batch", () => {
  test("is done by the deployment for batches, once the file is taken", async () => {
    const key = await keyAt("azure");
    const id = await madeOf(key, "/v1/chat/completions", [line(0), line(1)]);
    await becomes(key, id, { state: "sent" });
    expect(azure.calls).toEqual(["POST /files", "GET /files/file-in", "POST /batches"]);
    expect(azure.lines().get(1)).toEqual({ custom_id: "1", method: "POST", url: "/v1/chat/completions", body: { ...line(0).body, model: "gpt-azure-batch" } });
    expect(azure.batches[0]).toMatchObject({ input_file_id: "file-in", endpoint: "/v1/chat/completions" });
    azure.end();
    await poll(key, id, 61_000);
    expect((await linesIn(key, await over(key, id)))[0]).toMatchObject({ response: { body: { model: "gpt-azure-2026-01-01", service_tier: "batch" } } });
    expect([...azure.keys]).toEqual(["azure-own"]);
  });

  test("runs here, at the price of here, where there is no deployment for batches", async () => {
    azure.deployments = [];
    azure.end();
    const key = await keyAt("azure");
    const id = await madeOf(key, "/v1/chat/completions", [0, 1, 2].map(line));
    await becomes(key, id, { state: "sent" });
    await poll(key, id, 61_000);
    expect([(await over(key, id)).sums.completed, azure.live]).toEqual([3, 3]);
    await spent(key, 3 * liveNanoUsd);
  });

  test("is not asked for what its batches do not take", async () => {
    const key = await keyAt("azure");
    const id = await madeOf(key, "/v1/embeddings", [{ custom_id: "a", body: { model: "azure/embed-azure", input: "hi" } }]);
    await over(key, id);
    expect(azure.uploads).toEqual([]);
  });
});

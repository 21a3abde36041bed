import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { admin, answer, call, newKey, type Json, type Key } from "../security/stage.ts";
import { becomes, linesIn, madeOf, over, playing, poll, price, soon, spent } from "./native-stage.ts";

const model = "azure/gpt-azure";
const batchNanoUsd = 3 * 500 + 2 * 1_000;
const liveNanoUsd = 2 * batchNanoUsd;
const base = "/openai/v1";

/** Azure OpenAI's files and batches in the words of its documentation: capitals, times as text, files that are looked through for a while, files of errors without any. */
class Azure {
  readonly calls: string[] = [];
  readonly keys = new Set<string | null>();
  uploads: string[] = [];
  batches: Json[] = [];
  live = 0;
  /** How many looks a file is looked through for. */
  pending = 1;
  over = false;
  /** Which deployments do batches. */
  deployments = ["gpt-azure-batch"];
  /** Breaks the connection after the batch was made, or before. */
  breaks: "made" | "not made" | undefined;

  constructor() {
    playing("acme.openai.azure.com", ({ url, headers, body }, method) => {
      this.keys.add(headers.get("api-key"));
      const { pathname } = new URL(url);
      const path = pathname.slice(base.length);
      this.calls.push(`${method} ${path}`);
      return this.answer(method, path, body);
    });
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
    if (path === "/files/file-out/content" && this.serves) return new Response(this.lines().map((one) => `${JSON.stringify(answered(one))}\n`).join(""));
    if (path === "/files/file-err/content") return new Response("");
    if (method === "DELETE") return Response.json({ deleted: true });
    if (path.endsWith("/content")) return Response.json({ error: { code: "NotFound", message: "Resource not found" } }, { status: 404 });
    this.live += 1;
    return answer();
  }

  private create({ input_file_id, endpoint }: Json): Response {
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
    return this.lines().every(({ body }) => this.deployments.includes(body.model as string));
  }

  lines(): Json[] {
    return this.uploads.at(-1)!.split("\r\n\r\n")[2]!.split("\r\n--")[0]!.trimEnd().split("\n").map((text) => JSON.parse(text) as Json);
  }
}

const answered = ({ custom_id }: Json): Json => ({
  custom_id, error: null,
  response: {
    request_id: `up-${custom_id}`, status_code: 200,
    body: {
      id: "chatcmpl-1", object: "chat.completion", created: 1, model: "gpt-azure-2026-01-01", prompt_filter_results: [{ prompt_index: 0, content_filter_results: {} }],
      choices: [{ index: 0, content_filter_results: {}, finish_reason: "stop", logprobs: null, message: { role: "assistant", content: "batched" } }], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    },
  },
});

async function keyThere(): Promise<Key> {
  const key = await newKey();
  await admin("PUT", `/organisations/${key.organisation}/credentials/azure`, { secret: "azure-own" });
  return key;
}

const line = (i: number, more: Json = {}): Json => ({ custom_id: `id-${i}`, body: { model, max_completion_tokens: 10, messages: [{ role: "user", content: `number ${i}` }], ...more } });
const made = (key: Key, count: number, more: Json = {}): Promise<string> => madeOf(key, "/v1/chat/completions", Array.from({ length: count }, (_, i) => line(i, more)));

let azure: Azure;
beforeAll(async () => {
  for (const [id, kind] of [["gpt-azure", "chat"], ["embed-azure", "embedding"]] as const) {
    await env.DB.batch([
      env.DB.prepare("INSERT INTO models VALUES (?, 'test', ?, '[\"text\"]', '[\"text\"]', '[\"text\"]', 1000, 100, 0)").bind(id, kind),
      env.DB.prepare("INSERT INTO deployments (provider, upstream_id, model_id) VALUES ('azure', ?1, ?1)").bind(id),
    ]);
    await price("azure", id, { input: 1_000_000, output: 2_000_000, "input:batch": 500_000, "output:batch": 1_000_000 });
  }
});
beforeEach(() => void (azure = new Azure()));
afterEach(() => void vi.restoreAllMocks());

describe("Azure's own batch", () => {
  test("is done by the deployment for batches, once the file is taken; each line is charged at the batch's price, and nothing is left there", async () => {
    const key = await keyThere();
    const id = await made(key, 10);
    await becomes(key, id, { state: "sent", id: "batch_0", file: "file-in" });
    expect(azure.calls).toEqual(["POST /files", "GET /files/file-in", "POST /batches"]);
    expect(azure.lines()[0]).toEqual({ custom_id: "1", method: "POST", url: "/v1/chat/completions", body: { ...line(0).body, model: "gpt-azure-batch" } });
    expect(azure.batches[0]).toMatchObject({ input_file_id: "file-in", endpoint: "/v1/chat/completions" });
    await poll(key, id, 61_000);
    await soon(() => expect(azure.calls.at(-1)).toBe("GET /batches/batch_0"));
    azure.over = true;
    await scheduler.wait(20);
    await poll(key, id, 125_000);
    const done = await over(key, id);
    expect([done.sums.completed, azure.live, [...azure.keys]]).toEqual([10, 0, ["azure-own"]]);
    await spent(key, 10 * batchNanoUsd);
    expect((await linesIn(key, done))[0]).toMatchObject({ custom_id: "id-0", response: { status_code: 200, body: { model: "gpt-azure-2026-01-01", service_tier: "batch" } } });
    await soon(() => expect(azure.calls.filter((one) => one.startsWith("DELETE")).sort()).toEqual(["DELETE /files/file-err", "DELETE /files/file-in", "DELETE /files/file-out"]));
  });

  test("runs here, at the price of here, where there is no deployment for batches", async () => {
    azure.deployments = [];
    azure.over = true;
    const key = await keyThere();
    const id = await made(key, 3);
    await becomes(key, id, { state: "sent" });
    await poll(key, id, 61_000);
    expect([(await over(key, id)).sums.completed, azure.live]).toEqual([3, 3]);
    await spent(key, 3 * liveNanoUsd);
  });

  test("that was made while nobody heard of it is found by its file, and not asked for again", async () => {
    azure.breaks = "made";
    const key = await keyThere();
    const id = await made(key, 3);
    await soon(() => expect(azure.batches).toHaveLength(1));
    await becomes(key, id, { state: "asked", file: "file-in" });
    azure.batches.unshift({ id: "batch_theirs", input_file_id: "file-theirs", created_at: new Date().toISOString() });
    azure.breaks = undefined;
    await scheduler.wait(20);
    await poll(key, id, 5_000);
    await becomes(key, id, { state: "sent", id: "batch_0" });
    azure.over = true;
    await scheduler.wait(20);
    await poll(key, id, 120_000);
    expect([(await over(key, id)).sums.completed, azure.live, azure.calls.filter((one) => one === "POST /batches").length]).toEqual([3, 0, 1]);
    await spent(key, 3 * batchNanoUsd);
  });

  test("that was not made is asked for again once it cannot be under way any more", async () => {
    azure.breaks = "not made";
    azure.over = true;
    const key = await keyThere();
    const id = await made(key, 2);
    await becomes(key, id, { state: "asked" });
    azure.breaks = undefined;
    await scheduler.wait(20);
    await poll(key, id, 600_000);
    await soon(() => expect(azure.calls.at(-1)).toBe("GET /batches"));
    expect(azure.batches).toHaveLength(0);
    await scheduler.wait(20);
    await poll(key, id, 961_000);
    await becomes(key, id, { state: "sent", id: "batch_0" });
    await scheduler.wait(20);
    await poll(key, id, 1_100_000);
    expect([(await over(key, id)).sums.completed, azure.live, azure.batches.length]).toEqual([2, 0, 1]);
    await spent(key, 2 * batchNanoUsd);
  });

  test("is not asked for what nobody may keep, nor for what its batches do not take", async () => {
    const key = await keyThere();
    const discreet = await made(key, 1, { provider: { zdr: true } });
    const vectors = await madeOf(key, "/v1/embeddings", [{ custom_id: "a", body: { model: "azure/embed-azure", input: "hi" } }]);
    for (const id of [discreet, vectors]) await over(key, id);
    expect(azure.uploads).toEqual([]);
  });

  test("is called back when its batch is cancelled", async () => {
    const key = await keyThere();
    const id = await made(key, 2);
    await becomes(key, id, { state: "sent" });
    await call(key.secret, "POST", `/v1/batches/${id}/cancel`);
    await scheduler.wait(20);
    await poll(key, id, 61_000);
    await soon(() => expect(azure.calls.at(-1)).toBe("POST /batches/batch_0/cancel"));
    azure.over = true;
    await scheduler.wait(20);
    await poll(key, id, 200_000);
    expect([(await over(key, id, "cancelled")).sums.completed, azure.live]).toEqual([2, 0]);
    await spent(key, 2 * batchNanoUsd);
  });
});

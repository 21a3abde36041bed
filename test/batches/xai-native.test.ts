import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { named } from "../../src/batches/native-named.ts";
import { admin, answer, call, newKey, type Json, type Key } from "../security/stage.ts";
import { becomes, linesIn, madeOf, object, over, playing, poll, price, soon, spent } from "./native-stage.ts";

const model = "xai/grok-test";
const batchNanoUsd = 3 * 800 + 2 * 1_600;
const liveNanoUsd = 3 * 1_000 + 2 * 2_000;
const askMs = 900_000;
const big = "12345678901234567890123";

type Made = { id: string; name: string; file: string; cancelled?: true };

/** xAI's files and batches, in the shapes of its recorded answers: counts instead of a status, answers in pages. */
class Xai {
  readonly calls: string[] = [];
  uploads: string[] = [];
  batches: Made[] = [];
  live = 0;
  /** How many lines it has read. */
  read: number | undefined;
  done = false;
  breaks: "made" | "not made" | undefined;
  pageMost = 2;
  /** xAI itself tells what it cost, in 1e-10 USD; without, its prices do. */
  ticks: number | undefined;
  resultOf: (line: number) => object = () => this.succeeded();

  constructor() {
    playing("api.x.ai", ({ url, body }, method) => {
      const { pathname, searchParams } = new URL(url);
      const path = pathname.slice("/v1".length);
      this.calls.push(`${method} ${path}`);
      if (path === "/files") {
        this.uploads.push(body);
        return Response.json({ id: `file_${this.uploads.length - 1}`, object: "file", purpose: "batch" });
      }
      if (path === "/batches" && method === "POST") return this.create(JSON.parse(body) as Json);
      if (path === "/batches") return this.paged("batches", this.batches.map((one) => this.face(one)), searchParams);
      const [, id, act] = /^\/batches\/(\w+)([:/]\w+)?$/.exec(path) ?? [];
      const batch = this.batches.find((one) => one.id === id);
      if (batch && act === ":cancel") batch.cancelled = true;
      if (batch && act === "/results") return this.paged("results", this.lines(batch).map(({ custom_id }) => ({ batch_request_id: custom_id, batch_result: this.resultOf(Number(custom_id)) })), searchParams);
      if (batch) return Response.json(this.face(batch));
      if (method === "DELETE") return Response.json({ deleted: true });
      this.live += 1;
      return answer();
    });
  }

  succeeded(): object {
    const body = { id: "up", object: "chat.completion", created: 1, model: "grok-test", choices: [{ index: 0, message: { role: "assistant", content: "batched" }, finish_reason: "stop" }], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5, ...(this.ticks !== undefined && { cost_in_usd_ticks: this.ticks }) }, service_tier: "default" };
    return { response: { chat_get_completion: body }, error: { code: 0, message: "" } };
  }

  lines({ file }: Made): Json[] {
    return this.uploads[Number(file.slice("file_".length))]!.split("\r\n\r\n")[2]!.split("\r\n--")[0]!.trimEnd().split("\n").map((text) => JSON.parse(text) as Json);
  }

  private create({ name, input_file_id }: Json): Response {
    if (this.breaks === "not made") return new Response("", { status: 503 });
    this.batches.push({ id: `batch_${this.batches.length}`, name, file: input_file_id });
    return this.breaks ? new Response("", { status: 502 }) : Response.json(this.face(this.batches.at(-1)!));
  }

  private paged(what: string, all: object[], query: URLSearchParams): Response {
    const from = Number(query.get("pagination_token")?.split("/")[1] ?? 0);
    const to = from + Math.min(this.pageMost, Number(query.get("limit")));
    return new Response(JSON.stringify({ [what]: all.slice(from, to), pagination_token: to < all.length ? `at/${to}` : null }, null, 1).replaceAll('"BIG"', big), { headers: { "content-type": "application/json" } });
  }

  private face({ id, name, file, cancelled }: Made): object {
    const count = this.read ?? (this.uploads.length > 0 ? this.lines({ id, name, file }).length : 0);
    const waiting = this.done ? 0 : count;
    return {
      batch_id: id, name, create_time: "2026-11-22", expire_time: "2026-12-22", input_file_id: null, cancel_time: cancelled ? "2026-11-22" : null, cancel_by_xai_message: null,
      state: { num_requests: count, num_pending: waiting, num_success: count - waiting, num_error: 0, num_cancelled: 0 },
    };
  }
}

async function keyThere(): Promise<Key> {
  const key = await newKey();
  await admin("PUT", `/organisations/${key.organisation}/credentials/xai`, { secret: "xai-own" });
  return key;
}

const made = (key: Key, count: number, more: Json = {}): Promise<string> =>
  madeOf(key, "/v1/chat/completions", Array.from({ length: count }, (_, i) => ({ custom_id: `id-${i}`, body: { model, max_tokens: 10, messages: [{ role: "user", content: `number ${i}` }], ...more } })));

let xai: Xai;
beforeAll(async () => {
  await env.DB.batch([
    env.DB.prepare("INSERT INTO models VALUES ('grok-test', 'test', 'chat', '[\"text\"]', '[\"text\"]', '[\"text\",\"tools\"]', 1000, 100, 0)"),
    env.DB.prepare("INSERT INTO deployments (provider, upstream_id, model_id) VALUES ('xai', 'grok-test', 'grok-test')"),
  ]);
  await price("xai", "grok-test", { input: 1_000_000, output: 2_000_000, "input:batch": 800_000, "output:batch": 1_600_000 });
});
beforeEach(() => void (xai = new Xai()));
afterEach(() => void vi.restoreAllMocks());

describe("xAI's own batch", () => {
  test("does chat completions for less: each answer, on whichever page, is charged at the batch's price, and its file is not left there", async () => {
    xai.read = 3;
    xai.done = true;
    const key = await keyThere();
    const id = await made(key, 5);
    await becomes(key, id, { state: "sent", id: "batch_0", file: "file_0" });
    expect(xai.batches).toEqual([{ id: "batch_0", name: id, file: "file_0" }]);
    expect(xai.lines(xai.batches[0]!)[0]).toMatchObject({ custom_id: "1", method: "POST", url: "/v1/chat/completions", body: { model: "grok-test" } });
    await poll(key, id, 61_000);
    await soon(() => expect(xai.calls.at(-1)).toBe("GET /batches/batch_0"));
    xai.read = undefined;
    await scheduler.wait(20);
    await poll(key, id, 125_000);
    const done = await over(key, id);
    expect([done.sums.completed, xai.live, xai.calls.filter((one) => one.endsWith("/results")).length]).toEqual([5, 0, 3]);
    await spent(key, 5 * batchNanoUsd);
    expect((await linesIn(key, done))[0]).toMatchObject({ custom_id: "id-0", response: { status_code: 200, body: { service_tier: "batch" } } });
    await soon(() => expect(xai.calls.at(-1)).toMatch(/^DELETE \/files\//));
  });

  test("that tells what it cost is charged that", async () => {
    xai.ticks = 41_230;
    xai.done = true;
    const key = await keyThere();
    const id = await made(key, 2);
    await becomes(key, id, { state: "sent" });
    await poll(key, id, 61_000);
    expect((await over(key, id)).sums.completed).toBe(2);
    await spent(key, 2 * 4_123);
  });

  test("leaves what went wrong there as an error where it would go wrong here, and free; what passes runs here, at the price of here", async () => {
    xai.resultOf = (line) => [{ error: { code: 3, message: "no" } }, { error: { code: 8, message: "busy" } }, { response: { chat_get_completion: { error: "Model overloaded.", code: "overloaded" } } }, xai.succeeded()][(line - 1) % 4]!;
    xai.done = true;
    const key = await keyThere();
    const id = await made(key, 8);
    await becomes(key, id, { state: "sent" });
    await poll(key, id, 61_000);
    const { sums } = await over(key, id);
    expect([sums.completed, sums.failed, xai.live]).toEqual([6, 2, 4]);
    await spent(key, 2 * batchNanoUsd + 4 * liveNanoUsd);
  });

  test("that was made while nobody heard of it is found by its name among others', and not asked for again", async () => {
    xai.breaks = "made";
    const key = await keyThere();
    const id = await made(key, 2);
    await soon(() => expect(xai.batches).toHaveLength(1));
    await becomes(key, id, { state: "asked", file: "file_0" });
    for (let i = 1; i < 4; i += 1) xai.batches.unshift({ id: `theirs_${i}`, name: "theirs", file: "file_0" });
    xai.breaks = undefined;
    await scheduler.wait(20);
    await poll(key, id, askMs + 61_000);
    await becomes(key, id, { state: "sent", id: "batch_0" });
    xai.done = true;
    await scheduler.wait(20);
    await poll(key, id, askMs + 180_000);
    expect([(await over(key, id)).sums.completed, xai.live, xai.calls.filter((one) => one === "POST /batches").length]).toEqual([2, 0, 1]);
    expect(xai.batches.filter(({ cancelled }) => cancelled)).toEqual([]);
    await spent(key, 2 * batchNanoUsd);
  });

  test("that was not made is asked for again, once it cannot be under way any more", async () => {
    xai.breaks = "not made";
    xai.done = true;
    const key = await keyThere();
    const id = await made(key, 2);
    await becomes(key, id, { state: "asked" });
    xai.breaks = undefined;
    await scheduler.wait(20);
    await poll(key, id, askMs - 60_000);
    await soon(() => expect(xai.calls.at(-1)).toBe("GET /batches"));
    expect(xai.batches).toEqual([]);
    await scheduler.wait(20);
    await poll(key, id, askMs + 61_000);
    await becomes(key, id, { state: "sent", id: "batch_0" });
    await scheduler.wait(20);
    await poll(key, id, askMs + 180_000);
    expect([(await over(key, id)).sums.completed, xai.live, xai.batches.length]).toEqual([2, 0, 1]);
    await spent(key, 2 * batchNanoUsd);
  });

  test("is called back when its batch is cancelled, and what it answered is kept and charged", async () => {
    const key = await keyThere();
    const id = await made(key, 2);
    await becomes(key, id, { state: "sent" });
    await call(key.secret, "POST", `/v1/batches/${id}/cancel`);
    await scheduler.wait(20);
    await poll(key, id, 61_000);
    await soon(() => expect(xai.calls.at(-1)).toBe("POST /batches/batch_0:cancel"));
    xai.resultOf = (line) => (line === 1 ? xai.succeeded() : { error: { code: 1, message: "Cancelled." } });
    xai.done = true;
    await scheduler.wait(20);
    await poll(key, id, 200_000);
    expect([(await over(key, id, "cancelled")).sums.completed, xai.live]).toEqual([1, 0]);
    await spent(key, batchNanoUsd);
  });

  test("is not asked for what nobody may keep, nor for responses, which come back as something else", async () => {
    const key = await keyThere();
    const discreet = await made(key, 1, { provider: { zdr: true } });
    const responses = await madeOf(key, "/v1/responses", [{ custom_id: "a", body: { model, input: "hi", max_output_tokens: 10 } }]);
    for (const id of [discreet, responses]) await soon(async () => expect((await object(key, id).face())!.batch.status).toBe("completed"));
    expect(xai.uploads).toEqual([]);
  });

  test("answers as it came, big numbers too", () => {
    const body = `{"id":"up","n":${big},"usage":{}}`;
    expect(named.answer("", `{"batch_request_id":"7","batch_result":{"response":{"chat_get_completion":${body}}}}`)).toEqual({ line: 7, status: 200, body: `{"id":"up","n":${big},"usage":{},"service_tier":"batch"}` });
    for (const none of ['{"batch_request_id":"x","batch_result":{"response":{"c":{"id":1}}}}', '{"batch_request_id":"7"}', '{"batch_request_id":"7","batch_result":{"response":null}}']) expect(named.answer("", none)).toBeUndefined();
  });
});

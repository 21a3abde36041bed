import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { isolateOf } from "../../src/pipeline/index.ts";
import { addPricedModel, answer, call, newKey, outside, type Json, type Key, type Left } from "../security/stage.ts";

const model = "openai/native-test";
const encoder = new TextEncoder();
const batchNanoUsd = 3_500;
const liveNanoUsd = 7_000;
const realNow = Date.now;

const line = (i: number): string => JSON.stringify({ custom_id: `id-${i}`, method: "POST", url: "/v1/chat/completions", body: { model, max_tokens: 10, messages: [{ role: "user", content: `number ${i}` }], seed: 12345678901234567890n.toString() } });

async function made(key: Key, count: number, more: Json = {}, headers: Record<string, string> = {}): Promise<string> {
  const body = (async function* () {
    yield encoder.encode(Array.from({ length: count }, (_, i) => line(i)).join("\n"));
  })();
  const { id: input } = await isolateOf(env).files.put(key.organisation, { filename: "in.jsonl", purpose: "batch", type: "application/jsonl" }, body, { mostBytes: 1e9 }, Date.now());
  return (await (await call(key.secret, "POST", "/v1/batches", { input_file_id: input, endpoint: "/v1/chat/completions", completion_window: "24h", ...more }, headers)).json<Json>()).id;
}

const object = ({ organisation }: Key, id: string) => env.BATCH_RUN.getByName(`${organisation}/${id}`);
const native = async (key: Key, id: string): Promise<Json | undefined> => (await object(key, id).face())?.batch.native as Json | undefined;
const over = (key: Key, id: string, status = "completed"): Promise<Json> => vi.waitFor(async () => {
  const face = (await object(key, id).face())!;
  expect(face.batch.status).toBe(status);
  return face;
}, { timeout: 5_000, interval: 20 });
const spent = ({ id }: Key, nanoUsd: number): Promise<void> => vi.waitFor(async () => {
  const { counters } = await env.KEY_METER.getByName(id).inspect();
  expect([counters.held.requests, counters.spentNanoUsd]).toEqual([0, nanoUsd]);
}, { timeout: 5_000, interval: 20 });
const later = (ms: number) => vi.spyOn(Date, "now").mockImplementation(() => realNow() + ms);

/** OpenAI's files and batches, as far as they are used here; everything else is answered at once. `done`: which lines have answers when it is over. */
class Provider {
  uploads: string[] = [];
  batches: { id: string; status: string; metadata: Json; input: string }[] = [];
  cancelled = 0;
  live = 0;
  status = "in_progress";
  done: (i: number) => boolean = () => true;
  /** Breaks the connection after the batch was made. */
  breaks = false;

  play = ({ url, body }: Left, method: string): Response => {
    const path = new URL(url).pathname;
    if (path === "/v1/files") {
      this.uploads.push(body);
      return Response.json({ id: `file-up-${this.uploads.length}` });
    }
    if (path === "/v1/batches" && method === "POST") {
      const { input_file_id: input, metadata } = JSON.parse(body) as Json;
      this.batches.push({ id: `batch_up_${this.batches.length}`, status: "validating", metadata, input });
      if (this.breaks) return new Response("", { status: 502 });
      return Response.json(this.batches.at(-1));
    }
    if (path === "/v1/batches") return Response.json({ data: this.batches, has_more: false });
    if (path.endsWith("/cancel")) this.cancelled += 1;
    if (path.startsWith("/v1/batches/")) return Response.json({ ...this.batches[0], status: this.status, output_file_id: this.status === "in_progress" ? null : "file-out" });
    if (path === "/v1/files/file-out/content") return new Response(this.output());
    if (path.startsWith("/v1/files/")) return Response.json({ deleted: true });
    this.live += 1;
    return answer();
  };

  lines(): Json[] {
    return this.uploads.at(-1)!.split("\r\n\r\n")[2]!.split("\r\n--")[0]!.trimEnd().split("\n").map((text) => JSON.parse(text) as Json);
  }

  private output(): string {
    const body = { id: "c", object: "chat.completion", model: "m", choices: [{ index: 0, message: { role: "assistant", content: "batched" }, finish_reason: "stop" }], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } };
    return this.lines().filter(({ custom_id }) => this.done(Number(custom_id) - 1)).reverse()
      .map(({ custom_id }) => `${JSON.stringify({ id: "batch_req_up", custom_id, response: { status_code: 200, request_id: `up-${custom_id}`, body }, error: null })}\n`).join("");
  }
}

/** Puts the provider outside; its own calls tell how they were made. */
function stage(): Provider {
  const provider = new Provider();
  const play = vi.spyOn(globalThis, "fetch");
  outside();
  const plain = play.getMockImplementation()!;
  play.mockImplementation(async (input, init) => {
    const request = new Request(input as RequestInfo, init as RequestInit);
    if (new URL(request.url).host !== "api.openai.com") return plain(input, init);
    return provider.play({ host: "", url: request.url, headers: request.headers, body: new TextDecoder().decode(await request.arrayBuffer()), signal: request.signal }, request.method);
  });
  return provider;
}

/** The next look at how the provider's batch stands. */
async function poll(key: Key, id: string, afterMs: number): Promise<void> {
  later(afterMs);
  await runDurableObjectAlarm(object(key, id));
}

beforeAll(async () => {
  await addPricedModel("native-test", { input: { picoUsd: 1_000_000, validFromMs: 7 }, output: { picoUsd: 2_000_000, validFromMs: 9 } });
  await env.DB.batch(["input:batch", "output:batch"].map((unit, i) => env.DB.prepare("INSERT INTO prices (provider, upstream_id, class, valid_from, pico_usd, source) VALUES ('openai', 'native-test', ?, 1, ?, 'test')").bind(unit, 500_000 * (i + 1))));
});
afterEach(() => void vi.restoreAllMocks());

describe("a provider's own batch", () => {
  test("does the lines for less, and each is charged and told as if it had run here", async () => {
    const provider = stage();
    const key = await newKey();
    const id = await made(key, 40);
    await vi.waitFor(async () => expect((await native(key, id))?.state).toBe("sent"), { timeout: 5_000 });
    expect(provider.batches.map(({ metadata }) => metadata)).toEqual([{ forge_batch: id }]);
    expect(provider.lines()).toHaveLength(40);
    expect(provider.lines()[0]).toEqual({ custom_id: "1", method: "POST", url: "/v1/chat/completions", body: { ...(JSON.parse(line(0)) as Json).body, model: "native-test" } });
    const { counters } = await env.KEY_METER.getByName(key.id).inspect();
    expect([counters.held.requests, counters.held.nanoUsd > 40 * 10 * 2_000]).toEqual([1, true]);
    await poll(key, id, 61_000);
    await vi.waitFor(async () => expect((await object(key, id).face())!.batch.status).toBe("in_progress"));
    provider.status = "completed";
    await poll(key, id, 125_000);
    const { sums, batch } = await over(key, id);
    expect([sums.completed, provider.live]).toEqual([40, 0]);
    await spent(key, 40 * batchNanoUsd);
    const file = (await isolateOf(env).files.find(key.organisation, batch.files.output, Date.now()))!;
    const [first] = (await new Response(await isolateOf(env).files.read(file)).text()).split("\n").map((one) => JSON.parse(one || "{}") as Json);
    expect(first).toMatchObject({ custom_id: "id-0", response: { status_code: 200, body: { service_tier: "batch", choices: [{ message: { content: "batched" } }] } } });
  });

  test("that is over runs out of answers: the rest runs here, at the price of here", async () => {
    const provider = stage();
    provider.done = (i) => i % 2 === 0;
    provider.status = "expired";
    const key = await newKey();
    const id = await made(key, 10);
    await vi.waitFor(async () => expect((await native(key, id))?.state).toBe("sent"), { timeout: 5_000 });
    await poll(key, id, 61_000);
    const { sums } = await over(key, id);
    expect([sums.completed, provider.live]).toEqual([10, 5]);
    await spent(key, 5 * batchNanoUsd + 5 * liveNanoUsd);
  });

  test("is never made twice: whoever was interrupted finds it by its mark", async () => {
    const provider = stage();
    provider.breaks = true;
    const key = await newKey();
    const id = await made(key, 3);
    await vi.waitFor(() => expect(provider.batches).toHaveLength(1));
    await vi.waitFor(async () => expect((await native(key, id))?.file).toBe("file-up-1"));
    provider.breaks = false;
    provider.status = "completed";
    await scheduler.wait(20);
    await poll(key, id, 5_000);
    await vi.waitFor(async () => expect(await native(key, id)).toMatchObject({ state: "sent", id: "batch_up_0" }));
    await poll(key, id, 120_000);
    await over(key, id);
    expect([provider.batches.length, provider.live]).toEqual([1, 0]);
    await spent(key, 3 * batchNanoUsd);
  });

  test("is called back when its batch is cancelled, and what it has answered is kept and charged", async () => {
    const provider = stage();
    provider.done = (i) => i < 2;
    const key = await newKey();
    const id = await made(key, 5);
    await vi.waitFor(async () => expect((await native(key, id))?.state).toBe("sent"), { timeout: 5_000 });
    await call(key.secret, "POST", `/v1/batches/${id}/cancel`);
    await poll(key, id, 61_000);
    await vi.waitFor(() => expect(provider.cancelled).toBe(1));
    provider.status = "cancelled";
    await scheduler.wait(20);
    await poll(key, id, 200_000);
    const { sums } = await over(key, id, "cancelled");
    expect([sums.completed, provider.live]).toEqual([2, 0]);
    await spent(key, 2 * batchNanoUsd);
  });

  test.each<[string, Json, Record<string, string>]>([["metadata", { metadata: { forge_batch: "live" } }, {}], ["a header", {}, { "x-forge-batch": "live" }]])("is not asked where %s says so", async (_, more, headers) => {
    const provider = stage();
    const key = await newKey();
    const id = await made(key, 2, more, headers);
    await over(key, id);
    expect([provider.live, provider.uploads.length]).toEqual([2, 0]);
    await spent(key, 2 * liveNanoUsd);
  });

  test("is not asked where there is no money for all of it at once", async () => {
    const provider = stage();
    const key = await newKey({ limits: { requestsPerMinute: 100_000, budgetNanoUsd: 1_000_000 } });
    const id = await made(key, 40);
    await vi.waitFor(() => expect(provider.live).toBeGreaterThan(0), { timeout: 5_000 });
    expect(provider.uploads).toEqual([]);
    await call(key.secret, "POST", `/v1/batches/${id}/cancel`);
  });
});

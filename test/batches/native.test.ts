import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { isolateOf } from "../../src/pipeline/index.ts";
import { addPricedModel, admin, answer, call, expectRefusal, newKey, type Json, type Key, type Left } from "../security/stage.ts";
import { becomes, held, linesIn, madeOf, native, object, over, playing, poll, price, soon, spent } from "./native-stage.ts";

const model = "openai/native-test";
const batchNanoUsd = 3_500;
const liveNanoUsd = 7_000;

const line = (i: number): Json => ({ custom_id: `id-${i}`, body: { model, max_tokens: 10, messages: [{ role: "user", content: `number ${i}` }], seed: 12345678901234567890n.toString() } });
const made = (key: Key, count: number, more: Json = {}, headers: Record<string, string> = {}): Promise<string> => madeOf(key, "/v1/chat/completions", Array.from({ length: count }, (_, i) => line(i)), more, headers);

/** OpenAI's files and batches, as far as they are used here; everything else is answered at once. `done`: which lines have answers when it is over. */
class Provider {
  uploads: string[] = [];
  batches: { id: string; status: string; metadata: Json; input: string }[] = [];
  cancelled = 0;
  removed = 0;
  secrets = new Set<string | null>();
  live = 0;
  status = "in_progress";
  done: (i: number) => boolean = () => true;
  /** Cancelling it ends it at once. */
  ends = false;
  /** Breaks the connection after the batch was made. */
  breaks = false;

  play = ({ url, body, headers }: Left, method: string): Response => {
    const path = new URL(url).pathname;
    this.secrets.add(headers.get("authorization"));
    this.removed += Number(method === "DELETE");
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
    if (path.endsWith("/cancel")) {
      this.cancelled += 1;
      if (this.ends) this.status = "cancelled";
    }
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

function stage(): Provider {
  const provider = new Provider();
  playing("api.openai.com", provider.play);
  return provider;
}

beforeAll(async () => {
  await addPricedModel("native-test", { input: { picoUsd: 1_000_000, validFromMs: 7 }, output: { picoUsd: 2_000_000, validFromMs: 9 } });
  await price("openai", "native-test", { "input:batch": 500_000, "output:batch": 1_000_000 });
});
afterEach(() => void vi.restoreAllMocks());

describe("a provider's own batch", () => {
  test("does the lines for less, and each is charged and told as if it had run here", async () => {
    const provider = stage();
    const key = await newKey();
    const id = await made(key, 40);
    await becomes(key, id, { state: "sent" });
    expect(provider.batches.map(({ metadata }) => metadata)).toEqual([{ forge_batch: id }]);
    expect(provider.lines()).toHaveLength(40);
    expect(provider.lines()[0]).toEqual({ custom_id: "1", method: "POST", url: "/v1/chat/completions", body: { ...line(0).body, model: "native-test" } });
    const { requests, nanoUsd, tokens } = await held(key);
    expect([requests, nanoUsd]).toEqual([1, (tokens - 40 * 10) * 500 + 40 * 10 * 1_000]);
    await poll(key, id, 61_000);
    await soon(async () => expect((await object(key, id).face())!.batch.status).toBe("in_progress"));
    provider.status = "completed";
    await poll(key, id, 125_000);
    const done = await over(key, id);
    expect([done.sums.completed, provider.live]).toEqual([40, 0]);
    await spent(key, 40 * batchNanoUsd);
    const [first] = await linesIn(key, done);
    expect(first).toMatchObject({ custom_id: "id-0", response: { status_code: 200, body: { service_tier: "batch", choices: [{ message: { content: "batched" } }] } } });
  });

  test("does messages that are told in its words, and answers come back as messages", async () => {
    const provider = stage();
    provider.status = "completed";
    const key = await newKey();
    const params = { model, max_tokens: 10, messages: [{ role: "user", content: "hi" }] };
    const { id } = await (await call(key.secret, "POST", "/v1/messages/batches", { requests: [{ custom_id: "a", params }] }, { "x-forge-protocol": "openai-chat" })).json<Json>();
    await becomes(key, id, { state: "sent" });
    expect(provider.lines()).toMatchObject([{ url: "/v1/chat/completions", body: { model: "native-test", max_completion_tokens: 10 } }]);
    await poll(key, id, 61_000);
    const [first] = await linesIn(key, await over(key, id));
    expect(first).toMatchObject({ custom_id: "a", result: { type: "succeeded", message: { type: "message", content: [{ type: "text", text: "batched" }], usage: { output_tokens: 2 } } } });
    expect(provider.live).toBe(0);
    await spent(key, batchNanoUsd);
  });

  test("that is over runs out of answers: the rest runs here, at the price of here", async () => {
    const provider = stage();
    provider.done = (i) => i % 2 === 0;
    provider.status = "expired";
    const key = await newKey();
    const id = await made(key, 10);
    await becomes(key, id, { state: "sent" });
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
    await soon(() => expect(provider.batches).toHaveLength(1));
    await becomes(key, id, { state: "asked", file: "file-up-1" });
    provider.breaks = false;
    provider.status = "completed";
    await scheduler.wait(20);
    await poll(key, id, 5_000);
    await becomes(key, id, { state: "sent", id: "batch_up_0" });
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
    await becomes(key, id, { state: "sent" });
    await call(key.secret, "POST", `/v1/batches/${id}/cancel`);
    await poll(key, id, 61_000);
    await soon(() => expect(provider.cancelled).toBe(1));
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
    await soon(() => expect(provider.live).toBeGreaterThan(0));
    expect(provider.uploads).toEqual([]);
    await call(key.secret, "POST", `/v1/batches/${id}/cancel`);
    await over(key, id, "cancelled");
  });
});

/** What ends what a key may have done, in whichever way. */
const barring: readonly (readonly [string, (key: Key) => Promise<unknown>])[] = [
  ["its key is revoked", ({ id }) => admin("POST", `/keys/${id}/revoke`)],
  ["its organisation is suspended", ({ organisation }) => admin("PUT", `/organisations/${organisation}/suspension`, { reason: "Unpaid" })],
  ["its key may not call the model", ({ id }) => admin("PATCH", `/keys/${id}`, { policy: { models: ["groq/*"] } })],
  ["its key is sovereign", ({ id }) => admin("PATCH", `/keys/${id}`, { policy: { sovereign: true } })],
];

/** Looks at it again and again, a minute apart, until `check` holds. */
async function polled(key: Key, id: string, check: () => unknown): Promise<void> {
  let minutes = 0;
  await soon(async () => {
    await poll(key, id, (minutes += 1) * 61_000);
    await scheduler.wait(50);
    await check();
  });
}

/** Looks at it at such a time until it has ended so. */
const polledAfter = (key: Key, id: string, afterMs: number, status: string): Promise<void> => soon(async () => {
  await poll(key, id, afterMs);
  await scheduler.wait(50);
  expect((await object(key, id).face())!.batch.status).toBe(status);
});

describe("a provider's own batch that runs when", () => {
  test.each(barring)("%s is called back, its answers are charged, and nothing stays there", async (_, bar) => {
    const provider = stage();
    provider.done = (i) => i < 15;
    provider.ends = true;
    const key = await newKey();
    const id = await made(key, 40);
    await becomes(key, id, { state: "sent" });
    await bar(key);
    await polled(key, id, async () => expect((await object(key, id).face())!.batch.status).toBe("completed"));
    const { sums } = (await object(key, id).face())!;
    expect([provider.cancelled, provider.removed, provider.live, sums.completed, sums.failed, sums.usage.costNanoUsd]).toEqual([1, 2, 0, 15, 25, 15 * batchNanoUsd]);
    await spent(key, 15 * batchNanoUsd);
  });

  test.each(barring)("%s after it was done is charged for all of its answers", async (_, bar) => {
    const provider = stage();
    const key = await newKey();
    const id = await made(key, 40);
    await becomes(key, id, { state: "sent" });
    provider.status = "completed";
    await bar(key);
    await poll(key, id, 61_000);
    const { sums } = await over(key, id);
    expect([provider.cancelled, provider.removed, provider.live, sums.completed]).toEqual([0, 2, 0, 40]);
    await spent(key, 40 * batchNanoUsd);
  });

  test("its key's budget is cut after it was done is charged all the same", async () => {
    const provider = stage();
    const key = await newKey();
    const id = await made(key, 40);
    await becomes(key, id, { state: "sent" });
    provider.status = "completed";
    await admin("PATCH", `/keys/${key.id}`, { policy: { limits: { budgetNanoUsd: 1 } } });
    await poll(key, id, 61_000);
    expect((await over(key, id)).sums.completed).toBe(40);
    await spent(key, 40 * batchNanoUsd);
  });

  test("its input is to be deleted keeps that until it is over", async () => {
    const provider = stage();
    const key = await newKey();
    const id = await made(key, 3);
    await becomes(key, id, { state: "sent" });
    const input = (await object(key, id).face())!.batch.inputFileId;
    await expectRefusal(await call(key.secret, "DELETE", `/v1/files/${input}`), 409, "conflict");
    provider.status = "completed";
    await poll(key, id, 61_000);
    await over(key, id);
    await spent(key, 3 * batchNanoUsd);
    await soon(async () => expect((await call(key.secret, "DELETE", `/v1/files/${input}`)).status).toBe(200));
  });

  test("its input is gone nevertheless is called back, and nothing stays there", async () => {
    const provider = stage();
    provider.ends = true;
    const key = await newKey();
    const id = await made(key, 3);
    await becomes(key, id, { state: "sent" });
    await isolateOf(env).files.delete(key.organisation, (await object(key, id).face())!.batch.inputFileId);
    await polled(key, id, async () => expect((await object(key, id).face())!.batch.status).toBe("completed"));
    expect([provider.cancelled, provider.removed, provider.live]).toEqual([1, 2, 0]);
  });

  test("the organisation's own account is no more is waited for as long as the batch has, and an hour", async () => {
    const provider = stage();
    const key = await newKey();
    await admin("PUT", `/organisations/${key.organisation}/credentials/openai`, { secret: "sk-of-the-organisation" });
    const id = await made(key, 3);
    await becomes(key, id, { state: "sent" });
    await admin("DELETE", `/organisations/${key.organisation}/credentials/openai`);
    await poll(key, id, 61_000);
    await scheduler.wait(50);
    expect(await native(key, id)).toMatchObject({ state: "sent" });
    await polledAfter(key, id, 25.1 * 3_600_000, "expired");
    expect([provider.live, [...provider.secrets]]).toEqual([0, ["Bearer sk-of-the-organisation"]]);
    await spent(key, 0);
  });

  test("an older version made it is followed as its key reaches it", async () => {
    const provider = stage();
    const key = await newKey();
    const id = await made(key, 3);
    await becomes(key, id, { state: "sent" });
    await runInDurableObject(object(key, id), (run) => {
      const old = run as unknown as { batch: Json };
      const { at: _, ...native } = old.batch.native;
      old.batch = { ...old.batch, native };
    });
    provider.status = "completed";
    await poll(key, id, 61_000);
    expect((await over(key, id)).sums.completed).toBe(3);
    expect([provider.live, provider.removed]).toEqual([0, 2]);
    await spent(key, 3 * batchNanoUsd);
  });

  test("it was made on the organisation's own account is called back there, with its key", async () => {
    const provider = stage();
    provider.ends = true;
    const key = await newKey();
    await admin("PUT", `/organisations/${key.organisation}/credentials/openai`, { secret: "sk-of-the-organisation" });
    const id = await made(key, 3);
    await becomes(key, id, { state: "sent", at: { own: true } });
    await admin("POST", `/keys/${key.id}/revoke`);
    await polled(key, id, async () => expect((await object(key, id).face())!.batch.status).toBe("completed"));
    expect([provider.cancelled, provider.removed, [...provider.secrets]]).toEqual([1, 2, ["Bearer sk-of-the-organisation"]]);
    expect((await object(key, id).face())!.sums.completed).toBe(3);
  });
});

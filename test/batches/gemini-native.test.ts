import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { admin, call, newKey, type Json, type Key } from "../security/stage.ts";
import { answerOf, errored, GeminiBatches, succeeded, type Request } from "./gemini.ts";
import { becomes, held, linesIn, madeOf, object, over, playing, poll, price, soon, spent } from "./native-stage.ts";

const host = "generativelanguage.googleapis.com";
const model = "gemini/gemini-test";
const batchNanoUsd = 3 * 500 + 2 * 1_000;
const liveNanoUsd = 2 * batchNanoUsd;
const askMs = 900_000;
const big = "12345678901234567890123";

/** The provider as it is called: its files and batches, and everything else at once. */
class Gemini {
  readonly batches = new GeminiBatches();
  readonly headers: Headers[] = [];
  live = 0;

  constructor() {
    playing(host, ({ url, headers, body }, method) => {
      const path = url.slice(`https://${host}`.length);
      if (path.endsWith(":generateContent")) {
        this.live += 1;
        return Response.json(answerOf("live"));
      }
      this.headers.push(headers);
      const { status, type, text } = this.batches.play(method, path, body);
      return new Response(text, { status, headers: { "content-type": type } });
    });
  }

  get asked(): number {
    return this.batches.calls.filter((one) => one.endsWith(":batchGenerateContent")).length;
  }

  end(): void {
    this.batches.over = () => true;
  }
}

async function keyThere(): Promise<Key> {
  const key = await newKey();
  await admin("PUT", `/organisations/${key.organisation}/credentials/gemini`, { secret: "gemini-own" });
  return key;
}

const body = (i: number): Json => ({ model, max_tokens: 10, messages: [{ role: "user", content: `number ${i}` }] });
const made = (key: Key, count: number, more: Json = {}, headers: Record<string, string> = {}): Promise<string> =>
  madeOf(key, "/v1/chat/completions", Array.from({ length: count }, (_, i) => ({ custom_id: `id-${i}`, body: { ...body(i), ...more } })), {}, headers);
const lineOf = ({ key }: Request): number => Number(key);

let gemini: Gemini;
beforeAll(async () => {
  await env.DB.batch([
    env.DB.prepare("INSERT INTO models VALUES ('gemini-test', 'test', 'chat', '[\"text\"]', '[\"text\"]', '[\"text\",\"tools\"]', 1000, 100, 0)"),
    env.DB.prepare("INSERT INTO deployments (provider, upstream_id, model_id) VALUES ('gemini', 'gemini-test', 'gemini-test')"),
  ]);
  await price("gemini", "gemini-test", { input: 1_000_000, output: 2_000_000, "input:batch": 500_000, "output:batch": 1_000_000 });
});
beforeEach(() => void (gemini = new Gemini()));
afterEach(() => void vi.restoreAllMocks());

describe("Gemini's own batch", () => {
  test("does chat completions for less, from a file: each is charged at the batch's price, and nothing is left there", async () => {
    gemini.batches.processing = 1;
    const key = await keyThere();
    const id = await made(key, 40);
    await becomes(key, id, { state: "sent", id: "batches/b0", file: "files/in-0" });
    expect(gemini.batches.calls).toEqual(["POST /upload/v1beta/files", "GET /v1beta/files/in-0", "POST /v1beta/models/gemini-test:batchGenerateContent"]);
    expect([gemini.headers[0]!.get("x-goog-api-key"), gemini.headers[0]!.get("x-goog-upload-protocol")]).toEqual(["gemini-own", "multipart"]);
    const [batch] = gemini.batches.made;
    expect(batch).toMatchObject({ displayName: id, file: "files/in-0" });
    const requests = gemini.batches.requests(batch!);
    expect(requests.map(({ key: one }) => one)).toEqual(Array.from({ length: 40 }, (_, i) => String(i + 1)));
    expect(requests[0]!.request).toMatchObject({ contents: [{ role: "user", parts: [{ text: "number 0" }] }], generationConfig: { maxOutputTokens: 10 } });
    const { requests: open, nanoUsd, tokens } = await held(key);
    expect([open, nanoUsd]).toEqual([1, (tokens - 40 * 10) * 500 + 40 * 10 * 1_000]);
    gemini.end();
    await poll(key, id, 61_000);
    const done = await over(key, id);
    expect([done.sums.completed, gemini.live, gemini.asked]).toEqual([40, 0, 1]);
    await spent(key, 40 * batchNanoUsd);
    expect((await linesIn(key, done))[0]).toMatchObject({ custom_id: "id-0", response: { status_code: 200, body: { object: "chat.completion", choices: [{ message: { content: "batched" } }] } } });
    await soon(() => expect(gemini.batches.deleted.toSorted()).toEqual(["batches/b0", "files/batch-b0", "files/in-0"]));
  });

  test("does responses and messages that are told in its words, and answers come back in theirs, big numbers too", async () => {
    const call_ = { candidates: [{ content: { parts: [{ functionCall: { name: "count", args: { n: "BIG" } } }], role: "model" }, finishReason: "STOP", index: 0 }], usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 2, totalTokenCount: 5 } };
    gemini.batches.resultOf = () => ({ response: call_ });
    const play = gemini.batches.play.bind(gemini.batches);
    gemini.batches.play = (...args) => ((played) => ({ ...played, text: played.text.replaceAll('"BIG"', big) }))(play(...args));
    gemini.end();
    const key = await keyThere();
    const schema = { type: "object", properties: { n: { type: "integer" } } };
    const responses = await madeOf(key, "/v1/responses", [{ custom_id: "r", body: { model, input: "count", max_output_tokens: 10, tools: [{ type: "function", name: "count", parameters: schema }] } }]);
    await becomes(key, responses, { state: "sent" });
    const params = { model, max_tokens: 10, messages: [{ role: "user", content: "count" }], tools: [{ name: "count", input_schema: schema }] };
    const { id: messages } = await (await call(key.secret, "POST", "/v1/messages/batches", { requests: [{ custom_id: "m", params }] })).json<Json>();
    await becomes(key, messages, { state: "sent" });
    for (const id of [responses, messages]) await poll(key, id, 61_000);
    const [response] = await linesIn(key, await over(key, responses));
    expect(response).toMatchObject({ custom_id: "r", response: { status_code: 200, body: { object: "response", output: [{ type: "function_call", name: "count", arguments: `{"n":${big}}` }] } } });
    const [message] = await linesIn(key, await over(key, messages));
    expect(message).toMatchObject({ custom_id: "m", result: { type: "succeeded", message: { content: [{ type: "tool_use", name: "count" }], usage: { service_tier: "batch" } } } });
    expect([gemini.live, gemini.asked]).toEqual([0, 2]);
    await spent(key, 2 * batchNanoUsd);
  });

  test("leaves what went wrong there as an error where it would go wrong here, and free; what it did not come to runs here, at the price of here", async () => {
    gemini.batches.resultOf = (one) => [errored(3), undefined, errored(8), succeeded()][(lineOf(one) - 1) % 4];
    gemini.end();
    const key = await keyThere();
    const id = await made(key, 8);
    await becomes(key, id, { state: "sent" });
    await poll(key, id, 61_000);
    const { sums } = await over(key, id);
    expect([sums.completed, sums.failed, gemini.live]).toEqual([6, 2, 4]);
    await spent(key, 2 * batchNanoUsd + 4 * liveNanoUsd);
  });

  test("that was made while nobody heard of it is found by its name among others', and not asked for again", async () => {
    gemini.batches.breaks = "taken";
    gemini.batches.pageMost = 1;
    const key = await keyThere();
    const id = await made(key, 3);
    await soon(() => expect(gemini.batches.made).toHaveLength(1));
    await becomes(key, id, { state: "asked", file: "files/in-0" });
    const theirs = gemini.batches.add("theirs");
    gemini.batches.made.unshift(gemini.batches.made.pop()!);
    gemini.batches.breaks = undefined;
    await scheduler.wait(20);
    await poll(key, id, askMs + 61_000);
    await becomes(key, id, { state: "sent", id: "batches/b0" });
    gemini.end();
    await scheduler.wait(20);
    await poll(key, id, askMs + 180_000);
    expect([(await over(key, id)).sums.completed, gemini.live, gemini.asked]).toEqual([3, 0, 1]);
    await spent(key, 3 * batchNanoUsd);
    await soon(() => expect(gemini.batches.deleted).toContain("batches/b0"));
    expect([theirs.cancelled, gemini.batches.deleted.includes(theirs.name)]).toEqual([undefined, false]);
  });

  test("that was not made is asked for again, once it cannot be under way any more, and not while its list cannot be read", async () => {
    gemini.batches.breaks = "not taken";
    gemini.end();
    const key = await keyThere();
    const id = await made(key, 2);
    await soon(() => expect(gemini.asked).toBe(1));
    gemini.batches.breaks = undefined;
    await becomes(key, id, { state: "asked" });
    const play = gemini.batches.play.bind(gemini.batches);
    let broken = true;
    gemini.batches.play = (...args) => ((played) => ({ ...played, text: broken ? played.text.slice(0, 1) : played.text }))(play(...args));
    const looks = (): number => gemini.batches.calls.filter((one) => one.includes("/batches?")).length;
    await scheduler.wait(20);
    await poll(key, id, askMs - 60_000);
    await soon(() => expect(looks()).toBe(1));
    await scheduler.wait(20);
    await poll(key, id, askMs + 61_000);
    await soon(() => expect(looks()).toBe(2));
    expect(gemini.asked).toBe(1);
    broken = false;
    await scheduler.wait(20);
    await poll(key, id, askMs + 200_000);
    await becomes(key, id, { state: "sent", id: "batches/b0" });
    expect([(await held(key)).requests, gemini.asked]).toEqual([1, 2]);
    await scheduler.wait(20);
    await poll(key, id, askMs + 400_000);
    expect([(await over(key, id)).sums.completed, gemini.live]).toEqual([2, 0]);
    await spent(key, 2 * batchNanoUsd);
  });

  test("is called back when its batch is cancelled, and what it answered is kept and charged", async () => {
    gemini.batches.resultOf = (one) => (lineOf(one) === 1 ? succeeded() : errored(1, "cancelled"));
    const key = await keyThere();
    const id = await made(key, 3);
    await becomes(key, id, { state: "sent" });
    await call(key.secret, "POST", `/v1/batches/${id}/cancel`);
    await scheduler.wait(20);
    await poll(key, id, 61_000);
    await soon(() => expect(gemini.batches.calls).toContain("POST /v1beta/batches/b0:cancel"));
    gemini.end();
    await scheduler.wait(20);
    await poll(key, id, 200_000);
    expect([(await over(key, id, "cancelled")).sums.completed, gemini.live]).toEqual([1, 0]);
    await spent(key, batchNanoUsd);
  });

  test.each<[string, Json, Record<string, string>]>([
    ["nobody may keep the requests", { provider: { zdr: true } }, {}], ["nobody may learn from them", { provider: { data_collection: "deny" } }, {}], ["something would be lost that may not be", { logit_bias: { 1: 1 } }, { "x-forge-strict": "true" }],
    ["it is wanted at once", {}, { "x-forge-batch": "live" }], ["no other machine may see it", {}, { "x-sovereign": "true" }],
  ])("is not asked where %s", async (_, more, headers) => {
    const key = await keyThere();
    const id = await made(key, 1, more, headers);
    await soon(async () => expect((await object(key, id).face())!.batch.status).toBe("completed"));
    expect(gemini.batches.calls).toEqual([]);
  });
});

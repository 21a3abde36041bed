import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { call, type Json, type Key } from "../security/stage.ts";
import { answerOf, embedded, errored, GeminiBatches, succeeded, type Request } from "./gemini.ts";
import { addHalved, askMs, batchNanoUsd, keyAt, nativeBatch, OverPlayed, type Outcome, type StandIn } from "./native-contract.ts";
import { becomes, linesIn, madeOf, object, over, playing, poll, soon, spent } from "./native-stage.ts";

const host = "generativelanguage.googleapis.com";
const model = "gemini/gemini-test";
const big = "12345678901234567890123";

const results: Readonly<Record<Outcome, object | undefined>> = { answered: succeeded(), wrong: errored(3), passing: errored(8), none: undefined };

/** The provider as it is called: its files and batches, and everything else at once. */
class Gemini extends OverPlayed<GeminiBatches> implements StandIn {
  readonly headers: Headers[] = [];
  live = 0;
  outcome: StandIn["outcome"] = () => "answered";

  constructor() {
    super(new GeminiBatches(), { asks: /:(?:batchGenerateContent|asyncBatchEmbedContent)$/, looksFor: /\/batches\?/, callsBack: /:cancel$/ });
    this.batches.resultOf = (one) => results[this.outcome(lineOf(one))];
    playing(host, ({ url, headers, body }, method) => {
      const path = url.slice(`https://${host}`.length);
      if (/:(?:generateContent|batchEmbedContents)$/.test(path)) {
        this.live += 1;
        return Response.json(path.endsWith(":generateContent") ? answerOf("live") : { embeddings: (JSON.parse(body) as Json).requests.map(() => ({ values: [9] })), usageMetadata: { promptTokenCount: 3 } });
      }
      this.headers.push(headers);
      const { status, type, text } = this.batches.play(method, path, body);
      return new Response(text, { status, headers: { "content-type": type } });
    });
  }

  end(): void {
    this.batches.over = () => true;
  }

  addTheirs(): string {
    return this.batches.add("theirs").name;
  }

  lines(): ReadonlyMap<number, Json> {
    return new Map(this.batches.requests(this.batches.made.at(-1)!).map((one) => [lineOf(one), one.request]));
  }
}

const keyThere = (): Promise<Key> => keyAt("gemini");
const body = (i: number): Json => ({ model, max_tokens: 10, messages: [{ role: "user", content: `number ${i}` }] });
const made = (key: Key, count: number, more: Json = {}, headers: Record<string, string> = {}): Promise<string> =>
  madeOf(key, "/v1/chat/completions", Array.from({ length: count }, (_, i) => ({ custom_id: `id-${i}`, body: { ...body(i), ...more } })), {}, headers);
const lineOf = ({ key }: Request): number => Number(key.split("/")[0]);

nativeBatch({ name: "Gemini's", provider: "gemini", upstreamId: "gemini-test", stage: () => new Gemini(), sent: { id: "batches/b0", file: "files/in-0" }, left: ["batches/b0", "files/batch-b0", "files/in-0"] });

let gemini: Gemini;
beforeAll(async () => {
  await addHalved("gemini", "gemini-vectors", "embedding", "embedding");
  await addHalved("gemini", "gemini-painter", "image", "image");
});
beforeEach(() => void (gemini = new Gemini()));
afterEach(() => void vi.restoreAllMocks());

describe("Gemini's own batch", () => {
  test("goes as a file that is looked through first, with the key of the account", async () => {
    gemini.batches.processing = 1;
    const key = await keyThere();
    const id = await made(key, 2);
    await becomes(key, id, { state: "sent" });
    expect(gemini.batches.calls).toEqual(["POST /upload/v1beta/files", "GET /v1beta/files/in-0", "POST /v1beta/models/gemini-test:batchGenerateContent"]);
    expect([gemini.headers[0]!.get("x-goog-api-key"), gemini.headers[0]!.get("x-goog-upload-protocol")]).toEqual(["gemini-own", "multipart"]);
    expect(gemini.batches.made[0]).toMatchObject({ displayName: id, file: "files/in-0" });
    expect(gemini.batches.requests(gemini.batches.made[0]!)[0]).toMatchObject({ key: "1", request: { contents: [{ role: "user", parts: [{ text: "number 0" }] }], generationConfig: { maxOutputTokens: 10 } } });
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

  test("that was not made is not asked for again while its list cannot be read", async () => {
    gemini.breaks = "not made";
    const key = await keyThere();
    const id = await made(key, 2);
    await becomes(key, id, { state: "asked" });
    await soon(() => expect(gemini.asked).toBe(1));
    gemini.breaks = undefined;
    const play = gemini.batches.play.bind(gemini.batches);
    gemini.batches.play = (...args) => ((played) => ({ ...played, text: played.text.slice(0, 1) }))(play(...args));
    await scheduler.wait(20);
    await poll(key, id, askMs + 61_000);
    await soon(() => expect(gemini.looks).toBe(1));
    gemini.batches.play = play;
    expect(gemini.asked).toBe(1);
    await scheduler.wait(20);
    await poll(key, id, askMs + 200_000);
    await becomes(key, id, { state: "sent", id: "batches/b0" });
    expect([gemini.asked, gemini.looks]).toEqual([2, 2]);
  });

  test("is not asked where something would be lost that may not be", async () => {
    const key = await keyThere();
    const id = await made(key, 1, { logit_bias: { 1: 1 } }, { "x-forge-strict": "true" });
    await soon(async () => expect((await object(key, id).face())!.batch.status).toBe("completed"));
    expect(gemini.batches.calls).toEqual([]);
  });

  test("does completions of one prompt; a line of several runs here", async () => {
    gemini.end();
    const key = await keyThere();
    const id = await madeOf(key, "/v1/completions", ["one", ["two"], ["three", "four"]].map((prompt, i) => ({ custom_id: `c-${i}`, body: { model, prompt, max_tokens: 10 } })));
    await becomes(key, id, { state: "sent" });
    await poll(key, id, 61_000);
    const told = await linesIn(key, await over(key, id));
    expect(told.map(({ response }) => response.body.choices.map(({ text }: Json) => text))).toEqual([["batched"], ["batched"], ["live", "live"]]);
  });

  test("draws a picture; a line that wants several runs here", async () => {
    const drawn = (used: object): object => ({ candidates: [{ content: { parts: [{ inlineData: { mimeType: "image/png", data: "aGk=" } }] }, finishReason: "STOP" }], usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 2, totalTokenCount: 5, ...used } });
    gemini.batches.resultOf = () => ({ response: drawn({}) });
    gemini.end();
    const key = await keyThere();
    const id = await madeOf(key, "/v1/images/generations", [{ custom_id: "p", body: { model: "gemini/gemini-painter", prompt: "a cat" } }]);
    await becomes(key, id, { state: "sent" });
    expect(gemini.batches.calls.at(-1)).toBe("POST /v1beta/models/gemini-painter:batchGenerateContent");
    await poll(key, id, 61_000);
    expect((await linesIn(key, await over(key, id)))[0]).toMatchObject({ response: { status_code: 200, body: { data: [{ b64_json: "aGk=" }], usage: { input_tokens: 3, output_tokens: 2 } } } });
    await spent(key, batchNanoUsd);
    const several = await madeOf(key, "/v1/images/generations", [{ custom_id: "p", body: { model: "gemini/gemini-painter", prompt: "a cat", n: 2 } }]);
    await over(key, several);
    expect([gemini.live, gemini.asked]).toEqual([2, 1]);
  });
});

/** A line that wants vectors of these texts. */
const vectors = (i: number, input: unknown, more: Json = {}): Json => ({ custom_id: `v-${i}`, body: { model: "gemini/gemini-vectors", input, ...more } });
const textOf = ({ request }: Request): string => request.content!.parts[0]!.text;

describe("Gemini's own batch of vectors", () => {
  test("asks for each text by itself, and tells a line's together, in their order, charged by what Google counted", async () => {
    gemini.batches.resultOf = (one) => embedded([textOf(one).length, 0.5], { usageMetadata: { promptTokenCount: 4, promptTokenDetails: [{ modality: "TEXT", tokenCount: 4 }] } });
    gemini.end();
    const key = await keyThere();
    const id = await madeOf(key, "/v1/embeddings", [vectors(0, "a"), vectors(1, ["bb", "ccc", "dddd"], { dimensions: 2, input_type: "search_query" }), vectors(2, ["e"], { encoding_format: "base64" })]);
    await becomes(key, id, { state: "sent" });
    expect(gemini.batches.calls.at(-1)).toBe("POST /v1beta/models/gemini-vectors:asyncBatchEmbedContent");
    const requests = gemini.batches.requests(gemini.batches.made[0]!);
    expect(requests.map(({ key: one }) => one)).toEqual(["1/0/1", "2/0/3", "2/1/3", "2/2/3", "3/0/1"]);
    expect(requests[1]).toEqual({ key: "2/0/3", request: { model: "models/gemini-vectors", content: { parts: [{ text: "bb" }] }, taskType: "RETRIEVAL_QUERY", outputDimensionality: 2 } });
    await poll(key, id, 61_000);
    const done = await over(key, id);
    expect([done.sums.completed, gemini.live, gemini.asked]).toEqual([3, 0, 1]);
    const told = (await linesIn(key, done)).map(({ response }) => response.body);
    expect(told[1]).toEqual({ object: "list", model: "gemini/gemini-vectors", data: [2, 3, 4].map((length, index) => ({ object: "embedding", index, embedding: [length, 0.5] })), usage: { prompt_tokens: 12, total_tokens: 12 } });
    expect([told[0].data[0].embedding, typeof told[2].data[0].embedding]).toEqual([[1, 0.5], "string"]);
    await spent(key, 5 * 4 * 500);
    await soon(() => expect(gemini.removed.toSorted()).toEqual(["batches/b0", "files/batch-b0", "files/in-0"]));
  });

  test("of which Google counted nothing is charged by what we count, as one by itself is, at the batch's price", async () => {
    gemini.batches.resultOf = () => embedded([1]);
    gemini.end();
    const key = await keyThere();
    const id = await madeOf(key, "/v1/embeddings", [vectors(0, ["one text", "and another"])]);
    await becomes(key, id, { state: "sent" });
    await poll(key, id, 61_000);
    const done = await over(key, id);
    const [{ response: { body: { usage } } }] = (await linesIn(key, done)) as [Json];
    expect(usage.prompt_tokens).toBeGreaterThan(0);
    expect([done.sums.completed, gemini.live]).toEqual([1, 0]);
    await spent(key, usage.prompt_tokens * 500);
  });

  test("leaves a line of which one text is wrong as its error, and free; one of which a text passes runs here, whole", async () => {
    gemini.batches.resultOf = (one) => (textOf(one) === "wrong" ? errored(3, "no") : textOf(one) === "busy" ? errored(8) : embedded([1], { usageMetadata: { promptTokenCount: 3 } }));
    gemini.end();
    const key = await keyThere();
    const id = await madeOf(key, "/v1/embeddings", [vectors(0, ["a", "wrong"]), vectors(1, ["busy", "b"]), vectors(2, ["c", "d"])]);
    await becomes(key, id, { state: "sent" });
    await poll(key, id, 61_000);
    const { sums } = await over(key, id);
    expect([sums.completed, sums.failed, gemini.live]).toEqual([2, 1, 1]);
    await spent(key, 2 * 3 * 500 + 3 * 1_000);
  });

  test("leaves lines here that want more of them than one call may", async () => {
    gemini.batches.resultOf = () => embedded([1], { usageMetadata: { promptTokenCount: 3 } });
    gemini.end();
    const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `t${i}`);
    const key = await keyThere();
    const id = await madeOf(key, "/v1/embeddings", [vectors(0, many(101)), vectors(1, many(100))]);
    await becomes(key, id, { state: "sent" });
    await poll(key, id, 61_000);
    expect([(await over(key, id)).sums.completed, gemini.live]).toEqual([2, 1]);
    expect(gemini.batches.requests(gemini.batches.made[0]!)).toHaveLength(100);
    const alone = await madeOf(key, "/v1/embeddings", [vectors(0, many(101))]);
    await over(key, alone);
    expect([gemini.live, gemini.asked]).toEqual([2, 1]);
  });
});

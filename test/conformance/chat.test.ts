import type OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Gateway, openaiKey, type Client } from "./gateway.ts";

const model = "openai/gpt-4o-mini";
const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 };
const poem = "Bäume stehen 🌳 im Wind, und 漢字 fallen wie Laub auf den Weg.";
const fixed = { id: "chatcmpl-fixed", created: 1_700_000_000, usage, systemFingerprint: "fp_fixed" };
const say = (content: string): OpenAI.ChatCompletionUserMessageParam[] => [{ role: "user", content }];

let gateway: Gateway;
let client: Client;
let openai: OpenAI;

beforeAll(async () => {
  gateway = await Gateway.start();
  client = await gateway.client();
  openai = client.openai;
  gateway.mock.onMessage("a poem", { content: poem, ...fixed });
  gateway.mock.onMessage("cut short", { content: "half a", ...fixed, finishReason: "length" });
  gateway.mock.onJsonOutput("an object", { city: "Paris", n: [1, 2] });
  gateway.mock.onMessage("what is in the picture", { content: "a red dot", ...fixed });
});
afterAll(() => gateway?.stop());

test("an answer reaches the client as the upstream gave it", async () => {
  const direct = await gateway.direct.chat.completions.create({ model: "gpt-4o-mini", messages: say("a poem") });
  const answer = await openai.chat.completions.create({ model, messages: say("a poem") });
  expect(answer.choices).toEqual(direct.choices);
  expect(answer.choices[0]!.message.content).toBe(poem);
  expect(answer).toMatchObject({ id: fixed.id, created: fixed.created, usage, system_fingerprint: "fp_fixed" });
});

test("the upstream gets the client's fields, its own model id and its own key", async () => {
  await openai.chat.completions.create({ model, messages: say("a poem"), temperature: 0, seed: 7, stop: ["\n\n"], metadata: { team: "search" }, x_new: { deep: [1] } } as never);
  const sent = gateway.mock.getLastRequest()!;
  expect(sent.body).toMatchObject({ model: "gpt-4o-mini", temperature: 0, seed: 7, stop: ["\n\n"], metadata: { team: "search" }, x_new: { deep: [1] } });
  expect(JSON.stringify(sent)).not.toContain(client.key);
  expect(sent.headers["x-stainless-lang"]).toBeUndefined();
});

test("the snippet of the documents prints the text", async () => {
  const stream = await openai.chat.completions.create({ model, messages: say("a poem"), stream: true });
  let text = "";
  let chunks = 0;
  for await (const chunk of stream) {
    text += chunk.choices[0]!.delta.content ?? "";
    expect(chunk.usage ?? null).toBeNull();
    chunks++;
  }
  expect(text).toBe(poem);
  expect(chunks).toBeGreaterThan(4);
});

test("usage nobody asked for is in the ledger and not in the stream", async () => {
  const { data, response } = await openai.chat.completions.create({ model, messages: say("a poem"), stream: true }).withResponse();
  for await (const chunk of data) expect(chunk.choices).toHaveLength(1);
  expect(gateway.mock.getLastRequest()!.body).toMatchObject({ stream_options: { include_usage: true } });
  const entry = await gateway.entry(client, response.headers.get("x-request-id"));
  expect(entry).toMatchObject({ end: "complete", status: 200, estimated: false, usage: { inputTokens: 11, outputTokens: 7 } });
});

test("whoever asks for usage gets exactly one usage chunk, the last", async () => {
  const stream = await openai.chat.completions.create({ model, messages: say("a poem"), stream: true, stream_options: { include_usage: true } });
  const chunks = await Array.fromAsync(stream);
  expect(chunks.filter((chunk) => chunk.usage)).toHaveLength(1);
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage });
  expect(chunks.filter((chunk) => chunk.choices.length === 0)).toHaveLength(1);
});

test("the bytes of a stream are the upstream's own", async () => {
  const body = JSON.stringify({ model: "gpt-4o-mini", messages: say("a poem"), stream: true, stream_options: { include_usage: true } });
  const ask = async (url: string, key: string, text: string): Promise<string> =>
    (await fetch(`${url}/v1/chat/completions`, { method: "POST", body: text, headers: { "content-type": "application/json", authorization: `Bearer ${key}` } })).text();
  const [direct, through] = [await ask(gateway.mock.url, openaiKey, body), await ask(gateway.url, client.key, body.replace('"gpt-4o-mini"', `"${model}"`))];
  expect(through).toBe(direct);
  expect(through.endsWith("data: [DONE]\n\n")).toBe(true);
});

test("the stream helper assembles the answer", async () => {
  const stream = openai.chat.completions.stream({ model, messages: say("a poem"), stream_options: { include_usage: true } });
  const deltas: string[] = [];
  stream.on("content", (delta) => deltas.push(delta));
  const final = await stream.finalChatCompletion();
  expect(deltas.join("")).toBe(poem);
  expect(final.choices[0]!.message).toMatchObject({ role: "assistant", content: poem });
  expect(final.usage).toEqual(usage);
});

test("finish_reason is the upstream's, streamed or not", async () => {
  const answer = await openai.chat.completions.create({ model, messages: say("cut short") });
  const chunks = await Array.fromAsync(await openai.chat.completions.create({ model, messages: say("cut short"), stream: true }));
  expect(answer.choices[0]!.finish_reason).toBe("length");
  expect(chunks.findLast((chunk) => chunk.choices[0]!.finish_reason)?.choices[0]!.finish_reason).toBe("length");
});

test("JSON mode", async () => {
  const answer = await openai.chat.completions.create({ model, messages: say("an object"), response_format: { type: "json_object" } });
  expect(JSON.parse(answer.choices[0]!.message.content!)).toEqual({ city: "Paris", n: [1, 2] });
  expect(gateway.mock.getLastRequest()!.body).toMatchObject({ response_format: { type: "json_object" } });
});

test("a picture arrives as it was sent", async () => {
  const content: OpenAI.ChatCompletionContentPart[] = [
    { type: "text", text: "what is in the picture" },
    { type: "image_url", image_url: { url: `data:image/png;base64,${Buffer.alloc(30_000, 7).toString("base64")}`, detail: "low" } },
  ];
  const answer = await openai.chat.completions.create({ model, messages: [{ role: "user", content }] });
  expect(answer.choices[0]!.message.content).toBe("a red dot");
  expect((gateway.mock.getLastRequest()!.body as OpenAI.ChatCompletionCreateParams).messages[0]!.content).toEqual(content);
});

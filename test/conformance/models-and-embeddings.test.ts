import { NotFoundError, PermissionDeniedError } from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Gateway, type Client } from "./gateway.ts";
import { vector } from "./upstream.ts";

let gateway: Gateway;
let client: Client;

beforeAll(async () => {
  gateway = await Gateway.start();
  client = await gateway.client();
  gateway.mock.onEmbedding(/.*/, { embedding: vector });
});
afterAll(() => gateway?.stop());

test("the list has what the self-hosted server and the catalog have, in OpenAI's shape", async () => {
  const list = await Array.fromAsync(await client.openai.models.list());
  expect(list.map(({ id }) => id)).toEqual(expect.arrayContaining(["selfhosted/endless"]));
  for (const model of list) {
    expect(model).toMatchObject({ object: "model", id: expect.any(String), owned_by: expect.any(String) });
    expect(Number.isSafeInteger(model.created) && model.created >= 0 && model.created < 10_000_000_000).toBe(true);
  }
  expect(new Set(list.map(({ id }) => id)).size).toBe(list.length);
});

test("each model of the list can be retrieved, its slash encoded by the SDK or raw", async () => {
  const list = await Array.fromAsync(await client.openai.models.list());
  const slashed = list.find(({ id }) => id.includes("/"))!;
  for (const model of [list[0]!, slashed, list.at(-1)!]) expect(await client.openai.models.retrieve(model.id)).toMatchObject(model);
  const raw = await fetch(`${gateway.url}/v1/models/${slashed.id}`, { headers: { authorization: `Bearer ${client.key}` } });
  expect(raw.status).toBe(200);
  expect(await raw.json()).toEqual(slashed);
});

test("openai/gpt-4o-mini is a model, raw and percent-encoded", async () => {
  for (const path of ["openai/gpt-4o-mini", "openai%2Fgpt-4o-mini", "openai%2fgpt-4o-mini"]) {
    const answer = await fetch(`${gateway.url}/v1/models/${path}`, { headers: { authorization: `Bearer ${client.key}` } });
    expect(await answer.json()).toMatchObject({ id: "openai/gpt-4o-mini", object: "model" });
  }
});

test("a model that does not exist is a NotFoundError", async () => {
  await expect(client.openai.models.retrieve("nobody/has-this")).rejects.toBeInstanceOf(NotFoundError);
});

test("a key with an allow-list sees and calls only what is on it", async () => {
  const narrow = await gateway.client({ models: ["selfhosted/endless"] });
  const list = await Array.fromAsync(await narrow.openai.models.list());
  expect(list.map(({ id }) => id).sort()).toEqual(["auto", "embedding", "endless", "fast", "moderation", "reasoning", "rerank", "selfhosted/endless"]);
  const call = narrow.openai.chat.completions.create({ model: "openai/gpt-4o-mini", messages: [{ role: "user", content: "hi" }] });
  await expect(call).rejects.toBeInstanceOf(PermissionDeniedError);
});

test("embeddings without a format travel as base64 and come out as numbers", async () => {
  const { data, response } = await client.openai.embeddings.create({ model: "selfhosted/embed", input: ["one", "two"] }).withResponse();
  expect(data.data.map(({ index, embedding }) => [index, [...embedding]])).toEqual([[0, vector], [1, vector]]);
  expect(data.usage).toEqual({ prompt_tokens: 6, total_tokens: 6 });
  expect(gateway.upstream.last("embed").body).toEqual({ model: "embed", input: ["one", "two"], encoding_format: "base64" });
  expect(await gateway.entry(client, response.headers.get("x-request-id"))).toMatchObject({ end: "complete", estimated: false, usage: { inputTokens: 6, outputTokens: 0 } });
});

test("embeddings as floats", async () => {
  const answer = await client.openai.embeddings.create({ model: "selfhosted/embed", input: "one", encoding_format: "float", dimensions: 4 });
  expect(answer.data).toEqual([{ object: "embedding", index: 0, embedding: vector }]);
  expect(gateway.upstream.last("embed").body).toMatchObject({ input: "one", encoding_format: "float", dimensions: 4 });
});

test("an upstream that ignores the format works too", async () => {
  const answer = await client.openai.embeddings.create({ model: "openai/text-embedding-3-small", input: "one" });
  expect([...answer.data[0]!.embedding]).toEqual(vector);
});

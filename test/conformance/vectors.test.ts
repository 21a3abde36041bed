/** Vectors, rankings and moderations with the clients that ask for them: OpenAI's, Cohere's and Google's SDKs over sockets. */
import { GoogleGenAI } from "@google/genai";
import { CohereClient, CohereError } from "cohere-ai";
import { BadRequestError, InternalServerError, NotFoundError } from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Gateway, openaiKey, type Client } from "./gateway.ts";
import { vector } from "./upstream.ts";

let gateway: Gateway;
let client: Client;
let cohere: CohereClient;

const scores = { harassment: 0.9, harassment_threatening: 0, hate: 0.2, hate_threatening: 0, illicit: 0, illicit_violent: 0, self_harm: 0, self_harm_intent: 0, self_harm_instructions: 0, sexual: 0, sexual_minors: 0, violence: 0.5, violence_graphic: 0.1 };
const documents = ["Carson City", "Washington, D.C.", "Paris"];

beforeAll(async () => {
  gateway = await Gateway.start((mock) => ({ COHERE_API_KEY: openaiKey, COHERE_BASE_URL: mock }));
  client = await gateway.client();
  cohere = new CohereClient({ token: client.key, baseUrl: gateway.url, maxRetries: 0 });
  const { mock } = gateway;
  mock.onEmbedding(/.*/, { embedding: vector });
  mock.onRerank(/capital/, [{ index: 1, relevance_score: 0.9 }, { index: 0, relevance_score: 0.4 }, { index: 2, relevance_score: 0.1 }]);
  mock.onMessage(/rude/, { content: JSON.stringify({ results: [scores, { ...scores, harassment: 0.1, violence: 0.1 }] }) });
  mock.onMessage(/secret/, { content: "I cannot help with that.", usage: { prompt_tokens: 20, completion_tokens: 7, total_tokens: 27, input_tokens: 20, output_tokens: 7 } });
});
afterAll(() => gateway?.stop());

const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(gateway.url + path, { method: "POST", headers: { authorization: `Bearer ${client.key}`, "content-type": "application/json", ...headers }, body: JSON.stringify(body) });

describe("vectors", () => {
  test("of Cohere's model, by OpenAI's SDK, which asks for base64 and reads numbers", async () => {
    const { data, response } = await client.openai.embeddings.create({ model: "cohere/embed-v4.0", input: ["one", "two"] }).withResponse();
    expect(data.data.map(({ embedding }) => [...embedding])).toEqual([vector, vector]);
    expect(await gateway.entry(client, response.headers.get("x-request-id"))).toMatchObject({ end: "complete", deployment: "cohere/embed-v4.0" });
    const plain = await client.openai.embeddings.create({ model: "cohere/embed-v4.0", input: "one", encoding_format: "float", dimensions: 4 });
    expect(plain).toMatchObject({ object: "list", model: "cohere/embed-v4.0", data: [{ object: "embedding", index: 0, embedding: vector }] });
  });

  test("of what nobody there takes: tokens and strict losses are named", async () => {
    await expect(client.openai.embeddings.create({ model: "cohere/embed-v4.0", input: [1, 2, 3] })).rejects.toMatchObject({ status: 400, param: "input" });
    await expect(client.openai.embeddings.create({ model: "cohere/embed-v4.0", input: "x", user: "u" }, { headers: { "X-Forge-Strict": "true" } })).rejects.toBeInstanceOf(BadRequestError);
    const { response } = await client.openai.embeddings.create({ model: "cohere/embed-v4.0", input: "x", user: "u" }).withResponse();
    expect(response.headers.get("x-forge-losses")).toBe("field:user");
  });

  test("of OpenAI's model and the owner's, by Google's SDK", async () => {
    const google = new GoogleGenAI({ apiKey: client.key, httpOptions: { baseUrl: gateway.url } });
    for (const model of ["openai/text-embedding-3-small", "selfhosted/embed"]) {
      const { embeddings } = await google.models.embedContent({ model, contents: ["one", "two"], config: { outputDimensionality: 4 } });
      expect(embeddings?.map(({ values }) => values)).toEqual([vector, vector]);
    }
    expect(gateway.upstream.last("embed").body).toEqual({ model: "embed", input: ["one", "two"], encoding_format: "float", dimensions: 4 });
  });
});

describe("rankings", () => {
  test("by Cohere's SDK, both versions", async () => {
    const first = await cohere.rerank({ model: "rerank-v3.5", query: "which capital?", documents: [...documents.slice(0, 2), { text: "Paris", id: "7" }], topN: 2, returnDocuments: true });
    expect(first.results).toEqual([{ index: 1, relevanceScore: 0.9, document: { text: "Washington, D.C." } }, { index: 0, relevanceScore: 0.4, document: { text: "Carson City" } }]);
    const second = await cohere.v2.rerank({ model: "rerank-v3.5", query: "which capital?", documents });
    expect(second.results).toEqual([1, 0, 2].map((index, at) => ({ index, relevanceScore: [0.9, 0.4, 0.1][at] })));
    expect(second.meta).toMatchObject({ apiVersion: { version: "2" }, billedUnits: { searchUnits: 0 } });
  });

  test("by an embedding model for want of a ranker, which is declared; with X-Forge-Strict it is refused", async () => {
    const asked = { model: "selfhosted/embed", query: "capital?", documents };
    const answer = await post("/v1/rerank", asked);
    expect(answer.headers.get("x-forge-losses")).toBe("field:rerank");
    expect(await answer.json()).toMatchObject({ model: "selfhosted/embed", results: [0, 1, 2].map((index) => ({ index, relevance_score: 1 })), usage: { total_tokens: 12 } });
    expect(gateway.upstream.last("embed").body.input).toEqual(["capital?", ...documents]);
    expect(await gateway.entry(client, answer.headers.get("x-request-id"))).toMatchObject({ usage: { inputTokens: 12 }, estimated: false });
    expect((await post("/v2/rerank", asked, { "X-Forge-Strict": "true" })).status).toBe(400);
  });

  test("a conversation model ranks nothing", async () => expect((await post("/v1/rerank", { model: "openai/gpt-4o-mini", query: "q", documents })).ok).toBe(false));

  test("errors are Cohere's", async () => {
    const thrown = async (act: Promise<unknown>): Promise<unknown> => act.then(() => undefined, (reason: unknown) => reason);
    expect(await thrown(cohere.v2.rerank({ model: "cohere/rerank-v3.5", query: "q", documents: [] }))).toMatchObject({ statusCode: 400, body: { message: "documents: must have at least one document" } });
    expect(await thrown(cohere.v2.rerank({ model: "nobody-has-this", query: "q", documents }))).toMatchObject({ statusCode: 404, body: { message: expect.any(String) as string } });
    const stranger = new CohereClient({ token: "sk-forge-nobody", baseUrl: gateway.url, maxRetries: 0 });
    const refused = await thrown(stranger.rerank({ query: "q", documents, model: "rerank-v3.5" }));
    expect(refused).toBeInstanceOf(CohereError);
    expect(refused).toMatchObject({ statusCode: 401, body: { message: expect.any(String) as string } });
  });
});

describe("moderations", () => {
  test("by OpenAI, also where no model is named", async () => {
    gateway.mock.onModerate(/knife/, { flagged: true, categories: { violence: true }, category_scores: { violence: 0.9 } });
    const { data, response } = await client.openai.moderations.create({ input: "a knife" }).withResponse();
    expect(data).toMatchObject({ model: "omni-moderation-latest", results: [{ flagged: true, categories: { violence: true } }] });
    expect(await gateway.entry(client, response.headers.get("x-request-id"))).toMatchObject({ deployment: "openai/omni-moderation-latest", costNanoUsd: 0 });
  });

  test("by any conversation model as judge, several inputs in their order", async () => {
    const { data, response } = await client.openai.moderations.create({ model: "openai/gpt-4o-mini", input: ["rude words", "kind words"] }).withResponse();
    expect(data.results.map(({ flagged, categories }) => [flagged, categories.harassment, categories.violence, categories.hate])).toEqual([[true, true, true, false], [false, false, false, false]]);
    expect(data.results[0]!.category_scores["violence/graphic"]).toBe(0.1);
    expect(data.results[0]!.category_applied_input_types.hate).toEqual(["text"]);
    expect(await gateway.entry(client, response.headers.get("x-request-id"))).toMatchObject({ deployment: "openai/gpt-4o-mini", estimated: false });
  });

  test("a judge that refuses has not said that nothing is wrong, and was paid", async () => {
    const refused = await client.openai.moderations.create({ model: "openai/gpt-4o-mini", input: "a secret" }).then(() => undefined, (reason: unknown) => reason);
    expect(refused).toBeInstanceOf(InternalServerError);
    expect(refused).toMatchObject({ status: 502 });
    expect(await gateway.entry(client, (refused as InternalServerError).requestID)).toMatchObject({ end: "upstream_error", usage: { inputTokens: 20, outputTokens: 7 }, costSource: "price" });
  });

  test("by whom a key may call: the owner's own, where no model is named", async () => {
    const content = JSON.stringify({ results: [scores] });
    gateway.upstream.scripts.set("endless", (response) => void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ id: "c", object: "chat.completion", created: 1, model: "endless", choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }], usage: { prompt_tokens: 9, completion_tokens: 5, total_tokens: 14 } })));
    const narrow = await gateway.client({ models: ["selfhosted/endless"] });
    const { data, response } = await narrow.openai.moderations.create({ input: "rude" }).withResponse();
    expect(data).toMatchObject({ model: "endless", results: [{ flagged: true }] });
    expect(await gateway.entry(narrow, response.headers.get("x-request-id"))).toMatchObject({ deployment: "selfhosted/endless", usage: { inputTokens: 9, outputTokens: 5 } });
  });

  test("of words that look like a sealed thought, as they are", async () => {
    const { data } = await client.openai.moderations.create({ input: "forge.openai-responses.openai.e.abc" }).withResponse();
    expect(data.results).toHaveLength(1);
  });

  test("every model is listed with what it is for", async () => {
    const list = (await Array.fromAsync(await client.openai.models.list())) as unknown as { id: string; kind?: string }[];
    const kinds = Object.fromEntries(list.map(({ id, kind }) => [id, kind]));
    expect(kinds).toMatchObject({ "omni-moderation-latest": "moderation", "rerank-v3.5": "rerank", "embed-v4.0": "embedding", "gpt-4o-mini": "chat", "cohere/rerank-v3.5": "rerank" });
    expect([kinds.moderation, kinds.rerank]).toEqual([undefined, undefined]);
    expect(Object.keys(kinds)).toEqual(expect.arrayContaining(["moderation", "rerank"]));
  });

  test("an unknown model is not found", async () => {
    await expect(client.openai.moderations.create({ model: "nobody-has-this", input: "x" })).rejects.toBeInstanceOf(NotFoundError);
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { gemini, openaiEmbeddings } from "../../../src/protocols/index.ts";
import { bytesOf, cosine, numbersOf, toBase64 } from "../../../src/protocols/media/vectors.ts";
import type { CrossingContext } from "../../../src/protocols/protocol.ts";
import { contextOf, crossingOf, rendered, told } from "./stage.ts";

const asked = { model: "ours", input: ["one", "two"] };
const ask = (id: string, json: Record<string, unknown> = asked, over: Partial<CrossingContext> = {}) => rendered(crossingOf(openaiEmbeddings, id), contextOf(openaiEmbeddings, json, over));
const answered = (id: string, answer: unknown, json: Record<string, unknown> = asked) => told(crossingOf(openaiEmbeddings, id), answer, contextOf(openaiEmbeddings, json));
const full = { ...asked, encoding_format: "base64", dimensions: 256, input_type: "search_query", user: "u1", provider: { only: ["x"] } };
const ids = openaiEmbeddings.crossings!.map(({ id }) => id);
const vectors = [[0.5, -0.25], [1, 0]];

describe("what is sent", () => {
  const onTitan = { upstreamId: "amazon.titan-embed-text-v2:0" };
  test.each<[string, Record<string, unknown>, Partial<CrossingContext>, string, unknown, string[]]>([
    ["cohere-embeddings", full, {}, "/v2/embed", { model: "their-model", input_type: "search_query", embedding_types: ["base64"], output_dimension: 256, texts: ["one", "two"] }, ["field:user"]],
    ["cohere-embeddings", asked, {}, "/v2/embed", { model: "their-model", input_type: "search_document", embedding_types: ["float"], texts: ["one", "two"] }, []],
    ["gemini-embeddings", full, {}, "/models/their-model:batchEmbedContents", { requests: ["one", "two"].map((text) => ({ model: "models/their-model", content: { parts: [{ text }] }, taskType: "RETRIEVAL_QUERY", outputDimensionality: 256 })) }, ["field:user"]],
    ["vertex-embeddings", full, { upstreamId: "text-embedding-005" }, "/publishers/google/models/text-embedding-005:predict", { instances: ["one", "two"].map((content) => ({ content, task_type: "RETRIEVAL_QUERY" })), parameters: { autoTruncate: false, outputDimensionality: 256 } }, ["field:user"]],
    ["voyage-embeddings", full, {}, "/embeddings", { model: "their-model", input_type: "query", output_dimension: 256, input: ["one", "two"], encoding_format: "base64" }, ["field:user"]],
    ["voyage-embeddings", asked, { upstreamId: "voyage-multimodal-3" }, "/multimodalembeddings", { model: "voyage-multimodal-3", inputs: ["one", "two"].map((text) => ({ content: [{ type: "text", text }] })) }, []],
    ["jina-embeddings", full, {}, "/embeddings", { model: "their-model", input: ["one", "two"], embedding_type: "base64", task: "retrieval.query", dimensions: 256 }, ["field:user"]],
    ["mistral-embeddings", full, {}, "/embeddings", { model: "their-model", input: ["one", "two"], encoding_format: "float", output_dimension: 256 }, ["field:input_type", "field:user"]],
    ["workers-ai-embeddings", full, {}, "/embeddings", { model: "their-model", input: ["one", "two"] }, ["field:dimensions", "field:input_type", "field:user"]],
    ["perplexity-embeddings", full, {}, "/v1/embeddings", { model: "their-model", input: ["one", "two"], encoding_format: "base64_int8", dimensions: 256 }, ["field:input_type", "field:user"]],
    ["bedrock-embeddings", full, { upstreamId: "cohere.embed-v4:0" }, "/model/cohere.embed-v4%3A0/invoke", { input_type: "search_query", embedding_types: ["base64"], output_dimension: 256, texts: ["one", "two"] }, ["field:user"]],
    ["bedrock-embeddings", { ...asked, input: "one", dimensions: 256 }, onTitan, "/model/amazon.titan-embed-text-v2%3A0/invoke", { inputText: "one", dimensions: 256 }, []],
    ["bedrock-embeddings", { ...asked, input: "one", dimensions: 256 }, { upstreamId: "amazon.titan-embed-text-v1" }, "/model/amazon.titan-embed-text-v1/invoke", { inputText: "one" }, ["field:dimensions"]],
    ["bedrock-embeddings", { ...asked, input: "one", dimensions: 256 }, { upstreamId: "amazon.nova-2-multimodal-embeddings-v1:0" }, "/model/amazon.nova-2-multimodal-embeddings-v1%3A0/invoke",
      { schemaVersion: "nova-multimodal-embed-v1", taskType: "SINGLE_EMBEDDING", singleEmbeddingParams: { embeddingPurpose: "GENERIC_INDEX", embeddingDimension: 256, text: { truncationMode: "NONE", value: "one" } } }, []],
  ])("%s", (id, json, over, path, body, losses) => {
    const facts = { ...openaiEmbeddings.parse(json), wish: { fields: ["provider"] } as never };
    expect(ask(id, json, { ...over, facts })).toEqual({ path, body, losses });
  });

  test.each(ids)("%s: what it takes no vector of is refused by its name", (id) => {
    for (const input of [[1, 2, 3], [[1], [2]]]) expect(() => ask(id, { model: "ours", input })).toThrow(expect.objectContaining({ code: "invalid_request", detail: { param: "input" } }));
    for (const bad of [{ dimensions: "many" }, { dimensions: 0 }, { encoding_format: "int8" }, { input_type: 7 }]) {
      expect(() => ask(id, { ...asked, input: "x", ...bad })).toThrow(expect.objectContaining({ code: "invalid_request", detail: { param: Object.keys(bad)[0] } }));
    }
  });

  test.each(ids)("%s: nothing that a request says is dropped in silence (property)", (id) => {
    const said = { dimensions: 321, input_type: "clustering", user: "user-7", safety: "on", nested: { a: 1 } };
    fc.assert(fc.property(fc.subarray(Object.keys(said) as (keyof typeof said)[]), (fields) => {
      const { body, losses } = ask(id, { model: "ours", input: "x", ...Object.fromEntries(fields.map((field) => [field, said[field]])) }, { upstreamId: "cohere.embed-v4:0" });
      const text = JSON.stringify(body);
      const seen = { dimensions: /321/, input_type: /clustering|CLUSTERING|separation/, user: /user-7/, safety: /"on"/, nested: /"a":1/ } as const;
      for (const field of Object.keys(said) as (keyof typeof said)[]) {
        expect([field, seen[field].test(text) || losses.includes(`field:${field}`)]).toEqual([field, fields.includes(field)]);
      }
    }), { numRuns: 30 });
  });

  test("pictures go where they are taken", () => {
    const url = "data:image/png;base64,AAAA";
    const json = { model: "ours", input: [{ content: [{ type: "text", text: "a cat" }, { type: "image_url", image_url: { url } }] }] };
    expect(openaiEmbeddings.parse(json)).toMatchObject({ pictures: 1, readings: 1 });
    expect(ask("cohere-embeddings", json).body.inputs).toEqual([{ content: [{ type: "text", text: "a cat" }, { type: "image_url", image_url: { url } }] }]);
    expect(ask("gemini-embeddings", json).body.requests).toEqual([{ model: "models/their-model", content: { parts: [{ text: "a cat" }, { inlineData: { mimeType: "image/png", data: "AAAA" } }] } }]);
    expect(ask("voyage-embeddings", json, { upstreamId: "voyage-multimodal-3" }).body.inputs).toEqual([{ content: [{ type: "text", text: "a cat" }, { type: "image_base64", image_base64: url }] }]);
    const picture = { model: "ours", input: [{ content: [{ type: "image_url", image_url: { url } }] }] };
    expect(ask("jina-embeddings", picture).body.input).toEqual([{ image: "AAAA" }]);
    for (const id of ["mistral-embeddings", "vertex-embeddings", "voyage-embeddings"]) expect(() => ask(id, picture)).toThrow("takes no pictures to embed");
    expect(() => ask("gemini-embeddings", { model: "ours", input: [{ content: [{ type: "image_url", image_url: { url: "https://x.example/a.png" } }] }] })).toThrow("pictures by address");
  });

  test("a provider's own fields reach it and nobody else", () => {
    const own = { ...asked, truncate: "END", task: "text-matching", output_dimension: 8, truncation: null };
    expect(ask("jina-embeddings", own)).toMatchObject({ body: { truncate: "END", task: "text-matching" }, losses: ["field:output_dimension"] });
    expect(ask("cohere-embeddings", { ...own, dimensions: 4 })).toMatchObject({ body: { truncate: "END", output_dimension: 4 }, losses: ["field:task"] });
    expect(ask("mistral-embeddings", own)).toMatchObject({ body: { output_dimension: 8 }, losses: ["field:truncate", "field:task"] });
  });

  test("several inputs for a model of one at a time", () => expect(() => ask("bedrock-embeddings", asked, onTitan)).toThrow("2 inputs at a time"));
});

describe("what comes back", () => {
  const base64 = vectors.map(toBase64);
  test.each<[string, unknown, number | undefined]>([
    ["cohere-embeddings", { id: "x", embeddings: { float: vectors }, meta: { billed_units: { input_tokens: 7, image_tokens: 2 } } }, 9],
    ["cohere-embeddings", { id: "x", embeddings: { base64 }, meta: { billed_units: { input_tokens: 7 } } }, 7],
    ["gemini-embeddings", { embeddings: vectors.map((values) => ({ values })), usageMetadata: { promptTokenCount: 5 } }, 5],
    ["gemini-embeddings", { embeddings: vectors.map((values) => ({ values })) }, undefined],
    ["vertex-embeddings", { predictions: vectors.map((values) => ({ embeddings: { values, statistics: { token_count: 4 } } })) }, 8],
    ["voyage-embeddings", { data: base64.map((embedding, index) => ({ index, embedding })).reverse(), usage: { total_tokens: 6 } }, 6],
    ["jina-embeddings", { data: vectors.map((embedding, index) => ({ index, embedding })), usage: { total_tokens: 6, prompt_tokens: 6 } }, 6],
    ["mistral-embeddings", { data: vectors.map((embedding, index) => ({ index, embedding })), usage: { prompt_tokens: 3, total_tokens: 3 } }, 3],
    ["bedrock-embeddings", { embeddings: vectors, response_type: "embeddings_floats" }, undefined],
  ])("%s is OpenAI's answer, in either format, with the provider's own count", (id, answer, tokens) => {
    const guess = openaiEmbeddings.parse(asked).likelyInputTokens;
    const plain = answered(id, answer);
    expect(plain.body).toEqual({ object: "list", data: vectors.map((embedding, index) => ({ object: "embedding", index, embedding })), model: "ours", usage: { prompt_tokens: tokens ?? guess, total_tokens: tokens ?? guess } });
    expect(plain.seen).toMatchObject({ usage: { inputTokens: tokens ?? guess }, error: undefined, terminated: true });
    expect(plain.seen.guessed).toBe(tokens === undefined ? true : undefined);
    expect(answered(id, answer, { ...asked, encoding_format: "base64" }).body.data.map((one: { embedding: string }) => one.embedding)).toEqual(base64);
  });

  test("numbers of bytes", () => {
    const bytes = new Uint8Array(new Int8Array([1, -2, 127]).buffer).toBase64();
    expect(answered("perplexity-embeddings", { data: [{ index: 0, embedding: bytes }], usage: { prompt_tokens: 2, cost: { total_cost: 0.000001 } } }, { ...asked, input: "x" })).toMatchObject({ body: { data: [{ embedding: [1, -2, 127] }] }, seen: { reportedNanoUsd: 1_000 } });
  });
  test("Titan's one vector", () => expect(answered("bedrock-embeddings", { embedding: [1, 2], inputTextTokenCount: 3 }, { ...asked, input: "x" }).body).toMatchObject({ data: [{ embedding: [1, 2] }], usage: { prompt_tokens: 3 } }));
  test("Nova's one vector", () => expect(answered("bedrock-embeddings", { embeddings: [{ embeddingType: "TEXT", embedding: [1, 2] }] }, { ...asked, input: "x" }).body).toMatchObject({ data: [{ embedding: [1, 2] }] }));

  test.each(ids)("%s: an answer that holds no vectors, or too few, is none", (id) => {
    for (const answer of ["no", "[]", {}, { data: [] }, { embeddings: { float: [[1]] } }, { data: [{ index: 0, embedding: [1] }] }, { embeddings: [{ values: ["a"] }, { values: [1] }] }, { data: [{ embedding: "!" }, { embedding: "AA==" }] }]) {
      expect(() => answered(id, answer)).toThrow(expect.objectContaining({ code: "upstream_error" }));
    }
  });
});

describe("Google's clients", () => {
  const single = gemini("ours", "embedContent", false)!;
  const batch = gemini("ours", "batchEmbedContents", false)!;
  const content = (text: string) => ({ parts: [{ text }] });
  const settings = { taskType: "RETRIEVAL_QUERY", outputDimensionality: 64 };

  test("reach whoever speaks OpenAI's, and get their own shape back", () => {
    const crossing = crossingOf(single, "openai-embeddings");
    const context = contextOf(single, { content: content("hi"), output_dimensionality: 64, title: "t" });
    expect(rendered(crossing, context)).toEqual({ path: "/embeddings", body: { model: "their-model", input: ["hi"], encoding_format: "float", dimensions: 64 }, losses: ["field:title"] });
    expect(told(crossing, { data: [{ index: 0, embedding: [1, 2] }], usage: { prompt_tokens: 3, total_tokens: 3 } }, context).body).toEqual({ embedding: { values: [1, 2] }, usageMetadata: { promptTokenCount: 3, totalTokenCount: 3 } });
    const many = contextOf(batch, { requests: ["a", "b"].map((text) => ({ model: "models/ours", content: content(text), ...settings })) });
    expect(rendered(crossingOf(batch, "cohere-embeddings"), many)).toEqual({ path: "/v2/embed", body: { model: "their-model", input_type: "search_query", embedding_types: ["float"], output_dimension: 64, texts: ["a", "b"] }, losses: [] });
    expect(rendered(crossingOf(batch, "openai-embeddings"), many).losses).toEqual(["field:taskType"]);
    expect(told(crossingOf(batch, "cohere-embeddings"), { embeddings: { float: vectors } }, many).body).toEqual({ embeddings: vectors.map((values) => ({ values })) });
  });

  test("hear what cannot be asked elsewhere", () => {
    const crossing = crossingOf(batch, "openai-embeddings");
    const mixed = { requests: [{ content: content("a"), outputDimensionality: 3 }, { content: content("b"), outputDimensionality: 4 }] };
    expect(() => rendered(crossing, contextOf(batch, mixed))).toThrow(expect.objectContaining({ code: "invalid_request", detail: { param: "requests" } }));
    for (const parts of [[], [{ fileData: { fileUri: "x" } }]]) {
      expect(() => rendered(crossing, contextOf(batch, { requests: [{ content: { parts } }] }))).toThrow(expect.objectContaining({ detail: { param: "requests[0].content.parts" } }));
    }
  });
});

describe("vectors", () => {
  const float32 = fc.float({ noNaN: true, noDefaultInfinity: true });
  test("are the same before and after base64 (property)", () => {
    fc.assert(fc.property(fc.array(float32, { minLength: 1, maxLength: 50 }), (vector) => {
      expect(numbersOf(bytesOf(toBase64(vector))!)).toEqual(vector);
    }));
    expect(["", "AA==", "not base64!"].map(bytesOf)).toEqual([undefined, undefined, undefined]);
  });
  test("are as near to each other as their cosine says", () => {
    expect([cosine([1, 0], [2, 0]), cosine([1, 0], [0, 3]), cosine([1, 1], [-2, -2]), cosine([0, 0], [1, 1]), cosine([1e200], [1e200])]).toEqual([1, 0, expect.closeTo(-1), 0, 0]);
  });
});

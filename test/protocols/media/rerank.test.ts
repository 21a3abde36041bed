import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GatewayError } from "../../../src/errors.ts";
import { rerank } from "../../../src/protocols/index.ts";
import type { CrossingContext } from "../../../src/protocols/protocol.ts";
import { contextOf, crossingOf, rendered, told } from "./stage.ts";

const asked = { model: "ours", query: "capital?", documents: ["Carson City", "Washington", "Paris"] };
const rankers = rerank.crossings!.filter(({ kind }) => kind === undefined).map(({ id }) => id);
const substitutes = rerank.crossings!.filter(({ kind }) => kind === "embedding").map(({ id }) => id);
const ask = (id: string, more: Record<string, unknown> = {}, over: Partial<CrossingContext> = {}) => rendered(crossingOf(rerank, id), contextOf(rerank, { ...asked, ...more }, over));
const answered = (id: string, answer: unknown, more: Record<string, unknown> = {}) => told(crossingOf(rerank, id), answer, contextOf(rerank, { ...asked, ...more }));

describe("what is sent", () => {
  const full = { top_n: 2, return_documents: true, max_tokens_per_doc: 99, priority: 3 };
  const { documents, query } = asked;
  test.each<[string, Partial<CrossingContext>, string, unknown, string[]]>([
    ["cohere-rerank", {}, "/v2/rerank", { model: "their-model", query, documents, top_n: 2, max_tokens_per_doc: 99, priority: 3 }, []],
    ["jina-rerank", {}, "/rerank", { model: "their-model", query, documents, top_n: 2, return_documents: false }, ["field:max_tokens_per_doc", "field:priority"]],
    ["voyage-rerank", {}, "/rerank", { model: "their-model", query, documents, top_k: 2, return_documents: false }, ["field:max_tokens_per_doc", "field:priority"]],
    ["bedrock-rerank", { upstreamId: "cohere.rerank-v3-5:0" }, "/model/cohere.rerank-v3-5%3A0/invoke", { query, documents, top_n: 2, max_tokens_per_doc: 99, api_version: 2 }, ["field:priority"]],
    ["bedrock-rerank", { upstreamId: "amazon.rerank-v1:0" }, "/model/amazon.rerank-v1%3A0/invoke", { query, documents, top_n: 2 }, ["field:priority", "field:max_tokens_per_doc"]],
    ["workers-ai-rerank", { upstreamId: "@cf/baai/bge-reranker-base" }, "/run/@cf/baai/bge-reranker-base", { query, contexts: documents.map((text) => ({ text })), top_k: 2 }, ["field:max_tokens_per_doc", "field:priority"]],
    ["openai-embeddings", {}, "/embeddings", { model: "their-model", input: [query, ...documents], encoding_format: "float" }, ["field:rerank", "field:max_tokens_per_doc", "field:priority"]],
  ])("%s", (id, over, path, body, losses) => expect(ask(id, full, over)).toEqual({ path, body, losses }));

  test.each([...rankers, ...substitutes])("%s: nothing that a request says is dropped in silence", (id) => {
    const { body, losses } = ask(id, { top_n: 1, max_tokens_per_doc: 777, priority: 5, max_chunks_per_doc: 8, whim: "x" }, { upstreamId: "cohere.x" });
    const text = JSON.stringify(body);
    expect([/777/.test(text) || losses.includes("field:max_tokens_per_doc"), /"priority":5/.test(text) || losses.includes("field:priority"), losses.includes("field:max_chunks_per_doc"), losses.includes("field:whim")]).toEqual([true, true, true, true]);
  });

  test("a provider's own fields reach it and nobody else", () => {
    expect(ask("voyage-rerank", { truncation: false })).toMatchObject({ body: { truncation: false }, losses: [] });
    expect(ask("cohere-rerank", { truncation: false }).losses).toEqual(["field:truncation"]);
  });

  test("documents are texts, objects with a text, or the fields that are named", () => {
    const sent = (documents: unknown[], more = {}) => ask("cohere-rerank", { documents, ...more }).body.documents;
    expect(sent(["a", { text: "b", id: 7 }])).toEqual(["a", "b"]);
    expect(sent([{ title: "T", text: "b", year: 1999 }, { title: "U" }], { rank_fields: ["title", "year"] })).toEqual(["title: T\nyear: 1999", "title: U"]);
    for (const [documents, more, param] of [[[{ title: "T" }], {}, "documents[0]"], [["a", { text: "b" }], { rank_fields: ["title"] }, "documents[1]"], [[], {}, "documents"], [[7], {}, "documents[0]"], [undefined, {}, "documents"]] as const) {
      expect(() => rerank.parse({ ...asked, documents, ...more })).toThrow(expect.objectContaining({ code: "invalid_request", detail: { param } }));
    }
    for (const [field, value] of [["query", undefined], ["top_n", 0], ["top_n", 1.5], ["model", ""], ["return_documents", "yes"]] as const) {
      expect(() => rerank.parse({ ...asked, [field]: value })).toThrow(expect.objectContaining({ detail: { param: field } }));
    }
  });

  test("pictures go where they are ranked", () => {
    const documents = ["a", { image: "data:image/png;base64,AA==" }];
    expect(ask("jina-rerank", { documents }).body.documents).toEqual(documents);
    expect(ask("cohere-embeddings", { documents }).body.inputs).toHaveLength(3);
    expect(() => ask("cohere-rerank", { documents })).toThrow(expect.objectContaining({ detail: { param: "documents[1]" } }));
    expect(rerank.parse({ ...asked, documents })).toMatchObject({ pictures: 1 });
  });
});

describe("what it can use at most", () => {
  test("in tokens, the query once for each document; in search units, of a hundred documents or what counts as as many", () => {
    const facts = (documents: string[], more = {}) => rerank.parse({ ...asked, documents, ...more });
    expect(facts(Array.from({ length: 100 }, () => "short")).pieces).toEqual({ search_unit: 1 });
    expect(facts(Array.from({ length: 101 }, () => "short")).pieces).toEqual({ search_unit: 2 });
    expect(facts(Array.from({ length: 100 }, () => "x".repeat(600))).pieces).toEqual({ search_unit: 2 });
    expect(facts(["x".repeat(1_000_000)], { max_tokens_per_doc: 400 }).pieces).toEqual({ search_unit: 1 });
    const { inputTokens } = facts(Array.from({ length: 50 }, () => "word"), { query: "q".repeat(100) });
    expect(inputTokens).toBeGreaterThanOrEqual(50 * 104);
  });
});

describe("what comes back", () => {
  const results = [{ index: 1, relevance_score: 0.9 }, { index: 0, relevance_score: 0.2 }];
  const body = (more: object, usage: object) => ({ id: "req_1", model: "ours", results, meta: { api_version: { version: "2" }, billed_units: more }, usage });
  test.each<[string, unknown, unknown, unknown]>([
    ["cohere-rerank", { id: "theirs", results, meta: { billed_units: { search_units: 1 } } }, { ...body({ search_units: 1 }, { search_units: 1, prompt_tokens: 0, total_tokens: 0 }), id: "theirs" }, { pieces: { search_unit: 1 }, inputTokens: 0 }],
    ["jina-rerank", { model: "m", results: results.toReversed(), usage: { total_tokens: 17 } }, body({ input_tokens: 17 }, { prompt_tokens: 17, total_tokens: 17 }), { inputTokens: 17 }],
    ["jina-rerank", { data: results, usage: { prompt_tokens: 4, total_tokens: 5 } }, body({ input_tokens: 5 }, { prompt_tokens: 5, total_tokens: 5 }), { inputTokens: 5 }],
    ["voyage-rerank", { object: "list", data: results, usage: { total_tokens: 26 } }, body({ input_tokens: 26 }, { prompt_tokens: 26, total_tokens: 26 }), { inputTokens: 26 }],
  ])("%s", (id, answer, wanted, usage) => {
    const { body: got, seen } = answered(id, answer);
    expect(got).toEqual(wanted);
    expect(seen).toMatchObject({ usage, terminated: true, error: undefined });
    expect(seen.guessed).toBeUndefined();
  });

  test("what nobody counted is estimated, in tokens and in units", () => {
    expect(answered("bedrock-rerank", { results }).seen).toMatchObject({ guessed: true, usage: { inputTokens: rerank.parse(asked).likelyInputTokens, pieces: { search_unit: 1 } } });
    expect(answered("workers-ai-rerank", { result: { response: [{ id: 1, score: 0.9 }, { id: 0, score: 0.2 }] } }).body.results).toEqual(results);
  });

  test("documents are told where they were asked for, as they came", () => {
    const documents = ["a", { text: "b", id: 7 }, "c"];
    expect(answered("jina-rerank", { results }, { documents, return_documents: true }).body.results).toEqual([{ index: 1, relevance_score: 0.9, document: { text: "b", id: 7 } }, { index: 0, relevance_score: 0.2, document: { text: "a" } }]);
  });

  test("the best first, equals in their order, no more than asked for (property)", () => {
    const scores = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 20 });
    fc.assert(fc.property(scores, fc.integer({ min: 1, max: 25 }), fc.boolean(), (all, top_n, coarse) => {
      const given = all.map((score, index) => ({ index, relevance_score: coarse ? Math.round(score) : score }));
      const { body: got } = answered("jina-rerank", { results: given.toReversed() }, { documents: all.map((_, i) => `d${i}`), top_n });
      expect(got.results).toEqual(given.toSorted((a, b) => b.relevance_score - a.relevance_score || a.index - b.index).slice(0, top_n));
    }));
  });

  test("vectors for want of a ranking: as near as they are", () => {
    const vectors = [[1, 0], [0, 1], [1, 1], [-1, 0]];
    const data = vectors.map((embedding, index) => ({ index, embedding }));
    const { body: got, seen } = answered("openai-embeddings", { data, usage: { prompt_tokens: 9, total_tokens: 9 } }, { top_n: 2 });
    expect(got.results).toEqual([{ index: 1, relevance_score: expect.closeTo(Math.SQRT1_2) }, { index: 0, relevance_score: 0 }]);
    expect(seen).toMatchObject({ usage: { inputTokens: 9 } });
  });

  test.each(rankers)("%s: what is no ranking of these documents is none", (id) => {
    for (const list of [[], [{ index: -1, id: -1, score: 1, relevance_score: 1 }], [{ index: 0.5, id: 0.5, score: 1 }], [{ index: 0, id: 0 }], [{ index: 0, id: 0, score: 1 }, { index: 0, id: 0, score: 2 }], "no"]) {
      expect(() => answered(id, { results: list, data: list, result: { response: list } })).toThrow(expect.objectContaining({ code: "upstream_error" }));
    }
  });
});

test("an error is Cohere's and OpenAI's at once", () => {
  expect(JSON.parse(rerank.renderError(new GatewayError("invalid_request", "query: no", { param: "query" }), "req_1"))).toEqual({ message: "query: no", error: { message: "query: no", type: "invalid_request_error", param: "query", code: "invalid_request" } });
});

/** Those who rank, each in its own words. */
import { filled, list, objects, record } from "../json.ts";
import { parseReportedCost } from "../openai-chat/usage.ts";
import { segmentsOf } from "./path-segment.ts";
import { billedUnits, ranking, rankingUsage, ranksIn, textsIn } from "./ranker.ts";

/** https://docs.cohere.com/reference/rerank */
export const cohereRanker = ranking({
  id: "cohere-rerank",
  path: () => "/v2/rerank",
  said: ["max_tokens_per_doc", "priority"],
  render: (request, { upstreamId, provider, json }) => ({
    body: {
      model: upstreamId, query: request.query, documents: textsIn(request, provider), ...(request.topN !== undefined && { top_n: request.topN }),
      ...(request.tokensPerDocument !== undefined && { max_tokens_per_doc: request.tokensPerDocument }), ...(typeof json.priority === "number" && { priority: json.priority }),
    },
  }),
  read({ id, results, meta }) {
    const { search_units: units, input_tokens: tokens } = billedUnits(meta);
    return { ranks: ranksIn(results), usage: rankingUsage(tokens, units), id: filled(id) };
  },
});

/**
 * Jina's, and what Together, Fireworks, OpenRouter, vLLM, llama.cpp, LocalAI and Infinity made of it: https://api.jina.ai/redoc#tag/rerank,
 * https://docs.together.ai/reference/rerank, https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html#re-rank-api. A list alone, with scores, is TEI's.
 */
export const jinaRanker = ranking({
  id: "jina-rerank",
  path: () => "/rerank",
  said: [],
  render: ({ query, documents, topN }, { upstreamId }) => ({
    body: {
      model: upstreamId, query, documents: documents.map(({ text, image }) => (image === undefined ? text : { image })), ...(topN !== undefined && { top_n: topN }), return_documents: false,
    },
  }),
  read({ id, results, data, usage }) {
    const { total_tokens: total, prompt_tokens: prompt, search_units: units } = record(usage);
    return { ranks: ranksIn(results ?? data), usage: rankingUsage(total ?? prompt, units), reportedNanoUsd: parseReportedCost(usage), id: filled(id) };
  },
});

/** https://docs.voyageai.com/reference/reranker-api */
export const voyageRanker = ranking({
  id: "voyage-rerank",
  path: () => "/rerank",
  said: [],
  own: ["truncation"],
  render: (request, { upstreamId, provider }) => ({
    body: { model: upstreamId, query: request.query, documents: textsIn(request, provider), ...(request.topN !== undefined && { top_k: request.topN }), return_documents: false },
  }),
  read: ({ data, results, usage }) => ({ ranks: ranksIn(data ?? results), usage: rankingUsage(record(usage).total_tokens, undefined) }),
});

/** Cohere's and Amazon's rankers by invocation. https://docs.aws.amazon.com/bedrock/latest/userguide/rerank-supported.html */
export const bedrockRanker = ranking({
  id: "bedrock-rerank",
  path: ({ upstreamId }) => `/model/${encodeURIComponent(upstreamId)}/invoke`,
  said: ["max_tokens_per_doc"],
  render(request, { upstreamId, provider }) {
    const { query, topN, tokensPerDocument } = request;
    const cohere = upstreamId.includes("cohere.");
    const asked = { query, documents: textsIn(request, provider), ...(topN !== undefined && { top_n: topN }) };
    const most = tokensPerDocument === undefined ? {} : { max_tokens_per_doc: tokensPerDocument };
    return cohere ? { body: { ...asked, ...most, api_version: 2 } } : { body: asked, losses: tokensPerDocument === undefined ? [] : ["field:max_tokens_per_doc"] };
  },
  read: ({ results }) => ({ ranks: ranksIn(results) }),
});

/** Workers AI's BGE by its run call. https://developers.cloudflare.com/workers-ai/models/bge-reranker-base/ */
export const workersRanker = ranking({
  id: "workers-ai-rerank",
  path: ({ upstreamId }) => `/run/${segmentsOf(upstreamId, "model")}`,
  said: [],
  render: (request, { provider }) => ({
    body: { query: request.query, contexts: textsIn(request, provider).map((text) => ({ text })), ...(request.topN !== undefined && { top_k: request.topN }) },
  }),
  read({ result, response }) {
    const told = record(result).response ?? response;
    return { ranks: objects(list(told)).map(({ id, score }) => ({ index: Number(id), score: Number(score) })), usage: rankingUsage(record(record(result).usage).total_tokens, undefined) };
  },
});

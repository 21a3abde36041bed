/** A ranking asked of a provider in its own words, and told in an answer that clients of Cohere's, Jina's and OpenRouter's all read. */
import { noUsage, type Loss, type Usage } from "../../chat/index.ts";
import { GatewayError } from "../../errors.ts";
import { isTold, objects, record, type Json } from "../json.ts";
import { count } from "../openai-chat/usage.ts";
import type { Crossing, CrossingContext, Retold } from "../protocol.ts";
import { answerIn } from "./answer.ts";
import { likelyUnits, rerankFields, rerankIn, type RerankRequest } from "./rerank-request.ts";
import { picked, unsaid } from "./unsaid.ts";

/** How well a document answers the query, by its place in the request. */
export type Rank = { readonly index: number; readonly score: number };

/** What an answer says: who ranks how, and what that used. */
export type Ranked = { readonly ranks: readonly Rank[]; readonly usage?: Usage | undefined; readonly reportedNanoUsd?: number | undefined; readonly id?: string | undefined };

/** One provider's half. */
export type Ranker = {
  readonly id: string;
  path(context: CrossingContext): string;
  /** Fields of the request that it hears beside the query, the documents and how many are wanted. */
  readonly said: readonly string[];
  /** Its own fields that Cohere has no name for: sent as they are. */
  readonly own?: readonly string[];
  /** Throws `invalid_request` for documents that it cannot rank. */
  render(request: RerankRequest, context: CrossingContext): { readonly body: object; readonly losses?: readonly Loss[] };
  read(answer: Json, context: CrossingContext): Ranked;
};

export const ranking = ({ id, path, said, own = [], render, read }: Ranker): Crossing => ({
  id,
  path,
  render(context) {
    const { body, losses = [] } = render(rerankIn(context.json), context);
    return { body: JSON.stringify({ ...picked(context.json, own), ...body }), losses: [...unsaid(context, [...rerankFields, ...said, ...own]), ...losses] };
  },
  read: ({ bytes }, context) => retellRanking(read(answerIn(bytes, context.provider), context), context),
});

/** The best first; of equals the one that came first. No more than were asked for. */
export function retellRanking({ ranks, usage, reportedNanoUsd, id }: Ranked, context: CrossingContext): Retold {
  const { json, facts, provider, requestId } = context;
  const request = rerankIn(json);
  const { documents, topN, tellsDocuments } = request;
  const faulty = ranks.some(({ index, score }) => !Number.isInteger(index) || index < 0 || !Number.isFinite(score));
  if (faulty || ranks.length === 0 || new Set(ranks.map(({ index }) => index)).size < ranks.length) throw new GatewayError("upstream_error", `${provider} did not answer with a ranking.`);
  const results = ranks.toSorted((a, b) => b.score - a.score || a.index - b.index).slice(0, topN)
    .map(({ index, score }) => ({ index, relevance_score: score, ...(tellsDocuments && documents[index] && { document: documents[index].told }) }));
  const used: Usage = usage ?? { ...noUsage, inputTokens: facts.likelyInputTokens, pieces: { search_unit: likelyUnits(request) } };
  const units = used.pieces?.search_unit;
  const billed = { ...(units !== undefined && { search_units: units }), ...(used.inputTokens > 0 && { input_tokens: used.inputTokens }) };
  return {
    body: JSON.stringify({
      id: id ?? requestId, model: facts.model, results, meta: { api_version: { version: "2" }, billed_units: billed },
      usage: { ...(units !== undefined && { search_units: units }), prompt_tokens: used.inputTokens, total_tokens: used.inputTokens },
    }),
    seen: { usage: used, ...(!usage && { guessed: true }), reportedNanoUsd, error: undefined, terminated: true, outputCharacters: 0 },
  };
}

/** Results as everybody has them, but for what they are called. */
export const ranksIn = (results: unknown): Rank[] => objects(results).map(({ index, relevance_score, score }) => ({ index: Number(index), score: Number(relevance_score ?? score) }));

/** Texts only. Throws `invalid_request` where a document is a picture. */
export function textsIn({ documents }: RerankRequest, provider: string): string[] {
  return documents.map(({ text, image }, i) => {
    if (image === undefined) return text;
    throw new GatewayError("invalid_request", `documents[${i}]: ${provider} ranks no pictures`, { param: `documents[${i}]` });
  });
}

/** Tokens and search units, as far as they are told; undefined: neither is. */
export function rankingUsage(tokens: unknown, units: unknown): Usage | undefined {
  if (!isTold(tokens, units)) return undefined;
  return { ...noUsage, inputTokens: count(tokens), ...(isTold(units) && { pieces: { search_unit: count(units) } }) };
}

export const billedUnits = (meta: unknown): Json => record(record(meta).billed_units);

/** A request for a ranking, in Cohere's words of both versions, Jina's and OpenRouter's. https://docs.cohere.com/reference/rerank */
import * as z from "zod";
import { GatewayError } from "../../errors.ts";
import { boundParts } from "../bound.ts";
import type { Json } from "../json.ts";
import { modelField, readFields } from "../openai-chat/request.ts";
import type { RequestFacts } from "../protocol.ts";
import { textBound } from "../text-bound.ts";

const whole = z.number("must be a number").int("must be an integer").min(1, "must be at least 1").nullish();
const documentsField = z.array(z.union([z.string(), z.record(z.string(), z.unknown())], "must be a text or an object"), "must be an array of documents").min(1, "must have at least one document");

export const requestSchema = z.object({
  model: modelField,
  query: z.string("must be a string"),
  documents: documentsField,
  top_n: whole, top_k: whole,
  max_tokens_per_doc: whole,
  return_documents: z.boolean("must be true or false").nullish(),
  rank_fields: z.array(z.string(), "must be an array of names").nullish(),
});

/** A document as it is ranked, and as it is told again. */
export type RankedDocument = { readonly text: string; readonly image?: string | undefined; readonly told: Json };

export type RerankRequest = {
  readonly query: string;
  readonly documents: readonly RankedDocument[];
  /** As many are told; undefined: all. */
  readonly topN: number | undefined;
  readonly tokensPerDocument: number | undefined;
  readonly tellsDocuments: boolean;
};

/** What a request says: nobody else needs to hear of these. */
export const rerankFields = ["model", "query", "documents", "top_n", "top_k", "return_documents", "rank_fields"];

/** Texts of an object: Cohere ranks its `text` unless it is told other fields, and wants several as YAML. */
function documentOf(document: string | Json, fields: readonly string[] | null | undefined, at: number): RankedDocument {
  if (typeof document === "string") return { text: document, told: { text: document } };
  const word = (name: string): string | undefined => {
    const value = document[name];
    return value === undefined || value === null ? undefined : typeof value === "string" ? value : JSON.stringify(value);
  };
  const { image } = document;
  const ranked = fields ?? ["text"];
  const texts = ranked.flatMap((name) => {
    const text = word(name);
    return text === undefined ? [] : [fields ? `${name}: ${text}` : text];
  });
  if (texts.length > 0) return { text: texts.join("\n"), told: document };
  if (typeof image === "string" && image !== "") return { text: "", image, told: document };
  const param = `documents[${at}]`;
  throw new GatewayError("invalid_request", `${param}: has none of ${[...ranked, "image"].join(", ")}`, { param });
}

/** Reads the request. Throws `invalid_request` with the field and the reason. */
export function rerankIn(json: unknown): RerankRequest {
  const { query, documents, top_n, top_k, max_tokens_per_doc, return_documents, rank_fields } = readFields(requestSchema, json);
  return {
    query, documents: documents.map((document, i) => documentOf(document, rank_fields, i)), topN: top_n ?? top_k ?? undefined,
    tokensPerDocument: max_tokens_per_doc ?? undefined, tellsDocuments: return_documents === true,
  };
}

/** Documents of one search unit, and tokens of one document, its query included: what is longer counts as several. https://docs.cohere.com/docs/how-does-cohere-pricing-work */
const documentsPerUnit = 100;
const tokensPerChunk = 500;
/** However long the query is, so much of a chunk is the document's. */
const leastOfChunk = 100;
const usualTokensPerDocument = 4_096;
const tokensBeside = 8;

/** Most that a ranking can use: in tokens, of which the query is read with each document, or in search units. */
export function parseRerank(body: unknown): RequestFacts {
  const { model } = readFields(requestSchema, body);
  const { query, documents, tokensPerDocument = usualTokensPerDocument } = rerankIn(body);
  const asked = textBound(query);
  const bounds = documents.map(({ text }) => textBound(text));
  const ofChunk = Math.max(leastOfChunk, tokensPerChunk - asked);
  const chunks = bounds.reduce((sum, bound) => sum + Math.max(1, Math.ceil(Math.min(bound, tokensPerDocument) / ofChunk)), 0);
  const texts = bounds.reduce((sum, bound) => sum + bound, 0);
  const { pictures } = boundParts(documents.flatMap(({ image }) => (image === undefined ? [] : [{ type: "image_url", image_url: { url: image } }])));
  return {
    model, stream: false, usageAsked: false, inputTokens: (asked + tokensBeside) * documents.length + texts, likelyInputTokens: Math.ceil((asked * documents.length + texts) / 4),
    ...(pictures && { pictures }), readings: documents.length + 1, outputTokens: 0, choices: 1, pieces: { search_unit: Math.ceil(chunks / documentsPerUnit) },
  };
}

/** What is probably charged where nobody says. */
export const likelyUnits = ({ documents }: RerankRequest): number => Math.ceil(documents.length / documentsPerUnit);

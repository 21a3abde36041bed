/** Gemini's own embeddings, as what a provider speaks: a batch, of one too. https://ai.google.dev/api/embeddings#method:-models.batchembedcontents */
import { noUsage } from "../../chat/index.ts";
import { parseUsage, tierOf } from "../gemini/usage.ts";
import { isTold, list, objects, record } from "../json.ts";
import { count } from "../openai-chat/usage.ts";
import type { Embedder } from "./embedder.ts";
import { isTokens, pictureOf, refuseInput, textsOf, type EmbeddingInput } from "./embeddings-request.ts";

/** What vectors are for: Google's word for OpenRouter's. Google's own words are taken as they are. */
export const taskTypes: Readonly<Record<string, string>> = {
  search_query: "RETRIEVAL_QUERY", search_document: "RETRIEVAL_DOCUMENT", query: "RETRIEVAL_QUERY", document: "RETRIEVAL_DOCUMENT", classification: "CLASSIFICATION",
  clustering: "CLUSTERING", semantic_similarity: "SEMANTIC_SIMILARITY", code_retrieval_query: "CODE_RETRIEVAL_QUERY", question_answering: "QUESTION_ANSWERING", fact_verification: "FACT_VERIFICATION",
};

function contentOf(input: EmbeddingInput, provider: string): object {
  if (typeof input === "string") return { parts: [{ text: input }] };
  if (isTokens(input)) return refuseInput("tokens", provider);
  return { parts: input.content.map((part) => {
    if (part.type === "text") return { text: part.text };
    const { type, base64 } = pictureOf(part.image_url.url, provider);
    return { inlineData: { mimeType: type, data: base64 } };
  }) };
}

export const geminiEmbedder: Embedder = {
  id: "gemini-embeddings",
  path: ({ upstreamId }) => `/models/${encodeURIComponent(upstreamId)}:batchEmbedContents`,
  said: ["dimensions", "input_type"],
  render({ inputs, dimensions, inputType }, { upstreamId, provider }) {
    const taskType = inputType === undefined ? undefined : taskTypes[inputType];
    const more = { ...(taskType && { taskType }), ...(dimensions !== undefined && { outputDimensionality: dimensions }) };
    return {
      body: { requests: inputs.map((input) => ({ model: `models/${upstreamId}`, content: contentOf(input, provider), ...more })) },
      losses: inputType !== undefined && !taskType ? ["field:input_type"] : [],
    };
  },
  read: ({ embeddings, embedding, usageMetadata }) => ({ vectors: (embeddings === undefined ? [embedding] : list(embeddings)).map((one) => record(one).values), usage: parseUsage(usageMetadata), serviceTier: tierOf(usageMetadata) }),
};

/** The same of Vertex AI, by prediction. https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api */
export const vertexEmbedder: Embedder = {
  id: "vertex-embeddings",
  path: ({ upstreamId }) => `/publishers/google/models/${encodeURIComponent(upstreamId).replaceAll("%40", "@")}:predict`,
  said: ["dimensions", "input_type"],
  render(request, { provider }) {
    const { dimensions, inputType } = request;
    const task = inputType === undefined ? undefined : taskTypes[inputType];
    return {
      body: { instances: textsOf(request, provider).map((content) => ({ content, ...(task && { task_type: task }) })), parameters: { autoTruncate: false, ...(dimensions !== undefined && { outputDimensionality: dimensions }) } },
      losses: inputType !== undefined && !task ? ["field:input_type"] : [],
    };
  },
  read({ predictions }) {
    const told = objects(predictions).map(({ embeddings }) => record(embeddings));
    const counts = told.map(({ statistics }) => record(statistics).token_count);
    return { vectors: told.map(({ values }) => values), usage: counts.length > 0 && counts.every((one) => isTold(one)) ? { ...noUsage, inputTokens: counts.reduce<number>((sum, one) => sum + count(one), 0) } : undefined };
  },
};

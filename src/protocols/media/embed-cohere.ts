/** Cohere's own embeddings, at Cohere and on Bedrock. https://docs.cohere.com/reference/embed */
import { noUsage, type Loss, type Usage } from "../../chat/index.ts";
import { isTold, list, record, type Json } from "../json.ts";
import { count } from "../openai-chat/usage.ts";
import type { Embedder } from "./embedder.ts";
import { isTokens, refuseInput, textsOf, type EmbeddingRequest } from "./embeddings-request.ts";

/** What vectors are for must be said of all models since the third; most are of documents. */
const usualType = "search_document";
const types: Readonly<Record<string, string>> = {
  search_query: "search_query", search_document: "search_document", query: "search_query", document: "search_document", classification: "classification", clustering: "clustering",
};

/** The body but for the model's name. */
export function cohereBody({ inputs, inputType = usualType, dimensions, base64 }: EmbeddingRequest, provider: string): { body: Json; losses: Loss[] } {
  const known = types[inputType];
  const plain = inputs.every((input) => typeof input === "string");
  const things = inputs.map((input) => {
    if (typeof input === "string") return { content: [{ type: "text", text: input }] };
    return isTokens(input) ? refuseInput("tokens", provider) : { content: input.content.map((part) => (part.type === "text" ? { type: "text", text: part.text } : { type: "image_url", image_url: { url: part.image_url.url } })) };
  });
  const body = {
    input_type: known ?? usualType, embedding_types: [base64 ? "base64" : "float"], ...(dimensions !== undefined && { output_dimension: dimensions }),
    ...(plain ? { texts: inputs } : { inputs: things }),
  };
  return { body, losses: known ? [] : ["field:input_type"] };
}

/** By type, as it was asked for; older models on Bedrock answer with floats alone. */
export const cohereVectors = ({ embeddings }: Json): unknown[] => (Array.isArray(embeddings) ? embeddings : list(record(embeddings).base64 ?? record(embeddings).float));

/** Tokens that are billed, those of pictures among them. */
function billed(meta: unknown): Usage | undefined {
  const { input_tokens: texts, image_tokens: pictures } = record(record(meta).billed_units);
  return isTold(texts, pictures) ? { ...noUsage, inputTokens: count(texts) + count(pictures), inputImageTokens: count(pictures) } : undefined;
}

export const cohereEmbedder: Embedder = {
  id: "cohere-embeddings",
  path: () => "/v2/embed",
  said: ["dimensions", "input_type"],
  own: ["output_dimension", "truncate", "max_tokens", "priority"],
  render(request, { upstreamId, provider }) {
    const { body, losses } = cohereBody(request, provider);
    return { body: { model: upstreamId, ...body }, losses };
  },
  read: (answer) => ({ vectors: cohereVectors(answer), usage: billed(answer.meta) }),
};

/** What Bedrock says in a header that it read: the answers of Cohere's and Nova's models there have no count. */
function countIn(headers: Headers | undefined): number | undefined {
  const told = headers?.get("x-amzn-bedrock-input-token-count");
  return told && /^\d{1,15}$/.test(told) ? Number(told) : undefined;
}

/**
 * Embeddings of models on Bedrock, each asked as its maker has it: Cohere's, Titan and Nova, which read one input at a time.
 * https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html and …/model-parameters-titan-embed-text.html
 */
export const bedrockEmbedder: Embedder = {
  id: "bedrock-embeddings",
  path: ({ upstreamId }) => `/model/${encodeURIComponent(upstreamId)}/invoke`,
  said: ["dimensions", "input_type"],
  render(request, { upstreamId, provider }) {
    if (/cohere\./.test(upstreamId)) return cohereBody(request, provider);
    const { dimensions, inputType, inputs } = request;
    if (inputs.length > 1) refuseInput(`${inputs.length} inputs at a time`, `${provider} (${upstreamId})`);
    const losses: Loss[] = [...(inputType !== undefined ? ["field:input_type" as const] : []), ...(dimensions !== undefined && /titan-embed-(?:text-v1|g1)/.test(upstreamId) ? ["field:dimensions" as const] : [])];
    const [text] = textsOf(request, provider);
    if (/nova/.test(upstreamId)) {
      const params = { embeddingPurpose: "GENERIC_INDEX", ...(dimensions !== undefined && { embeddingDimension: dimensions }), text: { truncationMode: "NONE", value: text } };
      return { body: { schemaVersion: "nova-multimodal-embed-v1", taskType: "SINGLE_EMBEDDING", singleEmbeddingParams: params }, losses };
    }
    return { body: { inputText: text, ...(dimensions !== undefined && losses.every((loss) => loss !== "field:dimensions") && { dimensions }) }, losses };
  },
  read(answer, _, headers) {
    const { embedding, embeddings, inputTextTokenCount: tokens = countIn(headers) } = answer;
    const usage = isTold(tokens) ? { ...noUsage, inputTokens: count(tokens) } : undefined;
    if (embedding !== undefined) return { vectors: [embedding], usage };
    const nova = list(embeddings).map((one) => record(one).embedding);
    return { vectors: nova.some((one) => one !== undefined) ? nova : cohereVectors(answer), usage };
  },
};

/** OpenAI's embeddings as what a provider speaks, for clients of another protocol. https://platform.openai.com/docs/api-reference/embeddings/create */
import { filled, objects } from "../json.ts";
import { parseReportedCost, parseUsage } from "../openai-chat/usage.ts";
import { embedding } from "./embedder.ts";
import { isTokens, textOf, textsOf, type EmbeddingRequest } from "./embeddings-request.ts";

/** Texts, or tokens where there are nothing but tokens. */
const inputOf = (request: EmbeddingRequest, provider: string): unknown => (request.inputs.every(isTokens) ? request.inputs : textsOf(request, provider));

/** The vectors by their index, whatever their order. */
const inOrder = (data: unknown): unknown[] => objects(data).toSorted((a, b) => Number(a.index) - Number(b.index)).map(({ embedding: vector }) => vector);

export const openaiEmbedder = embedding({
  id: "openai-embeddings",
  path: () => "/embeddings",
  said: ["dimensions", "user"],
  render: (request, { upstreamId, provider, json }) => ({
    body: {
      model: upstreamId, input: inputOf(request, provider), encoding_format: request.base64 ? "base64" : "float",
      ...(request.dimensions !== undefined && { dimensions: request.dimensions }), ...(filled(json.user) && { user: json.user }),
    },
  }),
  read: ({ data, usage, model }) => ({ vectors: inOrder(data), usage: parseUsage(usage), model: filled(model), reportedNanoUsd: parseReportedCost(usage) }),
});

/** Mistral's, which has other names for two fields. https://docs.mistral.ai/api/endpoint/embeddings */
export const mistralEmbedder = embedding({
  id: "mistral-embeddings",
  path: () => "/embeddings",
  said: ["dimensions"],
  own: ["output_dimension", "output_dtype", "metadata"],
  render: (request, { upstreamId, provider }) => ({
    body: { model: upstreamId, input: textsOf(request, provider), encoding_format: "float", ...(request.dimensions !== undefined && { output_dimension: request.dimensions }) },
  }),
  read: ({ data, usage, model }) => ({ vectors: inOrder(data), usage: parseUsage(usage), model: filled(model) }),
});

/** Workers AI's, which knows neither lengths nor formats. https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility/ */
export const workersEmbedder = embedding({
  id: "workers-ai-embeddings",
  path: () => "/embeddings",
  said: [],
  render: (request, { upstreamId, provider }) => ({ body: { model: upstreamId, input: textsOf(request, provider) } }),
  read: ({ data, usage, model }) => ({ vectors: inOrder(data), usage: parseUsage(usage), model: filled(model) }),
});

/** Bytes in base64, each a number from -128 to 127. */
const int8In = (text: unknown): unknown => {
  try {
    return [...new Int8Array(Uint8Array.fromBase64(text as string).buffer)];
  } catch {
    return text;
  }
};

/** Perplexity's, whose numbers are bytes. https://docs.perplexity.ai/api-reference/embeddings-post */
export const perplexityEmbedder = embedding({
  id: "perplexity-embeddings",
  path: () => "/v1/embeddings",
  said: ["dimensions"],
  render: (request, { upstreamId, provider }) => ({
    body: { model: upstreamId, input: textsOf(request, provider), encoding_format: "base64_int8", ...(request.dimensions !== undefined && { dimensions: request.dimensions }) },
  }),
  read: ({ data, usage, model }) => ({ vectors: inOrder(data).map(int8In), usage: parseUsage(usage), model: filled(model), reportedNanoUsd: parseReportedCost(usage) }),
});

/** What a query and a document are called where they are not called so. */
const voyageTypes: Readonly<Record<string, string>> = { search_query: "query", search_document: "document", query: "query", document: "document" };

/** A picture by its bytes or its address, as Voyage tells them apart. */
const voyagePart = (url: string): object => (url.startsWith("data:") ? { type: "image_base64", image_base64: url } : { type: "image_url", image_url: url });

/** Voyage's, with a path of its own for texts and pictures together. https://docs.voyageai.com/reference/embeddings-api and …/multimodal-embeddings-api */
export const voyageEmbedder = embedding({
  id: "voyage-embeddings",
  path: ({ upstreamId }) => (isMultimodal(upstreamId) ? "/multimodalembeddings" : "/embeddings"),
  said: ["dimensions", "input_type"],
  own: ["output_dimension", "output_dtype", "truncation"],
  render(request, { upstreamId, provider }) {
    const { dimensions, inputType, base64, inputs } = request;
    const known = inputType === undefined ? undefined : voyageTypes[inputType];
    const body = { model: upstreamId, ...(known && { input_type: known }), ...(dimensions !== undefined && { output_dimension: dimensions }) };
    const losses = inputType !== undefined && !known ? (["field:input_type"] as const) : [];
    if (!isMultimodal(upstreamId)) return { body: { ...body, input: textsOf(request, provider), ...(base64 && { encoding_format: "base64" }) }, losses };
    const things = inputs.map((input) => ({
      content: typeof input === "object" && "content" in input
        ? input.content.map((part) => (part.type === "text" ? { type: "text", text: part.text } : voyagePart(part.image_url.url)))
        : [{ type: "text", text: textOf(input, provider) }],
    }));
    return { body: { ...body, inputs: things, ...(base64 && { output_encoding: "base64" }) }, losses };
  },
  read: ({ data, usage, model }) => ({ vectors: inOrder(data), usage: parseUsage(usage), model: filled(model) }),
});

const isMultimodal = (upstreamId: string): boolean => upstreamId.includes("multimodal");

const jinaTasks: Readonly<Record<string, string>> = {
  search_query: "retrieval.query", search_document: "retrieval.passage", query: "retrieval.query", document: "retrieval.passage", classification: "classification",
  clustering: "separation", semantic_similarity: "text-matching", code_retrieval_query: "code.query",
};

/** Jina's: an input is a text or a picture. https://api.jina.ai/redoc#tag/embeddings */
export const jinaEmbedder = embedding({
  id: "jina-embeddings",
  path: () => "/embeddings",
  said: ["dimensions", "input_type"],
  own: ["task", "truncate", "late_chunking", "normalized"],
  render(request, { upstreamId, provider }) {
    const { dimensions, inputType, base64, inputs } = request;
    const task = inputType === undefined ? undefined : jinaTasks[inputType];
    const input = inputs.map((one) => {
      const picture = typeof one === "object" && "content" in one && one.content.length === 1 && one.content[0]!.type === "image_url" ? one.content[0]!.image_url.url : undefined;
      return picture === undefined ? textOf(one, provider) : { image: picture.replace(/^data:[^,]*,/, "") };
    });
    return {
      body: { model: upstreamId, input, embedding_type: base64 ? "base64" : "float", ...(task && { task }), ...(dimensions !== undefined && { dimensions }) },
      losses: inputType !== undefined && !task ? ["field:input_type"] : [],
    };
  },
  read: ({ data, usage, model }) => ({ vectors: inOrder(data), usage: parseUsage(usage), model: filled(model) }),
});

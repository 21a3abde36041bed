/** Vectors asked of a provider in its own words: what all such crossings have in common. */
import { noUsage, type Loss, type Usage } from "../../chat/index.ts";
import { GatewayError } from "../../errors.ts";
import type { Json } from "../json.ts";
import type { Crossing, CrossingContext } from "../protocol.ts";
import { answerIn } from "./answer.ts";
import { embeddingsIn, type EmbeddingRequest } from "./embeddings-request.ts";
import { picked, unsaid } from "./unsaid.ts";
import { bytesOf, numbersOf, toBase64 } from "./vectors.ts";

/** One provider's half. */
export type Embedder = {
  readonly id: string;
  path(context: CrossingContext): string;
  /** Fields of the request that it hears, beside what is asked to be embedded and in which format. */
  readonly said: readonly string[];
  /** Its own fields that OpenAI has no name for: sent as they are. */
  readonly own?: readonly string[];
  /** Throws `invalid_request` for what it takes no vector of. */
  render(request: EmbeddingRequest, context: CrossingContext): { readonly body: Json; readonly losses?: readonly Loss[] };
  /** Each vector as numbers or as float32 in base64, in the order of the inputs. What is no vector is told by whoever reads them. */
  read(answer: Json, context: CrossingContext, headers?: Headers): { readonly vectors: readonly unknown[]; readonly usage?: Usage | undefined; readonly model?: string | undefined; readonly reportedNanoUsd?: number | undefined; readonly serviceTier?: string | undefined };
};

/** A request by its body, and an answer told as OpenAI tells it. Where nobody says what was read, it is estimated. */
export const embedding = ({ id, path, said, own = [], render, read }: Embedder): Crossing => ({
  id,
  path,
  render(context) {
    const { body, losses = [] } = render(embeddingsIn(context.json), context);
    return { body: JSON.stringify({ ...picked(context.json, own), ...body }), losses: [...unsaid(context, ["model", "input", "encoding_format", ...said, ...own]), ...losses] };
  },
  read({ bytes, headers }, context) {
    const { json, facts, provider } = context;
    const { inputs, base64 } = embeddingsIn(json);
    const { vectors, usage, model = facts.model, reportedNanoUsd, serviceTier } = read(answerIn(bytes, provider), context, headers);
    if (vectors.length !== inputs.length) throw new GatewayError("upstream_error", `${provider} answered with ${vectors.length} vectors where ${inputs.length} were asked for.`);
    const data = vectors.map((vector, index) => ({ object: "embedding", index, embedding: inFormat(vector, base64, provider) }));
    const used = usage ?? { ...noUsage, inputTokens: facts.likelyInputTokens };
    return {
      body: JSON.stringify({ object: "list", data, model, usage: { prompt_tokens: used.inputTokens, total_tokens: used.inputTokens } }),
      seen: { usage: used, ...(!usage && { guessed: true }), reportedNanoUsd, ...(serviceTier !== undefined && { serviceTier }), error: undefined, terminated: true, outputCharacters: 0 },
    };
  },
});

const isVector = (value: unknown): value is number[] => Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "number");

function inFormat(vector: unknown, base64: boolean, provider: string): string | readonly number[] {
  if (isVector(vector)) return base64 ? toBase64(vector) : vector;
  const bytes = typeof vector === "string" ? bytesOf(vector) : undefined;
  if (!bytes) throw new GatewayError("upstream_error", `${provider} did not answer with vectors.`);
  return base64 ? (vector as string) : numbersOf(bytes);
}

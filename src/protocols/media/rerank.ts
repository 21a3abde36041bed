/**
 * Rankings, as Cohere asks for them in both versions of its API. Nobody is asked in the client's own bytes: the answer is one that clients of
 * Cohere's, Jina's and OpenRouter's all read, whoever ranks.
 */
import type { GatewayError } from "../../errors.ts";
import { openaiChat, renderError as renderOpenaiError } from "../openai-chat/index.ts";
import type { Protocol } from "../protocol.ts";
import { embedders } from "./embeddings.ts";
import { byVectors } from "./rank-by-vectors.ts";
import { bedrockRanker, cohereRanker, jinaRanker, voyageRanker, workersRanker } from "./rankers.ts";
import { parseRerank } from "./rerank-request.ts";

/** Cohere's clients read `message`, all others `error`. */
export const renderRerankError = (error: GatewayError): string => JSON.stringify({ message: error.message, ...(JSON.parse(renderOpenaiError(error)) as object) });

const { conversation: _, ...plain } = openaiChat;

export const rerank: Protocol = {
  ...plain,
  id: "rerank",
  kind: "rerank",
  path: "/rerank",
  parse: parseRerank,
  edits: () => ({}),
  renderError: renderRerankError,
  crossings: [cohereRanker, jinaRanker, voyageRanker, bedrockRanker, workersRanker, ...embedders.map(byVectors)],
};

/** Which protocol a batch's lines are in, by the path that they ask for. */
import { anthropicMessages, openaiChat, openaiCompletions, openaiEmbeddings, openaiResponses, type Protocol } from "../protocols/index.ts";
import type { Shape } from "./batch.ts";

/** One row for each path that batches may go to. */
const protocolsByPath: Readonly<Record<Shape, Readonly<Record<string, Protocol>>>> = {
  file: {
    "/v1/chat/completions": openaiChat,
    "/v1/responses": openaiResponses,
    "/v1/embeddings": openaiEmbeddings,
    "/v1/completions": openaiCompletions,
  },
  messages: { "/v1/messages": anthropicMessages },
};

export const endpointsOf = (shape: Shape): readonly string[] => Object.keys(protocolsByPath[shape]);

export const protocolAt = (shape: Shape, endpoint: string): Protocol => protocolsByPath[shape][endpoint]!;

/** Which protocol a batch's lines are in, by the path that they ask for, and what stands around the one path there. */
import { withMcp } from "../mcp/index.ts";
import { serve, withPrompts, type Serve } from "../pipeline/index.ts";
import { anthropicMessages, openaiChat, openaiCompletions, openaiEmbeddings, openaiModerations, openaiResponses, type Protocol } from "../protocols/index.ts";
import type { Shape } from "./batch.ts";

type Way = { readonly protocol: Protocol; readonly by: Serve };

/** One row for each path that batches may go to, as its route has it. */
const ways: Readonly<Record<Shape, Readonly<Record<string, Way>>>> = {
  file: {
    "/v1/chat/completions": { protocol: openaiChat, by: serve },
    "/v1/responses": { protocol: openaiResponses, by: withMcp(serve) },
    "/v1/embeddings": { protocol: openaiEmbeddings, by: serve },
    "/v1/moderations": { protocol: openaiModerations, by: serve },
    "/v1/completions": { protocol: openaiCompletions, by: withPrompts(serve) },
  },
  messages: { "/v1/messages": { protocol: anthropicMessages, by: serve } },
};

export const endpointsOf = (shape: Shape): readonly string[] => Object.keys(ways[shape]);

export const protocolAt = (shape: Shape, endpoint: string): Way => ways[shape][endpoint]!;

/** Which protocol a batch's lines are in, by the path that they ask for, and what stands around the one path there. */
import { withMcp } from "../mcp/index.ts";
import { retellPictures, serve, withPrompts, type Serve } from "../pipeline/index.ts";
import { anthropicMessages, openaiChat, openaiCompletions, openaiEmbeddings, openaiImageEditsJson, openaiImages, openaiModerations, openaiResponses, openaiVideos, type Protocol } from "../protocols/index.ts";
import { filmed } from "../videos/index.ts";
import type { Shape } from "./batch.ts";

/**
 * `lasting`: the line begins what goes on by itself, in an object of its own that books it; a line that runs again finds it by its name.
 * `crosses`: what is asked there is one question, whichever protocol it is asked in.
 */
type Way = { readonly protocol: Protocol; readonly by: Serve; readonly lasting?: true; readonly crosses?: true };

const pictured: Serve = (context, protocol) => serve({ ...context, retells: retellPictures }, protocol);

/** One row for each path that batches may go to, as its route has it. */
const ways: Readonly<Record<Shape, Readonly<Record<string, Way>>>> = {
  file: {
    "/v1/chat/completions": { protocol: openaiChat, by: serve, crosses: true },
    "/v1/responses": { protocol: openaiResponses, by: withMcp(serve), crosses: true },
    "/v1/embeddings": { protocol: openaiEmbeddings, by: serve },
    "/v1/moderations": { protocol: openaiModerations, by: serve },
    "/v1/completions": { protocol: openaiCompletions, by: withPrompts(serve) },
    "/v1/images/generations": { protocol: openaiImages, by: pictured },
    "/v1/images/edits": { protocol: openaiImageEditsJson, by: pictured },
    "/v1/videos": { protocol: openaiVideos, by: filmed, lasting: true },
  },
  messages: { "/v1/messages": { protocol: anthropicMessages, by: serve, crosses: true } },
};

export const endpointsOf = (shape: Shape): readonly string[] => Object.keys(ways[shape]);

export const protocolAt = (shape: Shape, endpoint: string): Way => ways[shape][endpoint]!;

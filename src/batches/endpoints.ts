/** Which protocol a batch's lines are in, by the path that they ask for, and what stands around the one path there. */
import { withMcp } from "../mcp/index.ts";
import { retellPictures, serve, withPrompts, type Serve } from "../pipeline/index.ts";
import { anthropicMessages, openaiChat, openaiCompletions, openaiEmbeddings, openaiImageEditsJson, openaiImages, openaiModerations, openaiResponses, openaiVideos, type Protocol } from "../protocols/index.ts";
import { filmed } from "../videos/index.ts";
import type { Shape } from "./batch.ts";

/**
 * `lasting`: the line begins what goes on by itself, in an object of its own that books it; a line that runs again finds it by its name.
 * `native`: a line is answered at once and by one answer, in whichever protocol it is asked, so that a provider's own batch may do it. A moderation is not: a
 * model that was to judge, and has not, is asked again.
 */
export type Way = { readonly protocol: Protocol; readonly by: Serve; readonly lasting?: true; readonly native?: true };

const pictured: Serve = (context, protocol) => serve({ ...context, retells: retellPictures }, protocol);

/** One row for each path that batches may go to, as its route has it. */
const ways: Readonly<Record<Shape, Readonly<Record<string, Way>>>> = {
  file: {
    "/v1/chat/completions": { protocol: openaiChat, by: serve, native: true },
    "/v1/responses": { protocol: openaiResponses, by: withMcp(serve), native: true },
    "/v1/embeddings": { protocol: openaiEmbeddings, by: serve, native: true },
    "/v1/moderations": { protocol: openaiModerations, by: serve },
    "/v1/completions": { protocol: openaiCompletions, by: withPrompts(serve), native: true },
    "/v1/images/generations": { protocol: openaiImages, by: pictured, native: true },
    "/v1/images/edits": { protocol: openaiImageEditsJson, by: pictured, native: true },
    "/v1/videos": { protocol: openaiVideos, by: filmed, lasting: true },
  },
  messages: { "/v1/messages": { protocol: anthropicMessages, by: serve, native: true } },
};

export const endpointsOf = (shape: Shape): readonly string[] => Object.keys(ways[shape]);

export const protocolAt = (shape: Shape, endpoint: string): Way => ways[shape][endpoint]!;

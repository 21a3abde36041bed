/** The upstream half of generateContent. */
import type { UpstreamHalf } from "../protocol.ts";
import { parseResponse, parseStream } from "./parse-stream.ts";
import { renderRequest } from "./render-request.ts";
import { protocolId } from "./words.ts";

const path = (upstreamId: string, method: string): string => `/models/${encodeURIComponent(upstreamId)}:${method}`;

/** All that a bare count takes. https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/count-tokens */
const countedBare = ["contents", "systemInstruction", "tools", "generationConfig"];

export const geminiUpstream: UpstreamHalf = {
  id: protocolId,
  path: (upstreamId, stream) => path(upstreamId, stream ? "streamGenerateContent?alt=sse" : "generateContent"),
  renderRequest,
  parseResponse,
  parseStream,
  count: {
    id: protocolId,
    path: (upstreamId) => path(upstreamId, "countTokens"),
    render(request, target) {
      const { body } = renderRequest(request, target);
      if (target.dialect.counts === "bare") return Object.fromEntries(Object.entries(body).filter(([field]) => countedBare.includes(field)));
      return { generateContentRequest: { model: `models/${target.upstreamId}`, ...body } };
    },
    parse: (body) => {
      const { totalTokens } = (body ?? {}) as { totalTokens?: unknown };
      return typeof totalTokens === "number" ? totalTokens : undefined;
    },
  },
};

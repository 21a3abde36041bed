/** The upstream half of generateContent. */
import type { UpstreamHalf } from "../protocol.ts";
import { parseResponse, parseStream } from "./parse-stream.ts";
import { renderRequest } from "./render-request.ts";
import { protocolId } from "./words.ts";

const path = (upstreamId: string, method: string): string => `/models/${encodeURIComponent(upstreamId)}:${method}`;

export const geminiUpstream: UpstreamHalf = {
  id: protocolId,
  path: (upstreamId, stream) => path(upstreamId, stream ? "streamGenerateContent?alt=sse" : "generateContent"),
  renderRequest,
  parseResponse,
  parseStream,
  count: {
    id: protocolId,
    path: (upstreamId) => path(upstreamId, "countTokens"),
    render: (request, target) => ({ generateContentRequest: { model: `models/${target.upstreamId}`, ...renderRequest(request, target).body } }),
    parse: (body) => {
      const { totalTokens } = (body ?? {}) as { totalTokens?: unknown };
      return typeof totalTokens === "number" ? totalTokens : undefined;
    },
  },
};

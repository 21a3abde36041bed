/** Responses as a provider is asked in it. */
import type { UpstreamHalf } from "../protocol.ts";
import { parseResponse } from "./parse-response.ts";
import { ResponsesStreamParser } from "./parse-stream.ts";
import { renderCount, renderRequest } from "./render-request.ts";
import { number, protocolId, record } from "./words.ts";

/** https://platform.openai.com/docs/api-reference/responses */
export const openaiResponsesUpstream: UpstreamHalf = {
  id: protocolId,
  path: () => "/responses",
  renderRequest,
  parseResponse,
  parseStream: (context) => new ResponsesStreamParser(context),
  count: {
    id: "openai-input-tokens",
    path: () => "/responses/input_tokens",
    render: renderCount,
    parse: (body) => number(record(body).input_tokens),
  },
};

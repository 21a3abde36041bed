/** Cohere's chat, version 2, as providers are asked in it. https://docs.cohere.com/reference/chat */
import type { UpstreamHalf } from "../protocol.ts";
import { CohereStreamParser, parseResponse } from "./parse-stream.ts";
import { renderRequest } from "./render-request.ts";
import { protocol } from "./words.ts";

export const cohereChatUpstream: UpstreamHalf = {
  id: protocol,
  path: () => "/v2/chat",
  renderRequest,
  parseResponse,
  parseStream: (context) => new CohereStreamParser(context),
};

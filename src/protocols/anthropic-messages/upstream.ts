/** Messages as providers are asked in it. https://docs.anthropic.com/en/api/messages */
import type { UpstreamHalf } from "../protocol.ts";
import { parseCount, renderCount } from "./count.ts";
import { parseResponse } from "./parse-response.ts";
import { MessagesStreamParser } from "./parse-stream.ts";
import { renderRequest } from "./render-request.ts";
import { protocol } from "./words.ts";

/** The upstream half of Messages. */
export const anthropicMessagesUpstream: UpstreamHalf = {
  id: protocol,
  path: () => "/v1/messages",
  headers: { "anthropic-version": "2023-06-01" },
  renderRequest,
  parseResponse,
  parseStream: (context) => new MessagesStreamParser(context),
  count: { id: "anthropic-count-tokens", path: () => "/v1/messages/count_tokens", render: renderCount, parse: parseCount },
};

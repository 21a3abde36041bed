/** Amazon Bedrock's Converse, as providers are asked in it. Frames are named by AWS's event types (upstream/event-stream.ts). */
import type { UpstreamHalf } from "../protocol.ts";
import { ConverseStreamParser, parseResponse } from "./parse-stream.ts";
import { renderRequest } from "./render-request.ts";
import { protocol } from "./words.ts";

export const bedrockConverseUpstream: UpstreamHalf = {
  id: protocol,
  path: (upstreamId, stream) => `/model/${encodeURIComponent(upstreamId)}/converse${stream ? "-stream" : ""}`,
  renderRequest,
  parseResponse,
  parseStream: (context) => new ConverseStreamParser(context),
};

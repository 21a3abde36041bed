/** Responses as a client speaks it, whatever the provider speaks. */
import { withOwnCalls } from "../own-calls.ts";
import type { ClientHalf } from "../protocol.ts";
import { parseRequest } from "./parse-request.ts";
import { renderResponse } from "./render-response.ts";
import { ResponsesStreamRenderer } from "./render-stream.ts";

/** https://platform.openai.com/docs/api-reference/responses */
export const openaiResponsesClient: ClientHalf = withOwnCalls({
  parseRequest,
  renderResponse,
  renderStream: (context) => new ResponsesStreamRenderer(context),
  streamType: "text/event-stream; charset=utf-8",
});

/** A response before its deployment has said anything. Pure but for the clock that comes with its request. */
import type { RequestContext } from "../pipeline/index.ts";
import { openaiResponses } from "../protocols/index.ts";
import { dataOf, splitFrames } from "../protocols/sse.ts";
import { isObject, Teller, type Echo, type Json } from "./teller.ts";

/** With all that the request says of it. Throws `invalid_request` where its client hears of nothing that comes later. */
export function beginningOf({ requestId, startedAtMs }: RequestContext, id: string, echo: Echo, json: unknown): Json {
  const nowS = Math.floor(startedAtMs / 1_000);
  if (echo.background) openaiResponses.parse(json);
  const said = saidOf(requestId, nowS, json, echo.background);
  const response = new Teller(id, echo).response({ object: "response", created_at: nowS, model: (json as Json).model, error: null, ...said });
  return { ...response, status: echo.background ? "queued" : "in_progress" };
}

/** The object as a deployment of another protocol would begin it; nothing where only one of the same could read the request. */
function saidOf(requestId: string, nowS: number, json: unknown, strict: boolean): Json {
  const { parseRequest, renderStream } = openaiResponses.conversation!;
  try {
    const frames = renderStream({ request: parseRequest(json), requestId, nowS }).push({ type: "start" });
    const { response } = JSON.parse(dataOf(splitFrames(frames)[0]!)!) as Json;
    return isObject(response) ? response : {};
  } catch (error) {
    if (strict) throw error;
    return {};
  }
}

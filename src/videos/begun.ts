/** A film asked for by whoever calls, and how it is told that it has begun. */
import type { Principal } from "../accounts/index.ts";
import { answerHeaders, callerOf, lossHeader, readJson, refusal, type RequestContext, type Serve } from "../pipeline/index.ts";
import { openaiVideos, renderVideo, type Protocol, type Video } from "../protocols/index.ts";
import { errorOf, type Created, type Order } from "./job.ts";
import { Videos } from "./videos.ts";

/** Whose words a client is told in: refusals are its protocol's. */
export type Words = { readonly protocol: Protocol; readonly status: 200 | 202; render(video: Video, context: RequestContext): object };

export const openaiWords: Words = { protocol: openaiVideos, status: 200, render: renderVideo };

/** A film that has begun, or why it has not. */
export function told(context: RequestContext, made: Created, { status, render }: Words = openaiWords): Response {
  if (made.is === "refused") throw errorOf(made.error);
  return Response.json(render(made.video, context), { status, headers: { ...answerHeaders(context.requestId, made.rate, "application/json"), ...lossHeader(made.losses) } });
}

/** What begins a film for whoever calls; a key that may call no more hears only that. */
export async function begun(context: RequestContext, begin: (context: RequestContext, principal: Principal) => Promise<Response>, { protocol }: Words = openaiWords): Promise<Response> {
  let caller: Principal | undefined;
  try {
    caller = await callerOf(context);
    return await begin(context, caller);
  } catch (thrown) {
    return refusal(context, protocol, caller, thrown);
  }
}

/** Begins a film of these fields. */
export async function create(context: RequestContext, principal: Principal, fields: Record<string, unknown>, words: Words = openaiWords, callback?: Order["callback"]): Promise<Response> {
  openaiVideos.parse(fields);
  return told(context, await new Videos(context.isolate).create(context, principal, fields, callback && { callback }), words);
}

/** A request for a film as JSON, as others are answered by the path. It spends nothing itself: the film does. */
export const filmed: Serve = (context) => begun(context, async (asking, principal) => create(asking, principal, (asking.read ?? (await readJson(asking.request))).json as Record<string, unknown>));

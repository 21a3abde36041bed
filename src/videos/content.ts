/** A film's bytes on their way to its client: from where they lie, no faster than they are read. The provider's key stays here. */
import type { Principal } from "../accounts/index.ts";
import { GatewayError } from "../errors.ts";
import type { StoredFile } from "../files/index.ts";
import type { RequestContext } from "../pipeline/index.ts";
import type { Variant } from "../protocols/job.ts";
import { ask } from "../upstream/index.ts";
import { endpointAt } from "./follow.ts";
import type { Deployed } from "./job.ts";
import { Videos } from "./videos.ts";

/** Of a provider's headers those that bytes need. */
const kept = ["content-length", "content-range", "accept-ranges", "etag", "last-modified"];
/** Whatever a provider says it is, it is drawn and not run. */
const typeOf = (said: string | null): string => (/^(?:video|image)\/(?!svg)[\w.+-]+$/i.test(said ?? "") ? said! : "video/mp4");

/** The answer with it, or the file that it is kept in here. `headers`: those of every answer. Throws why there is none. */
export async function contentOf(context: RequestContext, principal: Principal, id: string, variant: Variant, headers: Record<string, string>): Promise<Response | StoredFile> {
  const { isolate } = context;
  const place = await new Videos(isolate).where(principal, id, variant);
  if (place.is === "there") return there(context, principal, id, place, headers);
  const file = await isolate.files.find(principal.organisationId, place.fileId, Date.now());
  if (!file) throw new GatewayError("not_found", "The film is not there any more.");
  return file;
}

async function there({ isolate, request, waitUntil }: RequestContext, { organisationId, keyId }: Principal, id: string, { at, url }: { at: Deployed; url: string }, headers: Record<string, string>): Promise<Response> {
  const endpoint = await endpointAt(isolate, { organisationId, id, keyId }, at, waitUntil);
  const range = request.headers.get("range");
  const response = await ask({ endpoint, protocol: at.protocol, at: url, headers: range === null ? {} : { range }, signal: request.signal });
  if (response.ok || response.status === 416) {
    const own = kept.flatMap((name) => (response.headers.has(name) ? [[name, response.headers.get(name)!]] : []));
    return new Response(response.body, { status: response.status, headers: { ...headers, "content-type": typeOf(response.headers.get("content-type")), ...Object.fromEntries(own) } });
  }
  void response.body?.cancel();
  throw new GatewayError([404, 410].includes(response.status) ? "not_found" : "upstream_error", `${endpoint.provider.name} answered ${response.status} when it was asked for the film.`);
}

/** The one place from which the Worker calls out with content. Hosts come from the provider table, the owner's vars and credentials, never from a request. */
import { GatewayError } from "../errors.ts";
import type { SentBody } from "../protocols/protocol.ts";
import { authHeaders, type Endpoint } from "../providers/index.ts";
import { bodyOf } from "./sent-body.ts";

export type Call = {
  endpoint: Endpoint;
  /** Path under the base URL, with its leading slash. */
  path: string;
  body: SentBody;
  /** Protocol of the call: a provider's auth may differ by it. */
  protocol: string;
  /** The client's headers that belong to the protocol. */
  headers: Record<string, string>;
  /** Aborts the call: the client left, or time is up. */
  signal: AbortSignal;
};

/**
 * Sends one request. Only these headers leave: content type, our user agent, the provider's key, and those of the client's that
 * its protocol names; never the gateway's own key. Redirects are not followed. Rejects with `upstream_error` when no answer comes, or with what was wrong with a body that was still coming.
 */
export async function send({ endpoint, protocol, path, body, headers, signal }: Call): Promise<Response> {
  const url = endpoint.baseUrl + path;
  let response: Response;
  const { type, body: bytes, fault } = bodyOf(body);
  try {
    const sent = await authorised(endpoint, protocol, { url, method: "POST", headers: { "content-type": type, ...headers }, body: typeof body === "string" ? body : "" });
    response = await post(url, sent, bytes, signal, endpoint.dial);
  } catch {
    if (signal.aborted) throw signal.reason;
    throw fault?.() ?? new GatewayError("upstream_error", `${endpoint.provider.name} could not be reached.`);
  }
  if (response.status >= 300 && response.status < 400) {
    void response.body?.cancel();
    throw new GatewayError("upstream_error", `${endpoint.provider.name} answered with a redirect (${response.status}), which is not followed.`);
  }
  return response;
}

const dialled: NonNullable<Endpoint["dial"]> = (url, init) => fetch(url, init);

/** A POST of nothing but this. Redirects are not followed. */
export const post = (url: string, headers: Record<string, string>, body: BodyInit, signal: AbortSignal, dial: NonNullable<Endpoint["dial"]> = dialled): Promise<Response> =>
  dial(url, { method: "POST", headers: { "user-agent": "forge", ...headers }, body, redirect: "manual", signal });

/** The call's headers with the provider's key among them, or signed with it. */
async function authorised({ provider, secret, ...rest }: Endpoint, protocol: string, call: { url: string; method: string; headers: Record<string, string>; body: string }): Promise<Record<string, string>> {
  if (provider.sign && secret !== undefined) return { ...call.headers, ...(await provider.sign(call, secret)) };
  return { ...authHeaders({ provider, secret, ...rest }, protocol), ...call.headers };
}

/** The id that the provider gave this request, for support. */
export function upstreamRequestId(endpoint: Endpoint, response: Response): string | null {
  const named = endpoint.provider.requestIdHeader;
  return (named && response.headers.get(named)) ?? response.headers.get("x-request-id");
}

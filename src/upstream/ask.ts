/** Calls that follow upon a request: how far its answer is, and where it lies. They go to the provider that was asked, and to nobody else. */
import { GatewayError } from "../errors.ts";
import { authHeaders, type Endpoint } from "../providers/index.ts";

export type Follow = {
  readonly endpoint: Endpoint;
  readonly protocol: string;
  /** A path under the base URL, or a whole URL that the provider has named. */
  readonly at: string;
  readonly method?: "GET" | "POST" | "DELETE";
  /** JSON that is posted. */
  readonly body?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
};

/** So many times a provider may send on from where it keeps files. */
const mostRedirects = 3;

/**
 * Asks a provider for what it has named. Its key goes only to where its requests go; where it merely keeps files nothing goes along. A URL
 * that is neither is not called. Rejects with `upstream_error` when no answer comes.
 */
export async function ask({ endpoint, protocol, at, body, method = body === undefined ? "GET" : "POST", headers = {}, signal }: Follow): Promise<Response> {
  const { provider, baseUrl, dial } = endpoint;
  let url = at.startsWith("/") ? baseUrl + at : at;
  for (let hops = 0; hops <= mostRedirects; hops += 1) {
    const whose = ownerOf(url, endpoint);
    if (!whose) throw notIts(provider.name);
    const sent = { "user-agent": "forge", ...headers, ...(body !== undefined && { "content-type": "application/json" }), ...(whose === "api" && (await keyFor(endpoint, protocol, { url, method, body: body ?? "" }))) };
    const init: RequestInit = { method, headers: sent, redirect: "manual", signal, ...(body !== undefined && { body }) };
    const response = await (dial ? dial(url, init) : fetch(url, init)).catch(() => {
      if (signal.aborted) throw signal.reason;
      throw new GatewayError("upstream_error", `${provider.name} could not be reached.`);
    });
    const location = response.status >= 300 && response.status < 400 ? response.headers.get("location") : null;
    if (location === null) return response;
    void response.body?.cancel();
    url = new URL(location, url).href;
  }
  throw new GatewayError("upstream_error", `${provider.name} answered with too many redirects.`);
}

export const notIts = (name: string): GatewayError => new GatewayError("upstream_error", `${name} names an address that is not its own.`);

async function keyFor({ provider, secret, ...rest }: Endpoint, protocol: string, call: { url: string; method: string; body: string }): Promise<Record<string, string>> {
  if (provider.sign && secret !== undefined) return provider.sign({ ...call, headers: {} }, secret);
  return authHeaders({ provider, secret, ...rest }, protocol);
}

/** Whether a URL is under the provider's API, or where it keeps files for whoever has the address. undefined: neither. */
export function ownerOf(url: string, { provider: { fileHosts = [], apiHosts = [] }, baseUrl }: Pick<Endpoint, "provider" | "baseUrl">): "api" | "files" | undefined {
  const { origin, protocol, hostname, username, port } = URL.parse(url) ?? {};
  if (hostname === undefined || username !== "") return undefined;
  if (origin === new URL(baseUrl).origin) return "api";
  if (protocol !== "https:" || port !== "") return undefined;
  const among = (hosts: readonly string[]): boolean => hosts.some((host) => hostname === host || (host.startsWith(".") && hostname.endsWith(host)));
  return among(apiHosts) ? "api" : among(fileHosts) ? "files" : undefined;
}

/** The way to one self-hosted server, and to nothing else: what the sandbox of a sovereign call is given in place of the network. */
import { WorkerEntrypoint } from "cloudflare:workers";

/** The bindings that matter to sovereign calls; both are the owner's to leave out. */
export type SovereignEnv = { readonly LOADER?: WorkerLoader; readonly SOVEREIGN_VPC?: Fetcher };

/** Where an origin is and how it is reached. */
export type OriginProps = {
  /** Its base URL, without trailing slash: all that is under it may be asked for. */
  readonly baseUrl: string;
  /** The Workers VPC binding that leads there; undefined: by its URL. */
  readonly vpc?: "SOVEREIGN_VPC";
  /** For the selftest: the origin is not asked; it is as if it had answered with a redirect to this URL. */
  readonly redirectsTo?: string;
};

const notFor = "Not for the sovereign origin";

/** Steps up a path that a server may take after it has decoded what the URL's own rules leave encoded. */
const stepsUp = /(?:[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?:[/\\]|%2f|%5c|$)/i;

/** Why this request may not go to the origin, or undefined: it must be a GET or POST of a URL under the base URL. */
export function objection({ method, url, headers }: Pick<Request, "method" | "url" | "headers">, baseUrl: string): string | undefined {
  const [asked, base] = [new URL(url), new URL(baseUrl)];
  if (asked.origin !== base.origin) return "it is another host, port or scheme";
  if (asked.username || asked.password) return "there are credentials in the URL";
  const root = base.pathname.replace(/\/+$/, "");
  if (asked.pathname !== root && !asked.pathname.startsWith(`${root}/`)) return "the path is outside the base URL";
  if (stepsUp.test(asked.pathname)) return "the path steps up";
  if (method !== "GET" && method !== "POST") return `${method} is no method of a call to a model`;
  if (headers.has("upgrade")) return "it asks for another protocol";
  return undefined;
}

/** Header of an answer that is the gate's own: why there is none of the origin's. A value and no exception, since the platform logs those with all they say. */
export const gateHeader = "x-sovereign-gate";

const gateAnswer = (status: number, why: string): Response => new Response(null, { status, headers: { [gateHeader]: why } });

/** Makes the call with what the request has and nothing more; redirects are not followed. Never rejects. */
export async function reach(request: Request, { baseUrl, vpc, redirectsTo }: OriginProps, env: SovereignEnv): Promise<Response> {
  const wrong = objection(request, baseUrl);
  if (wrong !== undefined) return gateAnswer(421, `${notFor}: ${wrong}.`);
  if (redirectsTo !== undefined) return new Response(null, { status: 307, headers: { location: redirectsTo } });
  const headers = new Headers(request.headers);
  // The hop's own: the runtime writes it anew from the body.
  headers.delete("content-length");
  const init: RequestInit = { method: request.method, headers, body: request.body, redirect: "manual", signal: request.signal };
  try {
    return await (vpc === undefined ? fetch(request.url, init) : env[vpc]!.fetch(request.url, init));
  } catch {
    return gateAnswer(502, "The sovereign origin did not answer.");
  }
}

/** The origin as a capability: a fetcher that reaches what its props say. It has no other method. */
export class SovereignOrigin extends WorkerEntrypoint<Cloudflare.Env, OriginProps> {
  override fetch(request: Request): Promise<Response> {
    return reach(request, this.ctx.props, this.env as SovereignEnv);
  }

  /** A raw socket leads no further than here, and is told so. */
  async connect(socket: Socket): Promise<void> {
    const writer = socket.writable.getWriter();
    await writer.write(new TextEncoder().encode(`${notFor}: it is no HTTP.`));
    await writer.close();
  }
}

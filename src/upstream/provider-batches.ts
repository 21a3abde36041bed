/** Calls of a provider's API of batches: what it takes and gives there, whichever form its batches have. */
import { GatewayError } from "../errors.ts";
import { authHeaders, type Endpoint } from "../providers/index.ts";
import { readBounded } from "./read.ts";

const callMs = 60_000;
/** How long a body of a batch's size may be on its way. */
export const transferMs = 10 * 60_000;
const answerLimit = 4 * 1024 * 1024;

export type Json = Readonly<Record<string, unknown>>;

/** A body in pieces, which have so many `bytes` together. */
export type Coming = { readonly type: string; readonly bytes: number; readonly pieces: AsyncIterable<Uint8Array>; readonly headers?: Readonly<Record<string, string>> };

/** Paths are those under the provider's base URL. Every call throws `upstream_refused` where the provider refuses, `upstream_error` where it cannot be reached or may answer another time. */
export class ProviderCalls {
  private readonly endpoint: Endpoint;

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint;
  }

  /** The same account where its API has something else: `/upload/v1beta` beside `/v1beta`. */
  beside(what: string): ProviderCalls {
    return new ProviderCalls({ ...this.endpoint, baseUrl: this.endpoint.baseUrl.replace(/(?<=[^/]\/)[^/]+$/, `${what}/$&`) });
  }

  get(path: string): Promise<Json> {
    return this.json("GET", path);
  }

  post(path: string, body?: object): Promise<Json> {
    return this.json("POST", path, body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } });
  }

  remove(path: string): Promise<Json> {
    return this.json("DELETE", path);
  }

  /** Posts a body as it comes. */
  async send(path: string, { type, bytes, pieces, headers }: Coming): Promise<Json> {
    const { readable, writable } = new FixedLengthStream(bytes);
    const [answer] = await Promise.all([this.json("POST", path, { body: readable, headers: { ...headers, "content-type": type }, ms: transferMs }), pour(writable, pieces)]);
    return answer;
  }

  /** An answer's text, of at most so many bytes. */
  text(path: string, mostBytes: number): Promise<string> {
    return this.read("GET", path, mostBytes);
  }

  /** Bytes of an answer as they come. */
  async content(path: string): Promise<ReadableStream<Uint8Array>> {
    const response = await this.call("GET", path, { ms: transferMs });
    return response.body!;
  }

  private async json(method: string, path: string, sent: Sent = {}): Promise<Json> {
    const text = await this.read(method, path, answerLimit, sent);
    try {
      return JSON.parse(text) as Json;
    } catch {
      throw new GatewayError("upstream_error", `${this.endpoint.provider.name} did not answer with JSON.`);
    }
  }

  private async read(method: string, path: string, mostBytes: number, sent: Sent = {}): Promise<string> {
    return new TextDecoder().decode(await readBounded((await this.call(method, path, sent)).body, mostBytes));
  }

  private async call(method: string, path: string, { body, headers, ms = callMs }: Sent): Promise<Response> {
    const { endpoint } = this;
    const { name } = endpoint.provider;
    const init: RequestInit = { method, redirect: "manual", signal: AbortSignal.timeout(ms), headers: { "user-agent": "forge", ...authHeaders(endpoint, "batch"), ...headers }, ...(body !== undefined && { body }) };
    const response = await (endpoint.dial ?? fetch)(endpoint.baseUrl + path, init).catch(() => {
      throw new GatewayError("upstream_error", `${name} could not be reached.`);
    });
    if (response.ok) return response;
    await response.body?.cancel();
    const passes = response.status >= 500 || response.status === 408 || response.status === 429;
    throw new GatewayError(passes ? "upstream_error" : "upstream_refused", `${name} answered ${response.status}.`, {}, passes ? undefined : response.status);
  }
}

type Sent = { readonly body?: BodyInit; readonly headers?: Readonly<Record<string, string>>; readonly ms?: number };

async function pour(writable: WritableStream<Uint8Array>, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const writer = writable.getWriter();
  try {
    for await (const bytes of pieces) await writer.write(bytes);
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => {});
    throw error;
  }
}

/** The real Worker on a socket, between the official SDK and two upstreams: aimock as `openai/…`, faults as `selfhosted/…`. */
import { LLMock } from "@copilotkit/aimock";
import OpenAI from "openai";
import { startLocal, type LocalGateway } from "../../scripts/local.ts";
import { Upstream } from "./upstream.ts";
import { entryOf } from "../support/entry.ts";

/** aimock refuses any other. */
export const openaiKey = "sk-upstream-canary-0123456789";
const adminSecret = "conformance-admin-conformance-admin-1";

export type Client = { openai: OpenAI; key: string };
export type Entry = { end: string; status: number; estimated: boolean; deployment: string; usage: { inputTokens: number; cachedTokens: number; outputTokens: number; reasoningTokens: number; pieces?: Record<string, number> }; costSource: string };

export class Gateway {
  readonly url: string;
  readonly mock: LLMock;
  readonly upstream: Upstream;
  /** The same SDK straight at aimock. */
  readonly direct: OpenAI;
  private readonly local: LocalGateway;
  private readonly organisation: string;

  private constructor(local: LocalGateway, mock: LLMock, upstream: Upstream, organisation: string) {
    this.url = local.url;
    this.local = local;
    this.mock = mock;
    this.upstream = upstream;
    this.organisation = organisation;
    this.direct = new OpenAI({ baseURL: `${mock.url}/v1`, apiKey: openaiKey, maxRetries: 0 });
  }

  /** `more`: vars beside the usual ones; it gets where aimock is. */
  static async start(more: (mock: string) => Record<string, string> = () => ({})): Promise<Gateway> {
    const mock = new LLMock({ port: 0, chunkSize: 12, auth: { apiKeys: [openaiKey] } });
    const upstream = new Upstream();
    const [, sovereignOrigin] = await Promise.all([mock.start(), upstream.start()]);
    const local = await startLocal({
      port: 0,
      vars: {
        KEY_PEPPER: "conformance-pepper-conformance-pepper", ADMIN_SECRET: adminSecret, CREDENTIALS_SECRET: "conformance-credentials-conformance",
        OPENAI_API_KEY: openaiKey, OPENAI_BASE_URL: `${mock.url}/v1`, SOVEREIGN_ORIGIN: sovereignOrigin, ALLOW_PRIVATE_UPSTREAMS: "true", UPSTREAM_RETRIES: "0", PROVIDER_BATCH_POLL_MS: "100",
        ...more(mock.url),
      },
    });
    const { id } = await post<{ id: string }>(local.url, "/admin/organisations", { name: "Conformance" });
    return new Gateway(local, mock, upstream, id);
  }

  async stop(): Promise<void> {
    this.upstream.stop();
    await Promise.all([this.local.stop(), this.mock.stop()]);
  }

  /** A new key and the SDK that holds it. */
  async client(policy: object = { limits: { requestsPerMinute: 1_000 } }): Promise<Client> {
    const { secret } = await post<{ secret: string }>(this.url, "/admin/keys", { organisation: this.organisation, name: "conformance", policy });
    return { key: secret, openai: this.sdk(secret) };
  }

  sdk(apiKey: string): OpenAI {
    return new OpenAI({ baseURL: `${this.url}/v1`, apiKey, maxRetries: 0 });
  }

  /** The ledger's entry, once it is settled. */
  entry({ key }: Client, requestId: string | null | undefined): Promise<Entry> {
    return entryOf(this.url, key, requestId);
  }

  async usage({ key }: Client): Promise<{ totals: { requests: number; inputTokens: number; outputTokens: number } }> {
    const answer = await fetch(`${this.url}/dashboard/usage`, { headers: { authorization: `Bearer ${key}` } });
    return (await answer.json()) as { totals: { requests: number; inputTokens: number; outputTokens: number } };
  }
}

async function post<T>(url: string, path: string, body: object): Promise<T> {
  const headers = { authorization: `Bearer ${adminSecret}`, "content-type": "application/json" };
  const answer = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
  if (answer.status !== 201) throw new Error(`POST ${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

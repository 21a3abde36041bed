/**
 * A provider is who and where: base URL, credential, quirks. It knows nothing of how bytes look: that is a protocol.
 * Every provider's base URL can be set by `<ID>_BASE_URL` and its key by `<ID>_API_KEY` (`workers-ai` → WORKERS_AI_…).
 */

/** A provider's row. Everything optional has the value that OpenAI has. */
export type Provider = {
  readonly id: string;
  readonly name: string;
  /** Base URL without trailing slash; `{VAR}` is filled from the environment. undefined: it must be set by the owner. */
  readonly baseUrl: string | undefined;
  /** Paths of the protocols it speaks, where they are not the protocol's own. */
  readonly paths?: Readonly<Record<string, string>>;
  /** Protocols it speaks. */
  readonly speaks: readonly string[];
  /** Headers that carry the key, and what else a protocol of it cannot do without. */
  readonly auth?: (secret: string, protocol: string) => Record<string, string>;
  /** The owner's own machines: may be private, needs no key, serves sovereign requests. */
  readonly selfHosted?: boolean;
  /** How it takes `stream_options` where that is not as OpenAI does: usage comes by itself, or the request is refused. */
  readonly streamOptions?: "needless" | "refused";
  /** Response header with the provider's own request id. */
  readonly requestIdHeader?: string;
};

/** A provider as this installation can reach it. */
export type Endpoint = { readonly provider: Provider; readonly baseUrl: string; readonly secret: string | undefined };

const bearer = (secret: string): Record<string, string> => ({ authorization: `Bearer ${secret}` });

/** The headers that authenticate a call. */
export const authHeaders = ({ provider, secret }: Endpoint, protocol: string): Record<string, string> =>
  secret === undefined ? {} : (provider.auth ?? bearer)(secret, protocol);

/** A provider that speaks OpenAI's chat completions and embeddings; `more` says where it differs. */
export function openaiLike(id: string, name: string, baseUrl: string | undefined, more: Partial<Provider> = {}): Provider {
  return { id, name, baseUrl, speaks: ["openai-chat", "openai-embeddings"], ...more };
}

/** Name of a provider's var: `envName("workers-ai", "API_KEY")` is `WORKERS_AI_API_KEY`. */
export const envName = (id: string, what: "API_KEY" | "BASE_URL"): string => `${id.toUpperCase().replaceAll("-", "_")}_${what}`;

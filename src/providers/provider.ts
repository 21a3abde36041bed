/**
 * A provider is who and where: base URL, credential, quirks. It knows nothing of how bytes look: that is a protocol.
 * Every provider's base URL can be set by `<ID>_BASE_URL` and its key by `<ID>_API_KEY` (`workers-ai` → WORKERS_AI_…).
 */

import type { Dialect, Prefill } from "../protocols/protocol.ts";

/** An HTTP request that is ready but for its credential. */
export type Unsigned = { readonly url: string; readonly method: string; readonly headers: Readonly<Record<string, string>>; readonly body: string };

/** Top-level fields of a body to set, as raw JSON, to set where the client has not, and to leave out. */
export type BodyEdits = { readonly set?: Readonly<Record<string, string>>; readonly absent?: Readonly<Record<string, string>>; readonly without?: readonly string[] };

/** A provider's own batches: of lines in files, as OpenAI has them, of requests within the call, as Anthropic has them, of keyed requests in files, as Gemini has them, or of lines in files with answers in pages, as xAI has them. */
export type Batches = {
  readonly by: "files" | "inline" | "keyed" | "named";
  /** Paths of the calls that may be lines, where not all may. */
  readonly takes?: RegExp;
  /** What one of its models is called in lines, where that is not what it is called otherwise. */
  readonly model?: (upstreamId: string) => string;
};

/** A provider's row. Everything optional has the value that OpenAI has. */
export type Provider = {
  readonly id: string;
  readonly name: string;
  /** Base URL without trailing slash; `{VAR}` is filled from the environment. undefined: it must be set by the owner. */
  readonly baseUrl: string | undefined;
  /** Hosts of a filled base URL that are called otherwise than its pattern has it. */
  readonly hosts?: Readonly<Record<string, string>>;
  /** Paths of the protocols it speaks, where they are not the protocol's own. */
  readonly paths?: Readonly<Record<string, string>>;
  /** Other hosts of its API, which get its key, and hosts where it keeps what it made for whoever has the address; `.` begins the end of a name. */
  readonly apiHosts?: readonly string[];
  readonly fileHosts?: readonly string[];
  /** Protocols it speaks. */
  readonly speaks: readonly string[];
  /** Headers that carry the key, and what else a protocol of it cannot do without. */
  readonly auth?: (secret: string, protocol: string) => Record<string, string>;
  /** The owner's own machines: may be private, needs no key, serves sovereign requests. */
  readonly selfHosted?: boolean;
  /** How it takes `stream_options` where that is not as OpenAI does: usage comes by itself, or the request is refused. */
  readonly streamOptions?: "needless" | "refused";
  /** How its dialect of a conversation's protocol differs from the vendor's. */
  readonly dialect?: Dialect;
  /** Protocols that one of its models speaks, the preferred one first, where models differ. */
  readonly speaksFor?: (upstreamId: string) => readonly string[];
  /** Path of a call, where it depends on more than the protocol, whose own is `own`. undefined: `paths`, or the protocol's own. */
  readonly pathFor?: (protocol: string, upstreamId: string, stream: boolean, own: string) => string | undefined;
  /** What a body must have or must not have here. */
  readonly edits?: (protocol: string, upstreamId: string) => BodyEdits | undefined;
  /** Whether a client's own text will be taken, in a protocol of which not all is. If not, it is read and written anew. */
  readonly takes?: (protocol: string, text: string) => boolean;
  /** How one of its models goes on in a protocol with the beginning of an answer; undefined: it does not, or nobody says that it does. */
  readonly prefill?: (protocol: string, upstreamId: string) => Prefill | undefined;
  /** The secret may be a service account of this vendor's: then its calls carry an access token that is got for it. */
  readonly accessTokens?: "google";
  /** Headers that authenticate a call whose credential is no mere header; instead of `auth`. */
  readonly sign?: (request: Unsigned, secret: string) => Promise<Record<string, string>>;
  /** What else it is called where requests name providers (OpenRouter's slugs). */
  readonly alsoCalled?: readonly string[];
  /** What its published terms say of requests by API, with the page; absent: not known, or it depends on the account. */
  readonly data?: { readonly trains?: false; readonly retains?: false; readonly source: string };
  /** It has batches of its own. Whether they are cheaper its prices say. */
  readonly batches?: Batches;
  /** It routes among providers itself, and takes a request's `provider` wishes. */
  readonly routes?: true;
  /** Its models that reason give their reasoning encrypted where Responses' `include` asks for it; others may refuse the word. */
  readonly sealsReasoning?: true;
  /** Tokens that it writes before every conversation, where they are more than others'. */
  readonly templateTokens?: number;
  /** Response header with the provider's own request id. */
  readonly requestIdHeader?: string;
};

/** A provider as this installation can reach it. */
export type Endpoint = {
  readonly provider: Provider;
  readonly baseUrl: string;
  readonly secret: string | undefined;
  /** Which of several places of its provider it is, from 1. */
  readonly place?: number;
  /** What is published of it, where it is where its publisher has it. */
  readonly data?: Provider["data"] | undefined;
  /** What this installation has agreed with it for its own account. */
  readonly agreed?: { readonly trains?: false; readonly retains?: false } | undefined;
  /** The installation lets base URLs be private and plain http; so may be what else a credential names. */
  readonly allowPrivate?: boolean;
  /** Makes the call in place of `fetch`: the way to a server that has one of its own. */
  readonly dial?: (url: string, init: RequestInit) => Promise<Response>;
};

const bearer = (secret: string): Record<string, string> => ({ authorization: `Bearer ${secret}` });

/** The headers that authenticate a call. */
export const authHeaders = ({ provider, secret }: Endpoint, protocol: string): Record<string, string> =>
  secret === undefined ? {} : (provider.auth ?? bearer)(secret, protocol);

/** Path under the base URL of a call in a protocol that itself has it at `own`. */
export const pathOf = (provider: Provider, protocol: string, upstreamId: string, stream: boolean, own: string): string =>
  provider.pathFor?.(protocol, upstreamId, stream, own) ?? provider.paths?.[protocol] ?? own;

/** A provider that speaks OpenAI's chat completions and embeddings; `more` says where it differs. */
export function openaiLike(id: string, name: string, baseUrl: string | undefined, more: Partial<Provider> = {}): Provider {
  return { id, name, baseUrl, speaks: ["openai-chat", "openai-embeddings"], ...more };
}

/** OpenAI's pictures: made, edited from a form or from addresses, varied. */
export const openaiPictures: readonly string[] = ["openai-images", "openai-image-edits", "openai-image-edits-json", "openai-image-variations"];

/** GPT Image answers with bytes always, and refuses to be asked how. https://platform.openai.com/docs/api-reference/images/create */
export const drawn = (protocol: string, upstreamId: string): BodyEdits | undefined =>
  (protocol.startsWith("openai-image") && /gpt-image|chatgpt-image/.test(upstreamId) ? { without: ["response_format"] } : undefined);

/** Name of a provider's var: `envName("workers-ai", "API_KEY")` is `WORKERS_AI_API_KEY`. */
export const envName = (id: string, what: "API_KEY" | "BASE_URL"): string => `${id.toUpperCase().replaceAll("-", "_")}_${what}`;

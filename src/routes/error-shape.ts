/** How failures look at a URL where no protocol has spoken yet: unknown pages, wrong methods, whatever a route throws. */
import type { GatewayError } from "../errors.ts";
import { geminiMethods, renderAnthropicError, renderAtlassianError, renderGoogleError, renderInsforgeError, renderOpenaiError, renderOpenrouterError, renderRerankError } from "../protocols/index.ts";

type RenderError = (error: GatewayError, requestId: string) => string;

/** The first row that takes a request tells; OpenAI's shape is everybody else's. */
const shapes: readonly { takes: (path: string, headers: Headers) => boolean; render: RenderError }[] = [
  { takes: (path) => /^(?:\/api)?\/v1(?:\/v1)?\/messages(?:\/|$)/.test(path), render: renderAnthropicError },
  { takes: (path) => /^\/api\/v1(?:\/|$)/.test(path), render: renderOpenrouterError },
  { takes: (path) => /^\/v[12](?:\/v[12])?\/rerank$/.test(path), render: renderRerankError },
  { takes: (path, headers) => path.startsWith("/v1/") && fromAnthropic(headers), render: renderAnthropicError },
  { takes: (path) => /^\/api\/ai(?:\/|$)/.test(path), render: renderInsforgeError },
  { takes: (path) => /^\/(?:forge\/)?llm(?:\/|$)/.test(path), render: renderAtlassianError },
  { takes: (path, headers) => /^\/v1beta(?:\/|$)/.test(path) || ofGoogle.test(path) || (path.startsWith("/v1/") && fromGoogle(headers)), render: renderGoogleError },
];

/** Google's calls stand beside OpenAI's list of models. */
const ofGoogle = new RegExp(`^/v1/models/.+(?::|%3[Aa])(?:${geminiMethods.join("|")})$`);

/** Whether a client is one of Google's: its SDKs say so, and what they ask for under /v1 stands there in OpenAI's shape too. */
export const fromGoogle = (headers: Headers): boolean => headers.has("x-goog-api-key") || headers.has("x-goog-api-client");

/** Whether a client is one of Anthropic's: its SDKs name a version of its API, and what is in beta of it. */
export const fromAnthropic = (headers: Headers): boolean => headers.has("anthropic-version") || /\bfiles-api-/.test(headers.get("anthropic-beta") ?? "");

/** The `renderError` of the clients that call this URL. */
export const renderErrorAt = (path: string, headers: Headers): RenderError => shapes.find(({ takes }) => takes(path, headers))?.render ?? renderOpenaiError;

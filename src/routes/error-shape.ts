/** How failures look at a URL where no protocol has spoken yet: unknown pages, wrong methods, whatever a route throws. */
import type { GatewayError } from "../errors.ts";
import { renderAnthropicError, renderOpenaiError } from "../protocols/index.ts";

type RenderError = (error: GatewayError, requestId: string) => string;

/** The first row that takes a request tells; OpenAI's shape is everybody else's. */
const shapes: readonly { takes: (path: string, headers: Headers) => boolean; render: RenderError }[] = [
  { takes: (path) => /^\/v1(?:\/v1)?\/messages(?:\/|$)/.test(path), render: renderAnthropicError },
  { takes: (path, headers) => path.startsWith("/v1/") && headers.has("anthropic-version"), render: renderAnthropicError },
];

/** The `renderError` of the clients that call this URL. */
export const renderErrorAt = (path: string, headers: Headers): RenderError => shapes.find(({ takes }) => takes(path, headers))?.render ?? renderOpenaiError;

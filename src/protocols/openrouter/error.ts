/** OpenRouter's error shape: `code` is the HTTP status. https://openrouter.ai/docs/api-reference/errors */
import type { GatewayError } from "../../errors.ts";

/** Its words for kinds of errors, by status. */
const types: Readonly<Record<number, string>> = {
  401: "authentication", 402: "payment_required", 403: "permission_denied", 404: "not_found", 408: "timeout", 412: "precondition_failed", 413: "payload_too_large",
  422: "unprocessable", 429: "rate_limit_exceeded", 500: "server", 502: "provider_unavailable", 503: "provider_overloaded", 504: "timeout", 524: "timeout", 529: "provider_overloaded",
};

const typeOf = (status: number): string => types[status] ?? (status >= 500 ? "server" : "invalid_request");

/** `{code, message, metadata}`. The metadata has our own word too, the field at fault, and of a provider's refusal who said what. */
export const errorOf = ({ status, message, code, detail: { param, provider } }: GatewayError) => ({
  code: status, message,
  metadata: { error_type: typeOf(status), code, ...(param !== undefined && { param }), ...(provider && { provider_name: provider.name, ...(provider.raw !== undefined && { raw: provider.raw }) }) },
});

/** `{error}` as JSON text. */
export const renderError = (error: GatewayError): string => JSON.stringify({ error: errorOf(error) });

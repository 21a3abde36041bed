/** Anthropic's error shape. https://docs.anthropic.com/en/api/errors */
import type { GatewayError } from "../../errors.ts";

const types: Record<number, string> = {
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  409: "conflict_error",
  413: "request_too_large",
  429: "rate_limit_error",
  504: "timeout_error",
  529: "overloaded_error",
};

const typeOf = (status: number): string => types[status] ?? (status >= 500 ? "api_error" : "invalid_request_error");

/** `{type, error: {type, message, details}, request_id}` as JSON text; newer SDKs read our code from the details. */
export function renderError(error: GatewayError, requestId: string): string {
  return JSON.stringify({
    type: "error",
    error: { type: typeOf(error.status), message: error.message, details: { error_code: error.code } },
    request_id: requestId,
  });
}

/** The same as a stream's last event: every Anthropic SDK throws on `event: error`. */
export const renderStreamError = (error: GatewayError, requestId: string): string => `event: error\ndata: ${renderError(error, requestId)}\n\n`;

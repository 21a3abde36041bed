/** OpenAI's error shape. https://platform.openai.com/docs/guides/error-codes */
import type { GatewayError } from "../../errors.ts";

const typeOf = (status: number): string =>
  status === 402 ? "insufficient_quota"
  : status === 403 ? "permission_error"
  : status === 404 ? "not_found_error"
  : status === 429 ? "rate_limit_error"
  : status >= 500 ? "server_error"
  : "invalid_request_error";

/** `{error: {message, type, param, code}}` as JSON text. */
export function renderError(error: GatewayError): string {
  return JSON.stringify({
    error: { message: error.message, type: typeOf(error.status), param: error.detail.param ?? null, code: error.code },
  });
}

/** The same as a stream's last event: every OpenAI SDK throws on a chunk with `error`. */
export const renderStreamError = (error: GatewayError): string => `data: ${renderError(error)}\n\n`;

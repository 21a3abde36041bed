/** InsForge's errors: a code of its own where another system has a type. */
import type { ErrorCode, GatewayError } from "../../errors.ts";

const codes: Partial<Record<ErrorCode, string>> = {
  invalid_json: "INVALID_INPUT", invalid_request: "INVALID_INPUT", request_too_large: "INVALID_INPUT", unsupported_media_type: "INVALID_INPUT",
  missing_api_key: "AUTH_INVALID_CREDENTIALS", invalid_api_key: "AUTH_INVALID_API_KEY", key_revoked: "AUTH_INVALID_API_KEY", key_expired: "AUTH_INVALID_API_KEY",
  model_not_allowed: "AUTH_UNAUTHORIZED", plan_required: "AUTH_UNAUTHORIZED", model_not_found: "AI_INVALID_MODEL",
  insufficient_credits: "BILLING_INSUFFICIENT_BALANCE", subscription_expired: "BILLING_INSUFFICIENT_BALANCE",
  rate_limit_exceeded: "RATE_LIMITED", token_rate_limit_exceeded: "RATE_LIMITED", concurrency_limit_exceeded: "RATE_LIMITED", quota_exceeded: "RATE_LIMITED",
  upstream_error: "AI_UPSTREAM_UNAVAILABLE", upstream_timeout: "AI_UPSTREAM_UNAVAILABLE", no_provider: "AI_UPSTREAM_UNAVAILABLE", sovereign_unavailable: "AI_UPSTREAM_UNAVAILABLE",
  not_found: "NOT_FOUND", method_not_allowed: "NOT_FOUND",
};

/** What its server says before the reason of an invalid request. */
const prefixed = (code: string, message: string): string => (code === "INVALID_INPUT" ? `Validation error: ${message}` : message);

/** `{error: CODE, message, statusCode}` as JSON text. */
export function renderError({ code, status, message }: GatewayError): string {
  const name = codes[code] ?? (status >= 500 ? "INTERNAL_ERROR" : "INVALID_INPUT");
  return JSON.stringify({ error: name, message: prefixed(name, message), statusCode: status });
}

/** A failure behind the first words of a stream. */
export const renderStreamError = ({ message }: GatewayError): string => `data: ${JSON.stringify({ error: true, message })}\n\n`;

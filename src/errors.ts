/**
 * Everything that can go wrong, as one closed union of codes, each with one HTTP status. No wire shapes here: a client
 * protocol's `renderError` gives an error the form its SDK expects.
 */
export const statusOf = {
  invalid_json: 400,
  invalid_request: 400,
  previous_response_not_found: 400,
  missing_api_key: 401,
  invalid_api_key: 401,
  key_revoked: 401,
  key_expired: 401,
  invalid_admin_secret: 401,
  insufficient_credits: 402,
  subscription_expired: 402,
  model_not_allowed: 403,
  plan_required: 403,
  header_credentials_not_allowed: 403,
  model_not_priced: 403,
  not_permitted: 403,
  organisation_suspended: 403,
  model_not_found: 404,
  not_found: 404,
  thread_not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  idempotency_conflict: 409,
  idempotency_unknown: 409,
  request_too_large: 413,
  unsupported_media_type: 415,
  range_not_satisfiable: 416,
  mcp_server_error: 424,
  rate_limit_exceeded: 429,
  token_rate_limit_exceeded: 429,
  concurrency_limit_exceeded: 429,
  quota_exceeded: 429,
  internal_error: 500,
  upstream_refused: 400,
  upstream_error: 502,
  no_provider: 503,
  sovereign_unavailable: 503,
  limiter_unavailable: 503,
  upstream_timeout: 504,
} as const;

export type ErrorCode = keyof typeof statusOf;

/** What a client may know beside the message. */
export type ErrorDetail = {
  /** The request field at fault, as a path: `messages[2].content`. */
  param?: string;
  /** Seconds until the same request can succeed; sent as `Retry-After`. */
  retryAfterSeconds?: number;
  /** false: no retry helps; sent as `x-should-retry` (both official SDKs obey it). */
  shouldRetry?: boolean;
  /** Methods that the URL takes; sent as `Allow`. */
  allow?: string;
  /** The provider that refused, by its name, and its own words. */
  provider?: { name: string; raw?: string };
};

/** A failure that a client is told about. `message` is public: never put a secret or a provider's key in it. */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly detail: ErrorDetail;

  /** `status`: only for `upstream_refused`, whose status is the provider's own. */
  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}, status: number = statusOf[code]) {
    super(message);
    this.name = "GatewayError";
    this.code = code;
    this.status = status;
    this.detail = detail;
  }
}

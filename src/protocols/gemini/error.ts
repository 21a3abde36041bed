/** Google's error shape. https://cloud.google.com/apis/design/errors */
import type { GatewayError } from "../../errors.ts";

const statuses: Record<number, string> = {
  401: "UNAUTHENTICATED", 402: "FAILED_PRECONDITION", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 405: "UNIMPLEMENTED",
  409: "ALREADY_EXISTS", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 504: "DEADLINE_EXCEEDED",
};

const statusOf = (status: number): string => statuses[status] ?? (status >= 500 ? "UNAVAILABLE" : "INVALID_ARGUMENT");
const detail = (type: string, fields: object): object => ({ "@type": `type.googleapis.com/google.rpc.${type}`, ...fields });

/** `{error: {code, message, status, details}}` as JSON text. `ErrorInfo` holds our own code, the other details what clients act on. */
export function renderError({ code, status, message, detail: { param, retryAfterSeconds } }: GatewayError, requestId: string): string {
  const details = [
    detail("ErrorInfo", { reason: code.toUpperCase(), domain: "forge" }),
    ...(param === undefined ? [] : [detail("BadRequest", { fieldViolations: [{ field: param, description: message }] })]),
    ...(retryAfterSeconds === undefined ? [] : [detail("RetryInfo", { retryDelay: `${retryAfterSeconds}s` })]),
    detail("RequestInfo", { requestId }),
  ];
  return JSON.stringify({ error: { code: status, message, status: statusOf(status), details } });
}

/** The same as a stream's last event: Google's SDKs throw on a chunk with `error`. */
export const renderStreamError = (error: GatewayError, requestId: string): string => `data: ${renderError(error, requestId)}\r\n\r\n`;

/** Why an attempt on a deployment failed, in words. */
import type { Why } from "../health/index.ts";

/** What a provider answered. Those that are not here stand by themselves. */
const statuses: Readonly<Record<number, string>> = {
  401: "it refused our key", 402: "our account there has run out of money", 403: "it does not let us in", 407: "its proxy refused us", 408: "it timed out", 429: "too many requests",
  500: "an error of its own", 502: "its server is not reached", 503: "it is overloaded or down", 504: "it timed out", 529: "it is overloaded",
};

/** What went wrong without a status. */
const codes: Readonly<Record<string, string>> = {
  upstream_timeout: "nothing came in time", upstream_error: "no connection, or an answer that could not be read", upstream_refused: "its answer was a refusal",
  broke_off: "the answer broke off", error_inside: "an error inside the answer",
};

/** `429, too many requests`; a code that is not known says it by itself. */
export function failureText({ code, status }: Why): string {
  if (status === undefined) return codes[code] ?? code;
  return statuses[status] ? `${status}, ${statuses[status]}` : `${status}`;
}

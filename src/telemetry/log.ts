/**
 * Structured log lines. Only for what an operator must see: the hot path logs nothing when all is well.
 * Secrets are cut out here, whatever a caller passes in.
 */
const secretLike = /\b(?:sk|rrt|fl|pk|gsk|xai|key|AIza)[-_a-zA-Z0-9]{12,}|\bBearer\s+\S+/g;

/** Replaces everything that looks like a key or a bearer token. */
export const redact = (text: string): string => text.replace(secretLike, "[redacted]");

/** Prints one JSON line: `{level, event, …fields}`. Strings are redacted. */
export function log(level: "info" | "warn" | "error", event: string, fields: Record<string, string | number | boolean | null> = {}): void {
  const line = JSON.stringify({ level, event, ...fields }, (_, value) => (typeof value === "string" ? redact(value) : value));
  console[level](line);
}

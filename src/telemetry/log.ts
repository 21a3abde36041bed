/**
 * Structured log lines. Only for what an operator must see: the hot path logs nothing when all is well.
 * Secrets are cut out here, whatever a caller passes in.
 */

/** Keys by their prefixes, and what follows the name of a scheme or a field that carries one. */
const secretLike = /\b(?:sk|rrt|fl|pk|rk|whsec|gsk|csk|xai|pplx|fw|hf|cf[a-z]{0,3})[-_][-\w]{8,}|\bAIza[-\w]{12,}|\b(?:Bearer|Basic)\s+\S+|((?:api[-_]?key|authorization|secret|token|password)["']?\s*[:=]\s*["']?)[^\s"',;&]{6,}/gi;
/** Any long run of letters and digits mixed, as our own keys of every prefix are, but no id of ours. */
const longMixed = /\b(?!(?:req|key|org|evt)_)(?=[-\w]*\d)(?=[-\w]*[A-Za-z])[-\w]{32,}/g;

/** Replaces everything that looks like a key, a bearer token or a named secret. */
export const redact = (text: string): string => text.replace(secretLike, "$1[redacted]").replace(longMixed, "[redacted]");

/** Cuts one known secret out of text that comes from where it was sent, as it is and as JSON writes it. */
export function cutOut<T extends string | null>(text: T, secret: string | undefined): T {
  if (text === null || secret === undefined || secret.length < 8) return text;
  const escaped = JSON.stringify(secret).slice(1, -1);
  return [secret, escaped, escaped.replaceAll("/", "\\/")].reduce<string>((rest, form) => rest.replaceAll(form, "[redacted]"), text) as T;
}

/** Prints one JSON line: `{level, event, …fields}`. Strings are redacted. */
export function log(level: "info" | "warn" | "error", event: string, fields: Record<string, string | number | boolean | null> = {}): void {
  const line = JSON.stringify({ level, event, ...fields }, (_, value) => (typeof value === "string" ? redact(value) : value));
  console[level](line);
}

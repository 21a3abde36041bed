/** Which hosts may be called at all. Base URLs come from the owner; this keeps a mistyped or hostile one from reaching inside. */

const privateName = /^(?:.*\.)?(?:localhost|localdomain|local|internal|intranet|private|lan|home|corp|arpa|test|invalid|onion|workers\.dev)$/i;
/** Names that resolve to the address written in them. */
const addressName = /(?:^|\.)(?:nip\.io|sslip\.io|xip\.io|localtest\.me|lvh\.me|vcap\.me)$/i;
const ipv4 = /^\d+\.\d+\.\d+\.\d+$/;

/**
 * Why this URL may not be called, or undefined: no https, another port than its own, an IP address or a private name. `allowPrivate` permits
 * all of these, and http.
 */
export function unreachable(url: URL, allowPrivate: boolean): string | undefined {
  if (url.username || url.password) return "must not contain credentials";
  if (url.protocol !== "https:" && url.protocol !== "http:") return "must be https";
  if (allowPrivate) return undefined;
  if (url.protocol !== "https:") return "must be https (set ALLOW_PRIVATE_UPSTREAMS=true for your own network)";
  if (url.port) return "must use the standard port";
  const host = url.hostname.replace(/\.+$/, "");
  const isPrivate = ipv4.test(host) || host.startsWith("[") || privateName.test(host) || addressName.test(host) || !host.includes(".");
  return isPrivate ? "points to a private host (set ALLOW_PRIVATE_UPSTREAMS=true for your own network)" : undefined;
}

/** A base URL without its trailing slash. Throws an Error with the reason: not a URL, a query or fragment in it, or `unreachable`. */
export function checkedUrl(text: string, allowPrivate: boolean, providerId: string): string {
  const refuse = (reason: string): Error => new Error(`Base URL of ${providerId}: ${reason}`);
  const url = URL.parse(text);
  if (!url) throw refuse("not a URL");
  const reason = unreachable(url, allowPrivate);
  if (url.search || url.hash) throw refuse("must not contain a query or fragment");
  if (reason !== undefined) throw refuse(reason);
  return url.origin + url.pathname.replace(/\/+$/, "");
}

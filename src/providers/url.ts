/** Which hosts may be called at all. Base URLs come from the owner; this keeps a mistyped or hostile one from reaching inside. */

const privateName = /^(?:.*\.)?(?:localhost|localdomain|local|internal|intranet|private|lan|home|corp|arpa|test|invalid|onion|workers\.dev)$/i;
/** Names that resolve to the address written in them. */
const addressName = /(?:^|\.)(?:nip\.io|sslip\.io|xip\.io|localtest\.me|lvh\.me|vcap\.me)$/i;
const ipv4 = /^\d+\.\d+\.\d+\.\d+$/;

/**
 * A base URL without its trailing slash. Throws an Error with the reason: not a URL, no https, credentials, query or
 * fragment in it, an IP address or a private name. `allowPrivate` permits http, IP addresses and private names.
 */
export function checkedUrl(text: string, allowPrivate: boolean, providerId: string): string {
  const refuse = (reason: string): Error => new Error(`Base URL of ${providerId}: ${reason}`);
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw refuse("not a URL");
  }
  if (url.username || url.password) throw refuse("must not contain credentials");
  if (url.search || url.hash) throw refuse("must not contain a query or fragment");
  if (url.protocol !== "https:" && url.protocol !== "http:") throw refuse("must be https");
  if (!allowPrivate) {
    if (url.protocol !== "https:") throw refuse("must be https (set ALLOW_PRIVATE_UPSTREAMS=true for your own network)");
    if (url.port) throw refuse("must use the standard port");
    const host = url.hostname.replace(/\.+$/, "");
    if (ipv4.test(host) || host.startsWith("[") || privateName.test(host) || addressName.test(host) || !host.includes(".")) {
      throw refuse("points to a private host (set ALLOW_PRIVATE_UPSTREAMS=true for your own network)");
    }
  }
  return url.origin + url.pathname.replace(/\/+$/, "");
}

/** What makes two requests the same one. */
import { GatewayError } from "../errors.ts";

const encoder = new TextEncoder();

const sha256 = async (data: Uint8Array | ArrayBuffer): Promise<string> => new Uint8Array(await crypto.subtle.digest("SHA-256", data)).toHex();

/** The client's name for its request. Throws `invalid_request` when the header is there and says nothing that could be one. */
export function idempotencyKeyOf(headers: Headers): string {
  const value = headers.get("idempotency-key") ?? "";
  if (/^[\x20-\x7e]{1,255}$/.test(value)) return value;
  throw new GatewayError("invalid_request", "Idempotency-Key: must be 1 to 255 printable ASCII characters", { param: "Idempotency-Key" });
}

/** The name of the object for one key's value: tenants never meet, and neither the value nor the key's id can be read from it. */
export const nameOf = (keyId: string, value: string): Promise<string> => sha256(encoder.encode(`${keyId}\n${value}`));

/**
 * Method, URL and body, and on whose account it runs where the client says that: an answer that another account paid for is another.
 * The body is hashed by itself: it may be 20 MiB, and is copied for nobody. `account`: a secret; nothing of it can be read from the hash.
 */
export async function fingerprintOf({ method, url }: Request, body: Uint8Array | ArrayBuffer, account: string | null = null): Promise<string> {
  const { pathname, search } = new URL(url);
  const whose = account === null ? "" : `\n${await sha256(encoder.encode(account))}`;
  return sha256(encoder.encode(`${method} ${pathname}${search}\n${await sha256(body)}${whose}`));
}

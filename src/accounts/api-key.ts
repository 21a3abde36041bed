/**
 * What a secret looks like: prefix, 43 base62 digits (32 random bytes), 6 base62 digits of CRC-32 over all before them.
 * The checksum keeps typing errors and garbage away from the database and lets scanners know a leaked secret for sure.
 */
import { encodeBase62, isBase62, randomBase62 } from "./base62.ts";

const randomDigits = 43;
const checksumDigits = 6;
const bodyDigits = randomDigits + checksumDigits;

/** What a secret may start with: `sk-forge-`, `rrt-burst-`, `fl_sk_live_`, `sk-priyo-`, … */
export const prefixPattern = /^[a-zA-Z][a-zA-Z0-9_-]{1,31}[-_]$/;
const longestSecret = 33 + bodyDigits;

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** CRC-32 (IEEE) of ASCII text. */
export function crc32(text: string): number {
  let crc = 0xffffffff;
  for (let i = 0; i < text.length; i++) crc = crcTable[(crc ^ text.charCodeAt(i)) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

const checksum = (text: string): string => encodeBase62(BigInt(crc32(text)), checksumDigits);

/** A new secret that starts with `prefix`. */
export function mintSecret(prefix: string): string {
  if (!prefixPattern.test(prefix)) throw new Error(`Bad key prefix: ${prefix}`);
  const text = prefix + randomBase62(32, randomDigits);
  return text + checksum(text);
}

/** Whether `text` can be a secret of any prefix: shape and checksum. Cheap whatever it is given. */
export function looksLikeSecret(text: string): boolean {
  if (text.length > longestSecret || text.length <= bodyDigits) return false;
  const body = text.length - bodyDigits;
  const sum = text.length - checksumDigits;
  return prefixPattern.test(text.slice(0, body)) && isBase62(text.slice(body)) && checksum(text.slice(0, sum)) === text.slice(sum);
}

/** What people may see of a secret: its prefix and its last four characters. */
export const hintOf = (secret: string): string => `${secret.slice(0, -bodyDigits)}…${secret.slice(-4)}`;

const encoder = new TextEncoder();
let pepperKey: { pepper: string; key: CryptoKey } | undefined;

/** HMAC-SHA-256(pepper, secret) in hex: the only form in which a secret is stored. */
export async function hashSecret(pepper: string, secret: string): Promise<string> {
  if (pepperKey?.pepper !== pepper) {
    const key = await crypto.subtle.importKey("raw", encoder.encode(pepper), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    pepperKey = { pepper, key };
  }
  return new Uint8Array(await crypto.subtle.sign("HMAC", pepperKey.key, encoder.encode(secret))).toHex();
}

/** The secret that a request carries, or undefined. Cut where no secret can be so long. */
export function secretFromHeaders(headers: Headers): string | undefined {
  const authorization = headers.get("authorization")?.slice(0, 256);
  const bearer = authorization === undefined ? undefined : /^bearer[ \t]+(\S+)[ \t]*$/i.exec(authorization)?.[1];
  if (bearer !== undefined) return bearer;
  for (const name of ["x-api-key", "api-key", "x-goog-api-key"]) {
    const secret = headers.get(name)?.slice(0, 256);
    if (secret) return secret;
  }
  return undefined;
}

/** The secret that a request carries, or undefined. On Google's URLs it may stand in the query, as Google's own curl lines have it. */
export function secretFromRequest({ headers, url }: Pick<Request, "headers" | "url">): string | undefined {
  const secret = secretFromHeaders(headers);
  if (secret !== undefined || !url.includes("?")) return secret;
  const { pathname, searchParams } = new URL(url);
  return (pathname.startsWith("/v1beta/") && searchParams.get("key")?.slice(0, 256)) || undefined;
}

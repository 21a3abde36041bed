/** JSON Web Tokens of somebody else's: checked with the secret that is shared with them, or the keys that they publish. */
import { createRemoteJWKSet, customFetch, decodeJwt, errors, jwtVerify, type JWTPayload } from "jose";
import { GatewayError } from "../errors.ts";

/** How an issuer's tokens are checked. `url` is https and public, which whoever registers it has checked. */
export type Proof = { readonly secret: string } | { readonly url: string };

const keysMs = 5_000;
const algorithms = { secret: ["HS256", "HS384", "HS512"], url: ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"] };
const encoder = new TextEncoder();
const sets = new Map<string, ReturnType<typeof createRemoteJWKSet>>();
const mostSets = 1_000;

/** The keys that are published at a URL, held while they are fresh. */
function keysAt(url: string): ReturnType<typeof createRemoteJWKSet> {
  const known = sets.get(url);
  if (known) return known;
  if (sets.size >= mostSets) sets.clear();
  const made = createRemoteJWKSet(new URL(url), { timeoutDuration: keysMs, [customFetch]: (at: string, init: RequestInit) => fetch(at, { ...init, redirect: "manual" }) });
  sets.set(url, made);
  return made;
}

/** What a token says of its issuer, unchecked; undefined: it is no token. */
export function issuerIn(token: string): { issuer: string | undefined } | undefined {
  try {
    return { issuer: decodeJwt(token).iss };
  } catch {
    return undefined;
  }
}

/** What a token says, once it is proven. Throws `invalid_api_key`, or `key_expired` where it was valid once; `upstream_error` where the keys cannot be got. */
export async function claimsOf(token: string, proof: Proof): Promise<JWTPayload> {
  const refused = (code: "invalid_api_key" | "key_expired", why: string): GatewayError => new GatewayError(code, why, { shouldRetry: false });
  try {
    const { payload } = "secret" in proof
      ? await jwtVerify(token, encoder.encode(proof.secret), { algorithms: algorithms.secret, requiredClaims: ["exp"] })
      : await jwtVerify(token, keysAt(proof.url), { algorithms: algorithms.url, requiredClaims: ["exp"] });
    return payload;
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw refused("key_expired", "This token has expired.");
    if (error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError)) throw new GatewayError("upstream_error", "The keys of this token's issuer could not be got.");
    throw refused("invalid_api_key", "This token is not valid.");
  }
}

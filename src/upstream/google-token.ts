/**
 * Google's access tokens for a service account: a JWT that its key signs is exchanged for one, which lasts an hour.
 * https://developers.google.com/identity/protocols/oauth2/service-account#httprest
 */
import { importPKCS8, SignJWT } from "jose";
import { GatewayError } from "../errors.ts";
import { checkedUrl, type Endpoint } from "../providers/index.ts";
import { readBounded } from "./read.ts";
import { post } from "./send.ts";

const scope = "https://www.googleapis.com/auth/cloud-platform";
const googlesUrl = "https://oauth2.googleapis.com/token";
const assertionLifeS = 3600;
/** A token is renewed this long before it ends, so that no call is under way with one that ends. */
const earlyMs = 5 * 60_000;
const exchangeMs = 10_000;
/** Where none could be got, one that still holds so long is used so long before the next try. */
const retryMs = 30_000;
const answerLimit = 64 * 1024;
const mostHeld = 1000;

type Minted = { token: string; freshUntilMs: number; endsMs: number };
/** While `minted` is missing it is being minted; then `freshUntilMs` is when that is given up. `last` is the one before. */
type Held = { minted?: Minted; last: Minted | undefined; minting: Promise<Minted>; freshUntilMs: number };

/** By credential. A new isolate mints anew. */
const held = new Map<string, Held>();

/**
 * The endpoint with the secret that its calls carry: as it is, or an access token for the service account that it is.
 * Rejects with `upstream_error` when there is none to be had: the gateway's own trouble, as a 401 of the provider is. Only an
 * endpoint that is called comes here, so a sovereign request, whose plan has the self-hosted one alone, never makes an exchange.
 */
export async function withAccess(endpoint: Endpoint, nowMs: number): Promise<Endpoint> {
  const { provider, secret } = endpoint;
  if (provider.accessTokens !== "google" || !secret?.trimStart().startsWith("{")) return endpoint;
  return { ...endpoint, secret: await tokenOf(endpoint, secret, nowMs) };
}

/** The held token, or a new one: those who need one at the same time wait for one exchange. */
async function tokenOf(endpoint: Endpoint, secret: string, nowMs: number): Promise<string> {
  const found = held.get(secret);
  if (!found || nowMs >= found.freshUntilMs) return (await mintAndHold(endpoint, secret, nowMs)).token;
  if (found.minted) return found.minted.token;
  const minted = await atMost(exchangeMs, found.minting);
  if (minted) return minted.token;
  // What another request has under way ends when the runtime ends that request.
  return tokenOf(endpoint, secret, nowMs + exchangeMs);
}

/** What `promise` comes to, or undefined when that takes too long. */
async function atMost<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), ms);
  return Promise.race([promise, late.promise]).finally(() => clearTimeout(timer));
}

/** The exchange is bound to no client: whoever leaves, others wait for it. A failed one is forgotten, or the last token goes on for a while. */
function mintAndHold(endpoint: Endpoint, secret: string, nowMs: number): Promise<Minted> {
  const before = held.get(secret);
  const last = before?.minted ?? before?.last;
  const minting = mint(endpoint, secret, nowMs).catch((error: unknown) => {
    if (!last || last.endsMs < nowMs + retryMs) throw error;
    return { ...last, freshUntilMs: nowMs + retryMs };
  });
  const entry: Held = { last, minting, freshUntilMs: nowMs + exchangeMs };
  held.delete(secret);
  if (held.size >= mostHeld) held.delete(held.keys().next().value!);
  held.set(secret, entry);
  minting.then(
    (minted) => Object.assign(entry, { minted, freshUntilMs: minted.freshUntilMs }),
    () => held.get(secret) === entry && held.delete(secret),
  );
  return minting;
}

/** The exchange. A key file names whom to ask, so that must pass for a base URL: https and public, unless the owner allows others. */
async function mint({ provider, allowPrivate = false }: Endpoint, secret: string, nowMs: number): Promise<Minted> {
  const refused = (why: string): GatewayError => new GatewayError("upstream_error", `The gateway's own access to ${provider.name} was refused: ${why}.`);
  const account = accountIn(secret);
  if (!account) throw refused("its credential is neither an access token nor a service account's key");
  let url: string;
  try {
    url = checkedUrl(account.tokenUrl, allowPrivate, provider.id);
  } catch {
    throw refused("its credential names an address for tokens that may not be called");
  }
  const body = await assertionOf(account, Math.floor(nowMs / 1000)).catch(() => {
    throw refused("the key in its credential cannot be read");
  });
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const response = await post(url, headers, body, AbortSignal.timeout(exchangeMs)).catch(() => {
    throw refused("the server for tokens could not be reached");
  });
  const bytes = await readBounded(response.body, answerLimit).catch(() => undefined);
  if (!response.ok) throw refused(`the server for tokens answered ${response.status}`);
  const minted = bytes && mintedIn(new TextDecoder().decode(bytes), nowMs);
  if (!minted) throw refused("the server for tokens gave none");
  return minted;
}

type Account = { email: string; key: string; keyId: string | undefined; tokenUrl: string };

/** The account in a key file. */
function accountIn(secret: string): Account | undefined {
  const { client_email: email, private_key: key, private_key_id: keyId, token_uri: tokenUrl = googlesUrl } = fieldsIn(secret);
  if (typeof email !== "string" || typeof key !== "string" || typeof tokenUrl !== "string") return undefined;
  return { email, key, keyId: typeof keyId === "string" ? keyId : undefined, tokenUrl };
}

/** The form that asks for a token. */
async function assertionOf({ email, key, keyId, tokenUrl }: Account, nowS: number): Promise<string> {
  const assertion = await new SignJWT({ scope })
    .setProtectedHeader({ alg: "RS256", typ: "JWT", ...(keyId && { kid: keyId }) })
    .setIssuer(email).setAudience(tokenUrl).setIssuedAt(nowS).setExpirationTime(nowS + assertionLifeS)
    .sign(await importPKCS8(key, "RS256"));
  return new URLSearchParams({ grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion }).toString();
}

/** A token that fits a header, and how long it holds. */
function mintedIn(text: string, nowMs: number): Minted | undefined {
  const { access_token: token, expires_in: seconds } = fieldsIn(text);
  if (typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token)) return undefined;
  const endsMs = nowMs + (typeof seconds === "number" ? seconds * 1000 : 0);
  return { token, freshUntilMs: endsMs - earlyMs, endsMs };
}

function fieldsIn(text: string): Record<string, unknown> {
  try {
    return (JSON.parse(text) ?? {}) as Record<string, unknown>;
  } catch {
    return {};
  }
}

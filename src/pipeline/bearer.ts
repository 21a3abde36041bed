/** A caller who brings a token of an organisation's own (JWT) in a key's place. */
import { looksLikeSecret, secretFromRequest } from "../accounts/index.ts";
import { GatewayError } from "../errors.ts";
import { claimsOf, issuerIn } from "../upstream/index.ts";
import type { RequestContext } from "./context.ts";

/** The request in the name of the key with whose limits the token's bearer calls; as it is where it brings a key. Throws what is wrong with a token. */
export async function bearerOf(context: RequestContext): Promise<RequestContext> {
  const { isolate, request, startedAtMs } = context;
  const token = tokenIn(request);
  const named = token === undefined ? undefined : issuerIn(token);
  if (token === undefined || !named) return context;
  const issuer = await isolate.tokenIssuers.find(named.issuer ?? "", startedAtMs);
  if (!issuer) throw new GatewayError("invalid_api_key", "Nobody here has registered the issuer of this token.", { shouldRetry: false });
  await claimsOf(token, issuer.proof);
  return { ...context, keyId: issuer.keyId };
}

/** A token is longer than any key. */
function tokenIn(request: Request): string | undefined {
  const secret = secretFromRequest(request);
  if (secret === undefined || looksLikeSecret(secret)) return undefined;
  return /^bearer[ \t]+([\w-]+\.[\w-]+\.[\w-]+)[ \t]*$/i.exec(request.headers.get("authorization")?.slice(0, 16_384) ?? "")?.[1];
}

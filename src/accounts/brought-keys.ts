/** Providers' secrets that a request brings along, as the header has them: a JSON object, provider id → secret. */
import { GatewayError } from "../errors.ts";
import { providerSecretSchema } from "./credentials.ts";
import type { Credential, Principal } from "./policy.ts";

/** The header, as OpenRouter's provider for the AI SDK sends it. It stays here: no provider, log or store ever sees it. */
export const keysHeader = "X-Provider-API-Keys";

const wrong = (what: string): GatewayError => new GatewayError("invalid_request", `${keysHeader}: ${what}`, { param: keysHeader });

/**
 * The principal with the header's credentials over its organisation's own. Each stands alone: who names an account for a request
 * wants it on no other. Without a header (null) the principal as it is. `known`: the providers that are here.
 * Throws `header_credentials_not_allowed`, or `invalid_request`, which never repeats what may be a secret.
 */
export function withBroughtKeys(principal: Principal, header: string | null, known: { has(provider: string): boolean }): Principal {
  if (header === null) return principal;
  if (!principal.bringsKeys) {
    throw new GatewayError(
      "header_credentials_not_allowed",
      `This key's organisation does not take providers' keys in ${keysHeader}. Whoever administers this gateway can switch that on: PATCH /admin/organisations/{id} {"headerCredentials": true}.`,
      { param: keysHeader, shouldRetry: false },
    );
  }
  const brought = Object.entries(objectIn(header)).map(([provider, secret]) => {
    if (!known.has(provider)) throw wrong(`${/^[a-z][a-z-]{0,19}$/.test(provider) ? `'${provider}'` : "one of its names"} is no provider here`);
    return [provider, credentialOf(provider, secret)] as const;
  });
  return { ...principal, credentials: new Map([...principal.credentials, ...brought]) };
}

function objectIn(header: string): object {
  let value: unknown;
  try {
    value = JSON.parse(header);
  } catch {
    value = undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong("must be a JSON object of provider ids and their keys");
  return value;
}

/** A key file is none: it names whom to ask for a token, and that is not for a client to say. */
function credentialOf(provider: string, value: unknown): Credential {
  const { data: secret } = providerSecretSchema.safeParse(value);
  if (secret === undefined) throw wrong(`the key for '${provider}' must be one line of 1 to 8192 printable ASCII characters`);
  if (secret.startsWith("{")) throw wrong(`the key for '${provider}' must be an access token, not a key file`);
  return { secret, only: true };
}

/**
 * Organisations' own credentials at providers, encrypted at rest: AES-256-GCM under a key derived per organisation, bound
 * to organisation and provider, so that a row copied to another organisation or provider does not open.
 */
export type CredentialOwner = { organisationId: string; provider: string };
export type SealedCredential = { iv: string; ciphertext: string };

const encoder = new TextEncoder();
const info = encoder.encode("byok/v1");

async function organisationKey(master: string, organisationId: string): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey("raw", encoder.encode(master), "HKDF", false, ["deriveKey"]);
  const derivation = { name: "HKDF", hash: "SHA-256", salt: encoder.encode(organisationId), info };
  return crypto.subtle.deriveKey(derivation, material, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

const boundTo = ({ organisationId, provider }: CredentialOwner): Uint8Array => encoder.encode(`${organisationId}|${provider}`);

/** Encrypts a provider's secret for its row. */
export async function sealCredential(master: string, owner: CredentialOwner, secret: string): Promise<SealedCredential> {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const key = await organisationKey(master, owner.organisationId);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: boundTo(owner) }, key, encoder.encode(secret));
  return { iv: iv.toBase64(), ciphertext: new Uint8Array(sealed).toBase64() };
}

/** Decrypts a row. Throws when the master secret, organisation or provider is not the one that sealed it. */
export async function openCredential(master: string, owner: CredentialOwner, sealed: SealedCredential): Promise<string> {
  const key = await organisationKey(master, owner.organisationId);
  const iv = Uint8Array.fromBase64(sealed.iv);
  try {
    const open = await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData: boundTo(owner) }, key, Uint8Array.fromBase64(sealed.ciphertext));
    return new TextDecoder().decode(open);
  } catch {
    throw new Error(`The credential of organisation ${owner.organisationId} at ${owner.provider} cannot be opened: was CREDENTIALS_SECRET changed?`);
  }
}

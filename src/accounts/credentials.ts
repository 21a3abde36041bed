/**
 * Organisations' own credentials at providers, encrypted at rest: AES-256-GCM under a key derived per organisation, bound
 * to organisation and provider, so that a row copied to another organisation or provider does not open.
 */
import * as z from "zod";

export type CredentialOwner = { organisationId: string; provider: string };
/** `sealedBy`: the fingerprint of the master secret; null in rows that are older than fingerprints. */
export type SealedCredential = { iv: string; ciphertext: string; sealedBy?: string | null };

/** The installation's master secrets. `previous` only opens; "" is none. */
export type Masters = { readonly current: string; readonly previous?: string | undefined };

/** A provider's secret. It travels in a header, so it is one line of printable ASCII. */
export const providerSecretSchema = z.string().trim().min(1).max(8192).regex(/^[\x20-\x7e]*$/, "one line of printable ASCII");

const encoder = new TextEncoder();
const info = encoder.encode("byok/v1");
const fingerprintInfo = encoder.encode("byok/v1 fingerprint");
const fingerprintBits = 64;

const materialOf = (master: string, use: "deriveKey" | "deriveBits"): Promise<CryptoKey> => crypto.subtle.importKey("raw", encoder.encode(master), "HKDF", false, [use]);

async function organisationKey(master: string, organisationId: string): Promise<CryptoKey> {
  const derivation = { name: "HKDF", hash: "SHA-256", salt: encoder.encode(organisationId), info };
  return crypto.subtle.deriveKey(derivation, await materialOf(master, "deriveKey"), { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

const boundTo = ({ organisationId, provider }: CredentialOwner): Uint8Array => encoder.encode(`${organisationId}|${provider}`);

/** Tells master secrets apart: 16 hex digits from which neither the secret nor a key of its follows. */
export async function fingerprintOf(master: string): Promise<string> {
  const derivation = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: fingerprintInfo };
  return new Uint8Array(await crypto.subtle.deriveBits(derivation, await materialOf(master, "deriveBits"), fingerprintBits)).toHex();
}

/** Encrypts a provider's secret for its row. */
export async function sealCredential(master: string, owner: CredentialOwner, secret: string): Promise<{ iv: string; ciphertext: string; sealedBy: string }> {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const key = await organisationKey(master, owner.organisationId);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: boundTo(owner) }, key, encoder.encode(secret));
  return { iv: iv.toBase64(), ciphertext: new Uint8Array(sealed).toBase64(), sealedBy: await fingerprintOf(master) };
}

/** Decrypts a row. Throws when the master secret, organisation or provider is not the one that sealed it. */
export async function openCredential(master: string, owner: CredentialOwner, sealed: SealedCredential): Promise<string> {
  try {
    const key = await organisationKey(master, owner.organisationId);
    const additionalData = boundTo(owner);
    const open = await crypto.subtle.decrypt({ name: "AES-GCM", iv: Uint8Array.fromBase64(sealed.iv), additionalData }, key, Uint8Array.fromBase64(sealed.ciphertext));
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(open);
  } catch {
    throw new Error(`The credential of organisation ${owner.organisationId} at ${owner.provider} cannot be opened: was CREDENTIALS_SECRET changed?`);
  }
}

/** Decrypts rows under whichever of the master secrets sealed them. */
export type Opener = (owner: CredentialOwner, sealed: SealedCredential) => Promise<string>;

/** An opener: by the row's fingerprint, or where it has none by trying the current secret before the previous one. It throws as `openCredential`. */
export function openerOf({ current, previous = "" }: Masters): Opener {
  let byFingerprint: Promise<Map<string, string>> | undefined;
  const fingerprints = async (): Promise<Map<string, string>> => new Map(await Promise.all([previous, current].filter(Boolean).map(async (master) => [await fingerprintOf(master), master] as const)));
  return async function open(owner, sealed) {
    if (previous === "") return openCredential(current, owner, sealed);
    const named = sealed.sealedBy ? (await (byFingerprint ??= fingerprints())).get(sealed.sealedBy) : undefined;
    if (named !== undefined) return openCredential(named, owner, sealed);
    return openCredential(current, owner, sealed).catch(() => openCredential(previous, owner, sealed));
  };
}

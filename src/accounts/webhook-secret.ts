/** What signs the calls that tell a key's holder of something: derived for each key, so that it lies nowhere. */
const encoder = new TextEncoder();
const info = encoder.encode("webhooks/v1");
const secretBits = 256;

/** `whsec_…` of one key by one master secret. */
export async function webhookSecret(master: string, keyId: string): Promise<string> {
  const material = await crypto.subtle.importKey("raw", encoder.encode(master), "HKDF", false, ["deriveBits"]);
  const bits = await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt: encoder.encode(keyId), info }, material, secretBits);
  return `whsec_${new Uint8Array(bits).toBase64({ alphabet: "base64url", omitPadding: true })}`;
}

/** HMAC-SHA256 of a text by the whole of such a secret, in hex. */
export async function signedBy(secret: string, text: string): Promise<string> {
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(text))).toHex();
}

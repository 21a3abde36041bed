/** Fixed-width base62, for everything that a person may have to double-click, grep or paste. */
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Whether every character is a base62 digit. */
export const isBase62 = (text: string): boolean => /^[0-9A-Za-z]*$/.test(text);

/** `value` in exactly `width` digits. The caller sees to it that it fits. */
export function encodeBase62(value: bigint, width: number): string {
  let text = "";
  for (let rest = value; text.length < width; rest /= 62n) text = alphabet[Number(rest % 62n)] + text;
  return text;
}

/** `byteCount` random bytes in exactly `width` digits. */
export function randomBase62(byteCount: number, width: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(byteCount));
  return encodeBase62(bytes.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n), width);
}

/** A new id: `key_`, `org_` or `evt_` and 24 digits. */
export const newId = (prefix: "key_" | "org_" | "evt_" | "cred_" | "adj_"): string => prefix + randomBase62(17, 24);

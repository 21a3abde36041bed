/** What is stored is ciphertext. Its key is derived anew for each thread, from secrets that lie nowhere beside it. */

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const ivBytes = 12;

/** What opens a thread. Plain data: it goes to the thread's object while a run there has something to write, and is kept by nobody. */
export type Opener = { readonly secret: string; readonly organisation: string; readonly thread: string };

/** AES-256-GCM under a key that is one thread's alone. Every text is bound to its place, so none can stand in for another. */
export class Vault {
  private readonly key: Promise<CryptoKey>;

  constructor({ secret, organisation, thread }: Opener) {
    this.key = derived(secret, organisation, thread);
  }

  async seal(text: string, place: string): Promise<Uint8Array> {
    const iv = crypto.getRandomValues(new Uint8Array(ivBytes));
    const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: encoder.encode(place) }, await this.key, encoder.encode(text)));
    const whole = new Uint8Array(ivBytes + sealed.length);
    whole.set(iv);
    whole.set(sealed, ivBytes);
    return whole;
  }

  /** Throws when the bytes were sealed otherwise, or for another place. */
  async open(bytes: Uint8Array, place: string): Promise<string> {
    const additionalData = encoder.encode(place);
    return decoder.decode(await crypto.subtle.decrypt({ name: "AES-GCM", iv: bytes.subarray(0, ivBytes), additionalData }, await this.key, bytes.subarray(ivBytes)));
  }

  /** What stands for a text where texts are only compared: the same for the same one in this thread, and nothing can be read from it. */
  async mark(text: string): Promise<string> {
    const raw = new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(`mark\n${text}`)));
    const iv = raw.slice(0, ivBytes);
    return new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await this.key, raw)).slice(0, 16).toHex();
  }
}

async function derived(secret: string, organisation: string, thread: string): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey("raw", encoder.encode(secret), "HKDF", false, ["deriveKey"]);
  const derivation = { name: "HKDF", hash: "SHA-256", salt: encoder.encode(organisation), info: encoder.encode(`forge responses ${thread}`) };
  return crypto.subtle.deriveKey(derivation, material, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

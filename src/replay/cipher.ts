/** An answer at rest: its object holds ciphertext, and the key is made anew from a secret that lies nowhere beside it. */
import type { Call } from "./page.ts";

const encoder = new TextEncoder();
const blockBytes = 16;

/**
 * AES-256 in counter mode under a key of its own for each run, so that an answer can be read from any byte on. It hides what was
 * answered, prompts' echoes included; that bytes are not changed the object's storage sees to.
 */
export class Cipher {
  private readonly key: Promise<CryptoKey>;

  /** `secret`: the installation's, at least 32 characters; `owner` and `run` make the key this run's alone. */
  constructor(secret: string, owner: string, run: string) {
    this.key = derived(secret, owner, run);
  }

  /** Bytes of the answer that stand at `from`, encrypted or decrypted: it is the same. */
  async at(from: number, bytes: Uint8Array): Promise<Uint8Array> {
    if (bytes.length === 0) return bytes;
    const counter = new Uint8Array(blockBytes);
    const before = from % blockBytes;
    new DataView(counter.buffer).setBigUint64(8, BigInt((from - before) / blockBytes));
    const aligned = new Uint8Array(before + bytes.length);
    aligned.set(bytes, before);
    return new Uint8Array(await crypto.subtle.encrypt({ name: "AES-CTR", counter, length: 64 }, await this.key, aligned)).subarray(before);
  }
}

async function derived(secret: string, owner: string, run: string): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey("raw", encoder.encode(secret), "HKDF", false, ["deriveKey"]);
  const derivation = { name: "HKDF", hash: "SHA-256", salt: encoder.encode(owner), info: encoder.encode(`forge replay ${run}`) };
  return crypto.subtle.deriveKey(derivation, material, { name: "AES-CTR", length: 256 }, false, ["encrypt"]);
}

/** A call whose object gets ciphertext and gives it back: who writes and reads through this one sees the answer. */
export const sealed = (call: Call, cipher: Cipher): Call => ({
  claim: (fingerprint, run) => call.claim(fingerprint, run),
  write: async (portion) => call.write({ ...portion, bytes: await cipher.at(portion.from, portion.bytes) }),
  async read(place) {
    const page = await call.read(place);
    return { ...page, bytes: await cipher.at(place.from, page.bytes) };
  },
});

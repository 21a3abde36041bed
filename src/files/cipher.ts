/**
 * Bytes at rest: AES-256-GCM over chunks of 64 KiB, so that any range can be read and nothing can be changed, cut, swapped or put in
 * another object's place unnoticed. Each file has a random key; it lies sealed in its row, and each object of the file has its own key made from it.
 */
import { openerOf, sealCredential, type Masters, type Opener } from "../accounts/credentials.ts";

/** Plain bytes of every chunk but the last, and what becomes of them. */
export const chunkBytes = 65_536;
const tagBytes = 16;
export const sealedChunkBytes = chunkBytes + tagBytes;

const encoder = new TextEncoder();

export class Cipher {
  private readonly key: Promise<CryptoKey>;
  private readonly name: string;

  /** `fileKey`: 32 random bytes. `name`: the object's, which no other has or had. */
  constructor(fileKey: Uint8Array, name: string) {
    this.name = name;
    this.key = derived(fileKey, name);
  }

  /** Chunk `number` of the object. `last`: no other follows. */
  async seal(number: number, last: boolean, bytes: Uint8Array): Promise<Uint8Array> {
    return new Uint8Array(await crypto.subtle.encrypt(this.parameters(number, last), await this.key, bytes));
  }

  /** Throws where it is not the chunk that was sealed as this one. */
  async open(number: number, last: boolean, sealed: Uint8Array): Promise<Uint8Array> {
    return new Uint8Array(await crypto.subtle.decrypt(this.parameters(number, last), await this.key, sealed));
  }

  /** A key seals each number once, so the number is nonce enough. */
  private parameters(number: number, last: boolean) {
    const iv = new Uint8Array(12);
    new DataView(iv.buffer).setBigUint64(4, BigInt(number));
    return { name: "AES-GCM", iv, additionalData: encoder.encode(`${this.name}|${number}|${last ? "last" : "more"}`) };
  }
}

async function derived(fileKey: Uint8Array, name: string): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey("raw", fileKey, "HKDF", false, ["deriveKey"]);
  const derivation = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: encoder.encode(`forge files ${name}`) };
  return crypto.subtle.deriveKey(derivation, material, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

/** Whose key it is: it opens as nothing else's. */
type KeyOwner = { organisationId: string; id: string };

const asCredential = ({ organisationId, id }: KeyOwner) => ({ organisationId, provider: `file ${id}` });

/** Keys of files, sealed as organisations' credentials are: under the installation's master secret, for one file. */
export class FileKeys {
  private readonly masters: Masters;
  private readonly opener: Opener;

  constructor(masters: Masters) {
    this.masters = masters;
    this.opener = openerOf(masters);
  }

  /** A new key, and as its row holds it: JSON. */
  async create(owner: KeyOwner): Promise<{ key: Uint8Array; seal: string }> {
    const key = crypto.getRandomValues(new Uint8Array(32));
    return { key, seal: await this.sealed(owner, key) };
  }

  async sealed(owner: KeyOwner, key: Uint8Array): Promise<string> {
    return JSON.stringify(await sealCredential(this.masters.current, asCredential(owner), key.toBase64()));
  }

  /** Throws where no master secret opens it. */
  async open(owner: KeyOwner, seal: string): Promise<Uint8Array> {
    return Uint8Array.fromBase64(await this.opener(asCredential(owner), JSON.parse(seal) as { iv: string; ciphertext: string; sealedBy: string }));
  }
}

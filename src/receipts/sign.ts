/** Receipts: a chained ledger entry under the installation's signature, as a JWS (RFC 7515, Ed25519) over its canonical JSON. */
import canonicalize from "canonicalize";
import { calculateJwkThumbprint, CompactSign, exportJWK, importPKCS8, type JWK } from "jose";
import type { Chained, Link } from "./chain.ts";

export type Receipt = { entry: Chained; chain: Link };

/** DER of a PKCS #8 Ed25519 private key up to its 32 bytes (RFC 8410 §7). */
const pkcs8Prefix = Uint8Array.from([0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20]);
const encoder = new TextEncoder();

/** The same key for the same master secret, which never leaves. */
async function keyOf(master: string): Promise<CryptoKey> {
  const base = await crypto.subtle.importKey("raw", encoder.encode(master), "HKDF", false, ["deriveBits"]);
  const seed = await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: encoder.encode("forge receipts") }, base, 256);
  const der = new Uint8Array([...pkcs8Prefix, ...new Uint8Array(seed)]);
  return importPKCS8(`-----BEGIN PRIVATE KEY-----\n${der.toBase64()}\n-----END PRIVATE KEY-----`, "EdDSA", { extractable: true });
}

type Keys = { secret: CryptoKey; public: JWK & { kid: string } };

/** Signs receipts with a key that is derived from a master secret. `previous`: the secret before it, "" for none; it signs no more. */
export class ReceiptSigner {
  private keys: Promise<Keys> | undefined;
  private readonly master: string;
  private readonly before: ReceiptSigner | undefined;

  constructor(master: string, previous = "") {
    this.master = master;
    this.before = previous === "" ? undefined : new ReceiptSigner(previous);
  }

  /** The public keys, as `/.well-known/forge-receipts.json` shows them: the one that signs, then the one that did. */
  async publicKeys(): Promise<Keys["public"][]> {
    return [(await this.ready()).public, ...((await this.before?.publicKeys()) ?? [])];
  }

  /** The receipt as a compact JWS; its payload is the receipt's canonical JSON. */
  async sign(receipt: Receipt): Promise<string> {
    const { secret, public: { kid } } = await this.ready();
    return new CompactSign(encoder.encode(canonicalize(receipt))).setProtectedHeader({ alg: "EdDSA", kid, typ: "forge-receipt+jws" }).sign(secret);
  }

  private ready(): Promise<Keys> {
    return (this.keys ??= this.derive());
  }

  private async derive(): Promise<Keys> {
    const secret = await keyOf(this.master);
    const { kty, crv, x } = await exportJWK(secret);
    const jwk = { kty: kty!, crv: crv!, x: x! };
    return { secret, public: { ...jwk, kid: await calculateJwkThumbprint(jwk), use: "sig", alg: "EdDSA" } };
  }
}

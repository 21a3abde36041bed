/** A device with one passkey, as WebAuthn has it: makes a key, signs with it, and can be told to do either wrongly. Only what the gateway looks at. */

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(new TextEncoder().encode(text));
const base64url = (bytes: Uint8Array | ArrayBuffer): string => new Uint8Array(bytes as ArrayBuffer).toBase64({ alphabet: "base64url", omitPadding: true });
const joined = (...parts: Uint8Array[]): Uint8Array<ArrayBuffer> => new Uint8Array(parts.flatMap((part) => [...part]));
const sha256 = async (bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

/** CBOR of what is needed here: small numbers, texts, bytes, maps. */
function cbor(value: number | string | Uint8Array | Map<number | string, unknown>): Uint8Array {
  const head = (major: number, size: number): Uint8Array => new Uint8Array(size < 24 ? [(major << 5) | size] : size < 256 ? [(major << 5) | 24, size] : [(major << 5) | 25, size >> 8, size & 255]);
  if (typeof value === "number") return value >= 0 ? head(0, value) : head(1, -1 - value);
  if (typeof value === "string") return joined(head(3, value.length), bytesOf(value));
  if (value instanceof Uint8Array) return joined(head(2, value.length), value);
  return joined(head(5, value.size), ...[...value].flatMap(([key, one]) => [cbor(key), cbor(one as number)]));
}

/** ECDSA as WebCrypto has it, two numbers, as the DER that WebAuthn wants. */
function der(signature: Uint8Array): Uint8Array {
  const number = (bytes: Uint8Array): Uint8Array => {
    const trimmed = bytes.subarray(Math.max(0, bytes.findIndex((byte) => byte !== 0)));
    const own = trimmed[0]! > 127 ? joined(new Uint8Array([0]), trimmed) : trimmed;
    return joined(new Uint8Array([2, own.length]), own);
  };
  const both = joined(number(signature.subarray(0, 32)), number(signature.subarray(32)));
  return joined(new Uint8Array([0x30, both.length]), both);
}

/** How it is done otherwise than well. `isOwner`: whether the device has made sure who holds it. */
export type Way = { origin?: string; rpId?: string; isOwner?: boolean; counter?: number };
type Options = { challenge: string };

export async function newDevice(origin: string) {
  const id = crypto.getRandomValues(new Uint8Array(32));
  const pair = (await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"])) as CryptoKeyPair;
  const { x, y } = (await crypto.subtle.exportKey("jwk", pair.publicKey)) as JsonWebKey;
  const coordinate = (text: string | undefined): Uint8Array => Uint8Array.fromBase64(text!, { alphabet: "base64url" });
  let counter = 0;

  async function said(type: "webauthn.create" | "webauthn.get", { challenge }: Options, way: Way, flags: number) {
    const site = way.origin ?? origin;
    counter += 1;
    const count = way.counter ?? counter;
    const data = joined(await sha256(bytesOf(way.rpId ?? new URL(site).hostname)), new Uint8Array([flags | 0x01 | (way.isOwner === false ? 0 : 0x04), 0, 0, 0, count]));
    return { clientDataJSON: bytesOf(JSON.stringify({ type, challenge, origin: site, crossOrigin: false })), data };
  }
  const credential = (response: object): string => JSON.stringify({ id: base64url(id), rawId: base64url(id), type: "public-key", clientExtensionResults: {}, response });

  return {
    id: base64url(id),
    /** What a browser sends when a passkey is added. */
    async create(options: Options, way: Way = {}): Promise<string> {
      const { clientDataJSON, data } = await said("webauthn.create", options, way, 0x40);
      const key = cbor(new Map<number, unknown>([[1, 2], [3, -7], [-1, 1], [-2, coordinate(x)], [-3, coordinate(y)]]));
      const authData = joined(data, new Uint8Array(16), new Uint8Array([0, id.length]), id, key);
      const attestationObject = cbor(new Map<string, unknown>([["fmt", "none"], ["attStmt", new Map()], ["authData", authData]]));
      return credential({ clientDataJSON: base64url(clientDataJSON), attestationObject: base64url(attestationObject), transports: ["internal"] });
    },
    /** What it sends when somebody signs in. */
    async get(options: Options, way: Way = {}): Promise<string> {
      const { clientDataJSON, data } = await said("webauthn.get", options, way, 0);
      const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, pair.privateKey, joined(data, await sha256(clientDataJSON)));
      return credential({ clientDataJSON: base64url(clientDataJSON), authenticatorData: base64url(data), signature: base64url(der(new Uint8Array(signature))), userHandle: null });
    },
  };
}
export type Device = Awaited<ReturnType<typeof newDevice>>;

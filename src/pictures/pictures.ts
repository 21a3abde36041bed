/** Pictures by address. What lies in R2 is known by a hash of the address's secret and sealed with a key made of it. */

/** As long as OpenAI's addresses live. */
const livesMs = 3_600_000;
const prefix = "pictures/";
const secretBytes = 32;
const listedAtOnce = 1_000;

/** What a browser draws and does not run, by its first bytes. https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern */
const kinds: readonly { type: string; extension: string; first: RegExp }[] = [
  { type: "image/png", extension: "png", first: /^\x89PNG\r\n/ },
  { type: "image/jpeg", extension: "jpg", first: /^\xff\xd8\xff/ },
  { type: "image/webp", extension: "webp", first: /^RIFF[^]{4}WEBP/ },
  { type: "image/gif", extension: "gif", first: /^GIF8[79]a/ },
];
const encoder = new TextEncoder();
const kindOf = (bytes: Uint8Array) => kinds.find(({ first }) => first.test(String.fromCharCode(...bytes.subarray(0, 16))));

export type Shown = { readonly bytes: Uint8Array; readonly type: string; readonly filename: string };

const name = /^([A-Za-z0-9_-]{43})\.(png|jpg|webp|gif)$/;
/** Under the hour in which it ends, so that what is over is found without reading it. */
const hourOf = (ms: number): string => String(Math.ceil(ms / livesMs)).padStart(8, "0");

export class Pictures {
  private readonly bucket: R2Bucket;

  constructor(bucket: R2Bucket) {
    this.bucket = bucket;
  }

  /** Keeps a picture and returns its name in an address; undefined: it is none. */
  async keep(bytes: Uint8Array, nowMs: number): Promise<string | undefined> {
    const kind = kindOf(bytes);
    if (!kind) return undefined;
    const secret = crypto.getRandomValues(new Uint8Array(secretBytes));
    const { key, hash } = await partsOf(secret);
    const untilMs = nowMs + livesMs;
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, key, bytes);
    await this.bucket.put(`${prefix}${hourOf(untilMs)}/${hash}`, sealed, { customMetadata: { until: String(untilMs) } });
    return `${secret.toBase64({ alphabet: "base64url", omitPadding: true })}.${kind.extension}`;
  }

  /** The picture of this name; undefined: there is none, or its time is over. */
  async show(named: string, nowMs: number): Promise<Shown | undefined> {
    const [, text, extension] = name.exec(named) ?? [];
    const kind = kinds.find((one) => one.extension === extension);
    if (text === undefined || !kind) return undefined;
    const { key, hash } = await partsOf(Uint8Array.fromBase64(text, { alphabet: "base64url" }));
    // It ends in this hour or in the next.
    for (const hour of [hourOf(nowMs + livesMs), hourOf(nowMs)]) {
      const object = await this.bucket.get(`${prefix}${hour}/${hash}`);
      if (!object) continue;
      if (Number(object.customMetadata?.until) <= nowMs) return undefined;
      const bytes = new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, key, await object.arrayBuffer()));
      return { bytes, type: kind.type, filename: `picture.${kind.extension}` };
    }
    return undefined;
  }

  /** Deletes what is over. Keys stand in the order of their hours. */
  async tidy(nowMs: number): Promise<void> {
    for (;;) {
      const { objects, truncated } = await this.bucket.list({ prefix, limit: listedAtOnce });
      const over = objects.filter(({ key }) => key < `${prefix}${hourOf(nowMs)}`).map(({ key }) => key);
      if (over.length > 0) await this.bucket.delete(over);
      if (!truncated || over.length < objects.length) return;
    }
  }
}

/** A secret is drawn for one picture, so its key seals once and needs no number of its own. */
async function partsOf(secret: Uint8Array): Promise<{ key: CryptoKey; hash: string }> {
  const material = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey", "deriveBits"]);
  const from = (info: string) => ({ name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: encoder.encode(`forge pictures ${info}`) });
  const [key, name] = await Promise.all([
    crypto.subtle.deriveKey(from("seal"), material, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]),
    crypto.subtle.deriveBits(from("name"), material, 256),
  ]);
  return { key, hash: new Uint8Array(name).toHex() };
}

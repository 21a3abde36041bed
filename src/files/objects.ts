/** Sealed objects in R2: written from a stream of unknown length, read from any byte on. */
import { chunkBytes, sealedChunkBytes, type Cipher } from "./cipher.ts";
import type { Loose } from "./loose.ts";
import { joined, pieces } from "./pieces.ts";

/** An object and its plain bytes. Several of them, one behind the other, are a file. */
export type Segment = { readonly name: string; readonly bytes: number };

/** R2 takes parts of 5 MiB or more, all of one size but the last: 80 sealed chunks are just that. */
const chunksPerPart = 80;

/** Whoever writes counts as it goes: `taken` throws when it has been too much. */
export type Taken = (bytes: number) => void;

export class Objects {
  private readonly bucket: R2Bucket;
  private readonly loose: Loose;

  constructor(bucket: R2Bucket, loose: Loose) {
    this.bucket = bucket;
    this.loose = loose;
  }

  /**
   * Writes an object; it stays loose until somebody takes it. At most one part of it is held. Whatever breaks, nothing of it stays.
   * Returns its plain bytes. Throws what `body` or `taken` throws.
   */
  async write(name: string, cipher: Cipher, body: AsyncIterable<Uint8Array>, taken: Taken, nowMs: number): Promise<number> {
    let bytes = 0;
    let number = 0;
    let held: Uint8Array[] = [];
    let upload: R2MultipartUpload | undefined;
    const parts: R2UploadedPart[] = [];
    try {
      for await (const piece of pieces(body, chunkBytes)) {
        taken((bytes += piece.bytes.length));
        held.push(await cipher.seal(number++, piece.last, piece.bytes));
        if (held.length < chunksPerPart && !piece.last) continue;
        if (piece.last && !upload) {
          await this.loose.add(name, null, nowMs);
          await this.bucket.put(name, joined(held));
          return bytes;
        }
        if (!upload) {
          upload = await this.bucket.createMultipartUpload(name);
          await this.loose.add(name, upload.uploadId, nowMs);
        }
        const part = joined(held);
        held = [];
        parts.push(await upload.uploadPart(parts.length + 1, part));
      }
      await upload!.complete(parts);
      return bytes;
    } catch (thrown) {
      held = [];
      await upload?.abort().catch(() => {});
      await this.loose.drop([name]).catch(() => {});
      throw thrown;
    }
  }

  /** Plain bytes of an object, sent for at once; undefined: it is not there. What is no longer as it was written ends the stream with an error. */
  async read({ name, bytes }: Segment, cipher: Cipher, offset: number, length: number): Promise<AsyncGenerator<Uint8Array, void> | undefined> {
    const first = Math.floor(offset / chunkBytes);
    const final = Math.floor((offset + length - 1) / chunkBytes);
    const lastOfAll = Math.max(0, Math.ceil(bytes / chunkBytes) - 1);
    const sealedBytes = final === lastOfAll ? (final - first) * sealedChunkBytes + (bytes - final * chunkBytes) + (sealedChunkBytes - chunkBytes) : (final - first + 1) * sealedChunkBytes;
    const object = await this.bucket.get(name, { range: { offset: first * sealedChunkBytes, length: sealedBytes } });
    if (!object) return undefined;
    return opened(object.body);

    async function* opened(sealed: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void> {
      let number = first;
      for await (const piece of pieces(sealed, sealedChunkBytes)) {
        const plain = await cipher.open(number, number === lastOfAll, piece.bytes);
        const from = number === first ? offset - first * chunkBytes : 0;
        const to = number === final ? offset + length - final * chunkBytes : plain.length;
        yield plain.subarray(from, to);
        number += 1;
      }
      if (number !== final + 1) throw new Error(`The object ${name} is shorter than it was.`);
    }
  }
}

/** Sealed objects in R2: written from a stream of unknown length, read from any byte on. */
import { chunkBytes, sealedChunkBytes, type Cipher } from "./cipher.ts";
import type { Loose } from "./loose.ts";
import { pieces } from "./pieces.ts";

/** An object and its plain bytes. Several of them, one behind the other, are a file. */
export type Segment = { readonly name: string; readonly bytes: number };

/** R2 takes parts of 5 MiB or more, all of one size but the last: 80 sealed chunks are just that. */
const partBytes = 80 * sealedChunkBytes;

/** Sealed chunks one behind the other, in a room that is used again for the next part, and is no larger than it has to be for a small file. */
class Part {
  private room = new Uint8Array(sealedChunkBytes);
  private filled = 0;

  get bytes(): Uint8Array {
    return this.room.subarray(0, this.filled);
  }

  get full(): boolean {
    return this.filled === partBytes;
  }

  add(sealed: Uint8Array): void {
    if (this.filled + sealed.length > this.room.length) {
      const larger = new Uint8Array(Math.min(partBytes, this.room.length * 4));
      larger.set(this.bytes);
      this.room = larger;
    }
    this.room.set(sealed, this.filled);
    this.filled += sealed.length;
  }

  clear(): void {
    this.filled = 0;
  }
}

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
    const part = new Part();
    let upload: R2MultipartUpload | undefined;
    const parts: R2UploadedPart[] = [];
    try {
      for await (const piece of pieces(body, chunkBytes)) {
        taken((bytes += piece.bytes.length));
        part.add(await cipher.seal(number++, piece.last, piece.bytes));
        if (!part.full && !piece.last) continue;
        if (piece.last && !upload) {
          await this.loose.add(name, null, nowMs);
          await this.bucket.put(name, part.bytes);
          return bytes;
        }
        if (!upload) {
          upload = await this.bucket.createMultipartUpload(name);
          await this.loose.add(name, upload.uploadId, nowMs);
        }
        parts.push(await upload.uploadPart(parts.length + 1, part.bytes));
        part.clear();
      }
      await upload!.complete(parts);
      return bytes;
    } catch (thrown) {
      await upload?.abort().catch(() => {});
      await this.loose.drop([name]).catch(() => {});
      throw thrown;
    }
  }

  /** Plain bytes of an object, sent for at once; undefined: it is not there. What is no longer as it was written ends them with an error. */
  async read({ name, bytes }: Segment, cipher: Cipher, offset: number, length: number): Promise<AsyncGenerator<Uint8Array, void> | undefined> {
    const lastOfAll = Math.max(0, Math.ceil(bytes / chunkBytes) - 1);
    const [first, final] = [offset, offset + length - 1].map((at) => Math.floor(at / chunkBytes)) as [number, number];
    const sizeOf = (number: number): number => (number === lastOfAll ? bytes - lastOfAll * chunkBytes + sealedChunkBytes - chunkBytes : sealedChunkBytes);
    const object = await this.bucket.get(name, { range: { offset: first * sealedChunkBytes, length: (final - first) * sealedChunkBytes + sizeOf(final) } });
    return object ? opened(object.body) : undefined;

    async function* opened(sealed: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void> {
      const reader = sealed.getReader({ mode: "byob" });
      let room = new ArrayBuffer(sealedChunkBytes);
      try {
        for (let number = first; number <= final; number += 1) {
          const size = sizeOf(number);
          const { value } = await reader.readAtLeast(size, new Uint8Array(room, 0, size));
          if (value?.length !== size) throw new Error(`The object ${name} is shorter than it was.`);
          const plain = await cipher.open(number, number === lastOfAll, value);
          room = value.buffer as ArrayBuffer;
          yield plain.subarray(number === first ? offset - first * chunkBytes : 0, number === final ? offset + length - final * chunkBytes : chunkBytes);
        }
      } finally {
        await reader.cancel().catch(() => {});
      }
    }
  }
}

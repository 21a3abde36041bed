/** SHA-256 of an answer's body, in hex: receipts say what was sent. */
import { joined } from "../bytes.ts";

const encoder = new TextEncoder();
const hexOf = (hash: ArrayBuffer): string => new Uint8Array(hash).toHex();

/** Of a body that is there whole. */
export const digestOf = async (body: string | Uint8Array): Promise<string> =>
  hexOf(await crypto.subtle.digest("SHA-256", typeof body === "string" ? encoder.encode(body) : body));

/** So much of a body is kept to be digested in one go: each write into a stream wakes the runtime. */
const atOnceBytes = 32 * 1024;

/** Of a body that comes in pieces, which must stay as they are. */
export class Digest {
  private pieces: Uint8Array[] = [];
  private bytes = 0;
  private stream: { writer: WritableStreamDefaultWriter<ArrayBuffer | ArrayBufferView>; digest: Promise<ArrayBuffer> } | undefined;

  readonly update = (piece: Uint8Array): void => {
    this.pieces.push(piece);
    this.bytes += piece.length;
    if (this.bytes >= atOnceBytes) this.write();
  };

  /** The digest of all pieces, to be asked once. Never rejects, for a settlement waits for it: null where there is none. */
  end(): Promise<string | null> {
    return this.finish().catch(() => null);
  }

  private async finish(): Promise<string> {
    if (!this.stream) return digestOf(this.gathered());
    this.write();
    await this.stream.writer.close();
    return hexOf(await this.stream.digest);
  }

  private write(): void {
    if (!this.stream) {
      const stream = new crypto.DigestStream("SHA-256");
      this.stream = { digest: stream.digest, writer: stream.getWriter() };
    }
    void this.stream.writer.write(this.gathered()).catch(() => {});
  }

  private gathered(): Uint8Array {
    const whole = joined(this.pieces);
    this.pieces = [];
    this.bytes = 0;
    return whole;
  }
}

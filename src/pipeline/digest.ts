/** SHA-256 of an answer's body, in hex: receipts say what was sent. */

const encoder = new TextEncoder();
const hexOf = (hash: ArrayBuffer): string => new Uint8Array(hash).toHex();

/** Of a body that is there whole. */
export const digestOf = async (body: string | Uint8Array): Promise<string> =>
  hexOf(await crypto.subtle.digest("SHA-256", typeof body === "string" ? encoder.encode(body) : body));

/** Of a body that comes in pieces. */
export class Digest {
  private readonly stream = new crypto.DigestStream("SHA-256");
  private readonly writer = this.stream.getWriter();

  /** Takes a piece, which must stay as it is. */
  readonly update = (piece: Uint8Array): void => void this.writer.write(piece).catch(() => {});

  async end(): Promise<string | null> {
    await this.writer.close();
    return hexOf(await this.stream.digest);
  }
}

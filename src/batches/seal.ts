/** What clients sent and models answered lies in a batch's object only as ciphertext; its key is made of a secret that lies nowhere beside it. */
import { Cipher } from "../replay/index.ts";
import type { Batch } from "./batch.ts";
import { piecesPerLine } from "./batch-rows.ts";

/** A row holds 2 MB. */
const pieceBytes = 1024 * 1024;
/** The longest line of an output: what one call may carry is 32 MiB. */
export const mostAnswerBytes = 24 * pieceBytes;
/** Every line has a stretch of the key stream to itself, and so has every part's list of ids, behind all lines. */
const lineBytes = piecesPerLine * pieceBytes;
const idsAt = 2 ** 50;
/** And so have a provider's answers, behind the lines'. */
const answersAt = 2 ** 46;

const placeOf = (key: number): number => Math.floor(key / piecesPerLine) * lineBytes + (key % piecesPerLine) * pieceBytes;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class BatchSeal {
  private readonly cipher: Cipher;

  constructor(secret: string, { organisationId, id }: Pick<Batch, "organisationId" | "id">) {
    this.cipher = new Cipher(secret, organisationId, id);
  }

  /** A line's text in pieces of a row each. */
  line(line: number, text: Uint8Array): Promise<Uint8Array[]> {
    return this.cut(line * lineBytes, text);
  }

  /** A provider's answer to a line, likewise. */
  answer(line: number, text: Uint8Array): Promise<Uint8Array[]> {
    return this.cut(answersAt + line * lineBytes, text);
  }

  /** One piece of it, by its row's key. */
  answerPiece(key: number, bytes: Uint8Array): Promise<Uint8Array> {
    return this.cipher.at(answersAt + placeOf(key), bytes);
  }

  private async cut(at: number, text: Uint8Array): Promise<Uint8Array[]> {
    const sealed = await this.cipher.at(at, text);
    return Array.from({ length: Math.max(1, Math.ceil(sealed.length / pieceBytes)) }, (_, i) => sealed.slice(i * pieceBytes, (i + 1) * pieceBytes));
  }

  /** One piece of it, by its row's key. */
  piece(key: number, bytes: Uint8Array): Promise<Uint8Array> {
    return this.cipher.at(placeOf(key), bytes);
  }

  /** A copy: bytes that cross RPC take the whole buffer along in which they lie. */
  async ids(part: number, ids: readonly string[]): Promise<Uint8Array> {
    return (await this.cipher.at(idsAt + part * lineBytes, encoder.encode(JSON.stringify(ids)))).slice();
  }

  async openIds(part: number, bytes: Uint8Array): Promise<string[]> {
    return JSON.parse(decoder.decode(await this.cipher.at(idsAt + part * lineBytes, bytes))) as string[];
  }
}

/** Strings of a JSON text as it comes: of a list that is as large as what stands in it, only its names are held. */
import { GatewayError } from "../errors.ts";

/** A string, and the names of the fields that lead to it with `.` between them; without `text`: there an object ends. */
export type Told = { readonly path: string; readonly text?: string };

/** What is longer is not told. */
const mostText = 4_096;

/** Throws where the text is no object, or breaks off: what was not told may still have been in it. */
export async function* stringsIn(body: AsyncIterable<Uint8Array>): AsyncGenerator<Told, void> {
  const decoder = new TextDecoder();
  const scanner = new Scanner();
  for await (const bytes of body) yield* scanner.push(decoder.decode(bytes, { stream: true }));
  if (!scanner.isOver) throw new GatewayError("upstream_error", "A list broke off.");
}

class Scanner {
  private readonly open: { readonly path: string; readonly isObject: boolean }[] = [];
  private began = false;
  private key = "";
  /** A colon came since the last comma. */
  private isValue = false;
  /** The string that has begun, as it is written. */
  private string: string | undefined;
  private escaped = false;

  get isOver(): boolean {
    return this.began && this.open.length === 0 && this.string === undefined;
  }

  push(piece: string): Told[] {
    const told: Told[] = [];
    const first = piece.trimStart()[0];
    if (!this.began && first !== undefined && first !== "{") throw new GatewayError("upstream_error", "A list is none.");
    this.began ||= first !== undefined;
    for (let at = 0; at < piece.length; ) at = this.string === undefined ? this.outside(piece, at, told) : this.inside(piece, at, told);
    return told;
  }

  private get path(): string {
    const within = this.open.at(-1);
    return !within ? "" : !within.isObject ? within.path : within.path === "" ? this.key : `${within.path}.${this.key}`;
  }

  private inside(piece: string, from: number, told: Told[]): number {
    const mark = /["\\]/g;
    mark.lastIndex = this.escaped ? from + 1 : from;
    const found = mark.exec(piece);
    const end = found?.index ?? piece.length;
    if (this.string!.length <= mostText) this.string += piece.slice(from, end);
    this.escaped = found?.[0] === "\\";
    if (this.escaped) this.string += "\\";
    if (found?.[0] === '"') this.ended(told);
    return end + 1;
  }

  private ended(told: Told[]): void {
    const text = this.string!.length > mostText ? undefined : (JSON.parse(`"${this.string}"`) as string);
    this.string = undefined;
    if (this.open.at(-1)?.isObject && !this.isValue) this.key = text ?? "";
    else if (text !== undefined) told.push({ path: this.path, text });
  }

  private outside(piece: string, from: number, told: Told[]): number {
    const mark = /["{}[\]:,]/g;
    mark.lastIndex = from;
    const found = mark.exec(piece);
    if (!found) return piece.length;
    const [sign] = found;
    if (sign === '"') this.string = "";
    else if (sign === "{" || sign === "[") this.open.push({ path: this.path, isObject: sign === "{" });
    else if (sign === "}" || sign === "]") {
      const ended = this.open.pop();
      if (ended?.isObject) told.push({ path: ended.path });
    }
    this.isValue = sign === ":" || (sign === '"' && this.isValue);
    return found.index + 1;
  }
}

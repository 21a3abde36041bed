/** The lines of a stream of bytes, each with where it stands. */
import { joined } from "../bytes.ts";

/** `start`, `end`: which bytes of the stream it is, without its newline. `text`: null where it is no UTF-8, or longer than a line may be. */
export type Line = { readonly number: number; readonly start: number; readonly end: number; readonly text: string | null; readonly tooLong: boolean };

const newline = 10;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

function decoded(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

/** Lines that are not blank; `number` counts all of them, from `first`. Of one that is longer than `mostBytes` nothing is held. `at`: where the stream begins. */
export async function* linesOf(body: AsyncIterable<Uint8Array>, mostBytes: number, { at = 0, first = 1 }: { at?: number; first?: number } = {}): AsyncGenerator<Line, void> {
  let held: Uint8Array[] = [];
  let [start, length, number] = [at, 0, first];
  const take = (bytes: Uint8Array): void => {
    length += bytes.length;
    if (length > mostBytes) held = [];
    else if (bytes.length > 0) held.push(bytes.slice());
  };
  const line = (): Line | undefined => {
    const tooLong = length > mostBytes;
    const text = tooLong ? null : decoded(held.length === 1 ? held[0]! : joined(held));
    const made: Line = { number, start, end: start + length, text, tooLong };
    held = [];
    start += length + 1;
    length = 0;
    number += 1;
    return text?.trim() === "" ? undefined : made;
  };
  for await (const bytes of body) {
    let from = 0;
    for (let end = bytes.indexOf(newline); end !== -1; end = bytes.indexOf(newline, from)) {
      take(bytes.subarray(from, end));
      from = end + 1;
      const made = line();
      if (made) yield made;
    }
    take(bytes.subarray(from));
  }
  const last = length > 0 ? line() : undefined;
  if (last) yield last;
}

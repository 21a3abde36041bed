/** A recording as base64 within JSON, made piece by piece as it is sent: it lies in memory once. */
import type { SentBody, SentFile } from "../crossing.ts";
import { joined } from "../../bytes.ts";

const encoder = new TextEncoder();
/** Where the base64 shall stand: before any field that is only what a client says. */
const mark = "\u0000base64\u0000";
const marked = JSON.stringify(mark);

/** JSON of what `body` makes of a text that stands for the file's bytes. */
export function withBase64(file: SentFile, body: (data: string) => object): SentBody {
  const text = JSON.stringify(body(mark));
  const at = text.indexOf(marked);
  const head = encoder.encode(text.slice(0, at + 1));
  const tail = encoder.encode(text.slice(at + marked.length - 1));
  return { type: "application/json", bytes: head.length + Math.ceil(file.bytes / 3) * 4 + tail.length, pieces: { *[Symbol.iterator]() {
    yield head;
    yield* base64Of(file.pieces);
    yield tail;
  } } };
}

/** Base64 of pieces as if they were one: what is left of one by threes stands before the next. */
function* base64Of(pieces: Iterable<Uint8Array>): Generator<Uint8Array> {
  let left = new Uint8Array();
  for (const piece of pieces) {
    const whole = left.length === 0 ? piece : joined([left, piece]);
    const end = whole.length - (whole.length % 3);
    if (end > 0) yield encoder.encode(whole.subarray(0, end).toBase64());
    left = whole.slice(end);
  }
  if (left.length > 0) yield encoder.encode(left.toBase64());
}

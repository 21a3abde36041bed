/** A request's body as it leaves: text as it is, files from where they lie. */
import type { FormFields, FormValue, SentBody } from "../protocols/protocol.ts";

const encoder = new TextEncoder();

/** `type`: its content type. Made anew for every try: a stream is read once. */
export function bodyOf(body: SentBody): { readonly type: string; readonly body: BodyInit } {
  if (typeof body === "string") return { type: "application/json", body };
  if ("pieces" in body) return { type: body.type, body: streamOf(body.pieces, body.bytes) };
  const boundary = `forge-${crypto.randomUUID().replaceAll("-", "")}`;
  const pieces = piecesOf(body.form, boundary);
  return { type: `multipart/form-data; boundary=${boundary}`, body: streamOf(pieces, lengthOf(pieces)) };
}

/** The pieces one after the other, as fast as they are taken; their length is known, so that it is told. */
function streamOf(pieces: Iterable<Uint8Array>, bytes: number): ReadableStream<Uint8Array> {
  const { readable, writable } = new FixedLengthStream(bytes);
  void write(writable, pieces).catch(() => {});
  return readable;
}

const lengthOf = (pieces: readonly Uint8Array[]): number => pieces.reduce((sum, { length }) => sum + length, 0);

async function write(writable: WritableStream<Uint8Array>, pieces: Iterable<Uint8Array>): Promise<void> {
  const writer = writable.getWriter();
  for (const piece of pieces) await writer.write(piece);
  await writer.close();
}

/** Names are quoted as browsers do it: https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data */
const quoted = (name: string): string => `"${name.replaceAll("\n", "%0A").replaceAll("\r", "%0D").replaceAll('"', "%22")}"`;

function piecesOf(form: FormFields, boundary: string): Uint8Array[] {
  const parts = Object.entries(form).flatMap(([name, value]) => (Array.isArray(value) ? (value as FormValue[]) : [value as FormValue]).map((one) => ({ name, value: one })));
  const pieces = parts.flatMap(({ name, value }) => {
    const head = `--${boundary}\r\nContent-Disposition: form-data; name=${quoted(name)}`;
    if (typeof value === "string") return [encoder.encode(`${head}\r\n\r\n${value}\r\n`)];
    return [encoder.encode(`${head}; filename=${quoted(value.filename)}\r\nContent-Type: ${value.type.replace(/[\r\n]/g, "")}\r\n\r\n`), ...value.pieces, encoder.encode("\r\n")];
  });
  return [...pieces, encoder.encode(`--${boundary}--\r\n`)];
}

/** A request's body as it leaves: text as it is, files from where they lie, or as they come. */
import { GatewayError } from "../errors.ts";
import type { FormFields, FormValue, SentBody } from "../protocols/protocol.ts";

const encoder = new TextEncoder();

/** `type`: its content type; `fault`: why the rest of it did not come, where that was it. Made anew for every try: a stream is read once. */
export type Leaving = { readonly type: string; readonly body: BodyInit; readonly fault?: () => GatewayError | undefined };

export function bodyOf(body: SentBody): Leaving {
  if (typeof body === "string") return { type: "application/json", body };
  if ("pieces" in body) return { type: body.type, ...streamOf(body.pieces, body.bytes) };
  const boundary = `forge-${crypto.randomUUID().replaceAll("-", "")}`;
  const type = `multipart/form-data; boundary=${boundary}`;
  if (Object.values(body.form).some((value) => typeof value === "object" && "coming" in value && value.coming)) return { type, ...streamOf(comingOf(body.form, boundary)) };
  const pieces = [...partsOf(body.form).flatMap(([name, value]) => [...partOf(name, value, boundary)]), endOf(boundary)];
  return { type, ...streamOf(pieces, pieces.reduce((sum, { length }) => sum + length, 0)) };
}

/** The pieces one after the other, as fast as they are taken; their length is told where it is known. */
function streamOf(pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, bytes?: number): Pick<Leaving, "body" | "fault"> {
  const { readable, writable } = bytes === undefined ? new TransformStream<Uint8Array, Uint8Array>() : new FixedLengthStream(bytes);
  let fault: GatewayError | undefined;
  void write(writable, pieces).catch((thrown: unknown) => {
    if (thrown instanceof GatewayError) fault = thrown;
    return writable.abort(thrown).catch(() => {});
  });
  return { body: readable, fault: () => fault };
}

async function write(writable: WritableStream<Uint8Array>, pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
  const writer = writable.getWriter();
  try {
    for await (const piece of pieces) await writer.write(piece);
    await writer.close();
  } finally {
    writer.releaseLock();
  }
}

/** Names are quoted as browsers do it: https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data */
const quoted = (name: string): string => `"${name.replaceAll("\n", "%0A").replaceAll("\r", "%0D").replaceAll('"', "%22")}"`;

const partsOf = (form: FormFields): [string, FormValue][] => Object.entries(form).flatMap(([name, value]) => (Array.isArray(value) ? (value as FormValue[]) : [value as FormValue]).map((one): [string, FormValue] => [name, one]));
const endOf = (boundary: string): Uint8Array => encoder.encode(`--${boundary}--\r\n`);
const newline = encoder.encode("\r\n");

function headOf(name: string, value: FormValue, boundary: string): string {
  const head = `--${boundary}\r\nContent-Disposition: form-data; name=${quoted(name)}`;
  return typeof value === "string" ? `${head}\r\n\r\n` : `${head}; filename=${quoted(value.filename)}\r\nContent-Type: ${value.type.replace(/[\r\n]/g, "")}\r\n\r\n`;
}

function* partOf(name: string, value: FormValue, boundary: string): Generator<Uint8Array> {
  const head = headOf(name, value, boundary);
  if (typeof value === "string") return yield encoder.encode(`${head}${value}\r\n`);
  yield encoder.encode(head);
  yield* value.pieces;
  yield newline;
}

/** A form of which a file is still coming: what stands behind it follows as it comes. */
async function* comingOf(form: FormFields, boundary: string): AsyncGenerator<Uint8Array> {
  const parts = partsOf(form);
  const last = parts.findIndex(([, value]) => typeof value === "object" && value.coming);
  for (const [name, value] of parts.filter((_, i) => i !== last)) yield* partOf(name, value, boundary);
  const [name, file] = parts[last] as [string, Exclude<FormValue, string>];
  yield encoder.encode(headOf(name, file, boundary));
  yield* file.pieces;
  yield* file.coming!.file;
  yield newline;
  for await (const [field, value] of file.coming!.fields) yield* partOf(field, value, boundary);
  yield endOf(boundary);
}

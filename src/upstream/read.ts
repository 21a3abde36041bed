/** Bodies read whole, with a bound. */
import { GatewayError } from "../errors.ts";
import { joined } from "../bytes.ts";

/** What is asked for at a time: a body in many small packets wakes nobody for each. */
const pieceBytes = 16 * 1024;

/** Reads at most `limit` bytes; undefined when there is more. */
export async function readBounded(body: ReadableStream<Uint8Array> | null, limit: number): Promise<Uint8Array | undefined> {
  if (!body) return new Uint8Array();
  const reader = body.getReader({ mode: "byob" });
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { value, done } = await reader.readAtLeast(pieceBytes, new Uint8Array(pieceBytes));
    if (value) {
      length += value.byteLength;
      chunks.push(value);
    }
    if (length > limit) {
      void reader.cancel().catch(() => {});
      return undefined;
    }
    if (done || value.byteLength < pieceBytes) break;
  }
  return chunks.length === 1 ? chunks[0]! : joined(chunks);
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Strict UTF-8. Throws `invalid_json` on broken bytes. */
export function decodeUtf8(bytes: ArrayBuffer | Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new GatewayError("invalid_json", "The request body is not valid UTF-8.");
  }
}

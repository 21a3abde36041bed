/** AWS's binary event streams, read as server-sent events. https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html */
import { EventStreamCodec } from "@smithy/eventstream-codec";
import { Carry, type Cutter } from "./frames.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const codec = new EventStreamCodec((bytes) => decoder.decode(bytes), (text) => encoder.encode(text));

/** Length, header length and checksum that stand before a message. */
const preludeBytes = 12;

/**
 * Tells messages as frames `event: <type>`, `data: <payload>`; an exception is an event by the exception's name. Events of
 * Claude's own API come wrapped in `chunk` messages and are unwrapped. Throws on a message that is cut or damaged.
 */
export class EventStreamCutter implements Cutter {
  private readonly carry = new Carry();

  get inside(): boolean {
    return this.carry.length > 0;
  }

  push(piece: Uint8Array): Uint8Array | undefined {
    this.carry.keep(piece);
    let frames = "";
    for (let length = this.messageLength(); length > 0; length = this.messageLength()) frames += frameOf(this.carry.take(length));
    return frames === "" ? undefined : encoder.encode(frames);
  }

  rest(): string {
    if (this.inside) throw new Error("The event stream broke off.");
    return "";
  }

  /** Length of the message that stands first, if all of it is there; else 0. */
  private messageLength(): number {
    const { bytes } = this.carry;
    if (bytes.length < preludeBytes) return 0;
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    if (length < preludeBytes + 4) throw new Error("The event stream is damaged.");
    return bytes.length < length ? 0 : length;
  }
}

function frameOf(bytes: Uint8Array): string {
  const { headers, body } = codec.decode(bytes);
  const name = (headers[":event-type"] ?? headers[":exception-type"] ?? headers[":error-code"])?.value;
  const data = decoder.decode(body);
  const type = String(name ?? "message").replace(/[\r\n]/g, "");
  return type === "chunk" ? unwrapped(data) : `event: ${type}\ndata: ${data.replace(/[\r\n]+/g, " ") || "{}"}\n\n`;
}

/** An event of Claude's own API in its wrapping: base64 of its JSON. */
function unwrapped(data: string): string {
  const { bytes } = JSON.parse(data) as { bytes?: string };
  const text = decoder.decode(Uint8Array.from(atob(bytes ?? ""), (character) => character.charCodeAt(0)));
  const { type } = JSON.parse(text) as { type?: string };
  return `event: ${type ?? "message"}\ndata: ${text}\n\n`;
}

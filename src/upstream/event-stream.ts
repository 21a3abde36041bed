/** AWS's binary event streams, read as server-sent events. https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html */
import { EventStreamCodec } from "@smithy/eventstream-codec";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const codec = new EventStreamCodec((bytes) => decoder.decode(bytes), (text) => encoder.encode(text));

/** Length, header length and checksum that stand before a message. */
const preludeBytes = 12;
const mostBytes = 24 * 1024 * 1024;

/**
 * The stream's messages as frames `event: <type>`, `data: <payload>`; an exception is an event by the exception's name. Events of
 * Claude's own API come wrapped in `chunk` messages and are unwrapped. A message that is cut or damaged breaks the stream.
 */
export function fromEventStream(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let held = new Uint8Array(0);
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      for (;;) {
        const { frames, rest } = cut(held);
        held = rest;
        if (frames !== "") return controller.enqueue(encoder.encode(frames));
        const { done, value } = await reader.read();
        if (done && held.length > 0) throw new Error("The event stream broke off.");
        if (done) {
          controller.close();
          controller.byobRequest?.respond(0);
          return;
        }
        const joined = new Uint8Array(held.length + value.length);
        joined.set(held);
        joined.set(value, held.length);
        held = joined;
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

/** The whole messages in `bytes` as frames, and what is left. */
function cut(bytes: Uint8Array): { frames: string; rest: Uint8Array<ArrayBuffer> } {
  let frames = "";
  let from = 0;
  while (bytes.length - from >= preludeBytes) {
    const length = new DataView(bytes.buffer, bytes.byteOffset + from).getUint32(0);
    if (length > mostBytes || length < preludeBytes + 4) throw new Error("The event stream is damaged.");
    if (bytes.length - from < length) break;
    frames += frameOf(bytes.subarray(from, from + length));
    from += length;
  }
  return { frames, rest: bytes.slice(from) };
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

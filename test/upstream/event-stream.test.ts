/** AWS's binary streams, cut anywhere. */
import { EventStreamCodec } from "@smithy/eventstream-codec";
import { expect, test } from "vitest";
import { EventStreamCutter } from "../../src/upstream/event-stream.ts";

const codec = new EventStreamCodec((bytes) => new TextDecoder().decode(bytes), (text) => new TextEncoder().encode(text));
const message = (name: ":event-type" | ":exception-type", type: string, body: object): Uint8Array =>
  codec.encode({ headers: { [name]: { type: "string", value: type } }, body: new TextEncoder().encode(JSON.stringify(body)) });

const delta = { contentBlockIndex: 0, delta: { text: "Grüße 東京 🗼" } };
const claude = { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "so" } };
const bytesOf = (text: string): string => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
const messages = [
  message(":event-type", "contentBlockDelta", delta),
  message(":event-type", "chunk", { bytes: bytesOf(JSON.stringify(claude)), p: "abc" }),
  message(":exception-type", "throttlingException", { message: "slower" }),
];
const whole = Uint8Array.from(messages.flatMap((bytes) => [...bytes]));
const expected = `event: contentBlockDelta\ndata: ${JSON.stringify(delta)}\n\n`
  + `event: content_block_delta\ndata: ${JSON.stringify(claude)}\n\n`
  + 'event: throttlingException\ndata: {"message":"slower"}\n\n';

/** The stream's text when it comes in pieces of `size`. */
function read(bytes: Uint8Array, size: number): string {
  const cutter = new EventStreamCutter();
  let text = "";
  for (let at = 0; at < bytes.length; at += size) {
    const frames = cutter.push(bytes.slice(at, at + size));
    if (frames) text += new TextDecoder().decode(frames);
  }
  return text + cutter.rest();
}

test.each([1, 2, 3, 7, 64, 4_096])("pieces of %i bytes", (size) => {
  expect(read(whole, size)).toBe(expected);
});

test("a stream that breaks off in a message, or is damaged, is an error", () => {
  expect(() => read(whole.slice(0, -3), 50)).toThrow("broke off");
  const damaged = whole.slice();
  damaged[40]! ^= 1;
  expect(() => read(damaged, 50)).toThrow();
});

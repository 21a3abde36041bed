/** AWS's binary streams, cut anywhere. */
import { EventStreamCodec } from "@smithy/eventstream-codec";
import { expect, test } from "vitest";
import { fromEventStream } from "../../src/upstream/event-stream.ts";

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
async function read(bytes: Uint8Array, size: number): Promise<string> {
  const pieces = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
      controller.close();
    },
  });
  return new Response(fromEventStream(pieces)).text();
}

test.each([1, 2, 3, 7, 64, 4_096])("pieces of %i bytes", async (size) => {
  expect(await read(whole, size)).toBe(expected);
});

test("a reader with its own buffer gets every byte, as the pump reads", async () => {
  const reader = fromEventStream(new Response(whole).body!).getReader({ mode: "byob" });
  let text = "";
  const decoder = new TextDecoder();
  for (let buffer = new ArrayBuffer(16); ; ) {
    const { done, value } = await reader.read(new Uint8Array(buffer));
    if (done) break;
    text += decoder.decode(value, { stream: true });
    buffer = value.buffer as ArrayBuffer;
  }
  expect(text).toBe(expected);
});

test("a stream that breaks off in a message, or is damaged, is an error", async () => {
  await expect(read(whole.slice(0, -3), 50)).rejects.toThrow();
  const damaged = whole.slice();
  damaged[40]! ^= 1;
  await expect(read(damaged, 50)).rejects.toThrow();
});

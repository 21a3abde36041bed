import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Form, type FormLimits } from "../../src/form.ts";

type Said = { name: string; value: string } | { name: string; filename: string; type: string; bytes: Uint8Array };
const encoder = new TextEncoder();

/** A form as clients write it. */
function written(parts: readonly Said[], boundary: string): Uint8Array {
  const pieces = parts.flatMap((part) => {
    const file = "bytes" in part;
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${part.name}"${file ? `; filename="${part.filename}"\r\nContent-Type: ${part.type}` : ""}\r\n\r\n`;
    return [encoder.encode(head), file ? part.bytes : encoder.encode(part.value), encoder.encode("\r\n")];
  });
  return new Uint8Array([...pieces, encoder.encode(`--${boundary}--\r\n`)].flatMap((piece) => [...piece]));
}

/** A body that comes in pieces of these sizes, over and over, and how much of it was read. */
function arriving(bytes: Uint8Array, sizes: readonly number[]): { body: ReadableStream<Uint8Array>; read: () => number } {
  let at = 0;
  let turn = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const size = sizes[turn++ % sizes.length]!;
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at + size));
      at += size;
    },
  }, { highWaterMark: 0 });
  return { body, read: () => at };
}

const headers = (boundary: string, more: Record<string, string> = {}): Headers => new Headers({ "content-type": `multipart/form-data; boundary=${boundary}`, ...more });
const formOf = (bytes: Uint8Array, boundary = "xYz", sizes = [bytes.length], limits: FormLimits = { mostBytes: 1e6 }): Form =>
  new Form({ headers: headers(boundary), body: arriving(bytes, sizes).body }, limits);

async function read(form: Form): Promise<Said[]> {
  const found: Said[] = [];
  for (let part = await form.next(); part; part = await form.next()) {
    if ("value" in part) found.push(part);
    else found.push({ name: part.name, filename: part.filename, type: part.type, bytes: new Uint8Array((await Array.fromAsync(part.body)).flatMap((bytes) => [...bytes])) });
  }
  return found;
}

const name = fc.stringMatching(/^[a-z_[\]]{1,12}$/);
const part = fc.oneof(
  fc.record({ name, value: fc.string({ unit: "grapheme", maxLength: 30 }) }),
  fc.record({ name, filename: fc.stringMatching(/^[\w. -]{1,12}$/), type: fc.constant("audio/mpeg"), bytes: fc.uint8Array({ maxLength: 80 }) }),
);
const boundary = fc.stringMatching(/^-{0,3}[A-Za-z0-9]{6,12}-{0,3}$/);

describe("a form", () => {
  test("is read the same however it is cut", async () => {
    await fc.assert(fc.asyncProperty(fc.array(part, { maxLength: 4 }), boundary, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }), async (parts, between, sizes) => {
      const bytes = written(parts, between);
      if (parts.length > 0) expect(await read(formOf(bytes, between, sizes))).toEqual(parts);
    }), { numRuns: 150 });
  });

  test("is read no faster than it is asked for", async () => {
    const bytes = written([{ name: "purpose", value: "batch" }, { name: "file", filename: "a", type: "text/plain", bytes: new Uint8Array(100_000) }], "xYz");
    const { body, read: sofar } = arriving(bytes, [1_000]);
    const form = new Form({ headers: headers("xYz"), body }, { mostBytes: 1e6 });
    expect(await form.next()).toEqual({ name: "purpose", value: "batch" });
    expect(sofar()).toBeLessThanOrEqual(2_000);
  });

  test("what of a file nobody reads is dropped", async () => {
    const bytes = written([{ name: "file", filename: "a", type: "text/plain", bytes: new Uint8Array(9_000) }, { name: "model", value: "m" }], "xYz");
    const form = formOf(bytes, "xYz", [500]);
    expect(await form.next()).toMatchObject({ filename: "a" });
    expect(await form.next()).toEqual({ name: "model", value: "m" });
    expect(await form.next()).toBeUndefined();
  });

  test.each([
    ["broken off in a file", (bytes: Uint8Array) => bytes.slice(0, -20), "invalid_request"],
    ["broken off before anything", () => new Uint8Array(0), "invalid_request"],
    ["no form at all", () => encoder.encode("{}"), "invalid_request"],
    ["a part without a name", () => encoder.encode("--xYz\r\nContent-Disposition: form-data\r\n\r\nx\r\n--xYz--\r\n"), "invalid_request"],
    ["a file name that is no UTF-8", () => encoder.encode("--xYz\r\nContent-Disposition: form-data; name=\"f\"; filename*=utf-8''%ff%\r\n\r\nx\r\n--xYz--\r\n"), "invalid_request"],
  ])("%s is refused", async (_, broken, code) => {
    const bytes = broken(written([{ name: "file", filename: "a", type: "text/plain", bytes: new Uint8Array(100) }], "xYz"));
    await expect(read(formOf(bytes))).rejects.toMatchObject({ code });
  });

  test.each([
    ["a field that never ends", [{ name: "a", value: "x".repeat(5_000) }], { mostBytes: 1e6, mostFieldBytes: 1_000 }, "invalid_request"],
    ["a file that is too large", [{ name: "a", filename: "a", type: "text/plain", bytes: new Uint8Array(5_000) }], { mostBytes: 1e6, mostFileBytes: 1_000 }, "request_too_large"],
    ["a body that is too large", [{ name: "a", filename: "a", type: "text/plain", bytes: new Uint8Array(5_000) }], { mostBytes: 1_000 }, "request_too_large"],
    ["too many parts", Array.from({ length: 300 }, () => ({ name: "a", value: "" })), { mostBytes: 1e6 }, "invalid_request"],
  ])("%s is refused", async (_, parts, limits, code) => {
    await expect(read(formOf(written(parts, "xYz"), "xYz", [200], limits))).rejects.toMatchObject({ code });
  });

  test("names may have any letters, and one that does not end is no name", async () => {
    const parts: Said[] = [{ name: "dätei", filename: "文件 🗂; name=x.txt", type: "text/plain", bytes: new Uint8Array([1]) }, { name: "ф", value: "y" }];
    expect(await read(formOf(written(parts, "xYz")))).toEqual(parts);
    await expect(read(formOf(written([{ name: "ф", filename: 'a" b', type: "text/plain", bytes: new Uint8Array([1]) }], "xYz")))).rejects.toMatchObject({ code: "invalid_request" });
  });

  test("what is no form, or is compressed, is refused at once", () => {
    const { body } = arriving(new Uint8Array(1), [1]);
    expect(() => new Form({ headers: new Headers({ "content-type": "application/json" }), body }, { mostBytes: 10 })).toThrow(/multipart/);
    expect(() => new Form({ headers: headers("x", { "content-encoding": "gzip" }), body }, { mostBytes: 10 })).toThrow(/content-encoding/);
    expect(() => new Form({ headers: headers("x", { "content-length": "99999999" }), body }, { mostBytes: 10 })).toThrow(/larger/);
  });
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { Form } from "../../src/form.ts";
import { SentFile } from "../../src/protocols/crossing.ts";
import { bodyOf } from "../../src/upstream/sent-body.ts";

type Value = string | SentFile;
const bytesOf = ({ pieces }: SentFile): number[] => pieces.flatMap((piece) => [...piece]);

/** A form as a server reads it. */
async function readBack(form: Record<string, Value | Value[]>): Promise<[string, unknown][]> {
  const { type, body } = bodyOf({ form });
  const read = new Form({ headers: new Headers({ "content-type": type }), body: new Response(body).body }, { mostBytes: 1e6 });
  const found: [string, unknown][] = [];
  for (let part = await read.next(); part; part = await read.next()) {
    found.push([part.name, "value" in part ? part.value : { filename: part.filename, type: part.type, bytes: (await Array.fromAsync(part.body)).flatMap((piece) => [...piece]) }]);
  }
  return found;
}

const file = fc.tuple(fc.stringMatching(/^[\w. -]{1,10}$/), fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 3 })).map(([name, pieces]) => new SentFile(name, "audio/wav", pieces));
const value = fc.oneof(fc.string({ unit: "grapheme", maxLength: 20 }), file);

test("a form arrives as it was sent, in its order", async () => {
  await fc.assert(fc.asyncProperty(fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}(\[\])?$/), fc.oneof(value, fc.array(value, { minLength: 1, maxLength: 3 })), { minKeys: 1, maxKeys: 4 }), async (form) => {
    const sent = Object.entries(form).flatMap(([name, values]) => [values].flat().map((one) => [name, one instanceof SentFile ? { filename: one.filename, type: one.type, bytes: bytesOf(one) } : one]));
    expect(await readBack(form)).toEqual(sent);
  }), { numRuns: 60 });
});

test("a name cannot break out of its header", async () => {
  const evil = '";\r\nX-Evil: 1\r\n\r\n--';
  const [[name, sent]] = (await readBack({ [evil]: new SentFile(evil, "audio/wav\r\nX-Evil: 1", [new Uint8Array([1])]) })) as [[string, { filename: string; type: string; bytes: number[] }]];
  expect(name).not.toMatch(/[\r\n"]/);
  expect(sent.filename).not.toMatch(/[\r\n"]/);
  expect(sent.bytes).toEqual([1]);
});

test("its length is told", async () => {
  const { body } = bodyOf({ type: "audio/wav", bytes: 7, pieces: [new Uint8Array(3), new Uint8Array(4)] });
  expect(await new Response(body).bytes()).toHaveLength(7);
});

test("it can be sent again", async () => {
  const sent = { form: { model: "m", file: new SentFile("a", "audio/wav", [new Uint8Array([7])]) } };
  const texts = await Promise.all([bodyOf(sent), bodyOf(sent)].map(async ({ type, body }) => (await new Response(body).text()).replaceAll(type.split("=")[1]!, "")));
  expect(texts[0]).toBe(texts[1]);
});

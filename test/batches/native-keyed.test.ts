import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { newBatchId } from "../../src/batches/batch.ts";
import { stringsIn, type Told } from "../../src/batches/json-strings.ts";
import { keyed } from "../../src/batches/native-keyed.ts";
import type { Answer, Asked } from "../../src/batches/native-kind.ts";
import { Parts } from "../../src/batches/native-parts.ts";
import { providerOf } from "../../src/providers/index.ts";
import { ProviderCalls } from "../../src/upstream/provider-batches.ts";
import { answerOf, GeminiBatches } from "./gemini.ts";

const host = "https://generativelanguage.googleapis.com";
const mark = newBatchId("file", 1_000);
const asked: Asked = { mark, path: "/models/gemini-test:generateContent", lines: 2, askedAtMs: 1_000, askMs: 900_000, others: [] };

function stage(): { there: GeminiBatches; calls: ProviderCalls } {
  const there = new GeminiBatches();
  const dial = (url: string, { method, body }: RequestInit): Promise<Response> => {
    const { status, type, text } = there.play(method!, url.slice(host.length), body as string);
    return Promise.resolve(new Response(text, { status, headers: { "content-type": type } }));
  };
  return { there, calls: new ProviderCalls({ provider: providerOf("gemini")!, baseUrl: `${host}/v1beta`, secret: "key", dial }) };
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const strings = async (text: string, size = text.length): Promise<Told[]> => {
  const told: Told[] = [];
  for await (const one of stringsIn(pieces(new TextEncoder().encode(text), size))) told.push(one);
  return told;
};

/** What is told of a value, by who has it whole. */
function expected(value: unknown, path = ""): Told[] {
  if (typeof value === "string") return value.length > 4_096 ? [] : [{ path, text: value }];
  if (Array.isArray(value)) return value.flatMap((one) => expected(one, path));
  if (typeof value !== "object" || value === null) return [];
  return [...Object.entries(value).flatMap(([key, one]) => expected(one, path === "" ? key : `${path}.${key}`)), { path }];
}

describe("strings of a list that comes in pieces", () => {
  test("are told wherever it is cut, with the names that lead to them", async () => {
    const list = { a: "x", "k\"\\{": [["\\", { b: "}\"]\u00e9😀\n" }, 1.5e3, null, "," ], { b: {}, c: [true, { d: "e:" }] }], long: "l".repeat(5_000), e: "" };
    for (const text of [JSON.stringify(list), JSON.stringify(list, null, 2), ` ${JSON.stringify(list)}\n`]) {
      for (const size of [1, 2, 3, 7, 100_000]) expect(await strings(text, size)).toEqual(expected(list));
    }
  });

  test("whatever it is", async () => {
    await fc.assert(fc.asyncProperty(fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue()), fc.integer({ min: 1, max: 40 }), async (drawn, size) => {
      const list = JSON.parse(JSON.stringify(drawn)) as unknown;
      expect(await strings(JSON.stringify(list), size)).toEqual(expected(list));
    }), { numRuns: 200 });
  });

  test.each(["", "{", '{"a":"b"', '{"a":[{}]', '{"a":"b', "<html>{}</html>", "[]", "null"])("of what is no whole list are not taken for all: %s", async (text) => {
    await expect(strings(text)).rejects.toThrow(/broke off|is none/);
  });
});

describe("a batch of which it is not known whether it was made", () => {
  test("is found by its mark, on whichever page, and no other's is taken for it, whatever answers stand in the list", async () => {
    const { there, calls } = stage();
    there.pageMost = 2;
    there.over = () => true;
    expect(await keyed.find(calls, asked)).toEqual({ is: "none", others: [] });
    for (let i = 0; i < 5; i += 1) there.add(i === 2 ? `${mark}0` : "theirs").inlined = `"displayName": "${mark}"`;
    expect(await keyed.find(calls, asked)).toEqual({ is: "none", others: [] });
    expect(there.calls.slice(-3)).toEqual(["GET /v1beta/batches?pageSize=100", "GET /v1beta/batches?pageSize=100&pageToken=from%202", "GET /v1beta/batches?pageSize=100&pageToken=from%204"]);
    const ours = there.add(mark);
    there.add("theirs");
    expect(await keyed.find(calls, asked)).toEqual({ is: "ours", id: ours.name });
  });

  test("is not said not to be there where its list breaks off", async () => {
    const { there, calls } = stage();
    there.add("theirs");
    const play = there.play.bind(there);
    there.play = (...args) => ((played) => ({ ...played, text: played.text.slice(0, -3) }))(play(...args));
    await expect(keyed.find(calls, asked)).rejects.toMatchObject({ code: "upstream_error" });
  });
});

describe("an answer of it", () => {
  const answer = (line: object | string): unknown => keyed.answer(mark, typeof line === "string" ? line : JSON.stringify(line));

  test("is the response as it came, big numbers too, at the batch's price", () => {
    const response = JSON.stringify(answerOf("hi")).replace('"hi"', '"hi", "n": 12345678901234567890123');
    expect(answer(`{"response":${response},"key":"7"}`)).toEqual({ line: 7, status: 200, body: response.replace('"standard"', '"batch"') });
    expect(answer({ key: "7", response: { promptFeedback: { blockReason: "SAFETY" } } })).toEqual({ line: 7, status: 200, body: '{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"serviceTier":"batch"}}' });
  });

  test.each([[3, 400], [5, 404], [9, 400], [11, 400], [400, 400]])("is an error where another time would be none the better: code %i", (code, status) => {
    expect(answer({ key: "7", error: { code, message: "no" } })).toEqual({ line: 7, status, body: JSON.stringify({ error: { code: status, message: "no" } }) });
  });

  test.each([1, 4, 7, 8, 13, 14, 16, 429, 503])("is none where it passes: code %i", (code) => expect(answer({ key: "7", error: { code, message: "busy" } })).toBeUndefined());
  test.each([{ response: {} }, { key: "x", response: {} }, { key: null, response: {} }, { key: "7" }])("of nobody's line is none: %o", (line) => expect(answer(line)).toBeUndefined());
});

describe("vectors", () => {
  const path = "/models/gemini-test:batchEmbedContents";
  const requests = (count: number): string => JSON.stringify({ requests: Array.from({ length: count }, (_, i) => ({ n: i })) });
  const part = (key: string, response: object): unknown => keyed.answer(mark, JSON.stringify({ key, response }));

  test("of a line are asked for one by one, as many as one call may ask for", () => {
    expect(keyed.line(mark, 7, { path, body: requests(2) })).toBe('{"key":"7/0/2","request":{"n":0}}\n{"key":"7/1/2","request":{"n":1}}');
    expect(keyed.line(mark, 7, { path, body: requests(100) })!.split("\n")).toHaveLength(100);
    expect([0, 101].map((count) => keyed.line(mark, 7, { path, body: requests(count) }))).toEqual([undefined, undefined]);
  });

  test("come each with its place, at the batch's price; what is none is none", () => {
    expect(part("7/1/2", { embedding: { values: [1] } })).toEqual({ line: 7, part: { index: 1, of: 2 }, status: 200, body: '{"embedding":{"values":[1]},"usageMetadata":{"serviceTier":"batch"}}' });
    expect(keyed.answer(mark, '{"key":"7/0/1","error":{"code":3}}')).toMatchObject({ line: 7, part: { index: 0, of: 1 }, status: 400 });
    for (const key of ["7/1", "7/1/2/3", "7/-1/2", "/1/2"]) expect(part(key, { embedding: { values: [1] } })).toBeUndefined();
    for (const none of [{ candidates: [] }, { embedding: {} }, { embeddings: [{ values: [1] }] }]) expect(part("7/1/2", none)).toBeUndefined();
  });

  const joined = (...told: object[]): unknown => JSON.parse(keyed.join!(told.map((one) => (part("7/0/1", { embedding: { values: [1e-9] }, ...one }) as { body: string }).body))) as unknown;
  const vector = { values: [1e-9] };

  test("are told together as one call tells them, with what they took all together where each says it, in whichever words", () => {
    const usageMetadata = { promptTokenCount: 4, promptTokenDetails: [{ modality: "IMAGE", tokenCount: 4 }] };
    expect(joined({ usageMetadata }, { tokenCount: "3" })).toEqual({ embeddings: [vector, vector], usageMetadata: { promptTokenCount: 7, promptTokenDetails: usageMetadata.promptTokenDetails, serviceTier: "batch" } });
    expect(joined({ usageMetadata }, {})).toEqual({ embeddings: [vector, vector], usageMetadata: { serviceTier: "batch" } });
    expect(joined({ tokenCount: "many" })).toEqual({ embeddings: [vector], usageMetadata: { serviceTier: "batch" } });
  });
});

describe("answers in parts", () => {
  const partOf = (line: number, index: number, of: number, body = `${line}.${index}`, status = 200): Answer => ({ line, status, body, part: { index, of } });
  const stageParts = (): Parts => new Parts({ join: (bodies) => bodies.join("+") });

  test("are one answer once the last has come, in whichever order they come, and however often", () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 6 }), fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), fc.boolean(), (sizes, chance, twice) => {
      const all = sizes.flatMap((of, line) => Array.from({ length: of }, (_, index) => partOf(line, index, of)));
      const order = [...all, ...(twice ? all.filter(({ part }) => part!.of > 1) : [])].map((one) => [chance.next().value!, one] as const).toSorted(([a], [b]) => a - b).map(([, one]) => one);
      const parts = stageParts();
      const told = order.flatMap((one) => parts.whole(one) ?? []);
      const expected = sizes.map((of, line) => ({ line, status: 200, body: Array.from({ length: of }, (_, index) => `${line}.${index}`).join("+") }));
      const once = new Map(told.map((one) => [one.line, one]));
      expect([...once.values()].toSorted((a, b) => a.line - b.line)).toEqual(expected);
      if (!twice) expect(told).toHaveLength(expected.length);
    }));
  });

  test("are the first error of them, where there is one, and nothing where one never comes", () => {
    const parts = stageParts();
    expect([partOf(1, 2, 3, "second", 404), partOf(1, 0, 3), partOf(1, 1, 3, "first", 400)].map((one) => parts.whole(one))).toEqual([undefined, undefined, { line: 1, status: 400, body: "first" }]);
    expect([partOf(2, 0, 2), partOf(2, 0, 2), partOf(2, 2, 2), partOf(2, 1, 3)].map((one) => parts.whole(one))).toEqual([undefined, undefined, undefined, undefined]);
    expect(parts.whole({ line: 3, status: 200, body: "whole" })).toEqual({ line: 3, status: 200, body: "whole" });
  });

  test("fill no memory: what has waited longest is forgotten", () => {
    const parts = stageParts();
    const large = "x".repeat(9 * 1024 * 1024);
    for (const line of [1, 2, 3]) parts.whole(partOf(line, 0, 2, large));
    expect([1, 2, 3].map((line) => parts.whole(partOf(line, 1, 2, "y"))?.line)).toEqual([undefined, 2, 3]);
  });
});

test("its files go to where its API takes files, wherever that is, and to no other host", async () => {
  const urls: string[] = [];
  const dial = (url: string): Promise<Response> => Promise.resolve((urls.push(url), Response.json({})));
  for (const baseUrl of [`${host}/v1beta`, "http://127.0.0.1:1/gemini/v1beta", "https://proxy.example"]) await new ProviderCalls({ provider: providerOf("gemini")!, baseUrl, secret: "key", dial }).beside("upload").get("/files");
  expect(urls).toEqual([`${host}/upload/v1beta/files`, "http://127.0.0.1:1/gemini/upload/v1beta/files", "https://proxy.example/files"]);
});

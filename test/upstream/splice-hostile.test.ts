/** Bodies made to hurt: large, deep, ambiguous. */
import { describe, expect, test } from "vitest";
import { fields, rawValue, splice } from "../../src/upstream/splice.ts";

const megabyte = 1024 * 1024;
const took = (work: () => void): number => {
  const startedMs = performance.now();
  work();
  return performance.now() - startedMs;
};

describe("a string of megabytes", () => {
  test.each([["quotes", '\\"'], ["backslashes", "\\\\"], ["both", '\\\\\\"'], ["braces and brackets", '}]{[,:'], ["escapes", "\\u005c\\u0022"], ["text", "x"]])("of %s takes time in proportion to its size", (_, piece) => {
    const body = (size: number): string => `{"a":"${piece.repeat(size / piece.length)}","b":["${piece.repeat(size / piece.length)}"],"model":"old"}`;
    const text = body(4 * megabyte);
    JSON.parse(text);
    expect(splice(text, { model: '"new"' })).toBe(text.replace('"old"', '"new"'));
    const small = body(megabyte);
    took(() => splice(small, { model: "1" }));
    expect(took(() => splice(text, { model: "1" }))).toBeLessThan(100 + 12 * took(() => splice(small, { model: "1" })));
  });

  test("as a key", () => {
    const key = '\\"'.repeat(megabyte);
    expect(rawValue(`{"${key}":1,"model":2}`, "model")).toBe("2");
    expect(splice(`{"${key}":1}`, { model: "2" })).toBe(`{"${key}":1,"model":2}`);
  });
});

test("a hundred thousand fields take time in proportion to their number", () => {
  const text = `{${Array.from({ length: 100_000 }, (_, i) => `"k${i}":${i}`).join(",")}}`;
  let result = "";
  expect(took(() => (result = splice(text, { model: '"m"', k99999: "0" })))).toBeLessThan(2_000);
  expect(result).toBe(`${text.slice(0, -6)}0,"model":"m"}`);
});

describe("100,000 levels deep", () => {
  test.each([["arrays", "[", "]"], ["objects", '{"a":', "}"]])("%s", (_, open, close) => {
    const deep = `${open.repeat(100_000)}1${close.repeat(100_000)}`;
    const text = `{"x":${deep},"model":"old","y":${deep}}`;
    expect(JSON.parse(text)).toHaveProperty("model", "old");
    expect(splice(text, { model: '"new"' })).toBe(text.replace('"old"', '"new"'));
    expect(rawValue(text, "x")).toBe(deep);
  });
});

describe("a key that stands more than once", () => {
  test("is set everywhere, so that every parser believes us", () => {
    expect(splice('{"model":"a","x":1,"model":"b","model":"c"}', { model: '"z"' })).toBe('{"model":"z","x":1,"model":"z","model":"z"}');
  });
  test("is read as JSON.parse reads it: the last", () => {
    const text = '{"stream":true,"stream":false}';
    expect(rawValue(text, "stream")).toBe(JSON.stringify((JSON.parse(text) as { stream: boolean }).stream));
  });
  test("is found under every spelling", () => {
    expect(fields('{"\\u006d\\u006F\\u0064el":1,"mod\\u0065l":2,"Model":3}').map(({ key }) => key)).toEqual(["model", "model", "Model"]);
  });
});

test("names that objects have by birth are names like others", () => {
  expect(splice('{"__proto__":{"a":1},"constructor":2,"toString":3}', { model: '"m"' })).toBe('{"__proto__":{"a":1},"constructor":2,"toString":3,"model":"m"}');
  expect(rawValue('{"__proto__":{"a":1}}', "__proto__")).toBe('{"a":1}');
});

test("white space of every kind stays", () => {
  const text = ' \t\r\n{ \n"a"\t:\r\n[ 1 , 2 ]\n,\t"model" : "old"\r\n}\n ';
  expect(splice(text, { model: '"new"' })).toBe(text.replace('"old"', '"new"'));
  expect(splice(text, { b: "1" })).toBe(text.replace('"old"', '"old","b":1'));
});

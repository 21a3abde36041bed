import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rawItems, rawValue, splice } from "../../src/upstream/splice.ts";

describe("splice", () => {
  it("changes one field and keeps every other byte", () => {
    const text = '{ "model" : "a", "seed":12345678901234567890,\n\t"x":{"model":"inner"},"temperature":1.0 }';
    expect(splice(text, { model: '"b"' })).toBe('{ "model" : "b", "seed":12345678901234567890,\n\t"x":{"model":"inner"},"temperature":1.0 }');
  });
  it("adds what is missing at the end", () => {
    expect(splice('{"a":1}', { b: "2" })).toBe('{"a":1,"b":2}');
    expect(splice("{ }", { b: "2", c: "3" })).toBe('{"b":2,"c":3 }');
  });
  it("sets a field that stands twice in both places, and sees through escaped names", () => {
    expect(splice('{"model":"a","\\u006dodel":"c"}', { model: '"b"' })).toBe('{"model":"b","\\u006dodel":"b"}');
  });
  it("takes a field out with its comma, wherever it stands", () => {
    expect(splice('{"a":1,"b":2,"c":3}', {}, ["a"])).toBe('{"b":2,"c":3}');
    expect(splice('{"a":1,"b":2,"c":3}', { c: "4" }, ["b"])).toBe('{"a":1,"c":4}');
    expect(splice('{ "a" : 1 }', {}, ["a"])).toBe("{  }");
    expect(splice('{"a":1, "b":2}', {}, ["x"])).toBe('{"a":1, "b":2}');
  });
  it("is not misled by quotes, braces and backslashes in strings", () => {
    const text = '{"a":"}\\"{,\\\\","model":"x","b":["]","\\\\"]}';
    expect(JSON.parse(splice(text, { model: '"y"' }))).toEqual({ ...JSON.parse(text), model: "y" });
  });
  it("equals parse, set, serialise for any object (property)", () => {
    fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), fc.jsonValue(), fc.boolean(), (object, key, value, spaced) => {
      fc.pre(key !== "__proto__" && !Object.hasOwn(object, "__proto__"));
      const text = JSON.stringify(object, null, spaced ? 2 : 0);
      expect(JSON.parse(splice(text, { [key]: JSON.stringify(value) }))).toEqual(JSON.parse(JSON.stringify({ ...object, [key]: value })));
      const raw = rawValue(text, key);
      expect(raw === undefined ? undefined : JSON.parse(raw)).toEqual(Object.hasOwn(object, key) ? JSON.parse(JSON.stringify(object[key])) : undefined);
    }));
  });
});

describe("items of a list", () => {
  it("are their own bytes", () => {
    expect(rawItems(' [ 12345678901234567890 ,[1],{ "a":"]," },"x\\"," , null ] ')).toEqual(["12345678901234567890", "[1]", '{ "a":"]," }', '"x\\","', "null"]);
  });
  it("are what parsing finds (property)", () => {
    fc.assert(fc.property(fc.array(fc.jsonValue()), fc.boolean(), (list, spaced) => {
      expect(rawItems(JSON.stringify(list, null, spaced ? 2 : 0)).map((item) => JSON.parse(item) as unknown)).toEqual(JSON.parse(JSON.stringify(list)));
    }));
  });
});

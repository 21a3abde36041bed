import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cut, said } from "../../src/brain/said.ts";
import { textBound } from "../../src/protocols/index.ts";

const completion = (content: unknown): string => JSON.stringify({ choices: [{ message: { role: "assistant", content } }] });

describe("what an answer says", () => {
  test.each([
    ["text", completion("Bees."), "Bees."],
    ["nothing", completion(""), ""],
    ["parts, of which text is told", completion([{ type: "thinking", thinking: [] }, { type: "text", text: "Be" }, null, { type: "text", text: "es." }, { type: "text", text: 7 }]), "Bees."],
  ])("%s", (_, text, expected) => {
    expect(said(text)).toBe(expected);
  });

  test.each([completion(null), completion(7), completion(true), completion({}), "", "null", "[]", "7", "{}", '{"choices":7}', '{"choices":[null]}', '{"choices":[{"message":"Bees."}]}', '{"choices":['])("%s says nothing", (text) => {
    expect(said(text)).toBeUndefined();
  });
});

describe("a text that is cut", () => {
  test("is whole where it fits, and else its beginning, in whole characters, as long as it may be", () => {
    expect([cut("Bees fly.", 9), cut("Bees fly.", 4), cut("蜜蜂会飞", 6), cut("a😀b", 4), cut("", 0)]).toEqual(["Bees fly.", "Bees", "蜜蜂", "a", ""]);
  });

  test("never has more tokens than were reserved for it, whatever it is", () => {
    const text = fc.oneof(fc.string({ unit: "binary", maxLength: 300 }), fc.string({ maxLength: 300 }), fc.array(fc.constantFrom("\ufdfa", "\ud800", "\udc00", "😀", "a"), { maxLength: 200 }).map((all) => all.join("")));
    fc.assert(fc.property(text, fc.nat(400), (whole, most) => {
      const beginning = cut(whole, most);
      expect(textBound(beginning)).toBeLessThanOrEqual(most);
      expect(beginning.isWellFormed() && whole.toWellFormed().startsWith(beginning)).toBe(true);
    }), { numRuns: 500 });
  });
});

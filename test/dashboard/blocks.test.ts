/** Markdown as it comes in: whatever the pieces, what is shown at the end is what the whole text would be. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Growing } from "../../src/dashboard/islands/blocks.ts";

type Block = { type: string; raw: string };

/** What stands there after all pieces, with how often each text was drawn. */
function shown(pieces: readonly string[]): Block[] {
  let growing = new Growing();
  let whole: Block[] = [];
  let open: readonly Block[] = [];
  let text = "";
  for (const piece of pieces) {
    text += piece;
    let now = growing.write(text);
    if (!now) {
      growing = new Growing();
      whole = [];
      now = growing.write(text)!;
    }
    whole = [...whole, ...now.whole];
    open = now.open;
  }
  return [...whole, ...open];
}

const bare = (blocks: readonly Block[]): [string, string][] => blocks.filter(({ type }) => type !== "space").map(({ type, raw }) => [type, raw.trimEnd()]);
const words = (text: string): string => text.replace(/\s+/g, " ");
const rawOf = (blocks: readonly Block[]): string => words(blocks.map(({ raw }) => raw).join(""));
const alone = fc.constantFrom("# Head\n", "Some **bold** text\n", "\n", "\n\n", "- one\n", "  - two\n", "3. three\n", "   more\n", "> said\n", "```ts\n", "```\n", "const a = 1;\n", "    indented\n", "| a | b |\n", "|---|---|\n", "<div>\n", "---\n", "===\n", "[x]: https://a.example\n", "\r\n", "`", "*", "\\", "word ");

test.each([
  ["an open fence", ["```ts\nconst", " a = 1;\n\n# no heading"], [["code", "```ts\nconst a = 1;\n\n# no heading"]]],
  ["a heading, then a list in two pieces", ["# A\n- one", "\n- two"], [["heading", "# A"], ["list", "- one\n- two"]]],
  ["HTML, which is text", ["<div onclick=x>\n<b>", "hi</b></div>"], [["paragraph", "<div onclick=x>\n<b>hi</b></div>"]]],
  ["JSON, which is shown as it is", ['{"a": "*b*",\n\n', '"c": "\\\\"}'], [["code", '{"a": "*b*",\n\n"c": "\\\\"}']]],
  ["lines as Windows ends them", ["one\r", "\n\r\n# two"], [["paragraph", "one"], ["heading", "# two"]]],
])("%s", (_, pieces, blocks) => {
  expect(bare(shown(pieces))).toEqual(blocks);
});

test("nothing is lost, and the pieces make no difference to the text", () => {
  fc.assert(fc.property(fc.array(alone, { maxLength: 30 }), fc.infiniteStream(fc.integer({ min: 1, max: 9 })), (parts, lengths) => {
    const text = parts.join("");
    const pieces: string[] = [];
    for (let at = 0; at < text.length; at += pieces.at(-1)!.length) pieces.push(text.slice(at, at + lengths.next().value!));
    const [inPieces, atOnce] = [shown(pieces), shown([text])];
    expect(rawOf(inPieces), "but for blanks at a line's end").toBe(words(text));
    expect(bare(inPieces)).toEqual(bare(atOnce));
  }), { numRuns: 500 });
});

test("what was whole is not read again, and what begins anew says so", () => {
  const growing = new Growing();
  const drawn = (text: string): [string[], string[]] => {
    const { whole, open } = growing.write(text)!;
    return [whole.map(({ raw }) => raw), open.map(({ raw }) => raw)];
  };
  expect(drawn("# One\n\ntwo\n\nthr")).toEqual([["# One", "\n\n"], ["two", "\n\n", "thr"]]);
  expect(drawn("# One\n\ntwo\n\nthree\n")).toEqual([["two", "\n\n"], ["three\n"]]);
  expect(growing.write("# Other")).toBeUndefined();
});

test.each([
  ["stars", "*a **b ".repeat(3_000)], ["underscores", "_a __b".repeat(3_500)], ["quotes", ">".repeat(20_000)], ["brackets", "[".repeat(20_000)], ["an address", `${"a".repeat(20_000)}@`],
  ["lists in lists", Array.from({ length: 200 }, (_, i) => `${"  ".repeat(i)}- a`).join("\n")], ["code in a fence", `\`\`\`\n${"x\n".repeat(50_000)}`],
])("a hostile text is read in time: %s", (_, text) => {
  const startedMs = performance.now();
  expect(rawOf(shown([text]))).toBe(words(text));
  expect(performance.now() - startedMs).toBeLessThan(2_000);
});

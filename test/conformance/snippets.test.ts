/** What the seed documents print stands in test/documents/snippets as printed, and each of it is played by a test. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { snippets } from "../documents/snippets.ts";

test("each snippet is played, by its line", () => {
  const plays = ["documents.test.ts", "../python/snippets.ts"].map((name) => readFileSync(new URL(name, import.meta.url), "utf8")).join("");
  expect(snippets.length).toBeGreaterThan(60);
  expect(snippets.filter(({ name }) => !plays.includes(name)).map(({ name }) => name)).toEqual([]);
});

const seeds = new URL("../../../shared/seeds/", import.meta.url);

/** What begins or ends like code, and is none: rows of tables, and what the lock file installs. */
const code = /^(curl|from|import|const|export|type|declare|for|if|try|client|response|GET|POST|DELETE|npm|#|[{}[\]"'])|[{([;\\]$|^Authorization:/;
const prose = /^npm install |^"\w+" [A-Z]|^response_format(string|object)/;

/** Skipped on a clone alone: the documents lie beside the project, and are no part of it. */
describe.skipIf(!existsSync(seeds))("the documents", () => {
  const texts = existsSync(seeds) ? readdirSync(seeds).map((name) => ({ document: name.slice(0, 3), text: readFileSync(new URL(name, seeds), "utf8") })) : [];

  test.each(texts)("$document prints its snippets, and no others", ({ document, text }) => {
    const lines = text.split("\n");
    const own = snippets.filter((one) => one.document === document);
    for (const { name, line, text: ours } of own) expect(lines.slice(line - 1).join("\n").startsWith(ours), name).toBe(true);
    const inside = new Set(own.flatMap(({ line, text: ours }) => ours.split("\n").map((_, i) => line + i)));
    expect(own.length).toBeGreaterThan(0);
    expect(lines.flatMap((line, i) => (!inside.has(i + 1) && code.test(line) && !prose.test(line) ? [`${document}:${i + 1} ${line}`] : []))).toEqual([]);
  });
});

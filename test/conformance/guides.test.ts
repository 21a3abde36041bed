/** The guides (docs/guides), as their readers follow them: each snippet as printed, with the real curl and Node, in its place of the guide. Python's are played by test/python/snippets.ts. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { blocks, guides, printedOrigin, routeCall } from "../documents/guides.ts";
import { Desk } from "../documents/play.ts";
import { World } from "../documents/world.ts";

let world: World;
let desk: Desk;

beforeAll(async () => {
  world = await World.start();
  desk = new Desk({ FORGE_KEY: await world.key("sk-forge-") });
});
afterAll(async () => {
  desk?.clear();
  await world?.stop();
});

const played = ["sh", "ts"];
const shown = ["env", "json", "toml", "python"];

/** What a snippet must have written, by guide and the number of the snippet in it. Nothing: it must only not fail. */
const writes: Readonly<Record<string, RegExp>> = {
  "quickstart 1": /"content":"Hello\."/, "quickstart 2": /^Hello\.\n$/, "quickstart 3": /"id":"gpt-4o-mini"/,
  "streaming 1": /First it learns\.\n\nThen it knows\.\n\nAt last it forgets\.\{ prompt_tokens: 11/s, "streaming 2": /data: \[DONE\]/,
  "nextjs 1": /^Hello to you\.\n$/, "nextjs 2": /^Hello\.$/, "rag 1": /"relevance_score":0\.91/, "tools 1": /^It rains in Tokyo\.\n$/, "tools 2": /Dhaka/,
  "sovereign 1": /Both sides keep quiet/, "langchain 1": /^Hello\.\n$/, "errors 1": /Hello\./, "headers 1": /x-forge-route: /i, "headers 2": /"plan"|"attempts"|"deployment"/,
  "files-and-batches 1": /line-0[^]*line-1|line-1[^]*line-0/, "files-and-batches 2": /"filename":"input\.jsonl"/,
  "media 2": /Hello there\./, "media 4": /b64_json|url/, "media 5": /"flagged":false/, "responses 1": /^Day one: biryani\.\n/, "responses 2": /Day one: biryani\./,
  "usage 1": /"rows"|"model"/, "usage 2": /"jws"/,
};

describe.each(guides)("$name", ({ name }) => {
  const own = blocks.filter(({ guide, kind }) => guide === name && played.includes(kind));

  test.each(own.map(({ line, kind, text }, i) => [`line ${line}: ${kind}`, kind, text, `${name} ${i + 1}`] as const))("%s", async (_, kind, printed, place) => {
    const text = printed.replaceAll(printedOrigin, world.url);
    if (kind === "sh") {
      const told = await desk.curl(text);
      expect(told.status, told.text.slice(0, 500)).toBe(200);
      if (writes[place]) expect(told.text).toMatch(writes[place]);
    } else {
      const told = await desk.node(text.includes("export async function POST") ? text + routeCall : text);
      if (writes[place]) expect(told).toMatch(writes[place]);
    }
  });
});

test("each snippet is of a kind that is played, or only shown", () => {
  expect(blocks.filter(({ kind }) => ![...played, ...shown].includes(kind))).toEqual([]);
  const places = guides.flatMap(({ name }) => blocks.filter(({ guide, kind }) => guide === name && played.includes(kind)).map((_, i) => `${name} ${i + 1}`));
  expect(Object.keys(writes).filter((place) => !places.includes(place))).toEqual([]);
});

test("each guide begins with its title and one sentence that says what it is for", () => {
  for (const { name, text } of guides) expect(text, name).toMatch(/^# \S.*\n\n\S.*[.:]\S*.*\n/);
});

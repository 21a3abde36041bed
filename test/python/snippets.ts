/** The Python of the seed documents and of the guides as printed, and what it writes. What is changed in it stands here. */
import { execFile } from "node:child_process";
import { blocks, printedOrigin } from "../documents/guides.ts";
import { ours, printed } from "../documents/snippets.ts";
import { vector, type World } from "../documents/world.ts";

type Key = "usual" | "nobody" | "spent" | "sovereign";
/** `before` and `after`: what the snippet's reader has around it. `key`: whose; the usual one where nothing is said. `writes`: all that it
 * writes. `ends`: who is gone from then on. */
type Play = { name: string; case?: string; key?: Key; before?: string; after?: string; writes: string | RegExp; sovereign?: true; ends?: "own" | "vendors" };

const client = printed("000-018.py").split("\n").slice(0, 7).join("\n");
const failing = (key: Key, writes: string | RegExp, more: Partial<Play> = {}): Play => ({ name: "000-282.py", case: key, key, writes, ...more });

const plays: Play[] = [
  { name: "000-018.py", writes: "Hello to you.\n" },
  { name: "000-042.py", after: "print(message.content[0].text)", writes: "Hello to you.\n" },
  { name: "000-109.py", writes: "First it learns.\n\nThen it knows.\n\nAt last it forgets." },
  { name: "000-163.py", after: "print(vectors, query_vec.data[0].embedding, response.choices[0].message.content)", writes: `${JSON.stringify([vector, vector])} ${JSON.stringify(vector)} Nothing leaves.\n`.replaceAll(",", ", ").replaceAll(", 1]", ", 1.0]") },
  { name: "000-199.py", writes: 'Call: get_weather({"city":"Tokyo"})\n' },
  { name: "000-238.py", before: client, after: "print(response.choices[0].message.content)", sovereign: true, writes: "Both sides keep quiet.\n" },
  { name: "000-256.py", writes: "A gateway.\n" },
  { name: "003-036.py", before: "import os", after: 'print(client.chat.completions.create(model="priyo-llama", messages=[{"role": "user", "content": "Explain AI in Bangla"}]).choices[0].message.content)', writes: "AI মানে কৃত্রিম বুদ্ধিমত্তা…\n" },
  failing("usual", ""),
  failing("nobody", "Invalid API key\n"),
  failing("spent", /^Rate limited\. Retry after: \d+s\n$/),
  failing("sovereign", "", { sovereign: true }),
  failing("sovereign", "Sovereign mode: self-hosted model unavailable\n", { case: "sovereign, and nobody there", ends: "own" }),
  failing("usual", /^API error: Error code: 502 /, { case: "nobody there at all", ends: "vendors" }),
];

function runPython(python: string, source: string, vars: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(python, ["-B", "-c", source], { env: { PATH: process.env.PATH, PYTHONIOENCODING: "utf-8", ...vars }, timeout: 60_000 }, (error, stdout, stderr) => (error ? reject(new Error(stderr.trim().split("\n").at(-1) || error.message)) : resolve(stdout)));
  });
}

/** What the guides' Python writes, by guide and line. */
const guides: Readonly<Record<string, string>> = {
  quickstart: "Hello.\n", streaming: "First it learns.\n\nThen it knows.\n\nAt last it forgets.", rag: "Nothing leaves.\n",
  sovereign: "Both sides keep quiet.\n", langchain: `A gateway.\n${vector.length}\n`, errors: "Hello.\n",
};

async function playGuides(python: string, world: World): Promise<number> {
  const vars = { FORGE_KEY: await world.key("sk-forge-") };
  let wrong = 0;
  for (const { guide, line, text } of blocks.filter(({ kind }) => kind === "python")) {
    const told = await runPython(python, text.replaceAll(printedOrigin, world.url), vars).catch((error: Error) => error);
    const why = told instanceof Error ? told.message : told === guides[guide] ? "" : `wrote ${JSON.stringify(told)}`;
    console.log(`${why ? "FAIL" : "ok  "} guide                    ${guide}.md:${line} ${why}`);
    if (why) wrong += 1;
  }
  return wrong;
}

/** Plays all of it with this Python, and prints a line for each. Returns how many were wrong. */
export async function playSnippets(python: string, world: World): Promise<number> {
  const keys: Record<Key, string> = {
    usual: await world.key("rrt-burst-"), nobody: "rrt-burst-nobody", spent: await world.key("rrt-burst-", { limits: { monthlyTokens: 1 } }),
    sovereign: await world.key("rrt-burst-", { sovereign: true }),
  };
  const asked = (): number => world.vendors.getRequests().length;
  let wrong = await playGuides(python, world);
  for (const { name, case: which, key = "usual", before = "", after = "", writes, sovereign, ends } of plays) {
    if (ends) await world.end(ends);
    const askedBefore = sovereign && asked();
    const text = ours(printed(name), world.url, keys[key]);
    const source = [ours(before, world.url, keys[key]), text, after].join("\n");
    const told = await runPython(python, source, { PRIYO_API_KEY: keys.usual }).catch((error: Error) => error);
    const why = told instanceof Error ? told.message
      : !(typeof writes === "string" ? told === writes : writes.test(told)) ? `wrote ${JSON.stringify(told)}`
      : sovereign && asked() !== askedBefore ? "a vendor was asked" : "";
    console.log(`${why ? "FAIL" : "ok  "} snippet                  ${name}${which ? ` (${which})` : ""} ${why}`);
    if (why) wrong += 1;
  }
  return wrong;
}

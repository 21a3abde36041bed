/** The code that the seed documents print: `snippets/<document>-<line>.<kind>`, each file the document's own lines from there on. */
import { readdirSync, readFileSync } from "node:fs";

export type Snippet = { name: string; document: string; line: number; kind: string; text: string };

const folder = new URL("snippets/", import.meta.url);

export const snippets: readonly Snippet[] = readdirSync(folder).sort().map((name) => {
  const [, document, line, kind] = /^(\d{3})-(\d{3})\.(\w+)$/.exec(name)!;
  return { name, document: document!, line: Number(line), kind: kind!, text: readFileSync(new URL(name, folder), "utf8").replace(/\n$/, "") };
});

/** The snippet's text. Throws where there is none of this name. */
export function printed(name: string): string {
  const snippet = snippets.find((one) => one.name === name);
  if (!snippet) throw new Error(`no snippet ${name}`);
  return snippet.text;
}

/** What stands in the text instead of what is printed. Throws where something is not printed there: nothing else may change. */
export function replaced(text: string, instead: Readonly<Record<string, string>>): string {
  for (const [said, ours] of Object.entries(instead)) {
    if (!text.includes(said)) throw new Error(`${said} is not printed in ${text}`);
    text = text.replaceAll(said, ours);
  }
  return text;
}

/** The gateway for the vendors' addresses, and a key where one is printed as a placeholder: what a reader changes. */
export function ours(text: string, url: string, key: string): string {
  const places = { "https://forge-api.lanaai.io/v1": `${url}/v1`, "https://forgelab.one/api/v1": `${url}/api/v1`, "https://api.priyo.ai/v1": `${url}/v1`, "https://openrouter.ai/api/v1": `${url}/api/v1`, "{FORGE_EGRESS_PROXY_URL}": url, "your-forge-api-key": key };
  return replaced(text, Object.fromEntries(Object.entries(places).filter(([said]) => text.includes(said))));
}

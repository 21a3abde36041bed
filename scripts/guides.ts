/**
 * The guides (docs/guides) as pages and for machines: written to dist/public by scripts/assets.ts, so that the Worker renders nothing.
 * `https://forge.example` in them is the gateway itself, which puts its own origin there.
 */
import { Marked } from "marked";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { escaped, framed } from "../src/reference/frame.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const source = join(root, "docs", "guides");
export const origin = "https://forge.example";

/** In the order in which they are read. */
export const order = ["quickstart", "streaming", "nextjs", "tools", "rag", "responses", "langchain", "media", "files-and-batches", "sovereign", "errors", "headers", "usage"] as const;

export type Guide = { readonly name: string; readonly title: string; readonly about: string; readonly text: string };

/** All guides. Throws where one is missing, or not in the order. */
export function readGuides(): Guide[] {
  const there = readdirSync(source).map((name) => name.replace(/\.md$/, "")).sort();
  if (there.join() !== [...order].sort().join()) throw new Error(`docs/guides has ${there.join(", ")}, and scripts/guides.ts names ${order.join(", ")}.`);
  return order.map((name) => {
    const text = readFileSync(join(source, `${name}.md`), "utf8");
    const [, title, about] = /^# (.+)\n\n(.+)\n/.exec(text)!;
    return { name, title: title!, about: about!, text };
  });
}

/** What a heading is called in an address. */
const anchorOf = (heading: string): string => heading.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");

/** Markdown as HTML: code that can be copied, tables that scroll by themselves, headings that can be pointed at. */
const markdown = new Marked({
  renderer: {
    code: ({ text, lang }) => `<div class="code"><pre tabindex="0"${lang ? ` aria-label="${escaped(lang)}"` : ""}><code>${escaped(text)}</code></pre><button type="button" class="copy" data-copy hidden><span data-copy-label>Copy</span></button></div>`,
    heading({ tokens, text, depth }) {
      return `<h${depth} id="${anchorOf(text)}">${this.parser.parseInline(tokens)}</h${depth}>`;
    },
    html: ({ text }) => escaped(text),
    link({ href, tokens }) {
      return `<a href="${escaped(href.replace(/^([a-z-]+)\.md/, "/docs/$1"))}">${this.parser.parseInline(tokens)}</a>`;
    },
    table({ header, rows }) {
      const cells = (row: typeof header, name: string): string => `<tr>${row.map(({ tokens }) => `<${name}>${this.parser.parseInline(tokens)}</${name}>`).join("")}</tr>`;
      const head = header.some(({ text }) => text !== "") ? `<thead>${cells(header, "th")}</thead>` : "";
      return `<div class="scrolls" tabindex="0" role="region" aria-label="Table"><table>${head}<tbody>${rows.map((row) => cells(row, "td")).join("")}</tbody></table></div>`;
    },
  },
});

function guidePage(guide: Guide, guides: readonly Guide[], names: Readonly<Record<string, string>>): string {
  const place = guides.indexOf(guide);
  const list = guides.map(({ name, title }) => `<li><a href="/docs/${name}"${name === guide.name ? ' aria-current="page"' : ""}>${escaped(title)}</a></li>`).join("");
  const next = guides[place + 1];
  const body = `<div class="docs"><nav class="docs-list" aria-label="Guides"><ul>${list}</ul></nav><main id="main" class="prose" tabindex="-1">${markdown.parse(guide.text) as string}<footer class="row"><a href="/docs/${guide.name}.md">This page as Markdown</a>${next ? `<a href="/docs/${next.name}">Next: ${escaped(next.title)}</a>` : ""}</footer></main></div>`;
  return framed({ title: guide.title, at: "/docs", body, sheets: [names["base.css"]!, names["docs.css"]!], scripts: [names["base.js"]!], head: `<link rel="alternate" type="text/markdown" href="/docs/${guide.name}.md"><meta name="description" content="${escaped(guide.about)}">` });
}

function indexPage(guides: readonly Guide[], names: Readonly<Record<string, string>>): string {
  const cards = guides.map(({ name, title, about }) => `<li class="card"><h2><a href="/docs/${name}">${escaped(title)}</a></h2><p class="note">${markdown.parseInline(about) as string}</p></li>`).join("");
  const body = `<main id="main" class="docs-index" tabindex="-1"><div class="stack"><h1>Guides</h1><p class="lead">One key, one base URL, every model. Each snippet here runs as it is printed: the gateway's tests play them.</p></div><ul class="docs-cards">${cards}</ul></main>`;
  return framed({ title: "Guides", at: "/docs", body, sheets: [names["base.css"]!, names["docs.css"]!], scripts: [names["base.js"]!], head: '<meta name="description" content="How to use this gateway.">' });
}

/** https://llmstxt.org */
const llmsText = (guides: readonly Guide[]): string => `# Forge

> An LLM gateway on Cloudflare Workers: one key, one base URL and one exact bill for every model. It speaks OpenAI's, Anthropic's, Google's and OpenRouter's APIs.

Base URLs: \`${origin}/v1\` for OpenAI's SDKs, \`${origin}\` for Anthropic's and Google's, \`${origin}/api/v1\` for OpenRouter's. Keys travel as \`Authorization: Bearer\`, \`x-api-key\`, \`api-key\` or \`x-goog-api-key\`. Models: \`auto\`, \`fast\`, \`reasoning\`, \`embedding\`, a model's name, or \`provider/model\`.

## Guides

${guides.map(({ name, title, about }) => `- [${title}](${origin}/docs/${name}.md): ${about}`).join("\n")}

## API

- [OpenAPI document](${origin}/openapi.json): every URL, its parameters and bodies, from the schemas that read them
- [Receipt keys](${origin}/.well-known/forge-receipts.json): what receipts are signed with

## Optional

- [API reference](${origin}/reference): the same as a page, to try it out
- [Dashboard](${origin}/dashboard): keys, usage, people
`;

/** Writes all of it. `names`: the addresses of style sheets and scripts by what they are made from. */
export function buildGuides(names: Readonly<Record<string, string>>): void {
  const guides = readGuides();
  const target = join(root, "dist", "public");
  const folder = join(target, "docs");
  mkdirSync(folder, { recursive: true });
  const pages: Record<string, string> = {
    "docs/index.html": indexPage(guides, names), "llms.txt": llmsText(guides),
    ...Object.fromEntries(guides.flatMap((guide) => [[`docs/${guide.name}.html`, guidePage(guide, guides, names)], [`docs/${guide.name}.md`, guide.text]])),
  };
  for (const [path, text] of Object.entries(pages)) writeFileSync(join(target, path), text);
  for (const name of readdirSync(folder)) if (!(`docs/${name}` in pages)) rmSync(join(folder, name));
}

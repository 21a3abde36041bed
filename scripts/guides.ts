/**
 * The guides (docs/guides) as pages and for machines, and the page of the API reference: written to dist/public by scripts/assets.ts, so that the
 * Worker renders nothing. `https://forge.example` in them is the gateway itself, which puts its own origin there.
 */
import { Marked } from "marked";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

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

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

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

const icon = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='8' fill='%23c2410c'/%3E%3Cpath d='M11 23V9h11M11 16h8' fill='none' stroke='%23fff' stroke-width='3'/%3E%3C/svg%3E";
const mark = '<span class="mark"><svg viewBox="0 0 32 32" aria-hidden="true" focusable="false"><path class="mark-back" d="M8 2h16a6 6 0 0 1 6 6v16a6 6 0 0 1-6 6H8a6 6 0 0 1-6-6V8a6 6 0 0 1 6-6z"/><path class="mark-front" d="M11 23V9h11M11 16h8"/></svg>Forge</span>';

type Page = { title: string; body: string; sheets: readonly string[]; scripts: readonly string[]; head?: string };

const page = ({ title, body, sheets, scripts, head = "" }: Page): string => `<!doctype html>
<html lang="en" data-theme="system"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<title>${escaped(title)} · Forge</title><link rel="icon" href="${icon}">${sheets.map((href) => `<link rel="stylesheet" href="${href}">`).join("")}${head}${scripts.map((src) => `<script type="module" src="${src}"></script>`).join("")}</head>
<body>${body}</body></html>
`;

const header = (current: string): string => `<a class="skip" href="#main">Skip to the page</a><header class="docs-top"><a href="/docs" class="home" aria-label="Forge, guides">${mark}</a><nav aria-label="Site"><ul>${
  [["/docs", "Guides"], ["/reference", "API reference"], ["/dashboard", "Dashboard"]].map(([href, label]) => `<li><a href="${href}"${href === current ? ' aria-current="page"' : ""}>${label}</a></li>`).join("")}</ul></nav></header>`;

function guidePage(guide: Guide, guides: readonly Guide[], names: Readonly<Record<string, string>>): string {
  const place = guides.indexOf(guide);
  const list = guides.map(({ name, title }) => `<li><a href="/docs/${name}"${name === guide.name ? ' aria-current="page"' : ""}>${escaped(title)}</a></li>`).join("");
  const next = guides[place + 1];
  const body = `${header("/docs")}<div class="docs"><nav class="docs-list" aria-label="Guides"><ul>${list}</ul></nav><main id="main" class="prose" tabindex="-1">${markdown.parse(guide.text) as string}<footer class="row"><a href="/docs/${guide.name}.md">This page as Markdown</a>${next ? `<a href="/docs/${next.name}">Next: ${escaped(next.title)}</a>` : ""}</footer></main></div>`;
  return page({ title: guide.title, body, sheets: [names["base.css"]!, names["docs.css"]!], scripts: [names["base.js"]!], head: `<link rel="alternate" type="text/markdown" href="/docs/${guide.name}.md"><meta name="description" content="${escaped(guide.about)}">` });
}

function indexPage(guides: readonly Guide[], names: Readonly<Record<string, string>>): string {
  const cards = guides.map(({ name, title, about }) => `<li class="card"><h2><a href="/docs/${name}">${escaped(title)}</a></h2><p class="note">${markdown.parseInline(about) as string}</p></li>`).join("");
  const body = `${header("/docs")}<main id="main" class="docs-index" tabindex="-1"><div class="stack"><h1>Guides</h1><p class="lead">One key, one base URL, every model. Each snippet here runs as it is printed: the gateway's tests play them.</p></div><ul class="docs-cards">${cards}</ul></main>`;
  return page({ title: "Guides", body, sheets: [names["base.css"]!, names["docs.css"]!], scripts: [names["base.js"]!], head: '<meta name="description" content="How to use this gateway.">' });
}

const referencePage = (names: Readonly<Record<string, string>>): string => page({
  title: "API reference", sheets: [names["base.css"]!, names["docs.css"]!, names["swagger-ui.css"]!], scripts: [names["base.js"]!, names["reference.js"]!],
  body: `${header("/reference")}<main id="main" class="reference" tabindex="-1"><h1 class="hidden">API reference</h1><noscript><p>The reference is drawn by a script. <a href="/openapi.json">The OpenAPI document</a> needs none.</p></noscript><div id="reference" data-bundle="${names["swagger-ui.js"]!}"></div></main>`,
});

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
    "docs/index.html": indexPage(guides, names), "reference.html": referencePage(names), "llms.txt": llmsText(guides),
    ...Object.fromEntries(guides.flatMap((guide) => [[`docs/${guide.name}.html`, guidePage(guide, guides, names)], [`docs/${guide.name}.md`, guide.text]])),
  };
  for (const [path, text] of Object.entries(pages)) writeFileSync(join(target, path), text);
  for (const name of readdirSync(folder)) if (!(`docs/${name}` in pages)) rmSync(join(folder, name));
}

/** /reference and a page for each operation, made of the document. Evaluated when the first of them is asked for. */
import { assetUrl } from "../dashboard/assets.ts";
import { Card } from "../dashboard/components/parts.tsx";
import { framed } from "./frame.ts";
import type { Json } from "./json-schema.ts";
import { MethodBadge, OperationView } from "./operation-view.tsx";
import { Line, Text } from "./schema-view.tsx";
import { bookOf, type Book, type Chapter, type Entry } from "./told.ts";

let known: { document: Json; book: Book } | undefined;

const hrefOf = ({ operationId }: Entry): string => `/reference/${operationId}`;
const anchorOf = ({ name }: Chapter): string => name.toLowerCase().replace(/[^a-z0-9]+/g, "-");

const Contents = ({ book: { about, chapters }, origin }: { book: Book; origin: string }) => (
  <main id="main" class="docs-index" tabindex={-1}>
    <div class="stack-small"><h1>API reference</h1><Text text={about} /></div>
    <Card title="Where, and with what">
      <dl class="pairs">
        <div><dt>OpenAI's SDKs</dt><dd><code>{origin}/v1</code></dd></div>
        <div><dt>Anthropic's and Google's</dt><dd><code>{origin}</code></dd></div>
        <div><dt>OpenRouter's</dt><dd><code>{origin}/api/v1</code></dd></div>
        <div><dt>A key</dt><dd><Line text="`Authorization: Bearer …`, or `x-api-key`, `api-key`, `x-goog-api-key`" /></dd></div>
        <div><dt>For programs</dt><dd><a href="/openapi.json">/openapi.json</a>, OpenAPI 3.1</dd></div>
      </dl>
    </Card>
    <div class="field" data-find hidden><label for="find">Find an operation</label><input id="find" type="search" autocomplete="off" placeholder="embeddings, /v1/files, DELETE …" /><p class="hint" role="status" data-found></p></div>
    {chapters.map((chapter) => (
      <section class="card flush" id={anchorOf(chapter)} data-chapter>
        <header><div><h2>{chapter.name}</h2><p class="note"><Line text={chapter.about} /></p></div></header>
        <ul class="operations">{chapter.entries.map((entry) => <li data-words={`${entry.method} ${entry.path} ${entry.summary} ${chapter.name}`.toLowerCase()}><a href={hrefOf(entry)}><MethodBadge of={entry.method} /><code>{entry.path}</code><span>{entry.summary}</span></a></li>)}</ul>
      </section>
    ))}
  </main>
);

const Operation = ({ of, chapter, book, origin }: { of: Entry; chapter: Chapter; book: Book; origin: string }) => (
  <div class="docs">
    <nav class="docs-list" aria-label={chapter.name}><ul>
      <li><a href={`/reference#${anchorOf(chapter)}`}><span aria-hidden="true">← </span>All operations</a></li>
      {chapter.entries.map((entry) => <li><a href={hrefOf(entry)} aria-current={entry === of ? "page" : undefined}>{entry.summary}</a></li>)}
    </ul></nav>
    <main id="main" class="told" tabindex={-1}><OperationView of={of} origin={origin} follow={book.follow} /></main>
  </div>
);

/** The page of an operation, or without one that of all; undefined: there is no such operation. */
export async function referencePage(document: Json, env: Cloudflare.Env, { origin, id }: { origin: string; id?: string | undefined }): Promise<string | undefined> {
  const { book } = known?.document === document ? known : (known = { document, book: bookOf(document) });
  const chapter = id === undefined ? undefined : book.chapters.find(({ entries }) => entries.some(({ operationId }) => operationId === id));
  const entry = chapter?.entries.find(({ operationId }) => operationId === id);
  if (id !== undefined && !entry) return undefined;
  const [sheets, scripts] = await Promise.all([["base.css", "docs.css"], ["base.js", "reference.js"]].map((names) => Promise.all(names.map((name) => assetUrl({ env }, name)))));
  const body = String(entry ? <Operation of={entry} chapter={chapter!} book={book} origin={origin} /> : <Contents book={book} origin={origin} />);
  return framed({ title: entry ? entry.summary : "API reference", at: "/reference", body, sheets: sheets!, scripts: scripts! });
}

/** From a page's content to the answer: the document around it, what it loads, what the last action had to say. */
import type { Child } from "hono/jsx";
import { assetUrl } from "./assets.ts";
import { Document, Plain, Shell } from "./components/shell.tsx";
import { flashOf, themeOf, type Visit } from "./visit.ts";

export type Page = {
  title: string;
  /** Which line of the navigation it belongs to, by its path; pages without it stand in the plain frame. */
  in?: string;
  /** Islands it needs beside base.ts: `waiting` is islands/waiting.ts. */
  islands?: readonly string[];
  status?: 200 | 400 | 401 | 403 | 404 | 409 | 413 | 415 | 422 | 429 | 500 | 502 | 503;
  body: Child;
};

/** Answers with a page. */
export async function show(visit: Visit, page: Page): Promise<Response> {
  const { title, in: current, islands = [], status = 200, body } = page;
  const theme = themeOf(visit);
  const message = flashOf(visit);
  const [sheets, scripts] = await Promise.all([["base.css"], ["base", ...islands].map((name) => `${name}.js`)].map((names) => Promise.all(names.map((name) => assetUrl(visit, name)))));
  const around = { visit, theme, message };
  const framed = current !== undefined && (visit.membership || visit.isOperator) ? <Shell {...around} current={current}>{body}</Shell> : <Plain {...around}>{body}</Plain>;
  const document = <Document title={title} theme={theme} sheets={sheets!} scripts={scripts!}>{framed}</Document>;
  // Cloudflare sends these ahead of the page, as 103 Early Hints.
  visit.c.header("link", [...sheets!.map((href) => `<${href}>; rel=preload; as=style`), ...scripts!.map((href) => `<${href}>; rel=modulepreload`)].join(", "));
  return visit.c.html(`<!doctype html>${String(document)}`, status);
}

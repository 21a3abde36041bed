/** What stands around the guides and the reference. Text, so that scripts/guides.ts writes it beforehand and the Worker as it goes. Pure. */
import { iconUrl } from "../icon.ts";

export type Framed = {
  title: string;
  /** HTML. */
  body: string;
  sheets: readonly string[];
  scripts: readonly string[];
  /** Which line of the way between them it belongs to. */
  at: "/docs" | "/reference";
  /** More of the document's head, as HTML. */
  head?: string;
};

/** A text as HTML. */
export const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

const mark = '<span class="mark"><svg viewBox="0 0 32 32" aria-hidden="true" focusable="false"><path class="mark-back" d="M8 2h16a6 6 0 0 1 6 6v16a6 6 0 0 1-6 6H8a6 6 0 0 1-6-6V8a6 6 0 0 1 6-6z"/><path class="mark-front" d="M11 23V9h11M11 16h8"/></svg>Forge</span>';
const places = [["/docs", "Guides"], ["/reference", "API reference"], ["/dashboard", "Dashboard"]] as const;

const top = (at: Framed["at"]): string => `<a class="skip" href="#main">Skip to the page</a><header class="docs-top"><a href="/docs" class="home" aria-label="Forge, guides">${mark}</a><nav aria-label="Site"><ul>${
  places.map(([href, label]) => `<li><a href="${href}"${href === at ? ' aria-current="page"' : ""}>${label}</a></li>`).join("")}</ul></nav></header>`;

/** A whole page. */
export const framed = ({ title, body, sheets, scripts, at, head = "" }: Framed): string => `<!doctype html>
<html lang="en" data-theme="system"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<title>${escaped(title)} · Forge</title><link rel="icon" href="${iconUrl}">${sheets.map((href) => `<link rel="stylesheet" href="${href}">`).join("")}${head}${scripts.map((src) => `<script type="module" src="${src}"></script>`).join("")}</head>
<body>${top(at)}${body}</body></html>
`;

/** What a model says, shown as the Markdown that it is: node by node, its text as text. Nothing in it runs, and nothing is fetched for it. */
import type { Token, Tokens } from "marked";
import { Growing } from "./blocks.ts";

/** Headings of an answer stand below those of the page. */
const under = 2;
const allowed = new Set(["http:", "https:", "mailto:"]);

const element = (name: string, properties: object, ...children: Node[]): HTMLElement => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};
const text = (said: string): Text => document.createTextNode(said);
const inside = ({ tokens }: Tokens.Generic): Node[] => (tokens ?? []).flatMap(nodesOf);
const as = (name: string) => (token: Tokens.Generic): Node[] => [element(name, {}, ...inside(token))];
const asSaid = ({ raw }: { raw: string }): Node[] => [text(raw)];

/** A way out to where it says, and only of a kind that runs nothing here. An image is a way to it. */
function link({ raw, href, tokens, type, text: said }: Tokens.Generic): Node[] {
  const url = URL.canParse(href as string) ? new URL(href as string) : undefined;
  if (!url || !allowed.has(url.protocol)) return [text(raw)];
  return [element("a", { href: url.href, rel: "noopener noreferrer nofollow", target: "_blank", title: url.href }, ...(type === "image" ? [text(`Image: ${said || url.href}`)] : inside({ type, raw, tokens })))];
}

/** What is wider than its lane is scrolled to, with the keyboard too. */
const scrolled = (name: string, label: string, ...children: Node[]): HTMLElement => {
  const made = element(name, { className: "scrolled", tabIndex: 0 }, ...children);
  made.role = "group";
  made.ariaLabel = label;
  return made;
};

const cells = (name: string, row: Tokens.TableCell[]): Node => element("tr", {}, ...row.map(({ tokens }) => element(name, {}, ...tokens.flatMap(nodesOf))));

const parts: Readonly<Record<string, (token: Tokens.Generic) => Node[]>> = {
  space: () => [],
  hr: () => [element("hr", {})],
  br: () => [element("br", {})],
  paragraph: as("p"), blockquote: as("blockquote"), strong: as("strong"), em: as("em"), del: as("s"),
  heading: (token) => [element(`h${Math.min((token as Tokens.Heading).depth + under, 6)}`, {}, ...inside(token))],
  code: ({ text: said, lang }) => [scrolled("pre", lang ? `Code, ${lang as string}` : "Code", element("code", {}, text(said as string)))],
  codespan: ({ text: said }) => [element("code", {}, text(said as string))],
  list: (token) => {
    const { ordered, start, items } = token as Tokens.List;
    return [element(ordered ? "ol" : "ul", ordered && start !== "" ? { start } : {}, ...items.map((item) => element("li", {}, ...inside(item))))];
  },
  checkbox: ({ checked }) => [text(checked ? "☑ " : "☐ ")],
  table: (token) => {
    const { header, rows } = token as Tokens.Table;
    return [scrolled("div", "Table", element("table", {}, element("thead", {}, cells("th", header)), element("tbody", {}, ...rows.map((row) => cells("td", row)))))];
  },
  text: (token) => (token.tokens ? inside(token) : [text(token["text"] as string)]),
  escape: ({ text: said }) => [text(said as string)],
  link,
  image: link,
};

const nodesOf = (token: Token): Node[] => (parts[token.type] ?? asSaid)(token);

const alike = (a: Node, b: Node): boolean => a.nodeType === b.nodeType && a.cloneNode(false).isEqualNode(b.cloneNode(false));

/** Makes `place` hold `now`. What is there already stays: what is marked stays marked, what is scrolled scrolled. */
function fit(place: Node, from: number, now: readonly Node[]): void {
  for (const [i, node] of now.entries()) {
    const old = place.childNodes[from + i];
    if (!old) place.appendChild(node);
    else if (old instanceof Text && node instanceof Text) {
      if (node.data.startsWith(old.data)) old.appendData(node.data.slice(old.data.length));
      else old.data = node.data;
    } else if (alike(old, node)) fit(old, 0, [...node.childNodes]);
    else place.replaceChild(node, old);
  }
  while (place.childNodes.length > from + now.length) place.lastChild!.remove();
}

const drawn = new WeakMap<HTMLElement, { said: string; growing: Growing; whole: number }>();

/** Shows a text as far as it is there. Called again with more of it, only the block that goes on is drawn anew. */
export function writeMarkdown(place: HTMLElement, said: string): void {
  let state = drawn.get(place);
  if (state?.said === said) return;
  let blocks = state?.growing.write(said);
  if (!state || !blocks) {
    place.replaceChildren();
    state = { said, growing: new Growing(), whole: 0 };
    blocks = state.growing.write(said)!;
  }
  const whole = blocks.whole.flatMap(nodesOf);
  fit(place, state.whole, [...whole, ...blocks.open.flatMap(nodesOf)]);
  drawn.set(place, { ...state, said, whole: state.whole + whole.length });
}

/** The text itself that stands in a place. */
export const saidIn = (place: HTMLElement): string => drawn.get(place)?.said ?? place.textContent ?? "";

/** `npm run fidelity`: writes the README's table of what crosses to which protocol, as the translation cases show it. */
import { readFileSync, writeFileSync } from "node:fs";
import { lossNames } from "../src/chat/losses.ts";
import { conversations } from "../src/protocols/conversations.ts";
import type { UpstreamHalf } from "../src/protocols/protocol.ts";
import { renderCases } from "../test/protocols/cases.ts";

const readme = new URL("../README.md", import.meta.url);
const [begin, end] = ["<!-- fidelity:begin -->", "<!-- fidelity:end -->"];

/** Losses that stand for others: who takes no document takes none by its address either. */
const implied: Record<string, readonly string[]> = { document: ["document_url", "document_metadata", "uploaded_file"], image: ["image_url", "image_detail"] };
const lostBy = (half: UpstreamHalf): Set<string> =>
  new Set(Object.values(renderCases(half)).flatMap(({ losses }) => losses.flatMap((loss) => [loss, ...(implied[loss] ?? [])])));

/** The table: a row for each loss that some protocol has, a column for each upstream protocol. */
function table(): string {
  const columns = [...conversations.values()].map((half) => ({ id: half.id, lost: lostBy(half) }));
  const rows = Object.entries(lossNames)
    .filter(([name]) => columns.some(({ lost }) => lost.has(name)))
    .map(([name, what]) => [`\`${name}\`: ${what}`, ...columns.map(({ lost }) => (lost.has(name) ? "lost" : "✓"))]);
  return [["", ...columns.map(({ id }) => id)], ["---", ...columns.map(() => ":-:")], ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** README.md as it is and as it should be. */
export function fidelity(): { is: string; shall: string } {
  const is = readFileSync(readme, "utf8");
  const [from, to] = [is.indexOf(begin), is.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`README.md needs ${begin} and ${end}`);
  return { is, shall: `${is.slice(0, from)}${begin}\n${table()}\n${is.slice(to)}` };
}

if (import.meta.main) writeFileSync(readme, fidelity().shall);

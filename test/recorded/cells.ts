/** What was judged, as a table of Markdown: a row for each upstream, a column for each client, and why a cell is under 99 %. */
import { readFileSync, writeFileSync } from "node:fs";
import { isWrong, wrongIn, type Judged } from "./report.ts";

const document = new URL("../../docs/fidelity.md", import.meta.url);
const clients: Readonly<Record<string, string>> = { chat: "chat", responses: "Responses", messages: "Messages", generate_content: "Gemini", completions: "completions" };
const folderOf = (upstream: string): string => upstream.split("/")[1]!;

/** Whole and streamed answers together. `why`: what explains a failed check. */
export function cellTable(judged: readonly Judged[], why: (row: Judged, name: string) => string | undefined): string {
  const rows = judged.filter(({ na }) => na === undefined);
  const columns = Object.keys(clients).filter((client) => rows.some((row) => row.client === client));
  const upstreams = [...new Set(rows.map(({ upstream }) => upstream))].sort();
  const reasons: string[] = [];
  const cell = (upstream: string, client: string): string => {
    const members = rows.filter((row) => row.upstream === upstream && row.client === client);
    if (members.length === 0) return "";
    const wrong = members.filter(isWrong);
    const share = 100 - (100 * wrong.length) / members.length;
    if (share < 99) reasons.push(`* ${upstream} ← ${clients[client]}, ${share.toFixed(1)} %: ${reasonsOf(wrong, client, why)}`);
    return `${members.length - wrong.length}/${members.length}${folderOf(upstream) === client ? " =" : ""}`;
  };
  const lines = [["upstream", ...columns.map((client) => clients[client]!)], ["---", ...columns.map(() => "--:")], ...upstreams.map((upstream) => [upstream, ...columns.map((client) => cell(upstream, client))])];
  return `${lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}\n\n${reasons.length > 0 ? `Under 99 %:\n\n${reasons.join("\n")}` : "No cell is under 99 %."}`;
}

/** One answer may fail several checks. */
function reasonsOf(wrong: readonly Judged[], client: string, why: (row: Judged, name: string) => string | undefined): string {
  const said = wrong.flatMap((row) => wrongIn(row).map((name) => why(row, name) ?? (folderOf(row.upstream) === client ? `the provider's own bytes (\`${name}\`: ${row.detail[name] ?? ""})` : `not explained (${row.id} ${name})`)));
  return [...Map.groupBy(said, (reason) => reason)].map(([reason, { length }]) => `${length} × ${reason}`).join("; ");
}

/** Puts a mode's table into the document, between its marks. */
export function writeTable(mode: string, table: string): void {
  const is = readFileSync(document, "utf8");
  const [begin, end] = [`<!-- ${mode}:begin -->`, `<!-- ${mode}:end -->`];
  const [from, to] = [is.indexOf(begin), is.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/fidelity.md needs ${begin} and ${end}`);
  writeFileSync(document, `${is.slice(0, from)}${begin}\n${table}\n${is.slice(to)}`);
}

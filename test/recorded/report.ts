/** What was judged, as a table and as a verdict. */
import { readFileSync } from "node:fs";
import { rules, type Mark, type RuleName } from "./column.ts";

/** One line of a result: an exchange as one client got it. `na`: the gateway asked in another protocol than the recording's. */
export type Judged = {
  id: string;
  client: string;
  upstream: string;
  stream: boolean;
  status: number;
  na?: string;
  checks: Record<string, Mark>;
  detail: Record<string, string>;
  rules?: RuleName[];
};

/** The whole lines of a result: the last one of a checker that was stopped may be half. */
export const judgedIn = (file: string): Judged[] => {
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.slice(0, -1).filter(Boolean).map((line) => JSON.parse(line) as Judged);
};

/** The checks of a row that failed. */
export const wrongIn = ({ checks }: Judged): string[] => Object.keys(checks).filter((name) => checks[name] === false);
export const isWrong = (row: Judged): boolean => wrongIn(row).length > 0;
/** Nothing wrong, something not in its form. */
export const isSoft = (row: Judged): boolean => !isWrong(row) && Object.values(row.checks).includes("soft");
const failing = ({ checks }: Judged): string[] => Object.keys(checks).filter((name) => checks[name] !== true);
const by = <T>(items: readonly T[], key: (item: T) => string): [string, T[]][] => [...Map.groupBy(items, key)].sort(([a], [b]) => a.localeCompare(b));

/** Prints a line per cell, the wrong ones by what is wrong with them or why that is right, and what was narrowed by which rule. */
export function report(all: readonly Judged[], show: number, why: (row: Judged, name: string) => string | undefined): void {
  const rows = all.filter(({ na }) => na === undefined);
  for (const [cell, members] of by(rows, ({ upstream, client, stream }) => `${upstream} <- ${client}${stream ? " (stream)" : ""}`)) {
    const marks = by(members.flatMap((row) => failing(row).map((name) => `${name} ${row.checks[name] === "soft" ? "soft" : "WRONG"}`)), (mark) => mark);
    console.log(`${cell.padEnd(52)} ${members.filter((row) => !isWrong(row)).length}/${members.length}  ${marks.map(([mark, of]) => `${mark} ${of.length}`).join(", ")}`);
  }
  const wrong = rows.flatMap((row) => wrongIn(row).map((name) => ({ row, name, reason: why(row, name) })));
  for (const { row, name, reason } of wrong.slice(0, show)) console.log(`${reason ? "explained" : "WRONG    "}  ${row.upstream} <- ${row.client}${row.stream ? " (stream)" : ""} ${row.id} ${name}: ${reason ?? row.detail[name] ?? ""}`);
  for (const [rule, of] of by(rows.flatMap(({ rules: names = [] }) => names), (name) => name)) console.log(`by rule  ${of.length} ${rule}: ${rules[rule as RuleName]}`);
  console.log(`TOTAL ${rows.filter((row) => !isWrong(row)).length}/${rows.length} clean, ${all.length - rows.length} n/a`);
}

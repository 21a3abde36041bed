/** Usage as a spreadsheet reads it: RFC 4180, UTF-8, one line per row. */
import { asString, generateCsv, mkConfig } from "export-to-csv";
import { usdOf } from "./money.ts";
import type { GroupedUsage } from "./report.ts";
import type { Dimension } from "./usage-rows.ts";

type Group = GroupedUsage["rows"][number];
type Column = [name: string, of: (row: Group) => string | number | null | undefined];

const dimensionColumns: Record<Dimension, Column[]> = {
  day: [["day", (row) => row.day]],
  hour: [["hour", (row) => row.hour]],
  model: [["model", (row) => row.model]],
  key: [["key", (row) => row.key], ["key_name", (row) => row.keyName]],
  project: [["project", (row) => row.project]],
  member: [["member", (row) => row.member]],
  tag: [["tag", (row) => row.tag]],
  app: [["app", (row) => row.app]],
};

const sumColumns: Column[] = [
  ["requests", (row) => row.requests], ["errors", (row) => row.errors], ["input_tokens", (row) => row.inputTokens], ["cached_tokens", (row) => row.cachedTokens],
  ["cache_write_tokens", (row) => row.cacheWriteTokens], ["output_tokens", (row) => row.outputTokens], ["reasoning_tokens", (row) => row.reasoningTokens],
  ["cost_usd", (row) => usdOf(row.costNanoUsd)], ["cost_nano_usd", (row) => row.costNanoUsd],
];

/** What spreadsheets take for a formula's first sign besides those that the library knows (= + - @, tab, return): their full-width forms and a new line. */
const harmless = (cell: string): string => cell.replace(/^[＝＋－＠\n]/, "'$&");

/** A cost below nothing, as a correction of another day's request leaves it, is a number and no formula. It stands before the last cell. */
const asNumbers = (csv: string): string => csv.replace(/,'(-[\d.]+,-\d+\r\n)/g, ",$1");

/** Rows as CSV with a header line. A cell that a spreadsheet would run as a formula begins with an apostrophe. */
export function linesOf(names: readonly string[], rows: readonly (readonly (string | number | null | undefined)[])[]): string {
  const config = mkConfig({ columnHeaders: [...names], escapeFormulas: true, quoteStrings: false, useBom: false });
  const cell = (value: string | number | null | undefined): string | number => (typeof value === "number" ? value : harmless(value ?? ""));
  return asString(generateCsv(config)(rows.map((row) => Object.fromEntries(names.map((name, i) => [name, cell(row[i])])))));
}

/** Usage as such lines. */
export function csvOf({ groupBy, rows }: GroupedUsage): string {
  const columns = [...groupBy.flatMap((dimension) => dimensionColumns[dimension]), ...sumColumns];
  return asNumbers(linesOf(columns.map(([name]) => name), rows.map((row) => columns.map(([, of]) => of(row)))));
}

/** `usage-2026-11-01-2026-11-30.csv`: the first and the last day that it tells of. */
export const csvName = ({ from, to }: GroupedUsage): string => `usage-${from.slice(0, 10)}-${new Date(Date.parse(to) - 1).toISOString().slice(0, 10)}.csv`;

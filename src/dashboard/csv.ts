/** Lists as files to be saved. */
import { linesOf } from "../ledger/usage-csv.ts";

/** A CSV file that harms no spreadsheet. */
export const csvFile = (name: string, columns: readonly string[], rows: readonly (readonly (string | number | null)[])[]): Response =>
  new Response(linesOf(columns, rows), { headers: { "content-type": "text/csv; charset=utf-8", "content-disposition": `attachment; filename="${name}"` } });

/** What is asked of the usage views, and how they answer: GET /dashboard/usage for a key, GET /admin/usage for the operator. */
import type { Context } from "hono";
import { accepts } from "hono/accepts";
import * as z from "zod";
import { GatewayError } from "../errors.ts";
import { dimensions, groupedUsage, usageReport, type Dimension, type Question, type Viewer } from "../ledger/index.ts";
import { idSchema } from "./admin/input.ts";
import type { App } from "./context.ts";
import { csvName, csvOf } from "../ledger/usage-csv.ts";

const dayMs = 86_400_000;
const longestMs = 366 * dayMs;
/** Rows of one answer. More are refused, never left out. */
const maxRows = 20_000;
/** What a CSV is told by when nothing is said. */
const csvGroups: readonly Dimension[] = ["day", "model", "key"];

/** A day (UTC) or a point in time; without an offset it is UTC. */
const momentSchema = z
  .union([z.iso.date(), z.iso.datetime({ offset: true, local: true })], "must be a date (2026-11-21) or a time (2026-11-21T10:00:00Z; write a + in the URL as %2B)")
  .transform((text) => ({ ms: Date.parse(/T.*(?:Z|[+-]\d\d:?\d\d)$/.test(text) || !text.includes("T") ? text : `${text}Z`), wholeDay: !text.includes("T") }));

const groupsSchema = z.string().transform((text) => text.split(","))
  .pipe(z.array(z.enum(dimensions)).max(3, "at most three").refine((groups) => new Set(groups).size === groups.length, "names one twice"));

const textSchema = z.string().min(1).max(256);

/** `to` as a day is that day to its end. */
export const usageQuery = z.strictObject({
  from: momentSchema.optional(),
  to: momentSchema.optional(),
  group_by: groupsSchema.optional(),
  format: z.enum(["json", "csv"]).optional(),
  model: textSchema.optional(),
  key: idSchema.optional(),
  project: textSchema.optional(),
  member: textSchema.optional(),
  tag: textSchema.optional(),
  app: textSchema.optional(),
});
type Query = z.output<typeof usageQuery>;

/** From the start of the month to its end, where the query does not say; of the month of `to`, if only that is given. */
function spanOf({ from, to }: Query, nowMs: number): { fromMs: number; toMs: number } {
  const monthOf = (ms: number, later = 0): number => Date.UTC(new Date(ms).getUTCFullYear(), new Date(ms).getUTCMonth() + later, 1);
  const toMs = to ? to.ms + (to.wholeDay ? dayMs : 0) : monthOf(nowMs, 1);
  const fromMs = from ? from.ms : monthOf(to ? toMs - 1 : nowMs);
  if (fromMs >= toMs) throw new GatewayError("invalid_request", "to: must lie after from", { param: "to" });
  if (toMs - fromMs > longestMs) throw new GatewayError("invalid_request", "from: at most 366 days can be asked for at once", { param: "from" });
  return { fromMs, toMs };
}

const wantsCsv = (c: Context<App>, { format }: Query): boolean =>
  (format ?? (accepts(c, { header: "Accept", supports: ["application/json", "text/csv"], default: "application/json" }) === "text/csv" ? "csv" : "json")) === "csv";

/** The viewer's usage as the query wants it. Throws `invalid_request`. */
export async function answerUsage(c: Context<App>, viewer: Viewer, query: Query, headers: Record<string, string> = {}): Promise<Response> {
  const nowMs = Date.now();
  const { model, key, project, member, tag, app } = query;
  const question: Question = { ...spanOf(query, nowMs), filters: { model, key, project, member, tag, app } };
  const csv = wantsCsv(c, query);
  const groupBy = query.group_by ?? (csv ? csvGroups : undefined);
  if (!groupBy) return c.json(await usageReport(c.env.DB, viewer, nowMs, question), 200, headers);
  const usage = await groupedUsage(c.env.DB, viewer, nowMs, question, { groupBy, limit: maxRows + 1 });
  if (usage.rows.length > maxRows) {
    throw new GatewayError("invalid_request", `group_by: the answer would have more than ${maxRows} rows; ask for a shorter time, a filter or fewer groups`, { param: "group_by" });
  }
  if (!csv) return c.json(usage, 200, headers);
  return c.body(csvOf(usage), 200, { ...headers, "content-type": "text/csv; charset=utf-8; header=present", "content-disposition": `attachment; filename="${csvName(usage)}"` });
}

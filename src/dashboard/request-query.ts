/** What is asked of the list of requests, as its address says it. */
import * as z from "zod";
import type { RequestFilters } from "../ledger/index.ts";
import type { Filled } from "./form.ts";
import { ends } from "./request-words.ts";
import type { UsageQuestion } from "./usage-question.ts";
import type { MemberVisit } from "./visit.ts";

const text = z.string().trim().max(256).transform((value) => (value === "" ? undefined : value)).optional();
const wrong = "A day and a time, such as 2027-01-31T10:00.";
const moment = text.pipe(z.iso.datetime({ local: true, error: wrong }).transform((value) => Date.parse(`${value}Z`)).optional());

const querySchema = z.object({
  key: text.pipe(z.string().regex(/^[\w-]{1,64}$/, "Not a key's id.").optional()),
  model: text,
  app: text,
  member: text,
  project: text,
  tag: text,
  end: text.pipe(z.enum(Object.keys(ends) as (keyof typeof ends)[], "Not one of these.").optional()),
  outcome: text.pipe(z.enum(["refused", "asked"], "Not one of these.").optional()),
  status: text.pipe(z.string().regex(/^[1-5]\d\d$/, "A status such as 503.").transform(Number).optional()),
  errors: z.string().optional().transform((value) => value === "on"),
  above: text.pipe(z.string().regex(/^\d{1,7}(\.\d{1,9})?$/, "An amount in US dollars, such as 0.05.").transform((usd) => Math.round(Number(usd) * 1e9)).optional()),
  from: moment,
  to: moment,
});

/** Names of the filters in an address. */
export const filterNames = Object.keys(querySchema.shape) as (keyof typeof querySchema.shape)[];

/** The filters of this visit, and what is wrong with them: those are left out. `query`: those that hold, for an address. */
export function filtersOf({ c }: MemberVisit): { filters: RequestFilters; values: Filled; errors: Filled; query: Record<string, string> } {
  const values = Object.fromEntries(filterNames.flatMap((name) => (c.req.query(name)?.trim() ? [[name, c.req.query(name)!.trim()]] : [])));
  const first = querySchema.safeParse(values);
  const errors = first.success ? {} : Object.fromEntries(first.error.issues.toReversed().map(({ path, message }) => [String(path[0]), message]));
  const query = Object.fromEntries(Object.entries(values).filter(([name]) => !(name in errors)));
  const { key, model, app, member, project, tag, end, outcome, status, errors: failed, above, from, to } = querySchema.parse(query);
  const filters = { keyId: key, model, app, member, project, tag, end, outcome, status, ...(failed && { failed }), aboveNanoUsd: above, fromMs: from, toMs: to };
  return { filters: Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== undefined)) as RequestFilters, values, errors, query };
}

/** How long single requests are kept at most. */
const keptMs = 30 * 86_400_000;
const stepMs = { day: 86_400_000, hour: 3_600_000 } as const;
const minute = (ms: number): string => new Date(ms).toISOString().slice(0, 16);

/** Where the requests are listed that a row of the usage is made of: `id` is its model, key, member, app, day or hour. undefined: they are not kept any more, or cannot be told from others. */
export function madeOf({ by, filters, fromMs, toMs }: UsageQuestion, id: string, nowMs: number): string | undefined {
  const isTime = by === "day" || by === "hour";
  const [first, behind] = isTime ? [Date.parse(id), Date.parse(id) + stepMs[by]] : [fromMs, toMs];
  if (id === "" || behind <= nowMs - keptMs) return undefined;
  const times = { from: minute(first), ...(behind <= nowMs && { to: minute(behind) }) };
  const query: Record<string, string | undefined> = { ...filters, ...(!isTime && { [by]: id }), ...times };
  return `/dashboard/requests?${new URLSearchParams(Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined))}`;
}

/** What the usage page is asked for: which days, by what, which figure. All of it stands in the address. */
import * as z from "zod";
import type { Dimension, Filters } from "../ledger/index.ts";
import type { Visit } from "./visit.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const mostDays = 366;
/** By the hour for so many days at most: more hours than that nobody can tell apart. */
const mostHourlyDays = 31;

export const ranges = [["today", "Today"], ["7d", "7 days"], ["month", "This month"], ["last-month", "Last month"], ["30d", "30 days"], ["90d", "90 days"], ["custom", "Custom"]] as const;
export type Range = (typeof ranges)[number][0];
export const groupings = [["model", "Model"], ["key", "Key"], ["member", "Member"], ["app", "App"], ["day", "Day"], ["hour", "Hour"]] as const satisfies readonly (readonly [Dimension, string])[];
export type Grouping = (typeof groupings)[number][0];
export const metrics = [["cost", "Cost"], ["requests", "Requests"], ["errors", "Failed"], ["refused", "Refused"], ["input", "Tokens in"], ["output", "Tokens out"], ["cached", "Cached tokens"], ["latency", "Latency"]] as const;
export type Metric = (typeof metrics)[number][0];

const words = <T extends string>(of: readonly (readonly [T, string])[]) => z.enum(of.map(([word]) => word) as [T, ...T[]]);
/** What usage can be narrowed down to by a click on a row. */
export const narrowings = ["model", "key", "member", "app"] as const satisfies readonly (keyof Filters)[];
export type Narrowing = (typeof narrowings)[number];
const name = z.string().min(1).max(256).optional().catch(undefined);

const schema = z.object({
  model: name, key: name, member: name, app: name,
  range: words(ranges).optional().catch(undefined), by: words(groupings).catch("model"), metric: words(metrics).catch("cost"),
  from: z.iso.date().optional().catch(undefined), to: z.iso.date().optional().catch(undefined),
});

/** `bucket`: what one column of a chart is. `problem`: what was wrong with the days that were asked for, which are not shown then. */
export type UsageQuestion = Omit<z.output<typeof schema>, Narrowing | "range"> & { range: Range; filters: Partial<Record<Narrowing, string>>; fromMs: number; toMs: number; bucket: "day" | "hour"; problem?: string };

const monthStart = (ms: number, later = 0): number => Date.UTC(new Date(ms).getUTCFullYear(), new Date(ms).getUTCMonth() + later, 1);

/** The first and the last moment of a range; the last days include today. */
const spans: Record<Exclude<Range, "custom">, (nowMs: number) => [number, number]> = {
  today: (now) => lastDays(now, 1),
  month: (now) => [monthStart(now), monthStart(now, 1)],
  "last-month": (now) => [monthStart(now, -1), monthStart(now)],
  "7d": (now) => lastDays(now, 7),
  "30d": (now) => lastDays(now, 30),
  "90d": (now) => lastDays(now, 90),
};
const lastDays = (nowMs: number, days: number): [number, number] => {
  const tomorrow = (Math.floor(nowMs / dayMs) + 1) * dayMs;
  return [tomorrow - days * dayMs, tomorrow];
};

/** What a custom range means; until days are chosen, this month. A text is what is wrong with them. */
function customSpan(from: string | undefined, to: string | undefined, nowMs: number): [number, number] | string {
  if (!from || !to) return spans.month(nowMs);
  const [fromMs, toMs] = [Date.parse(from), Date.parse(to) + dayMs];
  if (toMs <= fromMs) return "The last day lies before the first.";
  return toMs - fromMs > mostDays * dayMs ? `At most ${mostDays} days at once.` : [fromMs, toMs];
}

/** The time that says the most of an organisation whose first use was then (Unix ms; absent: never): no month of which all but a day is empty. */
export function usualRange(firstMs: number | undefined, nowMs: number): Exclude<Range, "custom"> {
  const usual = (["today", "7d"] as const).find((range) => (firstMs ?? nowMs) >= spans[range](nowMs)[0]);
  return usual ?? "month";
}

/** A question that nobody has said anything of: cost by model. */
export function plainQuestion(range: Exclude<Range, "custom">, nowMs: number): UsageQuestion {
  const [fromMs, toMs] = spans[range](nowMs);
  return { range, by: "model", metric: "cost", filters: {}, fromMs, toMs, bucket: range === "today" ? "hour" : "day" };
}

/** Reads the address. What is no word of ours is taken for the usual; of a time that is none it says so. `usual`: the range where none is asked for. */
export function usageQuestion({ c, nowMs }: Visit, usual: Range = "month"): UsageQuestion {
  const { model, key, member, app, range = usual, ...rest } = schema.parse(c.req.query());
  const asked = { ...rest, range };
  const other = c.req.query("range");
  const filters = Object.fromEntries(Object.entries({ model, key, member, app }).filter(([, value]) => value !== undefined)) as UsageQuestion["filters"];
  const custom = asked.range === "custom" ? customSpan(asked.from, asked.to, nowMs) : undefined;
  const [fromMs, toMs] = asked.range !== "custom" ? spans[asked.range](nowMs) : typeof custom === "object" ? custom : spans.month(nowMs);
  const days = (toMs - fromMs) / dayMs;
  const hourly = asked.by === "hour" ? days <= mostHourlyDays : days <= 2 && asked.by !== "day";
  const unknown = other !== undefined && other !== range;
  const problem = unknown ? `There is no such time to choose as “${other.slice(0, 40)}”.` : typeof custom === "string" ? custom : asked.by === "hour" && !hourly ? `By the hour at most ${mostHourlyDays} days can be shown: these are days.` : undefined;
  return { ...asked, filters, fromMs, toMs, bucket: hourly ? "hour" : "day", ...(problem && { problem }) };
}

/** The address of the same question with something else in it. */
export function usageHref({ range, by, metric, from, to, filters }: UsageQuestion, change: Partial<Pick<UsageQuestion, "range" | "by" | "metric" | "filters">> = {}, path = "/dashboard/usage"): string {
  const { filters: narrowed, ...next } = { range, by, metric, filters, ...change };
  const query = new URLSearchParams({ ...next, ...(next.range === "custom" && from && to && { from, to }), ...Object.fromEntries(Object.entries(narrowed).filter(([, value]) => value !== undefined)) });
  return `${path}?${query.toString()}`;
}

/** The start of every column: of a day by the hour all, else up to now where the span is not over. */
export function bucketsOf({ fromMs, toMs, bucket }: UsageQuestion, nowMs: number): number[] {
  const step = bucket === "hour" ? hourMs : dayMs;
  const endMs = toMs - fromMs <= dayMs ? toMs : Math.min(toMs, nowMs);
  return Array.from({ length: Math.ceil((Math.max(endMs, fromMs + step) - fromMs) / step) }, (_, i) => fromMs + i * step);
}

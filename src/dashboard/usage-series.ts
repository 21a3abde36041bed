/** From the ledger's rows to what is drawn and listed. Pure. */
import { percentile, type Timed, type UsageGroup, type UsageTotals } from "../ledger/index.ts";
import type { Grouping, Metric, UsageQuestion } from "./usage-question.ts";

/** So many groups have a colour of their own; the rest is one more. */
const mostSeries = 5;

export type Group = UsageTotals & { id: string; label: string };
export type Series = { name: string; values: readonly number[] };

/** Figures that are sums of what was used. */
export type SumMetric = Exclude<Metric, "latency" | "refused">;

/** By which of them groups are listed and drawn. */
const sumFor = (metric: Metric): SumMetric => (metric === "latency" || metric === "refused" ? "requests" : metric);

/** What one figure of a group is. */
export const valueOf: Record<SumMetric, (totals: UsageTotals) => number> = {
  cost: ({ costUsd }) => costUsd,
  requests: ({ requests }) => requests,
  errors: ({ errors }) => errors,
  input: ({ inputTokens }) => inputTokens,
  output: ({ outputTokens }) => outputTokens,
  cached: ({ cachedTokens }) => cachedTokens,
};

/** What stands for those that have none. */
const nameless: Partial<Record<Grouping, string>> = { member: "No member", app: "No app named" };

type Named = { id: string; label: string };
const named: Record<Grouping, (row: UsageGroup) => Named> = {
  model: ({ model }) => ({ id: model!, label: model! }),
  key: ({ key, keyName }) => ({ id: key!, label: keyName ?? key! }),
  member: ({ member }) => ({ id: member ?? "", label: member ?? nameless.member! }),
  app: ({ app }) => ({ id: app ?? "", label: app ?? nameless.app! }),
  day: ({ day }) => ({ id: day!, label: day! }),
  hour: ({ hour }) => ({ id: hour!, label: hour!.slice(0, 16).replace("T", " ") }),
};

const sumOf = (rows: readonly UsageTotals[]): UsageTotals => {
  const total = (field: keyof UsageTotals): number => rows.reduce((sum, row) => sum + row[field], 0);
  const costNanoUsd = total("costNanoUsd");
  return {
    requests: total("requests"), errors: total("errors"), inputTokens: total("inputTokens"), cachedTokens: total("cachedTokens"), cacheWriteTokens: total("cacheWriteTokens"),
    outputTokens: total("outputTokens"), reasoningTokens: total("reasoningTokens"), costNanoUsd, costUsd: costNanoUsd / 1e9,
  };
};

/** The groups of rows that may also be told by time: most of `metric` first, times by themselves newest first. */
export function groupsOf(rows: readonly UsageGroup[], by: Grouping, metric: Metric): Group[] {
  const gathered = [...Map.groupBy(rows, (row) => named[by](row).id)].map(([, same]): Group => ({ ...named[by](same[0]!), ...sumOf(same) }));
  const value = valueOf[sumFor(metric)];
  return by === "day" || by === "hour" ? gathered.toSorted((a, b) => (a.id < b.id ? 1 : -1)) : gathered.toSorted((a, b) => value(b) - value(a) || (a.label < b.label ? -1 : 1));
}

const startOf = ({ day, hour }: UsageGroup): number => Date.parse(hour ?? day!);

/** A column for each bucket: one series for each of the first groups, one for all others. */
export function seriesOf(rows: readonly UsageGroup[], groups: readonly Group[], { by, metric }: Pick<UsageQuestion, "by" | "metric">, buckets: readonly number[]): Series[] {
  const value = valueOf[sumFor(metric)];
  const plain = by === "day" || by === "hour";
  const first = plain ? [] : groups.slice(0, mostSeries).filter((group) => value(group) !== 0);
  const index = new Map(buckets.map((ms, i) => [ms, i]));
  const place = new Map(first.map(({ id }, i) => [id, i]));
  const values = Array.from({ length: first.length + 1 }, () => buckets.map(() => 0));
  for (const row of rows) {
    const at = index.get(startOf(row));
    if (at !== undefined) values[place.get(named[by](row).id) ?? first.length]![at]! += value(row);
  }
  const others = values.at(-1)!.some((one) => one !== 0) || first.length === 0;
  return [...first.map(({ label }, i) => ({ name: label, values: values[i]! })), ...(others ? [{ name: first.length === 0 ? "All" : "Others", values: values.at(-1)! }] : [])];
}

/** How long the requests of one group took; null: none was measured. */
export type Waits = { requests: number; first50: number | null; first95: number | null; whole50: number | null; whole95: number | null };

export function waitsOf(timed: readonly Timed[]): Waits {
  const first = timed.flatMap(({ firstByteMs }) => firstByteMs ?? []);
  const whole = timed.map(({ totalMs }) => totalMs);
  return { requests: timed.length, first50: percentile(first, 0.5), first95: percentile(first, 0.95), whole50: percentile(whole, 0.5), whole95: percentile(whole, 0.95) };
}

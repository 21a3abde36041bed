/** What the usage page draws. */
import type { Timed, UsageReport } from "../../ledger/index.ts";
import { compact, count, day, duration, money, percent } from "../figures.ts";
import type { Metric, UsageQuestion } from "../usage-question.ts";
import { waitsOf, type Group, type Series } from "../usage-series.ts";
import { BarChart, LineChart } from "./chart.tsx";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

export const formats: Record<Metric, (value: number) => string> = { cost: money, requests: count, errors: count, input: compact, output: compact, cached: compact, latency: duration };

/** What a column is called: its day, or its hour. */
export const labelsOf = (buckets: readonly number[], { bucket }: Pick<UsageQuestion, "bucket">): string[] =>
  buckets.map((ms) => (bucket === "day" ? day(ms) : `${day(ms)} ${new Date(ms).toISOString().slice(11, 16)}`));

type UsageChartProps = { question: UsageQuestion; metric: Exclude<Metric, "latency">; title: string; buckets: readonly number[]; series: readonly Series[]; groups: readonly Group[]; valueOf: (group: Group) => number };

/** One figure over time, by what it was asked for. */
export function UsageChart({ question, metric, title, buckets, series, groups, valueOf }: UsageChartProps) {
  const format = formats[metric];
  const labels = labelsOf(buckets, question);
  const totals = buckets.map((_, i) => series.reduce((sum, { values }) => sum + values[i]!, 0));
  const all = totals.reduce((sum, one) => sum + one, 0);
  const most = totals.indexOf(Math.max(...totals));
  const first = groups[0];
  const leads = question.by !== "day" && question.by !== "hour" && first && all > 0 && groups.length > 1 ? ` ${first.label} has ${percent(valueOf(first) / all)} of it.` : "";
  const summary = all === 0 ? "Nothing in this time." : `${format(all)} in all, the most ${question.bucket === "day" ? "on" : "at"} ${labels[most]} (${format(totals[most]!)}).${leads}`;
  return <BarChart summary={summary} caption={title} labels={labels} series={series} format={format} />;
}

/** How long requests took, of each column's. */
export function LatencyChart({ question, buckets, timed }: { question: UsageQuestion; buckets: readonly number[]; timed: readonly Timed[] }) {
  const step = question.bucket === "hour" ? hourMs : dayMs;
  const inBucket = Map.groupBy(timed, ({ atMs }) => Math.floor((atMs - question.fromMs) / step));
  const waits = buckets.map((_, i) => waitsOf(inBucket.get(i) ?? []));
  const { first50, first95, whole50, whole95 } = waitsOf(timed);
  const told = (value: number | null): string => (value === null ? "not measured" : duration(value));
  const summary = `First byte of a stream: median ${told(first50)}, 95th percentile ${told(first95)}. Whole answer: median ${told(whole50)}, 95th percentile ${told(whole95)}.`;
  const lines = [
    { name: "First byte, p50", values: waits.map((wait) => wait.first50) }, { name: "First byte, p95", values: waits.map((wait) => wait.first95) },
    { name: "Whole, p50", values: waits.map((wait) => wait.whole50) }, { name: "Whole, p95", values: waits.map((wait) => wait.whole95) },
  ];
  return <LineChart summary={summary} caption="Latency over time" labels={labelsOf(buckets, question)} format={duration} lines={lines} />;
}

/** What this month has cost so far, day upon day, and where that leads. */
export function ForecastChart({ costs, forecast, nowMs }: { costs: ReadonlyMap<number, number>; forecast: NonNullable<UsageReport["forecast"]>; nowMs: number }) {
  const first = Date.UTC(new Date(nowMs).getUTCFullYear(), new Date(nowMs).getUTCMonth(), 1);
  const days = (Date.UTC(new Date(nowMs).getUTCFullYear(), new Date(nowMs).getUTCMonth() + 1, 1) - first) / dayMs;
  const today = Math.floor((nowMs - first) / dayMs);
  const buckets = Array.from({ length: days }, (_, i) => first + i * dayMs);
  let spent = 0;
  const soFar = buckets.map((ms, i) => (i > today ? null : (spent += costs.get(ms) ?? 0)));
  /** From now to the month's end. On its last day both are one. */
  const towards = (end: number) => buckets.map((_, i) => (i === days - 1 ? end : i === today ? spent : null));
  const { costUsd, lowUsd, highUsd } = forecast;
  const summary = `${money(spent)} so far. ${money(costUsd)} expected by the end of the month; four times out of five it is between ${money(lowUsd)} and ${money(highUsd)}.`;
  return (
    <LineChart summary={summary} caption="This month's cost, added up" labels={buckets.map(day)} format={money}
      lines={[{ name: "Spent", values: soFar }, { name: "Expected", values: towards(costUsd), dashed: true }]} band={{ name: "Likely (80 %)", low: towards(lowUsd), high: towards(highUsd) }} />
  );
}

/** What the usage page draws. */
import type { Timed, UsageReport } from "../../ledger/index.ts";
import { compact, count, day, duration, money, percent } from "../figures.ts";
import type { Metric, UsageQuestion } from "../usage-question.ts";
import { waitsOf, type Group, type Series, type SumMetric } from "../usage-series.ts";
import { BarChart, LineChart } from "./chart.tsx";
import { Stat, Stats } from "./parts.tsx";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

export const formats: Record<Metric, (value: number) => string> = { cost: money, requests: count, errors: count, input: compact, output: compact, cached: compact, latency: duration, refused: count };

/** What a column is called: its day, or its hour, with its day where there are several. */
export function labelsOf(buckets: readonly number[], { bucket }: Pick<UsageQuestion, "bucket">): string[] {
  const several = new Set(buckets.map(day)).size > 1;
  return buckets.map((ms) => (bucket === "day" ? day(ms) : `${several ? `${day(ms)} ` : ""}${new Date(ms).toISOString().slice(11, 16)}`));
}

type UsageChartProps = { question: UsageQuestion; metric: SumMetric; title: string; buckets: readonly number[]; series: readonly Series[]; groups: readonly Group[]; valueOf: (group: Group) => number; small?: boolean | undefined };

/** One figure over time, by what it was asked for. */
export function UsageChart({ question, metric, title, buckets, series, groups, valueOf, small }: UsageChartProps) {
  const format = formats[metric];
  const labels = labelsOf(buckets, question);
  const totals = buckets.map((_, i) => series.reduce((sum, { values }) => sum + values[i]!, 0));
  const all = totals.reduce((sum, one) => sum + one, 0);
  const most = totals.indexOf(Math.max(...totals));
  const first = groups[0];
  const leads = question.by !== "day" && question.by !== "hour" && first && all > 0 && groups.length > 1 ? ` ${first.label} has ${percent(valueOf(first) / all)} of it.` : "";
  const summary = all === 0 ? "Nothing in this time." : `${format(all)} in all, the most ${question.bucket === "day" ? "on" : "at"} ${labels[most]} (${format(totals[most]!)}).${leads}`;
  return <BarChart summary={summary} caption={title} labels={labels} series={series} format={format} small={small} />;
}

const stepMs = { day: dayMs, hour: hourMs } as const;
/** Measurements that lie nearer to each other than this are told by the hour. */
const hourlyWithinMs = 2 * dayMs;

/** The columns of what was measured: those of the question, or hours where days would be one dot or two. */
function columnsOf(question: UsageQuestion, buckets: readonly number[], timed: readonly Timed[]): { bucket: UsageQuestion["bucket"]; starts: readonly number[] } {
  const times = timed.map(({ atMs }) => atMs);
  const [first, last] = [times.reduce((a, b) => Math.min(a, b)), times.reduce((a, b) => Math.max(a, b))];
  if (question.bucket === "hour" || last - first > hourlyWithinMs) return { bucket: question.bucket, starts: buckets };
  const start = Math.floor(first / hourMs) * hourMs;
  return { bucket: "hour", starts: Array.from({ length: Math.floor((last - start) / hourMs) + 1 }, (_, i) => start + i * hourMs) };
}

const told = (value: number | null): string => (value === null ? "not measured" : duration(value));

/** How long requests took, of each column's; of a single column only figures. `timed`: at least one. */
export function LatencyChart({ question, buckets, timed }: { question: UsageQuestion; buckets: readonly number[]; timed: readonly Timed[] }) {
  const { bucket, starts } = columnsOf(question, buckets, timed);
  const inBucket = Map.groupBy(timed, ({ atMs }) => Math.floor((atMs - starts[0]!) / stepMs[bucket]));
  const { first50, first95, whole50, whole95 } = waitsOf(timed);
  if (inBucket.size < 2) return <Stats><Stat label="First byte of a stream, median" value={first50 === null ? "–" : duration(first50)} note={first95 === null ? "no stream was measured" : `95th percentile ${duration(first95)}`} /><Stat label="Whole answer, median" value={told(whole50)} note={whole95 !== null && `95th percentile ${duration(whole95)}`} /></Stats>;
  const waits = starts.map((_, i) => waitsOf(inBucket.get(i) ?? []));
  const summary = `First byte of a stream: median ${told(first50)}, 95th percentile ${told(first95)}. Whole answer: median ${told(whole50)}, 95th percentile ${told(whole95)}.`;
  const lines = [
    { name: "First byte, p50", values: waits.map((wait) => wait.first50) }, { name: "First byte, p95", values: waits.map((wait) => wait.first95) },
    { name: "Whole, p50", values: waits.map((wait) => wait.whole50) }, { name: "Whole, p95", values: waits.map((wait) => wait.whole95) },
  ];
  return <LineChart summary={summary} caption="Latency over time" labels={labelsOf(starts, { bucket })} format={duration} lines={lines} />;
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

/**
 * Charts as SVG from the server: they need no script, no style of their own, and stand in the page when it comes. Coordinates are percent, so that
 * text keeps its shape at every width; only lines and areas are stretched. Each says in words what it shows, and has its figures as a table.
 */
import { nice, ticks } from "d3-array";
import { area, line } from "d3-shape";
import type { Child } from "hono/jsx";
import { Table, type Column } from "./parts.tsx";

const wantedTicks = 4;
const mostLabels = 8;

/** From nothing to a round number that is enough for all, and what is written beside it, the highest first. */
function scaleOf(values: readonly number[]): { top: number; marks: number[] } {
  const most = Math.max(...values, 0);
  const [, top] = nice(0, most > 0 ? most : 1, wantedTicks);
  return { top, marks: ticks(0, top, wantedTicks).toReversed() };
}

const share = (value: number, top: number): number => (100 * Math.max(0, value)) / top;
const pct = (value: number): string => `${Math.round(value * 1_000) / 1_000}%`;

type FrameProps = { small?: boolean | undefined; summary: string; marks: readonly number[]; format: (value: number) => string; labels: readonly string[]; legend?: readonly { name: string; look: string }[]; children?: Child; table: Child };

function Frame({ small, summary, marks, format, labels, legend = [], children, table }: FrameProps) {
  const every = Math.ceil(labels.length / mostLabels);
  return (
    <figure class={small ? "chart small" : "chart"}>
      {legend.length > 0 && <ul class="legend">{legend.map(({ name, look }) => <li><svg viewBox="0 0 10 10" aria-hidden="true"><rect class={look} width="10" height="10" rx="2.5" /></svg>{name}</li>)}</ul>}
      <div class="plot">
        <div class="marks" aria-hidden="true">{marks.map((mark) => <span>{format(mark)}</span>)}</div>
        <svg class="canvas" role="img" aria-label={summary}>
          {marks.map((_, i) => <line class="grid" x1="0" x2="100%" y1={pct((100 * i) / (marks.length - 1))} y2={pct((100 * i) / (marks.length - 1))} />)}
          {children}
        </svg>
        <svg class="days" aria-hidden="true">{labels.flatMap((label, i) => (i % every === 0 ? [<text x={pct((100 * (i + 0.5)) / labels.length)} y="14">{label}</text>] : []))}</svg>
      </div>
      <figcaption class="note">{summary}</figcaption>
      <details class="more"><summary>As a table</summary>{table}</details>
    </figure>
  );
}

export type Bars = {
  /** In words, what one sees. */
  summary: string;
  caption: string;
  labels: readonly string[];
  series: readonly { name: string; values: readonly number[] }[];
  format: (value: number) => string;
  /** Lower, where it is one of several things on a page. */
  small?: boolean | undefined;
};

/** Columns, each of which is made of as many parts as there are series. What is below nothing is not drawn, but listed. */
export function BarChart({ summary, caption, labels, series, format, small }: Bars) {
  const totals = labels.map((_, i) => series.reduce((sum, { values }) => sum + Math.max(0, values[i]!), 0));
  const { top, marks } = scaleOf(totals);
  const width = 100 / labels.length;
  const gap = labels.length > 120 ? 0.05 : 0.14;
  const columns: Column<number>[] = [
    { label: "When (UTC)", cell: (i) => labels[i]! },
    ...series.map(({ name, values }): Column<number> => ({ label: name, cell: (i) => format(values[i]!), numeric: true })),
    ...(series.length > 1 ? [{ label: "Together", cell: (i: number) => format(series.reduce((sum, { values }) => sum + values[i]!, 0)), numeric: true }] : []),
  ];
  const told = (i: number): string => [`${labels[i]}: ${format(totals[i]!)}`, ...(series.length > 1 ? series.filter(({ values }) => values[i]! !== 0).map(({ name, values }) => `${name} ${format(values[i]!)}`) : [])].join("\n");
  return (
    <Frame small={small} summary={summary} marks={marks} format={format} labels={labels} legend={series.length > 1 ? series.map(({ name }, i) => ({ name, look: `series-${i + 1}` })) : []}
      table={<Table caption={caption} rows={labels.map((_, i) => i).toReversed()} columns={columns} />}>
      {labels.map((_, i) => {
        let below = 0;
        return (
          <g class="column">
            <title>{told(i)}</title>
            <rect class="hit" x={pct(i * width)} width={pct(width)} y="0" height="100%" />
            {series.map(({ values }, k) => {
              const height = share(values[i]!, top);
              below += height;
              return height > 0 && <rect class={`series-${k + 1}`} x={pct((i + gap) * width)} width={pct(width * (1 - 2 * gap))} y={pct(100 - below)} height={pct(height)} />;
            })}
          </g>
        );
      })}
    </Frame>
  );
}

type Points = readonly (number | null)[];
/** Where the point of a column lies in a drawing of 1000 × 1000 that is stretched to its place. */
const across = (i: number, of: number): number => (1_000 * (i + 0.5)) / of;

export type Lines = {
  summary: string; caption: string; labels: readonly string[]; format: (value: number) => string;
  lines: readonly { name: string; values: Points; /** What is not measured but expected: a line from one known point to the next. */ dashed?: boolean }[];
  /** Between which two values something lies, from one known point to the next. */
  band?: { name: string; low: Points; high: Points };
};

/** Lines, and a band around what is not certain. Where nothing is known a line is broken. */
export function LineChart({ summary, caption, labels, format, lines, band }: Lines) {
  const all = [...lines.flatMap(({ values }) => values), ...(band?.high ?? [])].filter((value) => value !== null);
  const { top, marks } = scaleOf(all);
  const indices = labels.map((_, i) => i);
  const x = (i: number): number => across(i, labels.length);
  const y = (value: number | null | undefined): number => 1_000 - 10 * share(value ?? 0, top);
  const pathOf = ({ values, dashed }: Lines["lines"][number]): string | null => {
    const isKnown = (i: number): boolean => values[i] !== null;
    return line<number>().defined(isKnown).x(x).y((i) => y(values[i]))(dashed ? indices.filter(isKnown) : indices);
  };
  const between = area<number>().x(x).y0((i) => y(band?.low[i])).y1((i) => y(band?.high[i]));
  const told = (value: number | null | undefined): string => (value == null ? "–" : format(value));
  const columns: Column<number>[] = [
    { label: "When (UTC)", cell: (i) => labels[i]! },
    ...lines.map(({ name, values }): Column<number> => ({ label: name, cell: (i) => told(values[i]), numeric: true })),
    ...(band ? [{ label: band.name, cell: (i: number) => (band.low[i] == null ? "–" : `${told(band.low[i])} to ${told(band.high[i])}`), numeric: true }] : []),
  ];
  const title = (i: number): string => [labels[i]!, ...columns.slice(1).flatMap(({ label, cell }) => (cell(i) === "–" ? [] : [`${label} ${String(cell(i))}`]))].join("\n");
  return (
    <Frame summary={summary} marks={marks} format={format} labels={labels} legend={[...lines.map(({ name }, i) => ({ name, look: `series-${i + 1}` })), ...(band ? [{ name: band.name, look: "band" }] : [])]}
      table={<Table caption={caption} rows={indices.toReversed()} columns={columns} />}>
      <svg viewBox="0 0 1000 1000" preserveAspectRatio="none" width="100%" height="100%">
        {band && <path class="band" d={between(indices.filter((i) => band.low[i] !== null)) ?? ""} />}
        {lines.map((one, i) => <path class={`line series-${i + 1}${one.dashed ? " dashed" : ""}`} d={pathOf(one) ?? ""} />)}
      </svg>
      {lines.map(({ values, dashed }, k) => values.map((value, i) => {
        // A point without neighbours has no line.
        const alone = value !== null && !dashed && values[i - 1] == null && values[i + 1] == null;
        return alone && <circle class={`series-${k + 1}`} cx={pct(across(i, labels.length) / 10)} cy={pct(100 - share(value, top))} r="4" />;
      }))}
      {labels.map((_, i) => <g class="column"><title>{title(i)}</title><rect class="hit" x={pct((100 * i) / labels.length)} width={pct(100 / labels.length)} y="0" height="100%" /></g>)}
    </Frame>
  );
}

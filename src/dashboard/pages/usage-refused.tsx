/** The part of the usage page that tells what was refused before any provider was asked. */
import { refusalWords, refusedOverTime } from "../../ledger/index.ts";
import { BarChart } from "../components/chart.tsx";
import { EmptyState, Notice, Table, type Column } from "../components/parts.tsx";
import { labelsOf } from "../components/usage-charts.tsx";
import { count } from "../figures.ts";
import type { UsageQuestion } from "../usage-question.ts";
import type { MemberVisit } from "../visit.ts";

/** So many codes have a colour of their own. */
const mostSeries = 5;
const mostListed = 100;
const hourMs = 3_600_000;

type Refused = Awaited<ReturnType<typeof refusedOverTime>>[number];
type Row = { id: string; requests: number; of: Refused };

const sum = (rows: readonly Refused[]): number => rows.reduce((all, { requests }) => all + requests, 0);
const grouped = (rows: readonly Refused[], by: (row: Refused) => string): Row[] =>
  [...Map.groupBy(rows, by)].map(([id, same]) => ({ id, requests: sum(same), of: same[0]! })).toSorted((a, b) => b.requests - a.requests);

const requests: Column<Row> = { label: "Refused", cell: (row) => count(row.requests), numeric: true };
const codeColumns: Column<Row>[] = [{ label: "Code", cell: ({ id }) => <code>{id}</code> }, { label: "Why", cell: ({ of }) => refusalWords(of.code).reason }, requests];
const keyColumns: Column<Row>[] = [{ label: "Key", cell: ({ of }) => <a href={`/dashboard/requests?${new URLSearchParams({ key: of.keyId, outcome: "refused" })}`}>{of.name ?? of.keyId}</a> }, requests];

/** By time and code, and by key. */
export async function Refused({ visit, question, buckets }: { visit: MemberVisit; question: UsageQuestion; buckets: readonly number[] }) {
  const { env, membership: { organisationId } } = visit;
  const { filters, fromMs, toMs, bucket } = question;
  if (filters.model !== undefined || filters.app !== undefined) return <Notice>Refused requests are counted by key and code, not by model or app.</Notice>;
  const rows = await refusedOverTime(env.DB, { organisationId, fromHour: Math.floor(fromMs / hourMs), toHour: Math.ceil(toMs / hourMs), filters }, bucket);
  if (rows.length === 0) return <EmptyState icon="usage" title="Nothing was refused in this time">A request is refused when its key may not make it, or nobody could answer it. Invalid keys are not counted.</EmptyState>;
  const codes = grouped(rows, ({ code }) => code);
  const first = codes.slice(0, mostSeries).map(({ id }) => id);
  const values = (fits: (code: string) => boolean): number[] => buckets.map((ms) => sum(rows.filter(({ atMs, code }) => atMs === ms && fits(code))));
  const series = [...first.map((code) => ({ name: code, values: values((one) => one === code) })), ...(codes.length > mostSeries ? [{ name: "Others", values: values((one) => !first.includes(one)) }] : [])];
  return <>
    <BarChart summary={`${count(sum(rows))} in all, most of them ${codes[0]!.id} (${count(codes[0]!.requests)}).`} caption="Refused requests by code" labels={labelsOf(buckets, question)} series={series} format={count} />
    <p class="note">Requests with a valid key for which no provider was asked. They cost nothing and are not among the requests above.</p>
    <Table caption="Refused by code" rows={codes} columns={codeColumns} />
    <Table caption="Refused by key" rows={grouped(rows, ({ keyId }) => keyId).slice(0, mostListed)} columns={keyColumns} />
  </>;
}

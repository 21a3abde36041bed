/** /dashboard/usage for browsers; a bearer key gets JSON at the same URL (src/routes/dashboard.ts). */
import { getKey } from "../../accounts/key-record.ts";
import { GatewayError } from "../../errors.ts";
import { firstUse, groupedUsage, mostTimed, timedRequests, type GroupedUsage, type Timed, type Viewer } from "../../ledger/index.ts";
import { csvName, csvOf } from "../../ledger/usage-csv.ts";
import { keyBars, organisationBars } from "../budget-bars.ts";
import { Budgets } from "../components/budgets.tsx";
import { Choice, TextField } from "../components/field.tsx";
import { ButtonLink, Card, EmptyState, Notice, PageHeader, Stat, Stats, Table, type Column } from "../components/parts.tsx";
import { ForecastChart, LatencyChart, UsageChart } from "../components/usage-charts.tsx";
import { count, dayOfYear, duration, money, percent } from "../figures.ts";
import { freshen } from "../fresh.ts";
import { show } from "../page.tsx";
import { madeOf } from "../request-query.ts";
import { bucketsOf, groupings, metrics, narrowings, ranges, usageHref, usageQuestion, usualRange, type Narrowing, type UsageQuestion } from "../usage-question.ts";
import { groupsOf, seriesOf, valueOf, waitsOf, type Group } from "../usage-series.ts";
import { member, type MemberVisit } from "../visit.ts";
import { Refused } from "./usage-refused.tsx";

/** Rows that are read for one page, and that are listed on it. */
const mostRows = 20_000;
const mostListed = 100;

const viewerOf = ({ membership: { organisationId } }: MemberVisit): Viewer => ({ organisationId, usageScope: "organisation" });
const isoDay = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const isTime = ({ by }: UsageQuestion): boolean => by === "day" || by === "hour";
const wordOf = <T extends string>(list: readonly (readonly [T, string])[], id: T): string => list.find(([one]) => one === id)![1];

/** The usage by time and group; where that is more than a page can be made of, each by itself. */
async function read(visit: MemberVisit, question: UsageQuestion): Promise<{ byTime: GroupedUsage; byGroup: GroupedUsage; split: boolean }> {
  const ask = (groupBy: GroupedUsage["groupBy"]) => groupedUsage(visit.env.DB, viewerOf(visit), visit.nowMs, question, { groupBy, limit: mostRows + 1 });
  const whole = await ask(isTime(question) ? [question.bucket] : [question.bucket, question.by]);
  if (whole.rows.length <= mostRows) return { byTime: whole, byGroup: whole, split: true };
  const [byTime, byGroup] = await Promise.all([ask([question.bucket]), ask([question.by])]);
  return { byTime, byGroup, split: false };
}

/** What the page is narrowed down to, as people know it: a key by its name. */
async function narrowedTo({ env, membership: { organisationId } }: MemberVisit, { filters }: UsageQuestion): Promise<{ name: Narrowing; label: string }[]> {
  const key = filters.key === undefined ? undefined : await getKey(env.DB, filters.key);
  return narrowings.flatMap((name) => (filters[name] === undefined ? [] : [{ name, label: name === "key" && key?.organisationId === organisationId ? key.name : filters[name] }]));
}

const Filters = ({ question, narrowed }: { question: UsageQuestion; narrowed: Awaited<ReturnType<typeof narrowedTo>> }) => (
  <div class="filters">
    <form method="get" action="/dashboard/usage" class="filter compact">
      {Object.entries(question.filters).map(([name, value]) => <input type="hidden" name={name} value={value} />)}
      <Choice name="range" label="Time" options={ranges} value={question.range} submits />
      <Choice name="metric" label="Figure" options={metrics} value={question.metric} submits />
      <Choice name="by" label="By" options={groupings} value={question.by} submits />
      {question.range === "custom" && <>
        <TextField name="from" label="First day" type="date" value={question.from ?? isoDay(question.fromMs)} /><TextField name="to" label="Last day" type="date" value={question.to ?? isoDay(question.toMs - 1)} />
      </>}
      <button type="submit" class="button secondary" data-needless={question.range !== "custom" || undefined}><span>Show</span></button>
    </form>
    {narrowed.length > 0 && <ul class="chips" aria-label="Narrowed down to">{narrowed.map(({ name, label }) => (
      <li><a class="chip" href={usageHref(question, { filters: { ...question.filters, [name]: undefined } })}>{wordOf(groupings, name)}: {label}<span aria-hidden="true"> ×</span><span class="hidden"> (show all again)</span></a></li>
    ))}</ul>}
  </div>
);

/** A group, which leads to what it is made of: its usage by something else, or the requests of its time. */
function GroupCell({ question, group: { id, label }, nowMs }: { question: UsageQuestion; group: Group; nowMs: number }) {
  const { by, filters } = question;
  const shown = by === "model" ? <code>{label}</code> : <>{label}</>;
  const requests = isTime(question) ? madeOf(question, id, nowMs) : undefined;
  if (requests) return <a href={requests}>{shown}</a>;
  if (by === "day" || by === "hour" || id === "" || filters[by] !== undefined) return shown;
  return <a href={usageHref(question, { by: by === "model" ? "key" : "model", filters: { ...filters, [by]: id } })}>{shown}</a>;
}

/** How many requests, which lead to themselves as long as they are kept. */
function RequestsCell({ question, group: { id, label, requests }, nowMs }: { question: UsageQuestion; group: Group; nowMs: number }) {
  const href = requests > 0 ? madeOf(question, id, nowMs) : undefined;
  return href ? <a href={href} aria-label={`${count(requests)} requests, ${label}`}>{count(requests)}</a> : <>{count(requests)}</>;
}

const columnsOf = (question: UsageQuestion, cost: number, nowMs: number): Column<Group>[] => [
  { label: wordOf(groupings, question.by), cell: (group) => <GroupCell question={question} group={group} nowMs={nowMs} /> },
  { label: "Requests", cell: (group) => <RequestsCell question={question} group={group} nowMs={nowMs} />, numeric: true },
  { label: "Errors", cell: ({ errors }) => count(errors), numeric: true },
  { label: "Tokens in", cell: ({ inputTokens }) => count(inputTokens), numeric: true },
  { label: "Cached", cell: ({ cachedTokens }) => count(cachedTokens), numeric: true },
  { label: "Tokens out", cell: ({ outputTokens }) => count(outputTokens), numeric: true },
  { label: "Cost", cell: ({ costUsd }) => money(costUsd), numeric: true },
  { label: "Share", cell: ({ costUsd }) => (cost > 0 ? percent(Math.max(0, costUsd) / cost) : "–"), numeric: true },
];

type Waited = { label: string; timed: readonly Timed[] };
const told = (ms: number | null): string => (ms === null ? "–" : duration(ms));
const waitColumns = (question: UsageQuestion): Column<Waited>[] => [
  { label: wordOf(groupings, question.by), cell: ({ label }) => (question.by === "model" ? <code>{label}</code> : label) },
  { label: "Measured", cell: ({ timed }) => count(timed.length), numeric: true },
  { label: "First byte p50", cell: ({ timed }) => told(waitsOf(timed).first50), numeric: true },
  { label: "First byte p95", cell: ({ timed }) => told(waitsOf(timed).first95), numeric: true },
  { label: "Whole p50", cell: ({ timed }) => told(waitsOf(timed).whole50), numeric: true },
  { label: "Whole p95", cell: ({ timed }) => told(waitsOf(timed).whole95), numeric: true },
];

/** How long requests took. Of which ones, it says. */
async function Latency({ visit, question, buckets }: { visit: MemberVisit; question: UsageQuestion; buckets: readonly number[] }) {
  const { env, membership: { organisationId } } = visit;
  const { filters } = question;
  const { rows } = await groupedUsage(env.DB, viewerOf(visit), visit.nowMs, question, { groupBy: ["key", "member"], limit: mostRows });
  const of = new Map(rows.map(({ key, keyName, member: whose }) => [key!, { name: keyName ?? key!, whose }]));
  const newest = await timedRequests(env.DB, organisationId, question);
  const fits = ({ model, keyId, app }: Timed): boolean => of.has(keyId) && (filters.model ?? model) === model && (filters.app ?? app) === app;
  const timed = newest.filter(fits);
  const labels: Record<UsageQuestion["by"], (one: Timed) => string> = {
    model: ({ model }) => model, key: ({ keyId }) => of.get(keyId)!.name, member: ({ keyId }) => of.get(keyId)!.whose ?? "No member", app: ({ app }) => app ?? "No app named",
    day: ({ atMs }) => new Date(atMs).toISOString().slice(0, 10), hour: ({ atMs }) => new Date(atMs).toISOString().slice(0, 13).replace("T", " ").concat(":00"),
  };
  const groups = [...Map.groupBy(timed, labels[question.by])].map(([label, of]) => ({ label, timed: of })).toSorted((a, b) => b.timed.length - a.timed.length);
  if (timed.length === 0) return <EmptyState icon="usage" title="No request of this time is at hand">Single requests are kept for 30 days, and arrive here a minute after they end.</EmptyState>;
  return <>
    <LatencyChart question={question} buckets={buckets} timed={timed} />
    <p class="note">Measured on {count(timed.length)} answered requests, among the newest {count(mostTimed)} of this time. Single requests are kept for 30 days.</p>
    <Table caption="Latency" rows={groups.slice(0, mostListed)} columns={waitColumns(question)} />
  </>;
}

/** The month as a whole. Its days come from what is shown where that is the month, else they are asked for. */
async function Heading({ visit, question, forecast }: { visit: MemberVisit; question: UsageQuestion; forecast: NonNullable<GroupedUsage["forecast"]> }) {
  const { rows } = await groupedUsage(visit.env.DB, viewerOf(visit), visit.nowMs, { filters: question.filters }, { groupBy: ["day"], limit: 31 });
  return (
    <Card title="Where this month is heading" note="What is spent so far, and for each day that is left what the last days cost on average." action={question.range !== "month" && <ButtonLink look="quiet" href={usageHref(question, { range: "month" })}>This month</ButtonLink>}>
      <ForecastChart costs={new Map(rows.map(({ day, costUsd }) => [Date.parse(day!), costUsd]))} forecast={forecast} nowMs={visit.nowMs} />
    </Card>
  );
}

async function page(visit: MemberVisit): Promise<Response> {
  await freshen(visit);
  const question = usageQuestion(visit, usualRange(await firstUse(visit.env.DB, visit.membership.organisationId), visit.nowMs));
  const { metric, by } = question;
  const [{ byTime, byGroup, split }, shared, own, narrowed] = await Promise.all([read(visit, question), organisationBars(visit), keyBars(visit), narrowedTo(visit, question)]);
  const { totals, refused, forecast, asOf } = byGroup;
  const groups = groupsOf(byGroup.rows, by, metric);
  const buckets = bucketsOf(question, visit.nowMs);
  const sums = metric !== "latency" && metric !== "refused";
  const title = !sums ? wordOf(metrics, metric) : `${wordOf(metrics, metric)} ${isTime(question) ? `by ${question.bucket}` : `by ${wordOf(groupings, by).toLowerCase()}`}`;
  const body = metric === "latency" ? await Latency({ visit, question, buckets })
    : metric === "refused" ? await Refused({ visit, question, buckets })
    : <UsageChart question={question} metric={metric} title={title} buckets={buckets} groups={groups} valueOf={valueOf[metric]}
      series={seriesOf(byTime.rows, split ? groups : [], split ? question : { by: "day", metric }, buckets)} />;
  return show(visit, {
    title: "Usage",
    in: "/usage",
    status: question.problem && question.range === "custom" && question.from ? 422 : 200,
    body: <>
      <PageHeader title="Usage" lead={`${[...new Set([question.fromMs, Math.min(question.toMs - 1, Math.max(visit.nowMs, question.fromMs))].map(dayOfYear))].join(" to ")}, UTC, as of ${asOf.slice(11, 16)}`}>
        <ButtonLink href={usageHref(question, {}, "/dashboard/usage/csv")} look="secondary" icon="copy">CSV</ButtonLink>
      </PageHeader>
      <Filters question={question} narrowed={narrowed} />
      {question.problem && <Notice tone="warn">{question.problem}</Notice>}
      <Stats>
        <Stat label="Cost" value={money(totals.costUsd)} note={forecast && `${money(forecast.costUsd)} expected this month`} />
        <Stat label="Requests" value={count(totals.requests)} note={`${totals.requests > 0 ? `${count(totals.errors)} failed at a provider (${percent(totals.errors / totals.requests)})` : "none failed"}${refused && refused.requests > 0 ? `; ${count(refused.requests)} more refused before` : ""}`} />
        <Stat label="Tokens in" value={count(totals.inputTokens)} note={`${count(totals.cachedTokens)} from a cache`} />
        <Stat label="Tokens out" value={count(totals.outputTokens)} note={`${count(totals.reasoningTokens)} to reason`} />
      </Stats>
      <Card title={title}>
        {totals.requests === 0 && metric !== "refused" ? <EmptyState icon="usage" title="Nothing was used in this time">What your keys use is here a minute later at most.</EmptyState> : body}
      </Card>
      {totals.requests > 0 && sums && (
        <Card title={`By ${wordOf(groupings, by).toLowerCase()}`} note={groups.length > mostListed ? `The first ${mostListed} of ${count(groups.length)}; all of them are in the CSV` : undefined} flush>
          <Table caption={`Usage by ${by}`} rows={groups.slice(0, mostListed)} columns={columnsOf(question, totals.costUsd, visit.nowMs)} />
        </Card>
      )}
      {forecast && forecast.costUsd > 0 && await Heading({ visit, question, forecast })}
      {shared.length > 0 && <Card title="Shared budgets" note="What all keys together, or those of a project, member or tag, may use"><Budgets bars={shared} /></Card>}
      {own.length > 0 && <Card title="Budgets of keys" note={own.length > mostListed ? `The ${mostListed} of which the most is gone` : "What each may spend by itself"}><Budgets bars={own.slice(0, mostListed)} /></Card>}
    </>,
  });
}

/** The same question as a spreadsheet reads it. Throws `invalid_request`. */
async function csv(visit: MemberVisit): Promise<Response> {
  const question = usageQuestion(visit);
  if (question.problem) throw new GatewayError("invalid_request", question.problem);
  const groupBy: GroupedUsage["groupBy"] = isTime(question) ? [question.bucket] : [question.bucket, question.by];
  const usage = await groupedUsage(visit.env.DB, viewerOf(visit), visit.nowMs, question, { groupBy, limit: mostRows + 1 });
  if (usage.rows.length > mostRows) throw new GatewayError("invalid_request", `That would be more than ${count(mostRows)} rows. Choose a shorter time.`);
  return visit.c.body(csvOf(usage), 200, { "content-type": "text/csv; charset=utf-8; header=present", "content-disposition": `attachment; filename="${csvName(usage)}"` });
}

export const usage = [member("see_usage", "GET", "/usage", page), member("see_usage", "GET", "/usage/csv", csv)];

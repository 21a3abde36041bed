/** /dashboard/operator: how the gateway does as a whole, and what somebody has to see to. */
import { listApplications } from "../../accounts/applications.ts";
import { newestOrganisations, organisationCounts } from "../../accounts/organisations.ts";
import { countDeadLetters, openBatches } from "../../batches/index.ts";
import { percentile, sampledADay, sampledWaits, usageOfAll, type DayOfAll, type SampledDay } from "../../ledger/index.ts";
import { ownRegion, seenIn } from "../boards.ts";
import { BarChart, LineChart } from "../components/chart.tsx";
import { Time } from "../components/facts.tsx";
import { Badge, Card, EmptyState, Stat, Stats, Table } from "../components/parts.tsx";
import { compact, count, day, duration, money, percent, relative } from "../figures.ts";
import { showOperator } from "../operator.tsx";
import { operator, type OperatorVisit } from "../visit.ts";

const path = "/operator";
const dayMs = 86_400_000;
const daysShown = 30;
const mostListed = 6;
/** So many batches that are under way are counted. */
const mostCounted = 100;

type Totals = Omit<DayOfAll, "day" | "organisations">;
const none: Totals = { requests: 0, errors: 0, inputTokens: 0, outputTokens: 0, costNanoUsd: 0 };
const sumOf = (days: readonly Totals[]): Totals => days.reduce<Totals>((all, one) => ({
  requests: all.requests + one.requests, errors: all.errors + one.errors, inputTokens: all.inputTokens + one.inputTokens, outputTokens: all.outputTokens + one.outputTokens, costNanoUsd: all.costNanoUsd + one.costNanoUsd,
}), none);

const told = (ms: number | null): string => (ms === null ? "–" : duration(ms));
const failed = ({ requests, errors }: Totals): string => (errors === 0 ? "none failed" : `${count(errors)} failed (${percent(errors / requests)})`);

/** One span's figures. */
const Figures = ({ label, of, waits }: { label: string; of: Totals; waits: SampledDay }) => (
  <Card title={label} flush><Stats>
    <Stat label="Cost" value={money(of.costNanoUsd / 1e9)} />
    <Stat label="Requests" value={count(of.requests)} note={failed(of)} />
    <Stat label="Tokens" value={compact(of.inputTokens + of.outputTokens)} note={`${compact(of.inputTokens)} in, ${compact(of.outputTokens)} out`} />
    <Stat label="First byte" value={told(percentile(waits.firstMs, 0.5))} note={`95% within ${told(percentile(waits.firstMs, 0.95))}`} />
    <Stat label="Whole answer" value={told(percentile(waits.wholeMs, 0.5))} note={`95% within ${told(percentile(waits.wholeMs, 0.95))}`} />
  </Stats></Card>
);

const Way = ({ to, children }: { to: string; children: string }) => <a href={`/dashboard${path}${to}`}>{children}</a>;

/** What somebody has to see to, each with the way there. */
async function duties(visit: OperatorVisit) {
  const { env, nowMs } = visit;
  const region = ownRegion(visit);
  const [waiting, letters, batches, seen, counts] = await Promise.all([
    listApplications(env.DB, "waiting"), countDeadLetters(env.DB, nowMs - daysShown * dayMs), openBatches(env.DB, mostCounted + 1), seenIn(region, visit), organisationCounts(env.DB),
  ]);
  const alone = seen.filter(({ state }) => state !== "closed").length;
  return (
    <Stats>
      <Stat label="Applications waiting" value={<Way to="/applications">{count(waiting.length)}</Way>} note={waiting[0] ? `the oldest ${relative(waiting[0].createdAtMs, nowMs)}` : "nobody waits"} />
      <Stat label="Deployments left alone" value={<Way to="/health">{count(alone)}</Way>} note={`of ${count(seen.length)} with traffic in this region`} />
      <Stat label={`Dead letters in ${daysShown} days`} value={<Way to="/jobs">{count(letters)}</Way>} note="taken up by themselves" />
      <Stat label="Batches under way" value={<Way to="/jobs">{batches.length > mostCounted ? `more than ${mostCounted}` : count(batches.length)}</Way>} />
      <Stat label="Organisations" value={<Way to="/organisations">{count(counts.all)}</Way>} note={counts.suspended > 0 ? <Way to="/organisations?suspended=1">{`${count(counts.suspended)} suspended`}</Way> : "none suspended"} />
    </Stats>
  );
}

async function page(visit: OperatorVisit): Promise<Response> {
  const { env, nowMs } = visit;
  const today = Math.floor(nowMs / dayMs);
  const first = today - daysShown + 1;
  const [{ days, spenders }, waits, newest, todo] = await Promise.all([usageOfAll(env.DB, first, mostListed), sampledWaits(env.DB, today, daysShown), newestOrganisations(env.DB, mostListed), duties(visit)]);
  const byDay = new Map(days.map((one) => [one.day, one]));
  const columns = Array.from({ length: daysShown }, (_, i) => first + i);
  const labels = columns.map((one) => day(one * dayMs));
  const all = sumOf(days);
  const costs = columns.map((one) => (byDay.get(one)?.costNanoUsd ?? 0) / 1e9);
  const most = costs.indexOf(Math.max(...costs));
  const together: SampledDay = { firstMs: waits.flatMap(({ firstMs }) => firstMs), wholeMs: waits.flatMap(({ wholeMs }) => wholeMs) };
  const firsts = (share: number): (number | null)[] => waits.map(({ firstMs }) => percentile(firstMs, share));
  return showOperator(visit, {
    path, title: "Overview", lead: "All organisations together, in UTC. Keys report once a minute.",
    body: <>
      {todo}
      <Figures label="Today" of={byDay.get(today) ?? none} waits={waits.at(-1)!} />
      <Figures label={`The last ${daysShown} days`} of={all} waits={together} />
      {all.requests > 0 && <div class="columns">
        <Card title="Cost by day"><BarChart caption="Cost by day" labels={labels} series={[{ name: "Cost", values: costs }]} format={money} summary={`${money(all.costNanoUsd / 1e9)} in all, the most on ${labels[most]} (${money(costs[most]!)}).`} /></Card>
        <Card title="First byte by day" note={`Of each day's newest ${sampledADay} requests, those that were streamed to their end`}>
          {together.firstMs.length === 0 ? <EmptyState icon="usage" title="Nothing was streamed">Single requests are kept for 30 days.</EmptyState> : <LineChart caption="First byte by day" labels={labels} format={duration}
            lines={[{ name: "Half within", values: firsts(0.5) }, { name: "95% within", values: firsts(0.95) }]} summary={`Half within ${told(percentile(together.firstMs, 0.5))}, 95% within ${told(percentile(together.firstMs, 0.95))}.`} />}
        </Card>
      </div>}
      <div class="columns">
        <Card title="Newest organisations" flush>
          {newest.length === 0 ? <EmptyState icon="people" title="None">Whoever signs up may found one.</EmptyState> : <Table caption="Newest organisations" rows={newest} columns={[
            { label: "Name", cell: ({ id, name, suspended }) => <span class="row"><a href={`/dashboard/operator/organisations/${id}`}>{name}</a>{suspended && <Badge tone="bad">suspended</Badge>}</span> },
            { label: "Plan", cell: ({ plan }) => <Badge>{plan}</Badge> },
            { label: "Founded", cell: ({ createdAtMs }) => <Time ms={createdAtMs}>{relative(createdAtMs, nowMs)}</Time> },
          ]} />}
        </Card>
        <Card title="Who spends the most" note={`In ${daysShown} days`} flush>
          {spenders.length === 0 ? <EmptyState icon="money" title="Nobody">No key has been used.</EmptyState> : <Table caption="Organisations by cost" rows={spenders} columns={[
            { label: "Name", cell: ({ organisationId, name }) => <a href={`/dashboard/operator/organisations/${organisationId}`}>{name ?? organisationId}</a> },
            { label: "Requests", cell: ({ requests }) => count(requests), numeric: true },
            { label: "Failed", cell: ({ requests, errors }) => (requests > 0 ? percent(errors / requests) : "–"), numeric: true },
            { label: "Cost", cell: ({ costNanoUsd }) => money(costNanoUsd / 1e9), numeric: true },
          ]} />}
        </Card>
      </div>
    </>,
  });
}

export const operatorOverview = [operator("GET", path, page)];

/** How the deployments do, as a region's board has it. */
import type { Seen } from "../../health/index.ts";
import { Time } from "../components/facts.tsx";
import { Badge, Card, Choices, EmptyState, Stat, Stats, Table } from "../components/parts.tsx";
import { State } from "../components/vitals.tsx";
import { count, duration, percent, relative } from "../figures.ts";
import { ownRegion, regions, seenIn } from "../boards.ts";
import { showOperator } from "../operator.tsx";
import { operator } from "../visit.ts";

const path = "/operator/health";
const mostRows = 300;
const providerOf = ({ deployment }: Seen): string => deployment.slice(0, deployment.indexOf("/"));
const attempts = ({ answered, failed }: Pick<Seen, "answered" | "failed">): number => answered + failed;
/** Of what has decayed nearly nothing is left. */
const share = (one: Pick<Seen, "answered" | "failed">): string => (attempts(one) < 0.5 ? "–" : percent(one.failed / attempts(one)));
const rank = { open: 0, half_open: 1, closed: 2 } as const;

export const operatorHealth = [
  operator("GET", path, async (visit) => {
    const { isolate, nowMs, c } = visit;
    const own = ownRegion(visit);
    const wanted = c.req.query("region") ?? own;
    const region = wanted in regions ? wanted : own;
    const seen = (await seenIn(region, visit)).toSorted((a, b) => rank[a.state] - rank[b.state] || b.failed - a.failed || attempts(b) - attempts(a));
    const byProvider = Map.groupBy(seen, providerOf);
    const providers = [...isolate.endpoints].map(([id, places]) => {
      const rows = byProvider.get(id) ?? [];
      const sum = (what: "answered" | "failed"): number => rows.reduce((all, row) => all + row[what], 0);
      return { id, name: places[0]?.provider.name ?? id, rows, answered: sum("answered"), failed: sum("failed"), open: rows.filter(({ state }) => state !== "closed").length };
    }).toSorted((a, b) => b.open - a.open || attempts(b) - attempts(a) || (a.name < b.name ? -1 : 1));
    const open = seen.filter(({ state }) => state !== "closed").length;
    const total = seen.reduce((all, row) => ({ answered: all.answered + row.answered, failed: all.failed + row.failed }), { answered: 0, failed: 0 });
    const names = [...new Set([own, ...Object.keys(regions)])];
    return showOperator(visit, {
      path, title: "Health", lead: "Measured on real traffic. Each figure counts half after five minutes; a board forgets when its region has had no traffic for a while.",
      body: <>
        <Choices label="Region" items={names.map((name) => ({ href: `/dashboard${path}?region=${name}`, label: regions[name]?.[0] ?? "This machine", current: name === region }))} />
        <Stats>
          <Stat label="Deployments with traffic" value={count(seen.length)} />
          <Stat label="Left alone or on trial" value={count(open)} />
          <Stat label="Attempts of late" value={count(Math.round(attempts(total)))} />
          <Stat label="Failed of them" value={share(total)} />
        </Stats>
        <Card title="Deployments" note={seen.length > mostRows ? `The first ${mostRows} of ${count(seen.length)}` : "What is left alone first, then by failures"} flush>
          {seen.length === 0 ? <EmptyState icon="route" title="No traffic">Nobody has called anything in this region of late.</EmptyState> : <Table caption="Deployments" rows={seen.slice(0, mostRows)} columns={[
            { label: "Deployment", cell: ({ deployment }) => <code>{deployment}</code> },
            { label: "State", cell: ({ state }) => <State vital={{ state }} /> },
            { label: "Attempts", cell: (one) => count(Math.round(attempts(one))), numeric: true },
            { label: "Failed", cell: share, numeric: true },
            { label: "First token p50", cell: ({ figures }) => (figures.firstByteMs ? duration(figures.firstByteMs.p50) : "–"), numeric: true },
            { label: "p95", cell: ({ figures }) => (figures.firstByteMs?.p95 === undefined ? "–" : duration(figures.firstByteMs.p95)), numeric: true },
            { label: "Speed", cell: ({ figures }) => (figures.tokensPerSecond === undefined ? "–" : `${count(Math.round(figures.tokensPerSecond))}/s`), numeric: true },
            { label: "Uptime", cell: ({ figures }) => (figures.okShare === undefined ? "–" : percent(figures.okShare)), numeric: true },
            { label: "Last heard of", cell: ({ touchedMs }) => <Time ms={touchedMs}>{relative(touchedMs, nowMs)}</Time> },
          ]} />}
        </Card>
        <Card title="Providers" note="Those that are set up here" flush>
          <Table caption="Providers" rows={providers} columns={[
            { label: "Provider", cell: ({ id, name }) => <span class="two-lines"><span>{name}</span><code class="note">{id}</code></span> },
            { label: "State", cell: ({ rows, open: left }) => (rows.length === 0 ? <Badge>no traffic</Badge> : left === 0 ? <Badge tone="good">works</Badge> : <Badge tone={left === rows.length ? "bad" : "warn"}>{`${left} of ${rows.length} left alone`}</Badge>) },
            { label: "Attempts", cell: (one) => count(Math.round(attempts(one))), numeric: true },
            { label: "Failed", cell: share, numeric: true },
          ]} />
        </Card>
      </>,
    });
  }),
];

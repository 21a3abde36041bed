/** How the deployments do, as a region's board has it: who is left alone, until when and why. */
import type { Seen } from "../../health/index.ts";
import type { Catalog } from "../../catalog/index.ts";
import { Time } from "../components/facts.tsx";
import { Check, TextField } from "../components/field.tsx";
import { Badge, Card, Choices, EmptyState, Stat, Stats, Submit, Table } from "../components/parts.tsx";
import { State } from "../components/vitals.tsx";
import { count, duration, percent, relative } from "../figures.ts";
import { ownRegion, regions, seenIn } from "../boards.ts";
import { failureText } from "../failure-words.ts";
import { showOperator } from "../operator.tsx";
import { operator } from "../visit.ts";

const path = "/operator/health";
const mostRows = 300;
const providerOf = ({ deployment }: Seen): string => deployment.slice(0, deployment.indexOf("/"));
const attempts = ({ answered, failed }: Pick<Seen, "answered" | "failed">): number => answered + failed;
/** Of what has decayed nearly nothing is left. */
const share = (one: Pick<Seen, "answered" | "failed">): string => (attempts(one) < 0.5 ? "–" : percent(one.failed / attempts(one)));
const rank = { open: 0, half_open: 1, closed: 2 } as const;
const isLeft = ({ state }: Seen): boolean => state !== "closed";

type Query = { region: string; q: string; left: boolean };
const hrefOf = ({ region, q, left }: Query): string => `/dashboard${path}?${new URLSearchParams({ region, ...(q && { q }), ...(left && { left: "on" }) })}`;

/** What a deployment is found by: its own name, its model's, its provider's. A self-hosted one says behind an @ where it is. */
function finder({ q, left }: Query, { byName }: Pick<Catalog, "byName">, nameOf: (provider: string) => string): (one: Seen) => boolean {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  const about = (one: Seen): string => `${one.deployment} ${byName.get(one.deployment.replace(/@[^/]*$/, ""))?.model.id ?? ""} ${nameOf(providerOf(one))}`.toLowerCase();
  return (one) => (!left || isLeft(one)) && words.every((word) => about(one).includes(word));
}

/** How it stands; of one that is left alone, until when; and what went wrong last. */
const Standing = ({ of: { state, probeAtMs, failure }, nowMs }: { of: Seen; nowMs: number }) => (
  <span class="two-lines steady standing">
    <span><State vital={{ state }} />{probeAtMs !== undefined && <span class="note"> for another {duration(Math.max(0, Math.ceil((probeAtMs - nowMs) / 1_000) * 1_000))}</span>}</span>
    {failure && <span class="note">{failureText(failure)}, <Time ms={failure.atMs}>{relative(failure.atMs, nowMs)}</Time></span>}
  </span>
);

const Filter = ({ query: { region, q, left } }: { query: Query }) => (
  <form method="get" action={`/dashboard${path}`} class="filter" role="search">
    <input type="hidden" name="region" value={region} />
    <TextField name="q" label="Model or provider" value={q} required={false} maxlength={200} placeholder="openai gpt" />
    <Check name="left" label="Only those left alone or on trial" checked={left} />
    <Submit look="secondary">Show</Submit>
  </form>
);

export const operatorHealth = [
  operator("GET", path, async (visit) => {
    const { isolate, nowMs, c } = visit;
    const own = ownRegion(visit);
    const wanted = c.req.query("region") ?? own;
    const query: Query = { region: wanted in regions ? wanted : own, q: (c.req.query("q") ?? "").trim().slice(0, 200), left: c.req.query("left") === "on" };
    const { region } = query;
    const seen = (await seenIn(region, visit)).toSorted((a, b) => rank[a.state] - rank[b.state] || b.failed - a.failed || attempts(b) - attempts(a));
    const byProvider = Map.groupBy(seen, providerOf);
    const nameOf = (id: string): string => isolate.endpoints.get(id)?.[0]?.provider.name ?? id;
    const catalog = await isolate.catalog.get(nowMs, (promise) => c.executionCtx.waitUntil(promise));
    const found = seen.filter(finder(query, catalog, nameOf));
    const providers = [...isolate.endpoints.keys()].map((id) => {
      const rows = byProvider.get(id) ?? [];
      const sum = (what: "answered" | "failed"): number => rows.reduce((all, row) => all + row[what], 0);
      return { id, name: nameOf(id), rows, answered: sum("answered"), failed: sum("failed"), open: rows.filter(isLeft).length };
    }).toSorted((a, b) => b.open - a.open || attempts(b) - attempts(a) || (a.name < b.name ? -1 : 1));
    const [called, silent] = [providers.filter(({ rows }) => rows.length > 0), providers.filter(({ rows }) => rows.length === 0)];
    const open = seen.filter(isLeft).length;
    const total = seen.reduce((all, row) => ({ answered: all.answered + row.answered, failed: all.failed + row.failed }), { answered: 0, failed: 0 });
    const names = [...new Set([own, ...Object.keys(regions)])];
    return showOperator(visit, {
      path, title: "Health", lead: "Measured on real traffic. Each figure counts half after five minutes; a board forgets when its region has had no traffic for a while.",
      body: <>
        <Choices label="Region" items={names.map((name) => ({ href: hrefOf({ ...query, region: name }), label: regions[name]?.[0] ?? "This machine", current: name === region }))} />
        <Stats>
          <Stat label="Deployments with traffic" value={count(seen.length)} />
          <Stat label="Left alone or on trial" value={count(open)} />
          <Stat label="Attempts of late" value={count(Math.round(attempts(total)))} />
          <Stat label="Failed of them" value={share(total)} />
        </Stats>
        <Card><Filter query={query} /></Card>
        <Card title="Deployments" note={found.length > mostRows ? `The first ${mostRows} of ${count(found.length)}` : "What is left alone first, then by failures"} flush>
          {seen.length === 0 ? <EmptyState icon="route" title="No traffic">Nobody has called anything in this region of late.</EmptyState> : found.length === 0 ? <EmptyState icon="route" title="None">{query.left ? "None like that is left alone." : "Nothing like that has had traffic of late."}</EmptyState> : <Table caption="Deployments" rows={found.slice(0, mostRows)} columns={[
            { label: "Deployment", cell: ({ deployment }) => <code>{deployment}</code> },
            { label: "State", cell: (one) => <Standing of={one} nowMs={nowMs} /> },
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
          {called.length > 0 && <Table caption="Providers" rows={called} columns={[
            { label: "Provider", cell: ({ id, name }) => <span class="two-lines"><span>{name}</span><code class="note">{id}</code></span> },
            { label: "State", cell: ({ rows, open: left }) => (left === 0 ? <Badge tone="good">works</Badge> : <Badge tone={left === rows.length ? "bad" : "warn"}>{`${left} of ${rows.length} left alone`}</Badge>) },
            { label: "Attempts", cell: (one) => count(Math.round(attempts(one))), numeric: true },
            { label: "Failed", cell: share, numeric: true },
          ]} />}
          {silent.length > 0 && <div class="card-foot"><details class="more"><summary>{silent.length === 1 ? "One" : count(silent.length)} without traffic</summary><p class="chips">{silent.map(({ id, name }) => <code title={name}>{id}</code>)}</p></details></div>}
        </Card>
      </>,
    });
  }),
];

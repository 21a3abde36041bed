/** /dashboard: where one starts. How the organisation stands, what it has asked for just now, and the ways on; before its first request, how to make one. */
import { listKeys, type KeyRecord } from "../../accounts/key-record.ts";
import { firstUse, groupedUsage, listAll, type GroupedUsage } from "../../ledger/index.ts";
import { keyBars, organisationBars } from "../budget-bars.ts";
import { Budgets, type Bar } from "../components/budgets.tsx";
import { Time } from "../components/facts.tsx";
import { ButtonLink, Card, EmptyState, PageHeader, Stat, Stats, Table } from "../components/parts.tsx";
import { Snippets } from "../components/snippets.tsx";
import { UsageChart } from "../components/usage-charts.tsx";
import { count, money, percent, relative } from "../figures.ts";
import { freshen } from "../fresh.ts";
import { usesOf } from "../own-key.ts";
import { show } from "../page.tsx";
import { madeOf } from "../request-query.ts";
import { may, type Right } from "../rights.ts";
import { snippetsOf } from "../snippets.ts";
import { bucketsOf, plainQuestion, ranges, usageHref, usualRange, type UsageQuestion } from "../usage-question.ts";
import { groupsOf, seriesOf, valueOf, type Group } from "../usage-series.ts";
import { go, member, type MemberVisit } from "../visit.ts";
import { KeyState, UseLine } from "./keys.tsx";
import { columnsFor } from "./requests.tsx";

const mostRows = 20_000;
const [modelsShown, keysShown, requestsShown, budgetsShown] = [6, 5, 6, 4];
/** What of a request is told here. */
const told: ReadonlySet<string> = new Set(["Began", "Model", "Key", "Result", "Cost"]);

const Actions = ({ can }: { can: (right: Right) => boolean }) => <>
  {can("try_models") && <ButtonLink href="/dashboard/playground" look="secondary" icon="play">Playground</ButtonLink>}
  {can("change_keys") && <ButtonLink href="/dashboard/keys/new" icon="plus">New key</ButtonLink>}
</>;

const Models = ({ question, groups, cost, nowMs }: { question: UsageQuestion; groups: readonly Group[]; cost: number; nowMs: number }) => (
  <Table brief caption="Models by cost" rows={groups.slice(0, modelsShown)} columns={[
    { label: "Model", cell: ({ id }) => <a href={usageHref(question, { by: "key", filters: { model: id } })}><code>{id}</code></a> },
    { label: "Requests", cell: ({ id, requests }) => <a href={madeOf(question, id, nowMs)} aria-label={`${count(requests)} requests of ${id}`}>{count(requests)}</a>, numeric: true },
    { label: "Cost", cell: ({ costUsd }) => money(costUsd), numeric: true },
    { label: "Share", cell: ({ costUsd }) => (cost > 0 ? percent(Math.max(0, costUsd) / cost) : "–"), numeric: true },
  ]} />
);

async function Keys({ visit, keys }: { visit: MemberVisit; keys: readonly KeyRecord[] }) {
  const shown = keys.slice(0, keysShown);
  const uses = await usesOf(visit, shown.map(({ id }) => id));
  return (
    <Table brief caption="Keys" rows={shown} columns={[
      { label: "Name", cell: ({ id, name, secrets }) => <span class="two-lines"><a href={`/dashboard/keys/${id}`}>{name}</a><code class="note">{secrets[0]?.hint ?? "—"}</code></span> },
      { label: "State", cell: (key) => <KeyState of={key} nowMs={visit.nowMs} /> },
      { label: "Last used", cell: ({ id }) => { const { lastMs } = uses.get(id)!; return lastMs === undefined ? <span class="note">never</span> : <Time ms={lastMs}>{relative(lastMs, visit.nowMs)}</Time>; } },
      { label: "Usage", cell: ({ id }) => <UseLine {...uses.get(id)!} /> },
    ]} />
  );
}

async function Latest({ visit, keys }: { visit: MemberVisit; keys: readonly KeyRecord[] }) {
  const { requests } = await listAll(visit.env.DB, visit.membership.organisationId, {}, { limit: requestsShown });
  if (requests.length === 0) return <EmptyState icon="list" title="None in the last 30 days">What your keys ask for is here as soon as it is answered.</EmptyState>;
  const columns = columnsFor(new Map(keys.map(({ id, name }) => [id, name]))).filter(({ label }) => told.has(label));
  return <Table brief caption="Latest requests" rows={requests} columns={columns} />;
}

const KeysCard = async ({ visit, can, keys }: { visit: MemberVisit; can: (right: Right) => boolean; keys: readonly KeyRecord[] }) => {
  const live = keys.filter(({ revokedAtMs }) => revokedAtMs === null);
  if (!can("see_keys") || live.length === 0) return null;
  return <Card title="Keys" note={live.length > keysShown ? `The newest ${keysShown} that are not revoked` : undefined} action={<ButtonLink href="/dashboard/keys" look="quiet" icon="key">All</ButtonLink>} flush>{await Keys({ visit, keys: live })}</Card>;
};

/** Before anything was asked: how to ask, with a lamp that turns green when it has come. */
async function Start({ visit, can, keys }: { visit: MemberVisit; can: (right: Right) => boolean; keys: readonly KeyRecord[] }) {
  return <>
    <PageHeader title={visit.membership.organisationName} lead="One base URL and one key for every model. Send a first request, and this page fills with what it used and cost." />
    <Card title="Send your first request" note={<>Put a key of yours in the place of <code>YOUR_KEY</code>.</>}>
      <Snippets snippets={snippetsOf({ origin: visit.origin, key: "YOUR_KEY", model: "auto" })} />
      <div class="waiting" data-waits-for="/dashboard/first-request" data-state="waiting" data-here="Your first request has come. It works." role="status" aria-live="polite">
        <span class="lamp" aria-hidden="true"></span>
        <p data-waiting-text>Waiting for your first request</p>
        <a class="button secondary" href="/dashboard" data-waiting-next hidden><span>Show it</span></a>
      </div>
      {(can("try_models") || can("change_keys")) && <div class="row">
        {can("change_keys") && <ButtonLink href="/dashboard/keys/new" icon="key">Create a key</ButtonLink>}
        {can("try_models") && <ButtonLink href="/dashboard/playground" look="secondary" icon="play">Try it in the playground</ButtonLink>}
      </div>}
    </Card>
    {await KeysCard({ visit, can, keys })}
  </>;
}

type HomeProps = { visit: MemberVisit; can: (right: Right) => boolean; keys: readonly KeyRecord[]; question: UsageQuestion; month: GroupedUsage; shown: GroupedUsage; bars: readonly Bar[] };

async function Home({ visit, can, keys, question, month: { totals, refused, forecast, asOf }, shown, bars }: HomeProps) {
  const { membership: { organisationName }, nowMs } = visit;
  const groups = groupsOf(shown.rows, "model", "cost");
  const buckets = bucketsOf(question, nowMs);
  const time = ranges.find(([range]) => range === question.range)![1];
  return <>
    <PageHeader title={organisationName} lead={`This month, as of ${asOf.slice(11, 16)} UTC`}><Actions can={can} /></PageHeader>
    <Stats>
      <Stat label="Cost" value={money(totals.costUsd)} note={forecast && `${money(forecast.costUsd)} expected by the end of the month`} />
      <Stat label="Requests" value={count(totals.requests)} note={`${totals.errors > 0 ? count(totals.errors) : "none"} failed${refused && refused.requests > 0 ? `, ${count(refused.requests)} more refused` : ""}`} />
      <Stat label="Tokens in" value={count(totals.inputTokens)} note={`${count(totals.cachedTokens)} from a cache`} />
      <Stat label="Tokens out" value={count(totals.outputTokens)} />
    </Stats>
    <Card title="Cost" note={time} action={<ButtonLink href={usageHref(question)} look="quiet" icon="usage">Usage</ButtonLink>}>
      <UsageChart small question={question} metric="cost" title="Cost by model" buckets={buckets} groups={groups} valueOf={valueOf.cost} series={seriesOf(shown.rows, groups, question, buckets)} />
    </Card>
    {bars.length > 0 && <Card title="Budgets" note={bars.length > budgetsShown ? `The ${budgetsShown} of which the most is gone` : undefined} action={<ButtonLink href="/dashboard/settings/budgets" look="quiet">Budgets</ButtonLink>}><Budgets bars={bars.slice(0, budgetsShown)} /></Card>}
    <Card title="Latest requests" action={<ButtonLink href="/dashboard/requests" look="quiet" icon="list">All</ButtonLink>} flush>{await Latest({ visit, keys })}</Card>
    {groups.length > 0 && <Card title="Models" note={`${time}, by cost`} action={<ButtonLink href="/dashboard/models" look="quiet" icon="models">Catalog</ButtonLink>} flush><Models question={question} groups={groups} cost={shown.totals.costUsd} nowMs={nowMs} /></Card>}
    {await KeysCard({ visit, can, keys })}
  </>;
}

async function overviewPage(visit: MemberVisit): Promise<Response> {
  const { env, membership: { organisationId, role }, nowMs } = visit;
  const can = (right: Right): boolean => may(role, right);
  const [keys] = await Promise.all([listKeys(env.DB, { organisationId, limit: 100 }), freshen(visit)]);
  if (keys.length === 0 && can("change_keys")) return go(visit, "/first-key");
  const first = await firstUse(env.DB, organisationId);
  if (first === undefined) return show(visit, { title: "Overview", in: "", islands: ["waiting"], body: await Start({ visit, can, keys }) });
  const question = plainQuestion(usualRange(first, nowMs), nowMs);
  const viewer = { organisationId, usageScope: "organisation" } as const;
  const [month, shown, shared, own] = await Promise.all([
    groupedUsage(env.DB, viewer, nowMs, {}, { groupBy: [], limit: 1 }),
    groupedUsage(env.DB, viewer, nowMs, question, { groupBy: [question.bucket, "model"], limit: mostRows }),
    organisationBars(visit), keyBars(visit),
  ]);
  const bars = [...shared, ...own].toSorted((a, b) => b.spent / Math.max(b.limit, 1) - a.spent / Math.max(a.limit, 1));
  return show(visit, { title: "Overview", in: "", body: await Home({ visit, can, keys, question, month, shown, bars }) });
}

export const overview = [
  member("see", "GET", "", overviewPage),
  // For islands/waiting.ts.
  member("see", "GET", "/first-request", async (visit) => {
    await freshen(visit);
    return visit.c.json({ requests: (await firstUse(visit.env.DB, visit.membership.organisationId)) === undefined ? 0 : 1 });
  }),
];

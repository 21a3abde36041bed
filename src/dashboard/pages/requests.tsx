/** /dashboard/requests: what the organisation's keys have asked for, newest first, as it comes. */
import { listKeys } from "../../accounts/key-record.ts";
import { isRefused, listAll, newlyCome, type KeptRefusal, type KeptRequest } from "../../ledger/index.ts";
import { Time } from "../components/facts.tsx";
import { Check, Choice, TextField } from "../components/field.tsx";
import { Badge, ButtonLink, Card, EmptyState, PageHeader, Rows, Submit, Table, type Column } from "../components/parts.tsx";
import { count, duration, exactly, moment } from "../figures.ts";
import { freshen } from "../fresh.ts";
import { show } from "../page.tsx";
import { may } from "../rights.ts";
import { ends, refusedResult, resultOf } from "../request-words.ts";
import { filtersOf } from "../request-query.ts";
import { go, member, type MemberVisit } from "../visit.ts";

const requestsOnPage = 50;
const keysToChoose = 100;

type Listed = KeptRequest | KeptRefusal;

/** What of a request stands in a list; of a refused one nothing that only a provider's answer has. `names`: of keys, by id. */
export const columnsFor = (names: ReadonlyMap<string, string>): readonly Column<Listed>[] => [
  { label: "Began", cell: ({ id, at }) => <a href={`/dashboard/requests/${id}`}><Time ms={at}>{moment(at).slice(5, 19)}</Time></a> },
  { label: "Model", cell: (one) => (isRefused(one) ? <span class="two-lines"><code>{one.model ?? "—"}</code><code class="note">{one.code}</code></span>
    : <span class="two-lines"><code>{one.model}</code>{one.deployment !== one.model && <code class="note">{one.deployment || "—"}</code>}</span>) },
  { label: "Key", cell: ({ keyId }) => names.get(keyId) ?? <code>{keyId}</code> },
  { label: "App", cell: (one) => (isRefused(one) ? "–" : (one.app?.name ?? "–")), room: "much" },
  { label: "Result", cell: (request) => { const { words, tone } = isRefused(request) ? refusedResult(request) : resultOf(request); return <Badge tone={tone}>{words}</Badge>; } },
  { label: "Tokens", cell: (one) => (isRefused(one) ? "—" : `${count(one.usage.inputTokens)} → ${count(one.usage.outputTokens)}`), numeric: true },
  { label: "Took", cell: (one) => (isRefused(one) ? "—" : duration(one.totalMs)), numeric: true },
  { label: "Cost", cell: (one) => (isRefused(one) ? "—" : exactly(one.costNanoUsd)), numeric: true },
];

async function keyNames({ env, membership: { organisationId } }: MemberVisit): Promise<ReadonlyMap<string, string>> {
  const keys = await listKeys(env.DB, { organisationId, limit: keysToChoose });
  return new Map(keys.map(({ id, name }) => [id, name]));
}

/** What holds, each a way to the list without it. */
const Chips = ({ query, names }: { query: Record<string, string>; names: ReadonlyMap<string, string> }) => (
  <ul class="chips" aria-label="Filters that hold">{Object.entries(query).map(([name, value]) => {
    const others = Object.fromEntries(Object.entries(query).filter(([other]) => other !== name));
    const shown = name === "key" ? (names.get(value) ?? value) : (name === "from" || name === "to" ? value.replace("T", " ") : value);
    return <li><a class="chip" href={`/dashboard/requests?${new URLSearchParams(others)}`}>{name.charAt(0).toUpperCase()}{name.slice(1)}{name !== "errors" && `: ${shown}`}<span aria-hidden="true"> ×</span><span class="hidden"> (without it)</span></a></li>;
  })}</ul>
);

async function listPage(visit: MemberVisit): Promise<Response> {
  const { c, env, membership: { organisationId }, nowMs } = visit;
  const wanted = c.req.query("id")?.trim();
  if (wanted) return go(visit, `/requests/${encodeURIComponent(wanted.slice(0, 100))}`);
  const before = /^req_[0-9a-f]{1,40}(r\d{1,4})?$/.exec(c.req.query("before") ?? "")?.[0];
  const { filters, values, errors, query } = filtersOf(visit);
  if (!before) await freshen(visit, filters.keyId);
  const [names, { requests, next }] = await Promise.all([keyNames(visit), listAll(env.DB, organisationId, filters, { ...(before && { before }), limit: requestsOnPage })]);
  const filtered = Object.keys(values).length > 0;
  const watches = !before && filters.toMs === undefined;
  const columns = columnsFor(names);
  const from = { values, errors };
  const field = { from, required: false, unsaid: true, maxlength: 256 } as const;
  return show(visit, {
    title: "Requests",
    in: "/requests",
    islands: watches ? ["tail"] : [],
    body: <>
      <PageHeader title="Requests" lead="Finished ones, newest first, for 30 days, and the last 100 refused ones of each key.">{may(visit.membership.role, "change_organisation") && <ButtonLink href="/dashboard/bodies" look="quiet" icon="settings">Bodies</ButtonLink>}</PageHeader>
      <Card>
        <form method="get" action="/dashboard/requests" class="row grow"><TextField name="id" label="Find by X-Request-ID" placeholder="req_…" maxlength={100} /><Submit look="secondary">Find</Submit></form>
        {Object.keys(query).length > 0 && <Chips query={query} names={names} />}
        <details class="detail" open={Object.keys(errors).length > 0}>
          <summary>Filters</summary>
          <form method="get" action="/dashboard/requests" class="form" novalidate>
            <div class="fields-grid">
              <Choice name="key" label="Key" from={from} options={[["", "All keys"], ...names, ...(values.key && !names.has(values.key) ? [[values.key, values.key] as const] : [])]} />
              <TextField {...field} name="model" label="Model" placeholder="auto, openai/gpt-5-nano" />
              <TextField {...field} name="app" label="App" placeholder="Playground" />
              <TextField {...field} name="member" label="Member" placeholder="ada@example.com" />
              <TextField {...field} name="project" label="Project" />
              <TextField {...field} name="tag" label="Tag" />
              <Choice name="end" label="How it ended" from={from} options={[["", "However it ended"], ...Object.entries(ends).filter(([name]) => name !== "adjustment" && name !== "outrun").map(([name, { words }]) => [name, words] as const)]} />
              <Choice name="outcome" label="Outcome" from={from} options={[["", "Asked or refused"], ["asked", "A provider was asked"], ["refused", "Refused before that"]]} />
              <TextField {...field} name="status" label="Status" inputmode="numeric" placeholder="503" />
              <TextField {...field} name="above" label="Cost above, US $" inputmode="decimal" placeholder="0.05" />
              <TextField {...field} name="from" label="From, UTC" type="datetime-local" />
              <TextField {...field} name="to" label="To, UTC" type="datetime-local" />
              <Check name="errors" label="Errors only" from={from} />
            </div>
            <div class="row"><Submit look="secondary">Show</Submit>{filtered && <ButtonLink look="quiet" href="/dashboard/requests">Without filters</ButtonLink>}</div>
          </form>
        </details>
      </Card>
      <section class="card flush" data-tail={watches ? `/dashboard/requests/new?${new URLSearchParams(query)}` : undefined} data-since={watches ? nowMs : undefined}>
        <header><div><h2>{before ? "Earlier requests" : "Requests"}</h2><p class="note">Times are UTC</p></div>{watches && <div class="row" data-tail-bar hidden><span class="live" role="status"><span class="lamp" aria-hidden="true"></span><span data-tail-state>Live</span></span><button type="button" class="button secondary" aria-pressed="false" data-tail-pause><span>Pause</span></button></div>}</header>
        <Table caption="Requests" rows={requests} columns={columns} idOf={({ id }) => id} />
        {requests.length === 0 && <div data-tail-empty><EmptyState icon="list" title={filtered || before ? "Nothing that fits" : "No request yet"}>{next ? "None of those that were looked at fits; earlier ones may." : filtered || before ? "No finished request of the last 30 days is like that." : "What your keys ask for is here as soon as it is answered."}</EmptyState></div>}
      </section>
      {(next || before) && <nav class="pages" aria-label="Pages">
        {before && <ButtonLink look="secondary" href={`/dashboard/requests?${new URLSearchParams(query)}`}>Newest</ButtonLink>}
        {next && <ButtonLink look="secondary" href={`/dashboard/requests?${new URLSearchParams({ ...query, before: next })}`}>Earlier</ButtonLink>}
      </nav>}
    </>,
  });
}

/** Rows for islands/tail.ts: what has ended since it asked last. */
async function tail(visit: MemberVisit): Promise<Response> {
  const { c, env, membership: { organisationId }, nowMs } = visit;
  const sinceMs = Math.min(nowMs, Math.max(nowMs - 10 * 60_000, Number(/^\d{1,15}$/.exec(c.req.query("since") ?? "")?.[0] ?? nowMs)));
  const { filters } = filtersOf(visit);
  await freshen(visit, filters.keyId);
  const [names, requests] = await Promise.all([keyNames(visit), newlyCome(env.DB, organisationId, filters, { sinceMs, limit: requestsOnPage })]);
  return c.html(String(<table data-since={nowMs}><tbody><Rows columns={columnsFor(names)} rows={requests} idOf={({ id }) => id} /></tbody></table>));
}

export const requests = [
  member("see_usage", "GET", "/requests", listPage),
  member("see_usage", "GET", "/requests/new", tail),
];

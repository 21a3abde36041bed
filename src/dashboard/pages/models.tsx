/** /dashboard/models: what can be called here, what it can do, what it costs, how it does. */
import { Check, Choice, TextField } from "../components/field.tsx";
import { Badge, Card, Choices, EmptyState, PageHeader, Submit, Table, type Column } from "../components/parts.tsx";
import { speedText, uptimeText, vitalsNote, waitText } from "../components/vitals.tsx";
import { inWords, listedModels, surveyOf, type Listed } from "../callable.ts";
import { compact, count } from "../figures.ts";
import { pricesOfAttempt } from "../model-prices.ts";
import { capabilityOptions, capabilityText, chosen, contextOptions, fits, kindOptions, modelQuery, pageHref, priceOptions, sortOptions, type ModelQuery } from "../model-query.ts";
import type { Survey } from "../../pipeline/index.ts";
import { show } from "../page.tsx";
import { member } from "../visit.ts";

const pageSize = 40;

export const modelHref = (id: string): string => `/dashboard/models/${encodeURIComponent(id)}`;

/** The two halves of the catalog: models, and names that stand for some. */
export const CatalogTabs = ({ at }: { at: "models" | "aliases" }) => (
  <Choices label="Catalog" items={[{ href: "/dashboard/models", label: "Models", current: at === "models" }, { href: "/dashboard/aliases", label: "Aliases", current: at === "aliases" }]} />
);

/** What a model can do beside what it is for. */
export const Capabilities = ({ of, kind }: { of: readonly string[]; kind: string }) => <>{of.filter((one) => one !== "text" && one !== "responses_only" && one !== kind).map((one) => <Badge>{capabilityText(one)}</Badge>)}</>;

const Filters = ({ query }: { query: ModelQuery }) => (
  <form method="get" action="/dashboard/models" class="filter" role="search">
    <TextField name="q" label="Search" value={query.q} required={false} maxlength={100} placeholder="claude, gpt, openai …" />
    <Choice name="kind" label="Kind" options={kindOptions} value={query.kind} />
    <Choice name="can" label="Can" options={capabilityOptions} value={query.can} />
    <Choice name="context" label="Context" options={contextOptions} value={query.context} />
    <Choice name="price" label="Input price" options={priceOptions} value={query.price} />
    <Choice name="sort" label="Sorted by" options={sortOptions} value={query.sort} />
    <Check name="all" label="Also what cannot be called" checked={query.all === "on"} />
    <Submit look="secondary">Show</Submit>
  </form>
);

const columnsOf = (known: Survey): Column<Listed>[] => {
  const first = ({ lead: { attempts } }: Listed) => attempts[0];
  const vital = (one: Listed) => (first(one) ? known.health?.(first(one)!.vital) : undefined);
  const price = (one: Listed) => first(one) && pricesOfAttempt(first(one)!, known.atMs);
  return [
    { label: "Model", cell: ({ id, model, lead }) => (
      <div class="named"><a href={modelHref(id)}>{id}</a>
        <span class="badges">{lead.kind !== "chat" && <Badge tone="accent">{lead.kind}</Badge>}{lead.error && <Badge tone="warn">{inWords[lead.excluded[0]?.reason ?? "unknown"]}</Badge>}<span class="badges room-some"><Capabilities of={model?.capabilities ?? []} kind={lead.kind} /></span></span></div>
    ) },
    { label: "Context", cell: ({ model }) => (model?.contextTokens ? compact(model.contextTokens) : "–"), numeric: true },
    { label: "Most out", cell: ({ model }) => (model?.maxOutputTokens ? compact(model.maxOutputTokens) : "–"), numeric: true, room: "some" },
    { label: "In / M", cell: (one) => price(one)?.input ?? "–", numeric: true },
    { label: "Cached / M", cell: (one) => price(one)?.cached ?? "–", numeric: true, room: "some" },
    { label: "Out / M", cell: (one) => { const { output, pieces } = price(one) ?? { output: "–", pieces: [] }; return output === "–" && pieces[0] ? pieces[0] : output; }, numeric: true },
    { label: "First token", cell: (one) => waitText(vital(one)), numeric: true, room: "some" },
    { label: "Speed", cell: (one) => speedText(vital(one)), numeric: true, room: "some" },
    { label: "Uptime", cell: (one) => uptimeText(vital(one)), numeric: true, room: "some" },
  ];
};

/** The ways to the page before and the one behind. */
const Pages = ({ query, last }: { query: ModelQuery; last: number }) => (
  <nav class="pages" aria-label="Pages">
    {query.page > 1 && <a class="button secondary" rel="prev" href={pageHref(query, query.page - 1)}><span>Before</span></a>}
    <span class="note">Page {count(query.page)} of {count(last)}</span>
    {query.page < last && <a class="button secondary" rel="next" href={pageHref(query, query.page + 1)}><span>Next</span></a>}
  </nav>
);

export const models = [
  member("see", "GET", "/models", async (visit) => {
    const asked = modelQuery(visit);
    const known = await surveyOf(visit);
    const list = chosen(listedModels(known, fits(asked)), asked, known.atMs);
    const last = Math.max(1, Math.ceil(list.length / pageSize));
    const query = { ...asked, page: Math.min(asked.page, last) };
    const shown = list.slice((query.page - 1) * pageSize, query.page * pageSize);
    return show(visit, {
      title: "Models",
      in: "/models",
      body: <>
        <PageHeader title="Models" lead={query.all === "on" ? "Everything in the catalog, whether or not it can be called here." : "What a key of this organisation can call, at the price of whom a plain request goes to."} />
        <CatalogTabs at="models" />
        <Card><Filters query={query} /></Card>
        <Card title={list.length === 1 ? "One model" : `${count(list.length)} models`} note={vitalsNote} flush>
          {list.length === 0
            ? <EmptyState icon="models" title="No model is like that">Ask for less, or tick “Also what cannot be called” to see what the catalog has beside.</EmptyState>
            : <Table caption="Models" rows={shown} columns={columnsOf(known)} brief />}
        </Card>
        {last > 1 && <Pages query={query} last={last} />}
      </>,
    });
  }),
];

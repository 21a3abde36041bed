/** The catalog as the operator sees it: every model, whether or not it can be called. */
import { listModels, type ListedModel } from "../../catalog/model-edits.ts";
import { CatalogTabs, catalogPath as path, modelHref } from "../catalog-edit.tsx";
import { Check, TextField } from "../components/field.tsx";
import { Badge, ButtonLink, Card, EmptyState, Submit, Table } from "../components/parts.tsx";
import { compact, count } from "../figures.ts";
import { showOperator } from "../operator.tsx";
import { operator, type OperatorVisit } from "../visit.ts";

const onePage = 50;

/** Those deployments that requests may be sent to here. */
const serving = ({ deployments }: ListedModel, { isolate }: OperatorVisit) => deployments.filter(({ serves, provider }) => serves && isolate.endpoints.has(provider));

export const operatorCatalog = [
  operator("GET", path, async (visit) => {
    const { q = "", after, edited } = visit.c.req.query();
    const search = q.trim().slice(0, 100) || undefined;
    const found = await listModels(visit.env.DB, { limit: onePage + 1, search, edited: edited === "on", after: after?.slice(0, 200) });
    const rows = found.slice(0, onePage);
    const next = new URLSearchParams({ ...(search && { q: search }), ...(edited === "on" && { edited }), after: rows.at(-1)?.model.id ?? "" });
    return showOperator(visit, {
      path, title: "Catalog", lead: "What can be called, and by which names. What is edited here stays as it is when a new version of the gateway brings a newer catalog.",
      actions: <ButtonLink href={`/dashboard${path}/new`} icon="plus">New model</ButtonLink>,
      body: <>
        <CatalogTabs at="models" />
        <Card><form method="get" action={`/dashboard${path}`} class="filter" role="search">
          <TextField name="q" label="Model or maker" value={q} required={false} maxlength={100} placeholder="gpt" /><Check name="edited" label="Only what is edited here" checked={edited === "on"} /><Submit look="secondary">Find</Submit>
        </form></Card>
        <Card title={edited === "on" ? "Edited here" : search ? "Found" : "Models"} flush>
          {rows.length === 0 ? <EmptyState icon="models" title="None">{search ? "Nothing in the catalog is called that." : "All models are those that this gateway came with."}</EmptyState> : <Table caption="Models" rows={rows} columns={[
            { label: "Model", cell: ({ model }) => <span class="named"><a href={`/dashboard${modelHref(model.id)}`}>{model.id}</a><span class="badges">{model.kind !== "chat" && <Badge tone="accent">{model.kind}</Badge>}<span class="note">{model.owner}</span></span></span> },
            { label: "Context", cell: ({ model }) => (model.contextTokens === null ? "–" : compact(model.contextTokens)), numeric: true },
            { label: "Most out", cell: ({ model }) => (model.maxOutputTokens === null ? "–" : compact(model.maxOutputTokens)), numeric: true },
            { label: "Serve here", cell: (one) => `${count(serving(one, visit).length)} of ${count(one.deployments.length)}`, numeric: true },
            { label: "State", cell: (one) => <span class="badges">{one.ours ? <Badge tone="accent">ours</Badge> : one.edited && <Badge tone="accent">edited</Badge>}{one.deployments.some(({ edited: own }) => own) && <Badge tone="accent">deployments edited</Badge>}{serving(one, visit).length === 0 && <Badge>nobody serves it</Badge>}</span> },
          ]} />}
        </Card>
        {found.length > onePage && <nav class="pages" aria-label="Pages"><ButtonLink look="secondary" href={`/dashboard${path}?${next}`}>More</ButtonLink></nav>}
      </>,
    });
  }),
];

/** Every organisation, to be found. */
import { listOrganisations } from "../../accounts/organisations.ts";
import { TextField } from "../components/field.tsx";
import { Badge, ButtonLink, Card, EmptyState, Submit, Table } from "../components/parts.tsx";
import { dayOfYear } from "../figures.ts";
import { showOperator } from "../operator.tsx";
import { operator } from "../visit.ts";

const path = "/operator/organisations";
const onePage = 50;

export const operatorOrganisations = [
  operator("GET", path, async (visit) => {
    const { q = "", after, suspended } = visit.c.req.query();
    const search = q.trim().slice(0, 254) || undefined;
    const found = await listOrganisations(visit.env.DB, { limit: onePage + 1, search, suspended: suspended === "1", ...(after && { after: after.slice(0, 64) }) });
    const rows = found.slice(0, onePage);
    const next = new URLSearchParams({ ...(search && { q: search }), ...(suspended === "1" && { suspended }), after: rows.at(-1)?.id ?? "" });
    return showOperator(visit, {
      path, title: "Organisations", lead: "Each customer of this gateway: what it may, what it has, what it used.",
      body: <>
        <Card><form method="get" action={`/dashboard${path}`} class="form line" role="search">
          <TextField name="q" label="Name, id, key's id or a member's e-mail" value={q} required={false} maxlength={254} />
          <Submit look="secondary">Find</Submit>
        </form></Card>
        <Card title={suspended === "1" ? "Suspended" : search || after ? "Found" : "Organisations"} flush>
          {rows.length === 0 ? <EmptyState icon="people" title="None">{search || suspended ? "No organisation fits that." : "Whoever signs up may found one."}</EmptyState> : <Table caption="Organisations" rows={rows} columns={[
            { label: "Name", cell: ({ id, name }) => <span class="two-lines"><a href={`/dashboard${path}/${id}`}>{name}</a><code class="note">{id}</code></span> },
            { label: "Plan", cell: ({ plan, suspended: since }) => <span class="badges"><Badge>{plan}</Badge>{since && <Badge tone="bad">suspended</Badge>}</span> },
            { label: "Rules", cell: ({ sovereign, headerCredentials }) => <span class="words">{[sovereign && "sovereign only", headerCredentials && "brings keys along"].filter(Boolean).join(" · ") || <span class="note">–</span>}</span> },
            { label: "Since", cell: ({ createdAtMs }) => dayOfYear(createdAtMs) },
          ]} />}
        </Card>
        {found.length > onePage && <nav class="pages" aria-label="Pages"><ButtonLink look="secondary" href={`/dashboard${path}?${next}`}>More</ButtonLink></nav>}
      </>,
    });
  }),
];

/** Who changed what in the organisation, and when. */
import * as z from "zod";
import { listAudit, type AuditEvent, type AuditFilter } from "../../accounts/audit.ts";
import { csvFile } from "../csv.ts";
import { Choice, TextField } from "../components/field.tsx";
import { Time } from "../components/facts.tsx";
import { ButtonLink, Card, EmptyState, Submit, Table } from "../components/parts.tsx";
import { moment } from "../figures.ts";
import { showSettings } from "../settings.tsx";
import { member, type MemberVisit } from "../visit.ts";

const path = "/settings/audit";
const onePage = 50;
/** Events of one file; more are had by days. */
const mostLines = 10_000;
const dayMs = 86_400_000;

const kinds = [
  ["", "Everything"], ["key", "Keys"], ["member", "Members"], ["invitation", "Invitations"], ["organisation", "Organisation"], ["credential", "Provider keys"], ["budget", "Budgets"],
  ["alert", "Alerts"], ["credit", "Credits"], ["account", "Account"], ["adjustment", "Corrections"], ["alias", "Aliases"], ["token_issuer", "Token issuers"],
] as const;

const text = z.string().trim().max(254).transform((value) => value || undefined).optional().catch(undefined);
const date = z.iso.date().transform((value) => Date.parse(`${value}T00:00:00Z`)).optional().catch(undefined);
const querySchema = z.object({
  kind: z.enum(kinds.map(([kind]) => kind)).catch("").transform((kind) => kind || undefined),
  actor: text, subject: text, from: date, to: date,
  before: z.string().regex(/^\d{1,15}\.\w{1,64}$/).transform((place) => ({ atMs: Number(place.split(".")[0]), id: place.slice(place.indexOf(".") + 1) })).optional().catch(undefined),
});

/** What the address asks for; what it says wrongly counts as not said. */
function asked({ c }: MemberVisit) {
  const query = c.req.query();
  const { before, from, to, ...rest } = querySchema.parse(query);
  const filter: AuditFilter = { ...rest, fromMs: from, toMs: to === undefined ? undefined : to + dayMs };
  return { query, filter, before };
}

const filtersOf = (query: Record<string, string>): URLSearchParams => new URLSearchParams(Object.entries(query).filter(([name, value]) => ["kind", "actor", "subject", "from", "to"].includes(name) && value !== ""));

const Detail = ({ detail }: { detail: unknown }) => {
  const said = JSON.stringify(detail, null, 1);
  return said === "{}" ? <span class="note">—</span> : <details class="more"><summary>Show</summary><div><pre><code>{said}</code></pre></div></details>;
};

async function page(visit: MemberVisit): Promise<Response> {
  const { query, filter, before } = asked(visit);
  const rows = await listAudit(visit.env.DB, { ...filter, organisationId: visit.membership.organisationId, limit: onePage + 1, ...(before && { before }) });
  const events = rows.slice(0, onePage);
  const last = rows.length > onePage ? events.at(-1) : undefined;
  const filters = filtersOf(query);
  const older = new URLSearchParams(filters);
  if (last) older.set("before", `${last.atMs}.${last.id}`);
  const from = { values: query };
  return showSettings(visit, {
    path, title: "Audit trail", lead: "Each change, with who made it. Nothing here is ever changed or deleted.",
    actions: <ButtonLink href={`/dashboard${path}.csv?${filters}`} look="secondary" icon="audit">CSV</ButtonLink>,
    body: <>
      <Card>
        <form method="get" action={`/dashboard${path}`} class="form line filters">
          <Choice name="kind" label="What" options={kinds} from={from} />
          <TextField name="actor" label="Who" from={from} required={false} maxlength={254} />
          <TextField name="subject" label="About" from={from} required={false} maxlength={254} />
          <TextField name="from" label="From" type="date" from={from} required={false} />
          <TextField name="to" label="Until" type="date" from={from} required={false} />
          <Submit look="secondary">Show</Submit>
        </form>
      </Card>
      <Card title={filters.size === 0 && !before ? "Latest changes" : "Changes"} flush>
        {events.length === 0 && <EmptyState icon="audit" title="No change">Nothing that was changed fits these filters.</EmptyState>}
        {events.length > 0 && <Table caption="Changes, newest first" rows={events} columns={[
          { label: "When (UTC)", cell: ({ atMs }) => <Time ms={atMs}>{moment(atMs).replace(" UTC", "")}</Time> },
          { label: "Who", cell: ({ actor }) => <span class="free">{actor}</span> },
          { label: "What", cell: ({ action }) => <code>{action}</code> },
          { label: "About", cell: ({ subject }) => <span class="free">{subject}</span> },
          { label: "Detail", cell: ({ detail }) => <Detail detail={detail} /> },
        ]} />}
        {(last || before) && <div class="end">
          {before ? <ButtonLink href={`/dashboard${path}?${filters}`} look="quiet">Newest</ButtonLink> : <span></span>}
          {last && <ButtonLink href={`/dashboard${path}?${older}`} look="secondary">Older</ButtonLink>}
        </div>}
      </Card>
    </>,
  });
}

const line = ({ id, atMs, actor, action, subject, detail }: AuditEvent) => [new Date(atMs).toISOString(), actor, action, subject, JSON.stringify(detail), id];

export const settingsAudit = [
  member("see_audit", "GET", path, page),
  member("see_audit", "GET", `${path}.csv`, async (visit) => {
    const { filter } = asked(visit);
    const events = await listAudit(visit.env.DB, { ...filter, organisationId: visit.membership.organisationId, limit: mostLines });
    return csvFile(`audit-${new Date(visit.nowMs).toISOString().slice(0, 10)}.csv`, ["at", "actor", "action", "subject", "detail", "id"], events.map(line));
  }),
];

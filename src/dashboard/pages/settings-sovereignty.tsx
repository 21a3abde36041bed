/** Whether all that an organisation asks stays on the owner's own servers, and what holds it there, tried out as the page is made. */
import * as z from "zod";
import { getOrganisation, noSuchOrganisation, updateOrganisation } from "../../accounts/organisations.ts";
import { agreementOf } from "../../accounts/organisation-budgets.ts";
import { adopt, selftestOf } from "../../pipeline/index.ts";
import { Badge, Card, EmptyState, Notice, Stat, Stats, Submit, Table } from "../components/parts.tsx";
import { count } from "../figures.ts";
import { readForm } from "../form.ts";
import { may } from "../rights.ts";
import { showSettings, type Told } from "../settings.tsx";
import { go, member, type MemberVisit } from "../visit.ts";

const path = "/settings/sovereignty";
const schema = z.object({ sovereign: z.enum(["on", "off"]).transform((value) => value === "on") });

/** What the selftest tells everybody: where the servers are is their owner's business. */
async function selftest({ isolate }: MemberVisit) {
  const { sealed, sandbox, transport, origins } = await selftestOf(isolate);
  const attempts = origins.flatMap((origin) => origin.attempts);
  return { sealed, sandbox, transport, servers: origins.length, reachable: origins.filter(({ reachable }) => reachable).length, attempts, blocked: attempts.filter(({ blocked }) => blocked).length };
}

const sandboxes = { worker_loader: "A sandbox without a network", none: "No sandbox" } as const;
const transports = { vpc: "A private connection (Workers VPC)", url: "Its address" } as const;

async function page(visit: MemberVisit, told: Told = {}): Promise<Response> {
  const { env, isolate, membership: { organisationId, organisationName, role }, nowMs, c } = visit;
  const [organisation, agreement, report, { models }] = await Promise.all([
    getOrganisation(env.DB, organisationId), agreementOf(env.DB, organisationId), selftest(visit),
    isolate.selfHosted.get(nowMs, (promise) => c.executionCtx.waitUntil(promise)),
  ]);
  if (!organisation) throw noSuchOrganisation(organisationId);
  const { sovereign } = organisation;
  const { sealed, servers, reachable, blocked, attempts } = report;
  const granted = agreement.plan.sovereign;
  return showSettings(visit, {
    ...told, path, title: "Sovereignty", lead: "Whether a prompt may leave your own servers.",
    body: <>
      <Card
        title={sovereign ? `${organisationName} is sovereign` : `${organisationName} uses every model it may`}
        note={sovereign ? "Every request of every key stays on self-hosted models." : "A single key, or a single request (X-Sovereign: true), can still be sovereign by itself."}
        action={<Badge tone={sovereign ? "good" : "neutral"}>{sovereign ? "on" : "off"}</Badge>}
      >
        <p>While it is on:</p>
        <ul class="facts">
          <li>Requests go to models on servers of whoever runs this gateway, and to no other host. Where none can answer, the answer is 503: nothing falls back to a provider.</li>
          <li>It applies to every key from its next request, and no header overrides it.</li>
          <li>No prompt or answer is written to a log or kept in clear.</li>
        </ul>
        {!granted && <Notice tone="warn">The plan of {organisationName} has no sovereign requests: while this is on, all requests are refused. Ask whoever runs this gateway for another plan.</Notice>}
        {granted && models.length === 0 && <Notice tone="warn">No self-hosted model can be asked at the moment: while this is on, requests are answered with 503.</Notice>}
        {may(role, "change_organisation") && <form method="post" action={`/dashboard${path}`}>
          <input type="hidden" name="sovereign" value={sovereign ? "off" : "on"} />
          <Submit look={sovereign ? "danger" : granted && models.length > 0 ? "primary" : "secondary"} icon="shield">{sovereign ? "Let prompts leave again" : "Stay on own servers"}</Submit>
        </form>}
      </Card>
      <Stats>
        <Stat label="Self-test" value={sealed ? "sealed" : servers === 0 ? "no server" : "not sealed"} note={servers === 0 ? "There is nothing to test" : `${blocked} of ${attempts.length} ways out are closed`} />
        <Stat label="Servers" value={count(servers)} note={servers === 0 ? "none is set up here" : `${reachable} answered just now`} />
        <Stat label="Self-hosted models" value={count(models.length)} />
      </Stats>
      <Card title="Ways out that were just tried" note={`${sandboxes[report.sandbox]}; the server is reached by ${transports[report.transport].toLowerCase()}`} flush>
        {attempts.length === 0
          ? <EmptyState icon="shield" title="Nothing to try">Whoever runs this gateway has set up no self-hosted server. A sovereign request is refused rather than sent elsewhere.</EmptyState>
          : <Table caption="Ways out" rows={attempts} columns={[
            { label: "Attempt", cell: ({ attempt }) => attempt },
            { label: "Result", cell: ({ blocked: closed }) => <Badge tone={closed ? "good" : "bad"}>{closed ? "closed" : "open"}</Badge> },
            { label: "How", cell: ({ how }) => <span class="note">{how}</span> },
          ]} />}
      </Card>
    </>,
  });
}

export const settingsSovereignty = [
  member("see", "GET", path, (visit) => page(visit)),
  member("change_organisation", "POST", path, async (visit) => {
    const form = await readForm(visit, schema);
    if (!form.ok) return page(visit, { problem: "Say whether it shall be on or off.", status: 422 });
    const { sovereign } = form.data;
    const { accounts, standings } = await updateOrganisation(visit.env.DB, visit.by, visit.membership.organisationId, { sovereign });
    await adopt(visit.env, standings, accounts);
    return go(visit, path, sovereign ? "From now on every request stays on own servers." : "Requests go to every model that they may again.");
  }),
];

/** Whether all that an organisation asks stays on the owner's own servers, and what holds it there, tried out as the page is made. */
import * as z from "zod";
import { getOrganisation, noSuchOrganisation, updateOrganisation } from "../../accounts/organisations.ts";
import { agreementOf } from "../../accounts/organisation-budgets.ts";
import { adopt, selftestOf } from "../../pipeline/index.ts";
import { Icon } from "../components/icon.tsx";
import { Badge, Card, Dialog, EmptyState, Notice, Stat, Stats, Submit, Table } from "../components/parts.tsx";
import { count } from "../figures.ts";
import { readForm } from "../form.ts";
import { may } from "../rights.ts";
import { showSettings, type Told } from "../settings.tsx";
import { go, member, type MemberVisit } from "../visit.ts";

const path = "/settings/sovereignty";
const schema = z.object({ sovereign: z.enum(["on", "off"]).transform((value) => value === "on") });

/** What the selftest tells everybody: where the servers are is their owner's business. `reachable`: who answers, and not with an error of its own, as a tunnel does whose server is down. */
async function selftest({ isolate }: MemberVisit) {
  const { sealed, sandbox, transport, origins } = await selftestOf(isolate);
  const attempts = origins.flatMap((origin) => origin.attempts);
  return { sealed, sandbox, transport, servers: origins.length, reachable: origins.filter(({ status = 599 }) => status < 500).length, attempts, blocked: attempts.filter(({ blocked }) => blocked).length };
}

/** Why nothing could answer while it is on; undefined where a self-hosted model can. */
function missing({ servers, reachable, models }: { servers: number; reachable: number; models: number }): string | undefined {
  if (servers === 0) return "No self-hosted server is set up here";
  if (reachable === 0) return "No self-hosted server answered just now";
  return models === 0 ? "The self-hosted servers offer no model" : undefined;
}

const Send = ({ value, look, children }: { value: "on" | "off"; look: "primary" | "danger"; children: string }) => (
  <><input type="hidden" name="sovereign" value={value} /><Submit look={look} icon="shield">{children}</Submit></>
);

type Question = { title: string; words: string; value: "on" | "off"; opens: string; yes: string; no: string };

/** The switch where one is asked first. */
const Asked = ({ title, words, value, opens, yes, no }: Question) => (
  <>
    <div><button type="button" class={`button ${value === "off" ? "danger" : "secondary"}`} data-opens="switch"><Icon name="shield" /><span>{opens}</span></button></div>
    <Dialog id="switch" title={title}>
      <p>{words}</p>
      <form method="post" action={`/dashboard${path}`} class="row"><Send value={value} look="danger">{yes}</Send><button type="button" class="button quiet" data-closes><span>{no}</span></button></form>
    </Dialog>
  </>
);

/** Off can always be had; on only where the plan has sovereign requests, and not unasked where nothing could answer. */
function Switch({ sovereign, granted, lacks }: { sovereign: boolean; granted: boolean; lacks: string | undefined }) {
  const on = "Stay on own servers";
  if (sovereign) return <Asked title="Let prompts leave again?" words="From the next request on, keys reach every provider that they may." value="off" opens="Let prompts leave again" yes="Let them leave" no="Keep them here" />;
  if (!granted) return <div><button type="button" class="button primary" disabled aria-describedby="why-not"><Icon name="shield" /><span>{on}</span></button></div>;
  if (lacks !== undefined) return <Asked title="Switch it on although nothing can answer?" words={`${lacks}. Every request of every key is refused with 503 until one can answer.`} value="on" opens={on} yes="Switch it on" no="Leave it off" />;
  return <form method="post" action={`/dashboard${path}`}><Send value="on" look="primary">{on}</Send></form>;
}

const notes = {
  on: "Every request of every key stays on self-hosted models.",
  refused: "Every request of every key is refused.",
  off: "A single key, or a single request (X-Sovereign: true), can still be sovereign by itself.",
} as const;

const sandboxes = { worker_loader: "A sandbox without a network", none: "No sandbox" } as const;
const transports = { vpc: "A private connection (Workers VPC)", url: "Its address" } as const;

async function page(visit: MemberVisit, told: Told = {}): Promise<Response> {
  const { env, isolate, membership: { organisationId, organisationName, role }, nowMs, c } = visit;
  const [organisation, agreement, report, { models }] = await Promise.all([
    getOrganisation(env.DB, organisationId), agreementOf(env.DB, organisationId), selftest(visit),
    isolate.selfHosted.get(nowMs, (promise) => c.executionCtx.waitUntil(promise)),
  ]);
  if (!organisation) throw noSuchOrganisation(organisationId);
  const { sovereign, plan } = organisation;
  const { sealed, servers, reachable, blocked, attempts } = report;
  const granted = agreement.plan.sovereign;
  const lacks = missing({ servers, reachable, models: models.length });
  return showSettings(visit, {
    ...told, path, title: "Sovereignty", lead: "Whether a prompt may leave your own servers.",
    body: <>
      <Card
        title={sovereign ? `${organisationName} is sovereign` : `${organisationName} uses every model it may`}
        note={sovereign ? notes[granted ? "on" : "refused"] : granted && notes.off}
        action={<Badge tone={sovereign ? (granted ? "good" : "bad") : "neutral"}>{sovereign ? "on" : "off"}</Badge>}
      >
        {granted && <><p>While it is on:</p>
          <ul class="facts">
            <li>Requests go to models on servers of whoever runs this gateway, and to no other host. Where none can answer, the answer is 503: nothing falls back to a provider.</li>
            <li>It applies to every key from its next request, and no header overrides it.</li>
            <li>No prompt or answer is written to a log or kept in clear.</li>
          </ul></>}
        {!granted && <Notice tone={sovereign ? "bad" : "warn"}><span id="why-not">The plan {may(role, "see_money") ? <a href="/dashboard/settings/billing">{plan}</a> : plan} has no sovereign requests{sovereign ? ": while this is on, every request is refused with 403." : ", so this cannot be switched on: every request would be refused."} Whoever runs this gateway can give {organisationName} another plan.</span></Notice>}
        {granted && lacks !== undefined && <Notice tone="warn">{lacks}: while this is on, every request is refused with 503.</Notice>}
        {may(role, "change_organisation") && <Switch sovereign={sovereign} granted={granted} lacks={lacks} />}
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
    const { env, membership: { organisationId, organisationName } } = visit;
    if (sovereign && !(await agreementOf(env.DB, organisationId)).plan.sovereign) {
      return page(visit, { problem: `It stays off: the plan of ${organisationName} has no sovereign requests, so every request would be refused.`, status: 403 });
    }
    const { accounts, standings } = await updateOrganisation(env.DB, visit.by, organisationId, { sovereign });
    await adopt(env, standings, accounts);
    return go(visit, path, sovereign ? "From now on every request stays on own servers." : "Requests go to every model that they may again.");
  }),
];

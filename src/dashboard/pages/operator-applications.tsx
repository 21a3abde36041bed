/** Who asks to use this gateway, and what was said to them. */
import * as z from "zod";
import { decidedApplications, listApplications, type Application } from "../../accounts/applications.ts";
import { Time } from "../components/facts.tsx";
import { Badge, Card, EmptyState, Notice, Submit, Table } from "../components/parts.tsx";
import { count, relative } from "../figures.ts";
import { emailField, readForm } from "../form.ts";
import { canMail } from "../../mail.ts";
import { decideAndTell } from "../decision.ts";
import { showOperator } from "../operator.tsx";
import { attempt, type Told } from "../settings.tsx";
import { go, operator, type OperatorVisit } from "../visit.ts";

const path = "/operator/applications";
const mostDecided = 100;
const modes = { open: "Sign-up is open: nobody has to apply.", approval: "Whoever is approved may found organisations.", closed: "Sign-up is closed: nobody can apply." } as const;
const decisionSchema = z.object({ email: emailField, state: z.enum(["approved", "declined"]) });

const Decide = ({ email, state, children }: { email: string; state: "approved" | "declined"; children?: string }) => (
  <form method="post" action={`/dashboard${path}`}>
    <input type="hidden" name="email" value={email} />
    <Submit look={state === "approved" ? "primary" : "secondary"} name="state" value={state}>{children}<span class="hidden"> {email}</span></Submit>
  </form>
);

const Who = ({ of: { name, email } }: { of: Application }) => <span class="two-lines"><span>{name}</span><span class="note">{email}</span></span>;

async function page(visit: OperatorVisit, told: Told = {}): Promise<Response> {
  const { env, isolate: { settings }, nowMs } = visit;
  const [waiting, decided] = await Promise.all([listApplications(env.DB, "waiting"), decidedApplications(env.DB, mostDecided)]);
  const when = (ms: number) => <Time ms={ms}>{relative(ms, nowMs)}</Time>;
  return showOperator(visit, {
    path, title: "Applications", lead: modes[settings.DASHBOARD_SIGN_UP], ...told,
    body: <>
      {!canMail(env, settings) && <Notice tone="warn">This gateway cannot send e-mail: whoever you decide about has to hear it from you.</Notice>}
      <Card title="To be decided" note={waiting.length > 0 && `${count(waiting.length)}, the oldest first`} flush>
        {waiting.length === 0 ? <EmptyState icon="mail" title="Nobody is waiting">Who applies stands here, with what they want to use it for.</EmptyState> : <Table caption="Applications that nobody has decided" rows={waiting} columns={[
          { label: "Who", cell: (one) => <Who of={one} /> },
          { label: "What for", cell: ({ reason }) => <span class="words">{reason}</span> },
          { label: "When", cell: ({ createdAtMs }) => when(createdAtMs) },
          { label: "Decide", cell: ({ email }) => <div class="actions"><Decide email={email} state="approved">Approve</Decide><Decide email={email} state="declined">Decline</Decide></div> },
        ]} />}
      </Card>
      {decided.length > 0 && <Card title="Decided" note={decided.length === mostDecided ? `The latest ${mostDecided}` : undefined} flush>
        <Table caption="Applications that were decided, the latest first" rows={decided} columns={[
          { label: "Who", cell: (one) => <Who of={one} /> },
          { label: "What for", cell: ({ reason }) => <span class="words">{reason}</span> },
          { label: "When", cell: ({ decidedAtMs }) => when(decidedAtMs!) },
          { label: "State", cell: ({ state }) => <Badge tone={state === "approved" ? "good" : "bad"}>{state}</Badge> },
          { label: "Change", cell: ({ email, state }) => (state === "approved" ? <Decide email={email} state="declined">Decline</Decide> : <Decide email={email} state="approved">Approve</Decide>) },
        ]} />
      </Card>}
    </>,
  });
}

export const operatorApplications = [
  operator("GET", path, (visit) => page(visit)),

  operator("POST", path, async (visit) => {
    const form = await readForm(visit, decisionSchema);
    if (!form.ok) return page(visit, { problem: "Say whose application, and what is decided.", status: 422 });
    const { env, isolate: { settings }, by, origin } = visit;
    const { email, state } = form.data;
    return attempt(async () => {
      const { changed, telling } = await decideAndTell({ env, settings, origin, by }, email, state);
      visit.c.executionCtx.waitUntil(telling);
      return go(visit, path, changed ? `${email} is ${state}.` : undefined);
    }, (told) => page(visit, told));
  }),
];

/** One organisation: its plan and terms, people, keys, credits and use. */
import { newId } from "../../accounts/base62.ts";
import { getKey, listKeys } from "../../accounts/key-record.ts";
import { revokeKey } from "../../accounts/keys.ts";
import { deleteMember, listMembers, putMember, roles } from "../../accounts/members.ts";
import { agreementOf, updateAccount } from "../../accounts/organisation-budgets.ts";
import { getOrganisation, listPlans, noSuchOrganisation, updateOrganisation, type Organisation } from "../../accounts/organisations.ts";
import { restoreOrganisation, suspendOrganisation } from "../../accounts/suspension.ts";
import { GatewayError } from "../../errors.ts";
import { usageReport } from "../../ledger/index.ts";
import type { AccountStanding } from "../../limits/index.ts";
import { adopt, postCredit } from "../../pipeline/index.ts";
import { Back } from "../components/facts.tsx";
import { Check, Choice, TextField, type Typed } from "../components/field.tsx";
import { Badge, Card, EmptyState, Stat, Stats, Submit, Table } from "../components/parts.tsx";
import { count, dayOfYear, exactly, moment, money } from "../figures.ts";
import { readForm } from "../form.ts";
import { lastDayOf } from "../key-form.ts";
import { creditOptions, creditSchema, emailSchema, entryOf, keySchema, memberSchema, organisationSchema, suspensionSchema } from "../operator-organisation.ts";
import { showOperator } from "../operator.tsx";
import { attempt, type Told } from "../settings.tsx";
import { go, operator, type OperatorVisit } from "../visit.ts";
import { KeyState } from "./keys.tsx";

const list = "/operator/organisations";
const path = `${list}/:id`;
const mostKeys = 100;
const mostEntries = 50;

const idOf = ({ c }: OperatorVisit): string => c.req.param("id")!.slice(0, 64);
const hrefOf = (visit: OperatorVisit, action = ""): string => `${list}/${encodeURIComponent(idOf(visit))}${action}`;
type Shown = Told & { form?: "terms" | "member" | "credit" | "suspension" };

const Suspension = ({ of: { suspended }, action, from }: { of: Organisation; action: string; from: Typed | undefined }) => (suspended ? (
  <Card title="Suspended" note={<>Since {moment(suspended.sinceMs)}: {suspended.reason}</>}>
    <p>All its keys are refused, and its people are told why. What it has and owes stays as it is.</p>
    <form method="post" action={`${action}/restore`}><Submit icon="check">Restore it</Submit></form>
  </Card>
) : (
  <Card title="Suspend" note="All its keys are refused from their next requests on, until it is restored. What it has and owes stays as it is.">
    <form method="post" action={`${action}/suspend`} class="form line">
      <TextField name="reason" label="Why, as its people are told" maxlength={500} from={from} />
      <Submit look="danger">Suspend it</Submit>
    </form>
  </Card>
));

async function page(visit: OperatorVisit, { form, typed, ...told }: Shown = {}): Promise<Response> {
  const { env, nowMs } = visit;
  const organisationId = idOf(visit);
  const organisation = await getOrganisation(env.DB, organisationId);
  if (!organisation) throw noSuchOrganisation(organisationId);
  const [terms, members, keys, plans, usage, standing] = await Promise.all([
    agreementOf(env.DB, organisationId), listMembers(env.DB, organisationId), listKeys(env.DB, { organisationId, limit: mostKeys }), listPlans(env.DB),
    usageReport(env.DB, { organisationId, usageScope: "organisation" }, nowMs), env.ORG_ACCOUNT.getByName(organisationId).standing(nowMs) as Promise<AccountStanding>,
  ]);
  const { credit, creditEntries, creditNanoUsd } = standing;
  const from = (name: Shown["form"]) => (form === name ? typed : undefined);
  const action = (name: string): string => `/dashboard${hrefOf(visit, name)}`;
  return showOperator(visit, {
    path: list, title: organisation.name, lead: <>{organisation.id}, since {dayOfYear(organisation.createdAtMs)}</>, above: <Back href={`/dashboard${list}`}>Organisations</Back>, actions: organisation.suspended && <Badge tone="bad">suspended</Badge>, typed, ...told,
    body: <>
      <Stats>
        <Stat label="Cost this month" value={money(usage.totals.costUsd)} note={`as of ${usage.asOf.slice(11, 16)} UTC`} />
        <Stat label="Requests this month" value={count(usage.totals.requests)} note={`${count(usage.totals.errors)} failed`} />
        <Stat label="Credits left" value={money(credit.free / 1e9)} note={terms.prepaid ? "pays in advance" : "does not pay in advance"} />
        <Stat label="Keys that work" value={count(keys.filter(({ revokedAtMs }) => revokedAtMs === null).length)} />
      </Stats>
      <Card title="Plan and terms">
        <form method="post" action={action("")} class="form">
          <div class="form line">
            <TextField name="name" label="Name" value={organisation.name} from={from("terms")} maxlength={200} />
            <Choice name="plan" label="Plan" options={plans.map(({ id }) => [id, id] as const)} value={organisation.plan} from={from("terms")} />
            <TextField name="paidUntil" label="Paid until" type="date" value={lastDayOf(terms.paidUntilMs ?? null)} required={false} from={from("terms")} />
          </div>
          <Check name="prepaid" label="Pays in advance" checked={terms.prepaid} from={from("terms")} hint="Its keys spend credits, and nothing once they are gone." />
          <Check name="sovereign" label="Sovereign only" checked={organisation.sovereign} from={from("terms")} />
          <Check name="headerCredentials" label="May bring providers' keys in a request's header" checked={organisation.headerCredentials} from={from("terms")} />
          <div><Submit icon="check">Save</Submit></div>
        </form>
      </Card>
      <Card title="Credits" note={<>{exactly(creditNanoUsd)} in all, {exactly(credit.spent)} spent, {exactly(credit.held)} in use</>} flush>
        {creditEntries.length > 0 && <Table caption="Credits, the latest first" rows={creditEntries.toSorted((a, b) => b.atMs - a.atMs).slice(0, mostEntries)} columns={[
          { label: "When", cell: ({ atMs }) => moment(atMs) },
          { label: "Kind", cell: ({ kind }) => <Badge tone={kind === "grant" || kind === "top_up" ? "good" : "neutral"}>{kind.replace("_", "-")}</Badge> },
          { label: "Why", cell: ({ reason, expiresAtMs }) => <span class="two-lines"><span>{reason}</span>{expiresAtMs !== null && <span class="note">until {lastDayOf(expiresAtMs)}</span>}</span> },
          { label: "Amount", cell: ({ nanoUsd }) => exactly(nanoUsd), numeric: true },
        ]} />}
        <div class="end">
          <form method="post" action={action("/credits")} class="form line">
            <input type="hidden" name="id" value={from("credit")?.values?.id ?? newId("cred_")} />
            <Choice name="kind" label="Kind" options={creditOptions} from={from("credit")} />
            <TextField name="amount" label="US $" inputmode="decimal" maxlength={20} from={from("credit")} />
            <TextField name="reason" label="Why" maxlength={500} from={from("credit")} />
            <TextField name="expires" label="Until" type="date" required={false} from={from("credit")} />
            <Submit icon="plus">Post it</Submit>
          </form>
        </div>
      </Card>
      <Card title="Members" flush>
        {members.length === 0 ? <EmptyState icon="people" title="Nobody">Only the admin API speaks for it.</EmptyState> : <Table caption="Members" rows={members} columns={[
          { label: "Person", cell: ({ email }) => <span class="free">{email}</span> },
          { label: "Role", cell: ({ role }) => <Badge tone={role === "owner" ? "accent" : "neutral"}>{role}</Badge> },
          { label: "Since", cell: ({ createdAtMs }) => dayOfYear(createdAtMs) },
          { label: "Change", cell: ({ email }) => <form method="post" action={action("/members/remove")}><input type="hidden" name="email" value={email} /><Submit look="quiet">Remove<span class="hidden"> {email}</span></Submit></form> },
        ]} />}
        <div class="end">
          <form method="post" action={action("/members")} class="form line">
            <TextField name="email" label="E-mail" type="email" maxlength={254} from={from("member")} />
            <Choice name="role" label="Role" options={roles.map((role) => [role, role] as const)} value="viewer" from={from("member")} />
            <Submit look="secondary">Add, or give that role</Submit>
          </form>
        </div>
      </Card>
      <Card title="Keys" note={keys.length === mostKeys ? `The newest ${mostKeys}` : undefined} flush>
        {keys.length === 0 ? <EmptyState icon="key" title="No key">Its people make them.</EmptyState> : <Table caption="Keys, newest first" rows={keys} columns={[
          { label: "Name", cell: ({ id, name }) => <span class="two-lines"><span>{name}</span><code class="note">{id}</code></span> },
          { label: "Key", cell: ({ secrets }) => <code>{secrets[0]?.hint ?? "–"}</code> },
          { label: "State", cell: (key) => <KeyState of={key} nowMs={nowMs} /> },
          { label: "This month", cell: ({ id }) => money(usage.byKey.find(({ keyId }) => keyId === id)?.costUsd ?? 0), numeric: true },
          { label: "Change", cell: ({ id, name, revokedAtMs }) => (revokedAtMs !== null ? <span class="note">–</span> : <form method="post" action={action("/keys/revoke")}><input type="hidden" name="key" value={id} /><Submit look="danger">Revoke<span class="hidden"> {name}</span></Submit></form>) },
        ]} />}
      </Card>
      <Suspension of={organisation} action={action("")} from={from("suspension")} />
      {usage.byModel.length > 0 && <Card title="Models" note="This month" flush><Table caption="Models this month" rows={usage.byModel.toSorted((a, b) => b.costNanoUsd - a.costNanoUsd).slice(0, 10)} columns={[
        { label: "Model", cell: ({ model }) => <code>{model}</code> },
        { label: "Requests", cell: ({ requests }) => count(requests), numeric: true },
        { label: "Cost", cell: ({ costUsd }) => money(costUsd), numeric: true },
      ]} /></Card>}
    </>,
  });
}

/** What is wrong with credits, as the account has it. */
async function credited(visit: OperatorVisit): Promise<Response> {
  const form = await readForm(visit, creditSchema);
  if (!form.ok) return page(visit, { form: "credit", typed: form });
  return attempt(async () => {
    const posted = await postCredit(visit.env, visit.by, idOf(visit), entryOf(form.data, visit.nowMs));
    if (posted.is === "conflict") throw new GatewayError("conflict", "This form was sent before, with something else in it. Load the page again.");
    if (posted.is === "lacking") throw new GatewayError("conflict", `Only ${exactly(posted.free)} are not spent or in use.`);
    return go(visit, hrefOf(visit), `${exactly(form.data.amount)} are posted.`);
  }, (told) => page(visit, { ...told, form: "credit", typed: { values: form.values } }));
}

export const operatorOrganisation = [
  operator("GET", path, (visit) => page(visit)),
  operator("POST", path, async (visit) => {
    const form = await readForm(visit, organisationSchema);
    if (!form.ok) return page(visit, { form: "terms", typed: form });
    const { paidUntil, prepaid, ...rules } = form.data;
    const { env, by } = visit;
    return attempt(async () => {
      const [before, terms] = [await getOrganisation(env.DB, idOf(visit)), await agreementOf(env.DB, idOf(visit))];
      // Who is told: only those whom something new concerns.
      const patch = Object.fromEntries(Object.entries(rules).filter(([name, value]) => before?.[name as keyof typeof rules] !== value));
      if (rules.sovereign && ("sovereign" in patch || "plan" in patch) && (await listPlans(env.DB)).find(({ id }) => id === rules.plan)?.sovereign === false) {
        return page(visit, { form: "terms", typed: { values: form.values }, problem: `Nothing is saved: the plan ${rules.plan} has no sovereign requests, and with "Sovereign only" all others are refused. Choose another plan, or leave that off.`, status: 422 });
      }
      if (Object.keys(patch).length > 0) {
        const { accounts, standings } = await updateOrganisation(env.DB, by, idOf(visit), patch);
        await adopt(env, standings, accounts);
      }
      const sameDay = lastDayOf(paidUntil ?? null) === lastDayOf(terms.paidUntilMs ?? null);
      if (prepaid !== terms.prepaid || !sameDay) {
        const { accounts, standings } = await updateAccount(env.DB, by, idOf(visit), { ...(prepaid !== terms.prepaid && { prepaid }), ...(!sameDay && { paidUntilMs: paidUntil ?? null }) });
        await adopt(env, standings, accounts);
      }
      return go(visit, hrefOf(visit), "Saved.");
    }, (told) => page(visit, { ...told, form: "terms", typed: { values: form.values } }));
  }),
  operator("POST", `${path}/suspend`, async (visit) => {
    const form = await readForm(visit, suspensionSchema);
    if (!form.ok) return page(visit, { form: "suspension", typed: form });
    return attempt(async () => {
      await adopt(visit.env, await suspendOrganisation(visit.env.DB, visit.by, idOf(visit), form.data.reason));
      return go(visit, hrefOf(visit), "It is suspended.");
    }, (told) => page(visit, { ...told, form: "suspension", typed: { values: form.values } }));
  }),
  operator("POST", `${path}/restore`, (visit) => attempt(async () => {
    await adopt(visit.env, await restoreOrganisation(visit.env.DB, visit.by, idOf(visit)));
    return go(visit, hrefOf(visit), "It is restored. Its keys work within ten seconds.");
  }, (told) => page(visit, told))),
  operator("POST", `${path}/credits`, credited),
  operator("POST", `${path}/members`, async (visit) => {
    const form = await readForm(visit, memberSchema);
    if (!form.ok) return page(visit, { form: "member", typed: form });
    return attempt(async () => {
      await putMember(visit.env.DB, visit.by, idOf(visit), form.data);
      return go(visit, hrefOf(visit), `${form.data.email} is ${form.data.role} now.`);
    }, (told) => page(visit, { ...told, form: "member", typed: { values: form.values } }));
  }),
  operator("POST", `${path}/members/remove`, async (visit) => {
    const form = await readForm(visit, emailSchema);
    if (!form.ok) return page(visit, { problem: "Say who.", status: 422 });
    return attempt(async () => {
      await deleteMember(visit.env.DB, visit.by, idOf(visit), form.data.email);
      return go(visit, hrefOf(visit), `${form.data.email} is no member any more.`);
    }, (told) => page(visit, told));
  }),
  operator("POST", `${path}/keys/revoke`, async (visit) => {
    const form = await readForm(visit, keySchema);
    const key = form.ok ? await getKey(visit.env.DB, form.data.key) : undefined;
    if (!key || key.organisationId !== idOf(visit)) return page(visit, { problem: "Say which of its keys.", status: 422 });
    return attempt(async () => {
      const { standings } = await revokeKey(visit.env.DB, visit.by, key.id);
      await adopt(visit.env, standings);
      return go(visit, hrefOf(visit), `${key.name} is revoked.`);
    }, (told) => page(visit, told));
  }),
];

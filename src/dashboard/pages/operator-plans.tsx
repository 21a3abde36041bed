/** Plans: what each gives a key, and all keys of an organisation together. */
import { listPlans, planSizes, putPlan } from "../../accounts/organisations.ts";
import { GatewayError } from "../../errors.ts";
import { adopt } from "../../pipeline/index.ts";
import { Back } from "../components/facts.tsx";
import { Check, Fields, TextArea, TextField, type Typed } from "../components/field.tsx";
import { LimitFields } from "../components/key-form.tsx";
import { Badge, ButtonLink, Card, Submit, Table } from "../components/parts.tsx";
import { count, exactly } from "../figures.ts";
import { readForm } from "../form.ts";
import { limitsInWords } from "../key-form.ts";
import { showOperator } from "../operator.tsx";
import { filledPlan, planOf, planSchema } from "../plan-form.ts";
import { attempt, type Told } from "../settings.tsx";
import { go, operator, type OperatorVisit } from "../visit.ts";

const path = "/operator/plans";
const back = <Back href={`/dashboard${path}`}>Plans</Back>;

const jointly = ({ monthlyTokens, monthlyNanoUsd }: { monthlyTokens?: number | undefined; monthlyNanoUsd?: number | undefined } = {}): string =>
  [monthlyTokens !== undefined && `${count(monthlyTokens)} tokens a month`, monthlyNanoUsd !== undefined && `${exactly(monthlyNanoUsd)} a month`].filter(Boolean).join(" · ") || "–";

const PlanForm = ({ action, from, isNew, submit }: { action: string; from?: Typed; isNew?: boolean; submit: string }) => (
  <form method="post" action={`/dashboard${action}`} class="form" novalidate>
    {isNew ? <Card><TextField name="id" label="Id" from={from} maxlength={64} placeholder="team" hint="It stays as it is." /></Card> : <input type="hidden" name="id" value={from?.values?.id} />}
    <Card><Fields legend="Each key" note="What a key may use that sets nothing of its own. Empty: no limit, but for 600 requests a minute."><LimitFields from={from} /></Fields></Card>
    <Card><Fields legend="All keys together">
      <TextField name="jointTokens" label="Tokens a month, together" inputmode="numeric" maxlength={30} required={false} from={from} />
      <TextField name="jointNanoUsd" label="Spending a month, together, US $" inputmode="decimal" maxlength={30} required={false} from={from} />
    </Fields></Card>
    <Card><Fields legend="What may be called">
      <TextArea name="models" label="Models" required={false} from={from} placeholder={"auto\nopenai/*"} hint="One a line; * at an end matches the rest. Empty: all." />
      <Check name="sovereign" label="Sovereign requests" from={from} checked hint="Otherwise requests that must stay on self-hosted models are refused." />
    </Fields></Card>
    <div class="row"><Submit icon="check">{submit}</Submit><ButtonLink href={`/dashboard${path}`} look="quiet">Cancel</ButtonLink></div>
  </form>
);

const newPage = (visit: OperatorVisit, told: Told = {}) => showOperator(visit, { ...told, path, title: "New plan", above: back, body: <PlanForm action={`${path}/new`} from={told.typed} isNew submit="Create the plan" /> });

async function planPage(visit: OperatorVisit, told: Told = {}): Promise<Response> {
  const id = visit.c.req.param("id")!;
  const [plans, sizes] = await Promise.all([listPlans(visit.env.DB), planSizes(visit.env.DB)]);
  const plan = plans.find((one) => one.id === id);
  if (!plan) throw new GatewayError("not_found", "There is no such plan.");
  const size = sizes.get(id) ?? 0;
  return showOperator(visit, {
    ...told, path, title: id, above: back, lead: size === 1 ? "One organisation is on it: a change holds for its next request." : `${count(size)} organisations are on it: a change holds for their next request.`,
    body: <PlanForm action={`${path}/${encodeURIComponent(id)}`} from={told.typed ?? { values: filledPlan(plan) }} submit="Save" />,
  });
}

async function put(visit: OperatorVisit, isNew: boolean): Promise<Response> {
  const form = await readForm(visit, planSchema);
  const again = isNew ? newPage : planPage;
  if (!form.ok) return again(visit, { typed: form });
  const isKnown = (await listPlans(visit.env.DB)).some(({ id }) => id === form.data.id);
  if (isNew && isKnown) return newPage(visit, { typed: { values: form.values, errors: { id: "There is a plan of that name." } } });
  if (!isNew && (!isKnown || form.data.id !== visit.c.req.param("id"))) throw new GatewayError("not_found", "There is no such plan.");
  return attempt(async () => {
    const { plan, accounts, standings } = await putPlan(visit.env.DB, visit.by, planOf(form.data));
    await adopt(visit.env, standings, accounts);
    return go(visit, path, `The plan ${plan.id} is stored.`);
  }, (told) => again(visit, { ...told, typed: { values: form.values } }));
}

export const operatorPlans = [
  operator("GET", path, async (visit) => {
    const [plans, sizes] = await Promise.all([listPlans(visit.env.DB), planSizes(visit.env.DB)]);
    return showOperator(visit, {
      path, title: "Plans", lead: "What organisations get.", actions: <ButtonLink href={`/dashboard${path}/new`} icon="plus">New plan</ButtonLink>,
      body: <Card flush><Table caption="Plans" rows={plans} columns={[
        { label: "Plan", cell: ({ id }) => <span class="row"><a href={`/dashboard${path}/${encodeURIComponent(id)}`}>{id}</a>{id === visit.isolate.settings.DASHBOARD_PLAN && <Badge tone="accent">sign-up</Badge>}</span> },
        { label: "Each key", cell: ({ limits }) => <span class="words">{limitsInWords(limits).join(" · ") || "–"}</span> },
        { label: "Together", cell: ({ joint }) => <span class="words">{jointly(joint)}</span> },
        { label: "Models", cell: ({ models, sovereign }) => <span class="words">{[models ? `${models.length} allowed` : "all", sovereign === false && "no sovereign ones"].filter(Boolean).join(" · ")}</span> },
        { label: "Organisations", cell: ({ id }) => count(sizes.get(id) ?? 0), numeric: true },
      ]} /></Card>,
    });
  }),
  operator("GET", `${path}/new`, (visit) => newPage(visit)),
  operator("POST", `${path}/new`, (visit) => put(visit, true)),
  operator("GET", `${path}/:id`, (visit) => planPage(visit)),
  operator("POST", `${path}/:id`, (visit) => put(visit, false)),
];

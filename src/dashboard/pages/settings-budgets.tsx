/** What keys may spend together, and how far they are. */
import type { Budget } from "../../accounts/budgets.ts";
import { agreementOf, deleteBudget, putBudget } from "../../accounts/organisation-budgets.ts";
import { adopt } from "../../pipeline/index.ts";
import { keyBars, organisationBars } from "../budget-bars.ts";
import { amountOf, budgetChangeSchema, budgetOf, fresh, newBudgetSchema, percents, scopesOf, units, windows, written } from "../budget-form.ts";
import { Budgets } from "../components/budgets.tsx";
import { Choice, TextField } from "../components/field.tsx";
import { Card, EmptyState, Submit, Table } from "../components/parts.tsx";
import { readForm } from "../form.ts";
import { freshen } from "../fresh.ts";
import { may } from "../rights.ts";
import { attempt, showSettings, type Told } from "../settings.tsx";
import { go, member, type MemberVisit } from "../visit.ts";

const path = "/settings/budgets";

const windowOf = ({ window, rolling }: Budget): string => windows.find(([value]) => value === (rolling ? `rolling-${window}` : window))?.[1] ?? window;

const BudgetForms = ({ one }: { one: Budget }) => (
  <details class="more">
    <summary aria-label={`Change ${one.id}`}>Change</summary>
    <div>
      <form method="post" action={`/dashboard${path}/change`} class="form">
        <input type="hidden" name="id" value={one.id} /><input type="hidden" name="unit" value={one.unit} />
        <input name="amount" value={written(one)} aria-label={`Amount of ${one.id}`} required maxlength={30} inputmode="decimal" />
        <input name="shares" value={percents(one.soft)} aria-label={`Told at, percent of ${one.id}`} maxlength={100} />
        <Submit look="secondary">Save</Submit>
      </form>
      <form method="post" action={`/dashboard${path}/remove`}><input type="hidden" name="id" value={one.id} /><Submit look="danger" wide>Remove<span class="hidden"> {one.id}</span></Submit></form>
    </div>
  </details>
);

async function page(visit: MemberVisit, told: Told = {}): Promise<Response> {
  const { env, membership: { organisationId, role } } = visit;
  const changes = may(role, "change_limits");
  await freshen(visit);
  const [{ budgets }, bars, keys, scopes] = await Promise.all([agreementOf(env.DB, organisationId), organisationBars(visit), keyBars(visit), scopesOf(visit)]);
  const scopeName = ({ scope }: Budget): string => scopes.find(([value]) => value === scope)?.[1] ?? scope;
  const from = told.typed ?? { values: fresh };
  return showSettings(visit, {
    ...told, path, title: "Budgets", lead: "Exact to the last cent: a request for which there is no room is refused before it costs anything.",
    body: <>
      {bars.length > 0 && <Card title="Shared" note="Credits, your plan's quotas and your own budgets"><Budgets bars={bars} /></Card>}
      <Card title="Budgets" note="Each holds from the next request on" flush>
        {budgets.length === 0
          ? <EmptyState icon="money" title="No budget yet">{changes ? "Set one below: for all keys together, or for some." : "An owner or admin can set one."}</EmptyState>
          : <Table caption="Budgets" rows={budgets} columns={[
            { label: "Name", cell: ({ id }) => id },
            { label: "For", cell: scopeName },
            { label: "In", cell: windowOf },
            { label: "Amount", cell: (one) => (one.unit === "tokens" ? `${written(one)} tokens` : `$${written(one)}`), numeric: true },
            { label: "Told at", cell: ({ soft }) => (soft.length > 0 ? `${percents(soft)} %` : "never") },
            ...(changes ? [{ label: "Change", cell: (one: Budget) => <BudgetForms one={one} /> }] : []),
          ]} />}
      </Card>
      {changes && <Card title="New budget" note="When it is spent, requests of its keys are refused until it begins anew.">
        <form method="post" action={`/dashboard${path}`} class="form line">
          <TextField name="id" label="Name" from={from} maxlength={64} placeholder="monthly" />
          <Choice name="scope" label="For" options={scopes} from={from} />
          <Choice name="window" label="In" options={windows} from={from} />
          <TextField name="amount" label="Amount" from={from} maxlength={30} inputmode="decimal" placeholder="100" />
          <Choice name="unit" label="Of" options={units} from={from} />
          <TextField name="shares" label="Tell us at, percent" from={from} maxlength={100} required={false} />
          <Submit icon="plus">Set it</Submit>
        </form>
      </Card>}
      {keys.length > 0 && <Card title="Limits of single keys" note="Set with each key"><Budgets bars={keys} /></Card>}
    </>,
  });
}

const isSame = (one: Budget, other: Budget): boolean => (Object.keys(other) as (keyof Budget)[]).every((field) => JSON.stringify(one[field]) === JSON.stringify(other[field]));

export const settingsBudgets = [
  member("see_limits", "GET", path, (visit) => page(visit)),

  member("change_limits", "POST", path, async (visit) => {
    const form = amountOf(await readForm(visit, newBudgetSchema));
    if (!form.ok) return page(visit, { typed: form });
    const { env, by, membership: { organisationId } } = visit;
    const { budgets } = await agreementOf(env.DB, organisationId);
    const known = budgets.find(({ id }) => id === form.data.id);
    // A budget is made by its name: the same form again makes the same one.
    if (known && isSame(known, budgetOf(form.data))) return go(visit, path, `The budget ${known.id} is set.`);
    if (known) return page(visit, { typed: { values: form.values, errors: { id: "There is a budget of this name." } } });
    if (!(await scopesOf(visit)).some(([value]) => value === form.data.scope)) return page(visit, { typed: { values: form.values, errors: { scope: "That is not here." } } });
    const { accounts, standings } = await putBudget(env.DB, by, organisationId, budgetOf(form.data));
    await adopt(env, standings, accounts);
    return go(visit, path, `The budget ${form.data.id} is set.`);
  }),

  member("change_limits", "POST", `${path}/change`, async (visit) => {
    const form = amountOf(await readForm(visit, budgetChangeSchema));
    if (!form.ok) return page(visit, { problem: Object.values(form.errors)[0] ?? "That is no amount.", status: 422 });
    const { env, by, membership: { organisationId } } = visit;
    const { id, nano, shares, unit } = form.data;
    const budget = (await agreementOf(env.DB, organisationId)).budgets.find((one) => one.id === id && one.unit === unit);
    if (!budget) return page(visit, { problem: `There is no budget ${id}.`, status: 404 });
    return attempt(async () => {
      const soft = [...new Set(shares)].sort((a, b) => a - b);
      const { accounts, standings } = await putBudget(env.DB, by, organisationId, { ...budget, amount: nano, soft });
      await adopt(env, standings, accounts);
      return go(visit, path, `The budget ${id} is changed.`);
    }, (told) => page(visit, told));
  }),

  member("change_limits", "POST", `${path}/remove`, async (visit) => {
    const form = await readForm(visit, budgetChangeSchema.pick({ id: true }));
    if (!form.ok) return page(visit, { problem: "Say which budget.", status: 422 });
    return attempt(async () => {
      const { accounts, standings } = await deleteBudget(visit.env.DB, visit.by, visit.membership.organisationId, form.data.id);
      await adopt(visit.env, standings, accounts);
      return go(visit, path, `The budget ${form.data.id} is removed.`);
    }, (told) => page(visit, told));
  }),
];

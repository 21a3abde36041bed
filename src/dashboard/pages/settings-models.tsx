/** Which models the organisation's keys may call at all. */
import * as z from "zod";
import { getAllowedModels, putAllowedModels } from "../../accounts/house-rules.ts";
import { agreementOf } from "../../accounts/organisation-budgets.ts";
import { modelListSchema } from "../../accounts/policy.ts";
import { adopt } from "../../pipeline/index.ts";
import { matchesOf, narrowedBy, type Match } from "../allowed.ts";
import { surveyOf } from "../callable.ts";
import { ModelsField } from "../components/models-field.tsx";
import { Badge, Card, EmptyState, Notice, Submit, Table } from "../components/parts.tsx";
import { count } from "../figures.ts";
import { readForm } from "../form.ts";
import { listOf } from "../key-form.ts";
import { may } from "../rights.ts";
import { showSettings, type Told } from "../settings.tsx";
import { go, member, type MemberVisit } from "../visit.ts";

const path = "/settings/models";
const schema = z.object({ models: listOf(modelListSchema.optional()) });
/** So many names are shown of what an entry stands for. */
const shownNames = 5;

const Names = ({ names }: { names: readonly string[] }) => (
  <span class="chips">{names.slice(0, shownNames).map((name) => <code>{name}</code>)}{names.length > shownNames && <span class="note">and {count(names.length - shownNames)} more</span>}</span>
);

const aliasesIn = ({ entry, aliases }: Match): string =>
  (aliases.length === 1 && aliases[0] === entry ? "an alias" : `aliases ${aliases.slice(0, shownNames).join(", ")}${aliases.length > shownNames ? ", …" : ""}`);

async function page(visit: MemberVisit, told: Told = {}): Promise<Response> {
  const { env, membership: { organisationId, role } } = visit;
  const [models, { plan }, known] = await Promise.all([getAllowedModels(env.DB, organisationId), agreementOf(env.DB, organisationId), surveyOf(visit)]);
  const narrowed = models ? narrowedBy(models, known) : [];
  return showSettings(visit, {
    ...told, path, title: "Models", islands: ["names"], lead: "Which models and aliases the keys of this organisation may call. A key's own list and your plan's hold beside it: what one of them leaves out is not called.",
    body: <>
      {may(role, "change_limits") && <Card title="Allowed" note="Holds from the next request of every key on.">
        <form method="post" action={`/dashboard${path}`} class="form">
          <ModelsField from={told.typed ?? { values: { models: (models ?? []).join("\n") } }} rows={8} empty={plan.models ? "all that your plan includes" : "every model"} />
          <div><Submit icon="shield">Save</Submit></div>
        </form>
      </Card>}
      <Card title="What each entry means now" note="At providers that are set up here. A new model of a family is in as soon as the catalog has it." flush>
        {models === undefined
          ? <EmptyState icon="models" title="Every model is allowed">{plan.models ? `Your plan names ${count(plan.models.length)} models or families of models.` : "There is no list."}</EmptyState>
          : models.length === 0 ? <EmptyState icon="alert" title="Nothing is allowed">The list is empty: every request is refused.</EmptyState>
          : <Table caption="Entries and what they mean now" rows={matchesOf(models, known)} columns={[
            { label: "Entry", cell: (match: Match) => <div class="steady"><code>{match.entry}</code>{match.aliases.length > 0 && <p class="note">{aliasesIn(match)}</p>}</div> },
            { label: "Deployments", cell: ({ deployments }) => (deployments.length > 0 ? <Names names={deployments} /> : <Badge tone="warn">nothing now</Badge>) },
            { label: "In all", cell: ({ deployments }) => count(deployments.length), numeric: true },
          ]} />}
      </Card>
      {narrowed.length > 0 && <Card title="Aliases that it narrows" note="An alias that is not named leads to those of its models only that are." flush>
        <Table caption="Aliases and how much of them is left" rows={narrowed} columns={[
          { label: "Alias", cell: ({ alias }) => <a href={`/dashboard/aliases?name=${encodeURIComponent(alias)}`}>{alias}</a> },
          { label: "Left", cell: ({ left, of }) => (left === 0 ? <Badge tone="warn">nothing</Badge> : `${count(left)} of ${count(of)} deployments`) },
        ]} />
      </Card>}
      {plan.models && models !== undefined && <Notice>Your plan has a list too ({count(plan.models.length)} names or families). Both hold.</Notice>}
    </>,
  });
}

export const settingsModels = [
  member("see_limits", "GET", path, (visit) => page(visit)),
  member("change_limits", "POST", path, async (visit) => {
    const form = await readForm(visit, schema);
    if (!form.ok) return page(visit, { typed: form });
    const { models } = form.data;
    await adopt(visit.env, await putAllowedModels(visit.env.DB, visit.by, visit.membership.organisationId, models));
    return go(visit, path, models ? "The list is saved. It applies from the next request." : "Every model is allowed.");
  }),
];

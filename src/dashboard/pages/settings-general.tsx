/** What an organisation is called, and what it is known by. */
import * as z from "zod";
import { getOrganisation, noSuchOrganisation, updateOrganisation } from "../../accounts/organisations.ts";
import { Facts } from "../components/facts.tsx";
import { TextField } from "../components/field.tsx";
import { Card, Submit } from "../components/parts.tsx";
import { dayOfYear } from "../figures.ts";
import { nameField, readForm } from "../form.ts";
import { may } from "../rights.ts";
import { showSettings, type Told } from "../settings.tsx";
import { go, member, type MemberVisit } from "../visit.ts";

const path = "/settings/general";
const schema = z.object({ name: nameField() });

async function page(visit: MemberVisit, told: Told = {}): Promise<Response> {
  const { env, membership: { organisationId, role } } = visit;
  const organisation = await getOrganisation(env.DB, organisationId);
  if (!organisation) throw noSuchOrganisation(organisationId);
  const { name, plan, createdAtMs } = organisation;
  return showSettings(visit, {
    ...told, path, title: "General", lead: "Keys, budgets and people belong to it.",
    body: <>
      {may(role, "change_organisation") && <Card title="Name" note="As its people see it, and whoever is invited. Keys and bills stay as they are.">
        <form method="post" action={`/dashboard${path}`} class="row grow">
          <TextField name="name" label="Name of the organisation" autocomplete="organization" value={name} from={told.typed} maxlength={100} />
          <Submit look="secondary">Save</Submit>
        </form>
      </Card>}
      <Card title="About it">
        <Facts of={[["Name", name], ["Id", <code>{organisationId}</code>], ["Plan", plan], ["Since", dayOfYear(createdAtMs)]]} />
      </Card>
    </>,
  });
}

export const settingsGeneral = [
  member("see", "GET", path, (visit) => page(visit)),
  member("change_organisation", "POST", path, async (visit) => {
    const form = await readForm(visit, schema);
    if (!form.ok) return page(visit, { typed: form });
    const { env, by, membership: { organisationId, organisationName } } = visit;
    // Keys do not know what their organisation is called: nobody has to hear of it.
    if (form.data.name !== organisationName) await updateOrganisation(env.DB, by, organisationId, { name: form.data.name });
    return go(visit, path, `The organisation is called ${form.data.name}.`);
  }),
];

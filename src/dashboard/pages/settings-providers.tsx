/** The organisation's own keys at providers. A secret goes in and is never shown. */
import * as z from "zod";
import { providerSecretSchema } from "../../accounts/credentials.ts";
import { getOrganisation, updateOrganisation } from "../../accounts/organisations.ts";
import { deleteCredential, listCredentials, putCredential, updateCredential, type StoredCredential } from "../../accounts/provider-credentials.ts";
import { adopt } from "../../pipeline/index.ts";
import { Choice, TextField } from "../components/field.tsx";
import { Badge, Card, EmptyState, Submit, Table } from "../components/parts.tsx";
import { dayOfYear } from "../figures.ts";
import { readForm } from "../form.ts";
import { attempt, showSettings, type Told } from "../settings.tsx";
import { go, member, type MemberVisit } from "../visit.ts";

const path = "/settings/providers";
const modes = [["only", "Exclusive: only this key is used"], ["first", "First: the gateway's own key stands in when it fails"]] as const;
const modeField = z.enum(["only", "first"], "Choose one.").transform((mode) => mode === "only");
const providerField = z.string("Choose a provider.").min(1, "Choose a provider.").max(64);
const putSchema = z.object({ provider: providerField, mode: modeField, secret: providerSecretSchema.max(8192, "At most 8192 characters.") });
const modeSchema = z.object({ provider: providerField, mode: modeField });
const removeSchema = z.object({ provider: providerField });
const headerSchema = z.object({ headers: z.enum(["on", "off"]).transform((value) => value === "on") });

/** Providers that take a key, by id: those on the owner's own servers need none of anybody's. */
const providersOf = ({ isolate }: MemberVisit): ReadonlyMap<string, string> =>
  new Map([...isolate.endpoints].flatMap(([id, [endpoint]]) => (endpoint && !endpoint.provider.selfHosted ? [[id, endpoint.provider.name] as const] : [])));

const CredentialForms = ({ one: { provider, only }, name }: { one: StoredCredential; name: string }) => (
  <details class="more">
    <summary aria-label={`Change ${name}`}>Change</summary>
    <div>
      <form method="post" action={`/dashboard${path}/mode`} class="form">
        <input type="hidden" name="provider" value={provider} />
        <select name="mode" aria-label={`How the key at ${name} is used`}>{modes.map(([value, label]) => <option value={value} selected={(value === "only") === only}>{label}</option>)}</select>
        <Submit look="secondary">Save</Submit>
      </form>
      <form method="post" action={`/dashboard${path}/remove`}><input type="hidden" name="provider" value={provider} /><Submit look="danger" wide>Remove<span class="hidden"> the key at {name}</span></Submit></form>
    </div>
  </details>
);

async function page(visit: MemberVisit, told: Told = {}): Promise<Response> {
  const { env, membership: { organisationId } } = visit;
  const [stored, organisation] = await Promise.all([listCredentials(env.DB, organisationId), getOrganisation(env.DB, organisationId)]);
  const providers = providersOf(visit);
  const nameOf = (id: string): string => providers.get(id) ?? id;
  const brings = organisation?.headerCredentials === true;
  return showSettings(visit, {
    ...told, path, title: "Provider keys", lead: "Requests of this organisation can run on its own accounts at providers.",
    body: <>
      <Card title="Keys" note="Sealed with a key of this organisation's own; nobody is shown them again" flush>
        {stored.length === 0
          ? <EmptyState icon="key" title="No key of your own">Requests run on the accounts of whoever runs this gateway.</EmptyState>
          : <Table caption="Keys at providers" rows={stored} columns={[
            { label: "Provider", cell: ({ provider }) => nameOf(provider) },
            { label: "Use", cell: ({ only }) => <Badge tone={only ? "accent" : "neutral"}>{only ? "exclusive" : "first"}</Badge> },
            { label: "Stored", cell: ({ createdAtMs }) => dayOfYear(createdAtMs) },
            { label: "Change", cell: (one) => <CredentialForms one={one} name={nameOf(one.provider)} /> },
          ]} />}
      </Card>
      <Card title="Add or replace a key" note="It is used from the next request of every key.">
        <form method="post" action={`/dashboard${path}`} class="form">
          <Choice name="provider" label="Provider" options={[...providers].sort(([, a], [, b]) => a.localeCompare(b, "en"))} from={told.typed} />
          <TextField name="secret" label="Key" type="password" autocomplete="off" from={told.typed} maxlength={8192} hint="As the provider gave it to you, on one line. A key file of Google's is pasted as it is." />
          <Choice name="mode" label="Use" options={modes} value="only" from={told.typed} hint="Exclusive unless you choose otherwise: prompts go to no account that you did not choose." />
          <div><Submit icon="key">Store it</Submit></div>
        </form>
      </Card>
      <Card title="Keys in a request's header" action={<Badge tone={brings ? "good" : "neutral"}>{brings ? "allowed" : "refused"}</Badge>}
        note={<>A request may bring a provider's key along, in <code>X-Provider-API-Keys</code>, for itself alone. It is written down nowhere.</>}>
        <form method="post" action={`/dashboard${path}/headers`}><input type="hidden" name="headers" value={brings ? "off" : "on"} /><Submit look="secondary">{brings ? "Refuse such requests" : "Allow it"}</Submit></form>
      </Card>
    </>,
  });
}

export const settingsProviders = [
  member("see_credentials", "GET", path, (visit) => page(visit)),

  member("change_credentials", "POST", path, async (visit) => {
    const form = await readForm(visit, putSchema);
    if (!form.ok) return page(visit, { typed: form });
    const { provider, secret, mode: only } = form.data;
    const name = providersOf(visit).get(provider);
    if (name === undefined) return page(visit, { typed: { values: form.values, errors: { provider: "That provider is not here." } } });
    const { standings } = await putCredential(visit.env.DB, visit.by, visit.isolate.masters.current, { organisationId: visit.membership.organisationId, provider, secret, only });
    await adopt(visit.env, standings);
    return go(visit, path, `The key at ${name} is stored.`);
  }),

  member("change_credentials", "POST", `${path}/mode`, async (visit) => {
    const form = await readForm(visit, modeSchema);
    if (!form.ok) return page(visit, { problem: "Say how which key shall be used.", status: 422 });
    const { provider, mode: only } = form.data;
    return attempt(async () => {
      const { standings } = await updateCredential(visit.env.DB, visit.by, { organisationId: visit.membership.organisationId, provider }, { only });
      await adopt(visit.env, standings);
      return go(visit, path, only ? "No other key stands in any more." : "The gateway's own key stands in when this one fails.");
    }, (told) => page(visit, told));
  }),

  member("change_credentials", "POST", `${path}/remove`, async (visit) => {
    const form = await readForm(visit, removeSchema);
    if (!form.ok) return page(visit, { problem: "Say which key.", status: 422 });
    return attempt(async () => {
      const { standings } = await deleteCredential(visit.env.DB, visit.by, { organisationId: visit.membership.organisationId, provider: form.data.provider });
      await adopt(visit.env, standings);
      return go(visit, path, "The key is removed.");
    }, (told) => page(visit, told));
  }),

  member("change_credentials", "POST", `${path}/headers`, async (visit) => {
    const form = await readForm(visit, headerSchema);
    if (!form.ok) return page(visit, { problem: "Say whether it shall be allowed.", status: 422 });
    const { accounts, standings } = await updateOrganisation(visit.env.DB, visit.by, visit.membership.organisationId, { headerCredentials: form.data.headers });
    await adopt(visit.env, standings, accounts);
    return go(visit, path, form.data.headers ? "Requests may bring keys along." : "Requests that bring keys along are refused.");
  }),
];

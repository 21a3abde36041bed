/** What the organisation demands of every request, and how long what is kept is kept. */
import * as z from "zod";
import type { HouseRules } from "../../accounts/demands.ts";
import { getRules, putRules } from "../../accounts/house-rules.ts";
import { putRetention, retentionOf } from "../../accounts/keeping.ts";
import { agreementOf } from "../../accounts/organisation-budgets.ts";
import { retentionSchema, type Retention } from "../../accounts/retention.ts";
import { adopt } from "../../pipeline/index.ts";
import { Check, Choice, TextField, type Typed } from "../components/field.tsx";
import { Badge, Card, Submit, Table } from "../components/parts.tsx";
import { count } from "../figures.ts";
import { readForm, type Filled } from "../form.ts";
import { choosable, filledRetention, optionsOf, retentionFormSchema } from "../retention-form.ts";
import { may } from "../rights.ts";
import { showSettings, type Told } from "../settings.tsx";
import { go, member, type MemberVisit } from "../visit.ts";

const path = "/settings/guardrails";
const ticked = z.literal("on").optional().transform((value) => value === "on");
const price = z.string().default("").transform((text) => text.trim() || undefined)
  .pipe(z.string().regex(/^\$?\d{1,6}(\.\d{1,6})?$/, "An amount in US dollars, such as 5 or 0.25.").transform((text) => Number(text.replace("$", ""))).pipe(z.number().positive("More than nothing; leave it empty for no bound.")).optional());
const schema = z.object({ noTraining: ticked, zeroRetention: ticked, prompt: price, completion: price });

const filled = ({ noTraining, zeroRetention, maxPrice }: HouseRules): Filled => ({
  ...(noTraining && { noTraining: "on" }), ...(zeroRetention && { zeroRetention: "on" }), prompt: String(maxPrice?.prompt ?? ""), completion: String(maxPrice?.completion ?? ""),
});

type Known = "no" | "maybe";

/** Providers that can be asked here, and what is known of each. */
function providersOf({ isolate }: MemberVisit) {
  return [...isolate.endpoints.values()].flatMap(([endpoint]) => {
    if (!endpoint || (endpoint.secret === undefined && !endpoint.provider.selfHosted)) return [];
    const { provider, data, agreed } = endpoint;
    const own = provider.selfHosted === true;
    const known = (what: "trains" | "retains"): Known => (own || data?.[what] === false || agreed?.[what] === false ? "no" : "maybe");
    return [{ name: provider.name, own, trains: known("trains"), retains: known("retains"), source: data?.source }];
  });
}

const Answer = ({ known }: { known: Known }) => <Badge tone={known === "no" ? "good" : "neutral"}>{known === "no" ? "no" : "not ruled out"}</Badge>;

/** What is kept for how long, and the choice of it. What is chosen nowhere stands below. */
function RetentionCard({ visit: { isolate: { settings }, membership: { role } }, retention, from }: { visit: MemberVisit; retention: Retention; from: Typed | undefined }) {
  const { bodyDays } = retention;
  const choices = choosable(settings.RESPONSES_DAYS).map((one) => ({ ...one, options: optionsOf(one, retention[one.name]) }));
  const values = filledRetention(retention);
  return (
    <Card title="Retention" note="How long Forge keeps what. Of two times the shorter one holds: yours, or what the request or the gateway says.">
      {may(role, "change_organisation")
        ? <form method="post" action="/dashboard/settings/retention" class="form">
          <div class="fields-grid">{choices.map(({ name, label, hint, options }) => <Choice name={name} label={label} hint={hint} options={options} from={from ?? { values }} />)}</div>
          <div><Submit icon="check">Save</Submit></div>
        </form>
        : <ul class="facts">{choices.map(({ name, label, options }) => <li>{label}: {options.find(([value]) => value === values[name])?.[1].toLowerCase()}</li>)}</ul>}
      <ul class="facts">
        <li>It holds for what is made from then on; what is there keeps the time it was kept for. Figures of requests are hidden at once, and deleted in the night.</li>
        <li>Where no responses are stored, a request that says store: true is answered with store: false, and nothing runs in the background.</li>
        <li>Bodies of requests: {bodyDays === 0 ? "not at all" : `${bodyDays === 1 ? "a day" : `${bodyDays} days`}, sealed, never of sovereign requests`}{may(role, "change_organisation") && <>. <a href="/dashboard/bodies">Your organisation decides</a></>}.</li>
        <li>Batches themselves: 30 days after their end. Sums of usage, credits and the audit trail: for ever.</li>
        {settings.RESPONSES_STORE === "asked" && <li>Responses are stored only where a request says store: true.</li>}
      </ul>
    </Card>
  );
}

async function page(visit: MemberVisit, told: Told & { kept?: Typed } = {}): Promise<Response> {
  const { env, membership: { organisationId, role } } = visit;
  const { kept: _, ...rest } = told;
  const [rules, { plan }, retention] = await Promise.all([getRules(env.DB, organisationId), agreementOf(env.DB, organisationId), retentionOf(env.DB, organisationId)]);
  const changes = may(role, "change_limits");
  const from = told.typed ?? { values: filled(rules) };
  return showSettings(visit, {
    ...rest, path, title: "Guardrails", lead: "Rules for every request of every key. A request may be stricter, never less strict.",
    body: <>
      <Card title="Where requests may go" note="They hold in the choice of a provider: a deployment that does not comply is not tried. Self-hosted models always comply.">
        {changes
          ? <form method="post" action={`/dashboard${path}`} class="form">
            <Check name="noTraining" label="Nobody who may train on it" from={from} hint="Only providers that are known, or have agreed, not to." />
            <Check name="zeroRetention" label="Nobody who keeps any of it" from={from} hint="Only providers that are known, or have agreed, to retain nothing. What Forge itself keeps is below, under Retention." />
            <div class="form line">
              <TextField name="prompt" label="Highest price of a million tokens in" from={from} required={false} maxlength={14} inputmode="decimal" placeholder="$" />
              <TextField name="completion" label="Highest price of a million tokens out" from={from} required={false} maxlength={14} inputmode="decimal" placeholder="$" />
            </div>
            <div><Submit icon="shield">Save</Submit></div>
          </form>
          : <ul class="facts">
            <li>{rules.noTraining ? "Nobody who may train on it" : "Training: as each request says"}</li>
            <li>{rules.zeroRetention ? "Nobody who keeps any of it" : "Retention at providers: as each request says"}</li>
            <li>{rules.maxPrice ? `At most $${rules.maxPrice.prompt ?? "any"} in and $${rules.maxPrice.completion ?? "any"} out, for a million tokens` : "No highest price"}</li>
          </ul>}
        <p class="note">Which models may be called is said by {plan.models ? `your plan (${count(plan.models.length)} names or families), ` : ""}<a href="/dashboard/settings/models">your organisation</a> and each key.</p>
      </Card>
      <Card title="Providers" note="What their published terms say of requests by API, or whoever runs this gateway has agreed with them. An agreement does not hold for keys of your own." flush>
        <Table caption="Providers and data" rows={providersOf(visit)} columns={[
          { label: "Provider", cell: ({ name, source }) => (source ? <a href={source} rel="noreferrer">{name}</a> : name) },
          { label: "Trains on requests", cell: ({ trains }) => <Answer known={trains} /> },
          { label: "Retains requests", cell: ({ retains }) => <Answer known={retains} /> },
        ]} />
      </Card>
      <RetentionCard visit={visit} retention={retention} from={told.kept} />
    </>,
  });
}

export const settingsGuardrails = [
  member("see_limits", "GET", path, (visit) => page(visit)),
  member("change_limits", "POST", path, async (visit) => {
    const form = await readForm(visit, schema);
    if (!form.ok) return page(visit, { typed: form });
    const { noTraining, zeroRetention, prompt, completion } = form.data;
    const maxPrice = { ...(prompt !== undefined && { prompt }), ...(completion !== undefined && { completion }) };
    const rules: HouseRules = { ...(noTraining && { noTraining }), ...(zeroRetention && { zeroRetention }), ...(Object.keys(maxPrice).length > 0 && { maxPrice }) };
    const { standings } = await putRules(visit.env.DB, visit.by, visit.membership.organisationId, rules);
    await adopt(visit.env, standings);
    return go(visit, path, "The rules hold from the next request on.");
  }),

  member("change_organisation", "POST", "/settings/retention", async (visit) => {
    const form = await readForm(visit, retentionFormSchema);
    if (!form.ok) return page(visit, { kept: form, status: 422 });
    const { env, by, membership: { organisationId } } = visit;
    const read = retentionSchema.omit({ bodyDays: true }).safeParse(form.data);
    if (!read.success) return page(visit, { kept: { values: form.values, errors: Object.fromEntries(read.error.issues.map(({ path: [name], message }) => [String(name), message])) }, status: 422 });
    await adopt(env, await putRetention(env.DB, by, organisationId, read.data));
    return go(visit, path, "Saved. It holds for what is made from now on.");
  }),
];

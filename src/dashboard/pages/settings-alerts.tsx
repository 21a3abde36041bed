/** Who hears that a budget has come to a share of its amount, and what was told. */
import * as z from "zod";
import { alertSecret, alertTargetsOf, putAlertTargets, rotateAlertSecret } from "../../accounts/alert-targets.ts";
import { roles } from "../../accounts/members.ts";
import { tryOut, type Alert } from "../../alerts/index.ts";
import { listAlerts } from "../../ledger/index.ts";
import { adopt, unreachable } from "../../pipeline/index.ts";
import { percents, sharesField } from "../budget-form.ts";
import { Check, TextField } from "../components/field.tsx";
import { Badge, Card, Code, EmptyState, Notice, Submit, Table } from "../components/parts.tsx";
import { count, exactly, moment } from "../figures.ts";
import { readForm } from "../form.ts";
import { canMail } from "../../mail.ts";
import { showSettings, type Told } from "../settings.tsx";
import { go, member, type MemberVisit } from "../visit.ts";

const path = "/settings/alerts";
const shownAlerts = 20;

const ticked = z.literal("on").optional().transform((value) => value === "on");
const schema = z.object({ ...Object.fromEntries(roles.map((role) => [`to_${role}`, ticked])), url: z.string().trim().max(2_000, "At most 2000 characters.").default(""), keyShares: sharesField });

const versionSchema = z.object({ version: z.coerce.number().int() });

const amountIn = ({ unit }: Alert, amount: number): string => (unit === "tokens" ? `${count(amount)} tokens` : exactly(amount));

async function page(visit: MemberVisit, told: Told & { secret?: string } = {}): Promise<Response> {
  const { env, isolate, membership: { organisationId } } = visit;
  const [targets, alerts] = await Promise.all([alertTargetsOf(env.DB, organisationId), listAlerts<Alert>(env.DB, organisationId, shownAlerts)]);
  const stored = { values: { url: targets.webhookUrl ?? "", keyShares: percents(targets.keyShares), ...Object.fromEntries(targets.roles.map((role) => [`to_${role}`, "on"])) } };
  const { secret, ...rest } = told;
  return showSettings(visit, {
    ...rest, path, title: "Alerts", lead: "Told once, when a share of a budget or of your credits is spent. Figures only: nothing of what was asked or answered.",
    body: <>
      {secret !== undefined && <Card title="The webhook's secret" note="Copy it now: it is shown this once. A secret that was there before signs beside it for a day.">
        <Code text={secret} label="Webhook secret" id="secret" />
      </Card>}
      <Card title="Who is told">
        <form method="post" action={`/dashboard${path}`} class="form">
          {!canMail(env, isolate.settings) && <Notice tone="warn">This gateway cannot send e-mail yet. A webhook works all the same.</Notice>}
          <fieldset class="fields"><legend>By e-mail</legend><div class="fields-grid">{roles.map((role) => <Check name={`to_${role}`} label={`${role.charAt(0).toUpperCase()}${role.slice(1)}s`.replace("Billings", "Billing")} from={told.typed ?? stored} />)}</div></fieldset>
          <TextField name="url" label="Webhook" from={told.typed ?? stored} required={false} maxlength={2_000} placeholder="https://example.com/forge-alerts" hint="An https address of yours. It is called until it answers with 2xx, at most eight times in nine hours." />
          <TextField name="keyShares" label="Limits of single keys, percent" from={told.typed ?? stored} required={false} maxlength={100} inputmode="decimal" placeholder="80, 95" hint="At which shares of a key's own budget, of money or tokens, you are told. Empty: never. Budgets that keys share have shares of their own." />
          <div><Submit>Save</Submit></div>
        </form>
      </Card>
      <Card title="Signature" note={<>Each call carries <code>X-Forge-Signature: t=…,v1=…</code>, where v1 is the HMAC-SHA256 of <code>{"<t>,<body>"}</code> in hex, by the whole text of the secret; and <code>X-Forge-Idempotency-Key</code>, the same for every try.</>}>
        <div class="row">
          <form method="post" action={`/dashboard${path}/secret`}><input type="hidden" name="version" value={targets.secretVersion} /><Submit look="secondary" icon="key">{targets.rotatedAtMs === null ? "Make the secret" : "Replace the secret"}</Submit></form>
          {targets.webhookUrl !== null && <form method="post" action={`/dashboard${path}/test`}><Submit look="secondary" icon="play">Send a test</Submit></form>}
        </div>
      </Card>
      <Card title="Alerts" note="The newest" flush>
        {alerts.length === 0
          ? <EmptyState icon="check" title="Nothing to tell so far">No budget has come to one of its shares.</EmptyState>
          : <Table caption="Alerts, newest first" rows={alerts} columns={[
            { label: "When", cell: ({ atMs }) => moment(atMs) },
            { label: "Budget", cell: ({ name }) => name },
            { label: "Share", cell: ({ share }) => <Badge tone={share >= 1 ? "bad" : "warn"}>{Math.round(share * 1000) / 10} %</Badge> },
            { label: "Spent", cell: (alert) => `${amountIn(alert, alert.spent)} of ${amountIn(alert, alert.limit)}` },
          ]} />}
      </Card>
    </>,
  });
}

export const settingsAlerts = [
  member("change_limits", "GET", path, (visit) => page(visit)),

  member("change_limits", "POST", path, async (visit) => {
    const form = await readForm(visit, schema);
    if (!form.ok) return page(visit, { typed: form });
    const { url, keyShares, ...ticks } = form.data;
    const parsed = url === "" ? null : URL.parse(url);
    const wrong = url !== "" && (parsed ? unreachable(parsed, visit.isolate.settings.ALLOW_PRIVATE_UPSTREAMS) : "is no address");
    if (wrong) return page(visit, { typed: { values: form.values, errors: { url: `The address ${wrong}.` } } });
    const told = roles.filter((role) => (ticks as Record<string, boolean>)[`to_${role}`]);
    const shares = [...new Set(keyShares)].sort((a, b) => a - b);
    await adopt(visit.env, await putAlertTargets(visit.env.DB, visit.by, visit.membership.organisationId, { roles: told, webhookUrl: parsed?.href ?? null, keyShares: shares }));
    return go(visit, path, "Saved.");
  }),

  member("change_limits", "POST", `${path}/secret`, async (visit) => {
    const { env, isolate, by, membership: { organisationId } } = visit;
    const form = await readForm(visit, versionSchema);
    // A form knows the secret that it replaces: sent again, it replaces no other.
    if (!form.ok || !(await rotateAlertSecret(env.DB, by, organisationId, form.data.version))) return go(visit, path, "The secret has been replaced meanwhile, and was shown then.");
    const { secretVersion } = await alertTargetsOf(env.DB, organisationId);
    return page(visit, { secret: await alertSecret(isolate.masters.current, organisationId, secretVersion) });
  }),

  member("change_limits", "POST", `${path}/test`, async (visit) => {
    const heard = await tryOut(visit.env, visit.membership.organisationId, visit.nowMs);
    return heard ? go(visit, path, "The webhook has heard it.") : page(visit, { problem: "The webhook did not answer with 2xx within eight seconds.", status: 422 });
  }),
];

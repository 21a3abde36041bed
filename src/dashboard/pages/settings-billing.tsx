/** Plan, credits and how to buy more. */
import * as z from "zod";
import { getOrganisation, noSuchOrganisation } from "../../accounts/organisations.ts";
import { agreementOf } from "../../accounts/organisation-budgets.ts";
import { keepStripeCustomer, stripeCustomerOf } from "../../accounts/stripe-customer.ts";
import type { Limits } from "../../accounts/policy.ts";
import type { AccountStanding, CreditEntry } from "../../limits/index.ts";
import { customerOf, openCheckout, openPortal, stripeOf } from "../../payments/index.ts";
import { TextField } from "../components/field.tsx";
import { Badge, Card, EmptyState, Stat, Stats, Submit, Table } from "../components/parts.tsx";
import { count, dayOfYear, exactly, money } from "../figures.ts";
import { readForm } from "../form.ts";
import { may } from "../rights.ts";
import { attempt, showSettings, type Told } from "../settings.tsx";
import { go, member, type MemberVisit } from "../visit.ts";

const path = "/settings/billing";
const shownEntries = 50;
const cents = z.string("Fill this in.").trim().regex(/^\$?\d{1,6}(\.\d{1,2})?$/, "An amount in US dollars, such as 25 or 12.50.").transform((text) => {
  const [whole, part = ""] = text.replace("$", "").split(".");
  return Number(whole) * 100 + Number(part.padEnd(2, "0"));
}).pipe(z.number().min(50, "At least $0.50.").max(99_999_999));
/** `once`: made with the page, so that a form that is sent twice opens one checkout. */
const schema = z.object({ amount: cents, once: z.uuid() });

const entryNames: Record<CreditEntry["kind"], string> = { grant: "Granted", top_up: "Bought", refund: "Refunded", adjustment: "Adjusted", expire: "Expired", chargeback: "Charged back" };

const limitNames: readonly (readonly [keyof Limits, (amount: number) => string])[] = [
  ["requestsPerMinute", (n) => `${count(n)} requests a minute for each key`], ["tokensPerMinute", (n) => `${count(n)} tokens a minute for each key`],
  ["concurrentRequests", (n) => `${count(n)} requests at once for each key`], ["monthlyTokens", (n) => `${count(n)} tokens a month for each key`],
  ["monthlyNanoUsd", (n) => `${money(n / 1e9)} a month for each key`], ["budgetNanoUsd", (n) => `${money(n / 1e9)} in all for each key`],
];

const sellsHere = ({ isolate: { settings } }: MemberVisit): boolean => settings.STRIPE_SECRET_KEY !== "";

/** Stripe, and the customer that the visitor's organisation is there. */
async function payerOf({ env, isolate: { settings }, by, membership: { organisationId } }: MemberVisit): Promise<{ stripe: Awaited<ReturnType<typeof stripeOf>>; customer: string }> {
  const stripe = await stripeOf({ secretKey: settings.STRIPE_SECRET_KEY, webhookSecret: settings.STRIPE_WEBHOOK_SECRET });
  const known = await stripeCustomerOf(env.DB, organisationId);
  return { stripe, customer: await customerOf(stripe, organisationId, { known, keep: (id, instead) => keepStripeCustomer(env.DB, by, organisationId, id, instead) }) };
}

async function page(visit: MemberVisit, told: Told = {}): Promise<Response> {
  const { env, membership: { organisationId, role }, nowMs } = visit;
  const [organisation, agreement, standing] = await Promise.all([
    getOrganisation(env.DB, organisationId), agreementOf(env.DB, organisationId), env.ORG_ACCOUNT.getByName(organisationId).standing(nowMs) as Promise<unknown> as Promise<AccountStanding>,
  ]);
  if (!organisation) throw noSuchOrganisation(organisationId);
  const { plan, prepaid, paidUntilMs } = agreement;
  const { credit: { spent, held, free }, creditEntries } = standing;
  const sells = sellsHere(visit);
  const grants = [
    ...limitNames.flatMap(([name, words]) => (plan.limits[name] === undefined ? [] : [words(plan.limits[name])])),
    ...(plan.joint.monthlyTokens === undefined ? [] : [`${count(plan.joint.monthlyTokens)} tokens a month for all keys together`]),
    ...(plan.joint.monthlyNanoUsd === undefined ? [] : [`${money(plan.joint.monthlyNanoUsd / 1e9)} a month for all keys together`]),
    plan.models === undefined ? "every model" : `${count(plan.models.length)} models or families of models: ${plan.models.slice(0, 8).join(", ")}${plan.models.length > 8 ? ", …" : ""}`,
    plan.sovereign ? "sovereign requests" : "no sovereign requests",
  ];
  return showSettings(visit, {
    ...told, path, title: "Billing", lead: "What your plan grants, and what is left of your credits.",
    body: <>
      {(prepaid || creditEntries.length > 0) && <Stats>
        <Stat label="Credits left" value={money(free / 1e9)} note={held > 0 ? `and ${money(held / 1e9)} set aside for keys at work` : "to be spent"} />
        <Stat label="Spent of credits" value={money(spent / 1e9)} note="so far" />
        <Stat label="Subscription" value={paidUntilMs === undefined ? "open" : dayOfYear(paidUntilMs)} note={paidUntilMs === undefined ? "without an end" : paidUntilMs <= nowMs ? "has ended: requests are refused" : "is its end"} />
      </Stats>}
      <Card title={`Plan: ${organisation.plan}`} note="Another plan is given by whoever runs this gateway." action={<Badge tone={prepaid ? "accent" : "neutral"}>{prepaid ? "paid in advance" : "not paid in advance"}</Badge>}>
        <ul class="facts">{grants.map((grant) => <li>{grant}</li>)}</ul>
      </Card>
      <Card title="Credits" note={prepaid ? "Requests spend them, and are refused once they are gone." : "This organisation does not pay in advance: requests do not need credits."}>
        {sells && may(role, "change_money") && <form method="post" action={`/dashboard${path}/checkout`} class="form line">
          <input type="hidden" name="once" value={crypto.randomUUID()} />
          <TextField name="amount" label="Amount in US dollars" from={told.typed} value="25" maxlength={10} inputmode="decimal" hint="Paid at Stripe. The credits are here once Stripe says that they are paid." />
          <Submit icon="money">Buy credits</Submit>
        </form>}
        {sells && may(role, "change_money") && <form method="post" action={`/dashboard${path}/portal`} class="row"><Submit look="secondary" icon="money">Cards and billing details</Submit><p class="note">At Stripe: saved cards, addresses, and invoices where there are any.</p></form>}
        {sells && !may(role, "change_money") && <p class="note">An owner, or somebody with the role billing, can buy credits.</p>}
        {!sells && <p class="note">Credits are not sold here: whoever runs this gateway adds them.</p>}
      </Card>
      <Card title="Movements" note={creditEntries.length > shownEntries ? `The newest ${shownEntries}` : undefined} flush>
        {creditEntries.length === 0
          ? <EmptyState icon="money" title="No movement yet">Credits that come and go stand here.</EmptyState>
          : <Table caption="Credit movements, newest first" rows={creditEntries.slice(0, shownEntries)} columns={[
            { label: "Day", cell: ({ atMs }) => dayOfYear(atMs) },
            { label: "What", cell: ({ kind }) => <Badge tone={kind === "grant" || kind === "top_up" ? "good" : "neutral"}>{entryNames[kind]}</Badge> },
            { label: "Why", cell: ({ reason }) => reason },
            { label: "Expires", cell: ({ expiresAtMs }) => (expiresAtMs === null ? "never" : dayOfYear(expiresAtMs)) },
            { label: "Amount", cell: ({ nanoUsd }) => exactly(nanoUsd), numeric: true },
          ]} />}
      </Card>
    </>,
  });
}

export const settingsBilling = [
  member("see_money", "GET", path, (visit) =>
    (visit.c.req.query("paid") === "yes" ? go(visit, path, "Thank you. Your credits are here as soon as Stripe has told us.") : page(visit))),

  member("change_money", "POST", `${path}/checkout`, async (visit) => {
    if (!sellsHere(visit)) return page(visit, { problem: "Credits are not sold here.", status: 404 });
    const form = await readForm(visit, schema);
    if (!form.ok) return page(visit, { typed: form });
    const here = `${visit.origin}/dashboard${path}`;
    const { amount, once } = form.data;
    return attempt(async () => {
      const { stripe, customer } = await payerOf(visit);
      const wish = { organisation: visit.membership.organisationId, customer, cents: amount, successUrl: `${here}?paid=yes`, cancelUrl: here, idempotencyKey: once };
      const { url } = await openCheckout(stripe, wish);
      return visit.c.redirect(url, 303);
    }, (told) => page(visit, told));
  }),

  member("change_money", "POST", `${path}/portal`, async (visit) => {
    if (!sellsHere(visit)) return page(visit, { problem: "There is no Stripe here.", status: 404 });
    return attempt(async () => {
      const { stripe, customer } = await payerOf(visit);
      return visit.c.redirect(await openPortal(stripe, customer, `${visit.origin}/dashboard${path}`), 303);
    }, (told) => page(visit, told));
  }),
];

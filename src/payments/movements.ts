/**
 * What an event of Stripe's means for somebody's credits. Every entry is named after the payment, refund or dispute that it tells of and
 * says all that is known of it, so events may come twice, late, or in any order: https://docs.stripe.com/webhooks#event-ordering
 */
import type { CreditEntry } from "../limits/index.ts";
import { ownerField } from "./checkout.ts";
import { chargeSchema, checked, disputeSchema, refundSchema, sessionSchema, type Event } from "./event.ts";
import { asked, isMissing, type StripeKeys } from "./stripe.ts";
import type { Stripe } from "./surface.ts";

/** Entries for an organisation; or why there are none: `isLost`, because money moved that somebody must look after. */
export type Movement = { organisation: string; entries: CreditEntry[] } | { ignored: string; isLost: boolean };

type Reading = (object: unknown, atMs: number, stripe: Stripe) => Movement | Promise<Movement>;

const nanoUsdPerCent = 10_000_000;
const mostRefunds = 1_000;

const fine = (ignored: string): Movement => ({ ignored, isLost: false });
const lost = (ignored: string): Movement => ({ ignored, isLost: true });
const notOurs = fine("It is not about credits sold here.");

const entry = (kind: CreditEntry["kind"], id: string, cents: number, reason: string, atMs: number): CreditEntry =>
  ({ id: `stripe.${id}`, atMs, kind, nanoUsd: cents * nanoUsdPerCent, reason, expiresAtMs: null });

/** A sale is posted by its payment, once that is made: at once for a card, days later for a bank debit. */
const session: Reading = (object, atMs) => {
  const { id, mode, payment_status, amount_total, currency, client_reference_id, metadata, payment_intent } = checked(sessionSchema, object);
  const organisation = metadata[ownerField];
  if (mode !== "payment" || organisation === undefined || client_reference_id !== organisation) return notOurs;
  if (payment_status !== "paid" || !amount_total) return fine("It is not paid.");
  if (currency !== "usd") return lost(`It is paid in ${currency}.`);
  return { organisation, entries: [entry("top_up", payment_intent ?? id, amount_total, `Stripe Checkout ${id}`, atMs)] };
};

type Refund = ReturnType<typeof checked<typeof refundSchema>>;
const undone = new Set<string | null>(["failed", "canceled"]);

/** Credits go when a refund begins, so that nobody spends them meanwhile, and come back if it fails. */
function entriesOf({ id, amount, status }: Refund, payment: string, atMs: number): CreditEntry[] {
  const taken = entry("refund", id, -amount, `Stripe refund of ${payment}`, atMs);
  return undone.has(status) ? [taken, entry("refund", `${id}.undone`, amount, `Stripe refund ${id} was not carried out`, atMs)] : [taken];
}

/** The refunds of a payment, or of none of ours; `list` is asked only for one of ours. */
async function refunds(stripe: Stripe, payment: string | undefined, atMs: number, list: (payment: string) => Promise<Refund[]>): Promise<Movement> {
  const organisation = await ownerOf(stripe, payment);
  if (payment === undefined || organisation === undefined) return notOurs;
  const all = await list(payment);
  const foreign = all.find(({ currency }) => currency !== "usd");
  return foreign ? lost(`It is refunded in ${foreign.currency}.`) : { organisation, entries: all.flatMap((one) => entriesOf(one, payment, atMs)) };
}

const refund: Reading = (object, atMs, stripe) => {
  const one = checked(refundSchema, object);
  return refunds(stripe, one.payment_intent, atMs, async () => [one]);
};

/** A charge tells the sum of its refunds only; each is asked for, so that both kinds of events post the same entries. */
const charge: Reading = (object, atMs, stripe) =>
  refunds(stripe, checked(chargeSchema, object).payment_intent, atMs, async (payment) => {
    const list = await asked(stripe.refunds.list({ payment_intent: payment, limit: 100 }).autoPagingToArray({ limit: mostRefunds }));
    return list.map((one) => checked(refundSchema, one));
  });

/** Money leaves with a dispute and comes back when it is won. A mere inquiry (`warning_…`), or one that was prevented, moves none. */
const dispute: Reading = async (object, atMs, stripe) => {
  const { id, amount, currency, status, payment_intent } = checked(disputeSchema, object);
  if (status.startsWith("warning_") || status === "prevented") return fine("No money has left.");
  const organisation = await ownerOf(stripe, payment_intent);
  if (organisation === undefined) return notOurs;
  if (currency !== "usd") return lost(`It is disputed in ${currency}.`);
  const taken = entry("chargeback", id, -amount, `Stripe dispute of ${payment_intent}`, atMs);
  return { organisation, entries: status === "won" ? [taken, entry("chargeback", `${id}.won`, amount, `Stripe dispute ${id} was won`, atMs)] : [taken] };
};

const readings: Record<string, Reading> = {
  "checkout.session.completed": session,
  "checkout.session.async_payment_succeeded": session,
  "charge.refunded": charge,
  "charge.refund.updated": refund,
  "refund.created": refund,
  "refund.updated": refund,
  "refund.failed": refund,
  "charge.dispute.created": dispute,
  "charge.dispute.updated": dispute,
  "charge.dispute.funds_withdrawn": dispute,
  "charge.dispute.funds_reinstated": dispute,
  "charge.dispute.closed": dispute,
};

/** Whose credits a payment bought, asked of Stripe: refunds and disputes do not say, and may come before the sale itself. */
async function ownerOf(stripe: Stripe, paymentIntent: string | undefined): Promise<string | undefined> {
  if (paymentIntent === undefined) return undefined;
  const found = await asked(stripe.paymentIntents.retrieve(paymentIntent).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  }));
  return found?.metadata[ownerField];
}

/** What follows from an event. Throws when Stripe must be asked and does not answer. */
export async function movementOf(stripe: Stripe, { secretKey }: StripeKeys, { type, created, livemode, account, data }: Event): Promise<Movement> {
  const reading = Object.hasOwn(readings, type) ? readings[type] : undefined;
  if (!reading) return fine("Nothing here follows from such events.");
  if (account !== undefined) return fine("It is about another account's money.");
  if (livemode !== secretKey.includes("_live_")) return lost("It is from the other mode (test or live) than STRIPE_SECRET_KEY.");
  return reading(data.object, created * 1000, stripe);
}

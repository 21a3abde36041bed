/** The customer that an organisation is at Stripe: who is shown what was paid, and whose cards those are that were saved. */
import { GatewayError } from "../errors.ts";
import { ownerField } from "./checkout.ts";
import { asked, isMissing } from "./stripe.ts";
import type { Stripe } from "./surface.ts";

/** What is known of it elsewhere, and how it is written down in the place of what was known: the answer is the one that is, whoever was faster. */
export type Customers = { known: string | undefined; keep: (customer: string, instead: string | undefined) => Promise<string> };

/** Whether Stripe has this customer: not one of its other mode (test or live), or of another account, or one that was deleted. */
const isThere = (stripe: Stripe, customer: string): Promise<boolean> =>
  asked(stripe.customers.retrieve(customer).then(({ deleted }) => deleted !== true, (error: unknown) => {
    if (isMissing(error)) return false;
    throw error;
  }));

/** The organisation's customer, made where there is none. Two that ask at once make one: the name under which they ask Stripe is the same. */
export async function customerOf(stripe: Stripe, organisation: string, { known, keep }: Customers): Promise<string> {
  if (known !== undefined && (await isThere(stripe, known))) return known;
  const { id } = await asked(stripe.customers.create({ metadata: { [ownerField]: organisation } }, { idempotencyKey: `customer/${organisation}${known === undefined ? "" : `/${known}`}` }));
  return keep(id, known);
}

/** A page of Stripe's on which a customer sees to cards, addresses and invoices (https://docs.stripe.com/api/customer_portal/sessions/create). */
export async function openPortal(stripe: Stripe, customer: string, returnUrl: string): Promise<string> {
  const { url } = await asked(stripe.billingPortal.sessions.create({ customer, return_url: returnUrl }));
  if (!url) throw new GatewayError("upstream_error", "Stripe opened its portal without a page.");
  return url;
}

/** A page of Stripe's on which somebody pays for an organisation's credits. */
import { GatewayError } from "../errors.ts";
import { asked } from "./stripe.ts";
import type { Stripe } from "./surface.ts";

/** The payment's own word for whose it is. Only this gateway writes it: what a payer can choose (`client_reference_id` of a payment link) proves nothing. */
export const ownerField = "forge_organisation";

/** `idempotencyKey`: the caller's name for this checkout; the same again opens no second one. */
export type Wish = { organisation: string; customer: string; cents: number; successUrl: string; cancelUrl: string; idempotencyKey: string | undefined };

/**
 * Opens a Checkout Session (https://docs.stripe.com/api/checkout/sessions/create). Its payment carries the organisation too, because
 * refunds and disputes name only the payment; it stays in USD whatever the payer's country, so that a cent is ten million nano-USD.
 */
export async function openCheckout(stripe: Stripe, { organisation, customer, cents, successUrl, cancelUrl, idempotencyKey }: Wish): Promise<{ id: string; url: string; expiresAtMs: number }> {
  const metadata = { [ownerField]: organisation };
  const { id, url, expires_at } = await asked(stripe.checkout.sessions.create(
    {
      mode: "payment",
      customer,
      // Whoever pays says whether their card is kept for the next time.
      saved_payment_method_options: { payment_method_save: "enabled" },
      client_reference_id: organisation,
      metadata,
      payment_intent_data: { metadata },
      line_items: [{ quantity: 1, price_data: { currency: "usd", unit_amount: cents, product_data: { name: "Credits" } } }],
      adaptive_pricing: { enabled: false },
      success_url: successUrl,
      cancel_url: cancelUrl,
    },
    idempotencyKey === undefined ? {} : { idempotencyKey: `${organisation}/${idempotencyKey}` },
  ));
  if (!url) throw new GatewayError("upstream_error", "Stripe opened a checkout without a page.");
  return { id, url, expiresAtMs: expires_at * 1000 };
}

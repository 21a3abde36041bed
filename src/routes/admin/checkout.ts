import { Hono, type Context } from "hono";
import * as z from "zod";
import { agreementOf } from "../../accounts/organisation-budgets.ts";
import { GatewayError } from "../../errors.ts";
import { keepStripeCustomer, stripeCustomerOf } from "../../accounts/stripe-customer.ts";
import { customerOf, openCheckout, openPortal, stripeOf, type StripeKeys } from "../../payments/index.ts";
import type { App } from "../context.ts";
import { stripeKeysOf } from "../stripe-keys.ts";
import { byAdmin } from "./adopt.ts";
import { readBody } from "./input.ts";
import { iso } from "./output.ts";

/** Where a payer's browser goes: https, or http on this machine. */
const pageSchema = z.string().max(2_000).refine((text) => {
  const url = URL.parse(text);
  return url?.protocol === "https:" || (url?.protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname));
}, "must be an https address, or http on localhost");

/** `amount`: cents, within what Stripe takes for one payment (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts). */
export const checkoutSchema = z.strictObject({
  amount: z.number().int().min(50).max(99_999_999),
  currency: z.literal("usd").default("usd"),
  successUrl: pageSchema,
  cancelUrl: pageSchema,
});

export const portalSchema = z.strictObject({ returnUrl: pageSchema });

/** Stripe, and the customer that the organisation is there. Throws `not_found` for none. */
async function payerOf(c: Context<App>, keys: StripeKeys): Promise<{ stripe: Awaited<ReturnType<typeof stripeOf>>; organisation: string; customer: string }> {
  const organisation = (c as Context).req.param("id")!;
  await agreementOf(c.env.DB, organisation);
  const stripe = await stripeOf(keys);
  const customer = await customerOf(stripe, organisation, { known: await stripeCustomerOf(c.env.DB, organisation), keep: (id, instead) => keepStripeCustomer(c.env.DB, byAdmin(), organisation, id, instead) });
  return { stripe, organisation, customer };
}

const keySchema = z.string().regex(/^[\x21-\x7e]{1,180}$/).optional();

/** Mounted below /organisations/:id: credits bought at Stripe, and where their payer sees to cards and invoices. They are posted when Stripe says that they are paid. */
export const checkout = new Hono<App>().post("/checkout", async (c) => {
  const keys = stripeKeysOf(c);
  const { amount: cents, successUrl, cancelUrl } = await readBody(c, checkoutSchema);
  const idempotencyKey = keySchema.safeParse(c.req.header("idempotency-key"));
  if (!idempotencyKey.success) throw new GatewayError("invalid_request", "Idempotency-Key: must be 1 to 180 printable ASCII characters without spaces", { param: "Idempotency-Key" });
  const { stripe, organisation, customer } = await payerOf(c, keys);
  const { id, url, expiresAtMs } = await openCheckout(stripe, { organisation, customer, cents, successUrl, cancelUrl, idempotencyKey: idempotencyKey.data });
  return c.json({ id, url, expiresAt: iso(expiresAtMs) }, 201);
}).post("/portal", async (c) => {
  const keys = stripeKeysOf(c);
  const { returnUrl } = await readBody(c, portalSchema);
  const { stripe, customer } = await payerOf(c, keys);
  return c.json({ url: await openPortal(stripe, customer, returnUrl) }, 201);
});

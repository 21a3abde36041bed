import { Hono, type Context } from "hono";
import * as z from "zod";
import { agreementOf } from "../../accounts/organisation-budgets.ts";
import { GatewayError } from "../../errors.ts";
import { openCheckout, stripeOf } from "../../payments/index.ts";
import type { App } from "../context.ts";
import { stripeKeysOf } from "../stripe-keys.ts";
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

const keySchema = z.string().regex(/^[\x21-\x7e]{1,180}$/).optional();

/** Mounted below /organisations/:id: credits bought at Stripe. They are posted when Stripe says that they are paid. */
export const checkout = new Hono<App>().post("/checkout", async (c) => {
  const keys = stripeKeysOf(c);
  const { amount: cents, successUrl, cancelUrl } = await readBody(c, checkoutSchema);
  const idempotencyKey = keySchema.safeParse(c.req.header("idempotency-key"));
  if (!idempotencyKey.success) throw new GatewayError("invalid_request", "Idempotency-Key: must be 1 to 180 printable ASCII characters without spaces", { param: "Idempotency-Key" });
  const organisation = (c as Context).req.param("id")!;
  await agreementOf(c.env.DB, organisation);
  const { id, url, expiresAtMs } = await openCheckout(await stripeOf(keys), { organisation, cents, successUrl, cancelUrl, idempotencyKey: idempotencyKey.data });
  return c.json({ id, url, expiresAt: iso(expiresAtMs) }, 201);
});

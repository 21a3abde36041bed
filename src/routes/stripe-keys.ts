import type { Context } from "hono";
import { GatewayError } from "../errors.ts";
import type { StripeKeys } from "../payments/index.ts";
import { isolateOf } from "../pipeline/index.ts";
import type { App } from "./context.ts";

/** What opens Stripe. Throws `not_found` where the gateway has none: then its routes are not there either. */
export function stripeKeysOf(c: Context<App>): StripeKeys {
  const { STRIPE_SECRET_KEY: secretKey, STRIPE_WEBHOOK_SECRET: webhookSecret } = isolateOf(c.env).settings;
  if (secretKey === "" || webhookSecret === "") throw new GatewayError("not_found", "There is no Stripe here. Set STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET to sell credits.", { shouldRetry: false });
  return { secretKey, webhookSecret };
}

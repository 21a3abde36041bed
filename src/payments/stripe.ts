/** Stripe's own package, loaded by the first that asks for it: requests to models never wait for it. It calls api.stripe.com by itself. */
import { GatewayError } from "../errors.ts";
import { redact } from "../telemetry/log.ts";
import type { Stripe, StripePackage } from "./surface.ts";

export type StripeKeys = { secretKey: string; webhookSecret: string };

const timeoutMs = 10_000;

export async function stripeOf({ secretKey }: StripeKeys): Promise<Stripe> {
  const { Stripe } = (await import("stripe" as string)) as StripePackage;
  return new Stripe(secretKey, { timeout: timeoutMs, maxNetworkRetries: 2, telemetry: false });
}

type Failure = { type?: unknown; statusCode?: unknown; message?: unknown };

/** What a failed call to Stripe means here, by the package's name for it. */
const meanings: Record<string, (message: string) => GatewayError> = {
  StripeInvalidRequestError: (message) => new GatewayError("invalid_request", `Stripe: ${redact(message).slice(0, 300)}`),
  StripeIdempotencyError: () => new GatewayError("idempotency_conflict", "This Idempotency-Key was used with other parameters. Send a new one.", { param: "Idempotency-Key", shouldRetry: false }),
  StripeAuthenticationError: () => new GatewayError("upstream_error", "Stripe does not know STRIPE_SECRET_KEY.", { shouldRetry: false }),
  StripePermissionError: () => new GatewayError("upstream_error", "STRIPE_SECRET_KEY may not do this: it needs to write Customers, Checkout Sessions and Customer portal, and to read PaymentIntents and Refunds.", { shouldRetry: false }),
};

/** The answer of a call to Stripe. Throws what its failure means here. */
export async function asked<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    const { type, message } = error as Failure;
    throw meanings[String(type)]?.(String(message)) ?? new GatewayError("upstream_error", "Stripe cannot be reached or did not answer as it should.", { retryAfterSeconds: 5 });
  }
}

/** Whether Stripe says that there is no such thing. */
export const isMissing = (error: unknown): boolean => (error as Failure).statusCode === 404;

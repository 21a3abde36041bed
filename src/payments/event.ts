/** What Stripe sends, checked: first that it is Stripe's, then the few fields that are read of it. */
import * as z from "zod";
import { GatewayError } from "../errors.ts";
import type { StripeKeys } from "./stripe.ts";
import type { Stripe } from "./surface.ts";

/** How old a signature may be, seconds: a delivery that somebody recorded opens nothing later. Stripe signs each attempt anew. */
const toleranceSeconds = 300;

const text = z.string().min(1);
const cents = z.number().int().nonnegative();
/** An id, or the object that stands in its place when somebody asked for it. */
const reference = z.union([text, z.object({ id: text }).transform(({ id }) => id)]).nullish().transform((id) => id ?? undefined);
const metadata = z.record(z.string(), z.string()).nullish().transform((fields) => fields ?? {});

export const sessionSchema = z.object({
  id: text, mode: text, payment_status: text, amount_total: cents.nullable(), currency: text.nullable(), client_reference_id: text.nullable(), metadata, payment_intent: reference,
});
export const chargeSchema = z.object({ payment_intent: reference });
export const refundSchema = z.object({ id: text, amount: cents, currency: text, status: text.nullable(), payment_intent: reference });
export const disputeSchema = z.object({ id: text, amount: cents, currency: text, status: text, payment_intent: reference });

const eventSchema = z.object({ id: text, type: text, created: z.number().int(), livemode: z.boolean(), account: text.optional(), data: z.object({ object: z.unknown() }) });
export type Event = z.infer<typeof eventSchema>;

/** The event in a delivery. Throws `invalid_request` unless Stripe has just signed exactly this text with this endpoint's secret. */
export async function readEvent(stripe: Stripe, { webhookSecret }: StripeKeys, body: string, signature: string): Promise<Event> {
  let event: unknown;
  try {
    event = await stripe.webhooks.constructEventAsync(body, signature, webhookSecret, toleranceSeconds);
  } catch {
    throw new GatewayError("invalid_request", "The signature is not Stripe's for this body and this endpoint, or older than five minutes.", { param: "Stripe-Signature" });
  }
  return checked(eventSchema, event);
}

/** What is read of Stripe's object. Throws `invalid_request`: Stripe then shows the delivery as failed and sends it again, for three days. */
export function checked<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  throw new GatewayError("invalid_request", `This event cannot be read. ${path.join(".")}: ${message}`);
}

/** Stripe on a stage: events as it sends them, signed by its own package, and what it answers when it is asked. */
import { env } from "cloudflare:workers";
import { admin, outside, send, type Json, type Left } from "../security/stage.ts";

export const webhookSecret = (env as unknown as Record<string, string>).STRIPE_WEBHOOK_SECRET!;
const { Stripe } = (await import("stripe" as string)) as { Stripe: new (key: string) => { webhooks: { generateTestHeaderStringAsync(options: object): Promise<string> } } };
const { webhooks } = new Stripe("sk_test_x");

let made = 0;
/** An id of its own, as Stripe's look. */
export const idOf = (prefix: string): string => `${prefix}_test${(made += 1)}${crypto.randomUUID().slice(0, 8)}`;

export const event = (type: string, object: Json, over: Json = {}): Json =>
  ({ id: idOf("evt"), object: "event", api_version: "2026-10-28.endive", type, created: 1_790_000_000, livemode: false, pending_webhooks: 1, request: null, data: { object }, ...over });

/** A sale of `cents` to an organisation, as its Checkout Session tells it. */
export const sale = (organisation: string, cents: number, over: Json = {}): Json => ({
  id: idOf("cs"), object: "checkout.session", mode: "payment", payment_status: "paid", status: "complete", amount_subtotal: cents, amount_total: cents, currency: "usd",
  client_reference_id: organisation, metadata: { forge_organisation: organisation }, payment_intent: idOf("pi"), ...over,
});
export const refund = (payment: string, cents: number, over: Json = {}): Json =>
  ({ id: idOf("re"), object: "refund", amount: cents, currency: "usd", status: "succeeded", charge: idOf("ch"), payment_intent: payment, metadata: {}, reason: null, ...over });
export const charge = (payment: string, cents: number, over: Json = {}): Json =>
  ({ id: idOf("ch"), object: "charge", amount: cents, amount_refunded: cents, refunded: true, currency: "usd", payment_intent: payment, metadata: {}, ...over });
export const dispute = (payment: string, cents: number, status: string, over: Json = {}): Json =>
  ({ id: idOf("dp"), object: "dispute", amount: cents, currency: "usd", status, reason: "fraudulent", charge: idOf("ch"), payment_intent: payment, metadata: {}, ...over });

export const signed = (payload: string, over: Json = {}): Promise<string> =>
  webhooks.generateTestHeaderStringAsync({ payload, secret: webhookSecret, timestamp: Math.floor(Date.now() / 1000), ...over });

/** Delivers it once, as Stripe would. */
export async function deliver(one: Json): Promise<{ status: number; json: Json }> {
  const body = JSON.stringify(one, null, 2);
  const response = await send("/stripe/webhook", { method: "POST", headers: { "content-type": "application/json; charset=utf-8", "stripe-signature": await signed(body) }, body });
  return { status: response.status, json: await response.json() };
}

/** Delivers it twenty times at once, and again. */
export async function deliverOften(one: Json): Promise<void> {
  const answers = [...(await Promise.all(Array.from({ length: 20 }, () => deliver(one)))), await deliver(one)];
  for (const { status, json } of answers) if (status !== 200 || "ignored" in json) throw new Error(`${status} ${JSON.stringify(json)}`);
}

/** Stripe's API: payments by id with whose they are, and their refunds. Returns what left. */
export function playStripe(payments: Record<string, { organisation?: string; refunds?: Json[] }>): Left[] {
  const missing = (what: string) => Response.json({ error: { type: "invalid_request_error", code: "resource_missing", message: `No such ${what}` } }, { status: 404 });
  return outside(({ url }) => {
    const { host, pathname, searchParams } = new URL(url);
    if (host !== "api.stripe.com") return new Response(null, { status: 599 });
    const payment = pathname.split("/payment_intents/")[1];
    if (payment !== undefined) {
      const known = payments[payment];
      return known ? Response.json({ id: payment, object: "payment_intent", metadata: known.organisation === undefined ? {} : { forge_organisation: known.organisation } }) : missing("payment_intent");
    }
    const list = payments[searchParams.get("payment_intent") ?? ""]?.refunds ?? [];
    return pathname === "/v1/refunds" ? Response.json({ object: "list", url: "/v1/refunds", has_more: false, data: list }) : missing("page");
  });
}

/** Stripe's customers and its portal: what was asked under the same name is answered the same. Everything else is `otherwise`'s. Returns what left, and whom it has. */
export function playCustomers(otherwise: (left: Left) => Response | Promise<Response> = () => new Response(null, { status: 599 }), { remembers = true } = {}): { left: Left[]; customers: Map<string, Json> } {
  const customers = new Map<string, Json>();
  const named = new Map<string, Json>();
  const missing = (): Response => Response.json({ error: { type: "invalid_request_error", code: "resource_missing", param: "customer", message: "No such customer" } }, { status: 404 });
  const left = outside((one) => {
    const { pathname } = new URL(one.url);
    const fields = new URLSearchParams(one.body);
    if (pathname === "/v1/customers") {
      const name = one.headers.get("idempotency-key")!;
      const known = remembers ? named.get(name) : undefined;
      const customer = known ?? { id: idOf("cus"), object: "customer", metadata: { forge_organisation: fields.get("metadata[forge_organisation]") } };
      named.set(name, customer);
      customers.set(customer.id as string, customer);
      return Response.json(customer);
    }
    const asked = /^\/v1\/customers\/(\w+)$/.exec(pathname)?.[1];
    if (asked !== undefined) return customers.has(asked) ? Response.json(customers.get(asked)) : missing();
    if (pathname !== "/v1/billing_portal/sessions") return otherwise(one);
    const customer = fields.get("customer")!;
    return customers.has(customer) && !customers.get(customer)!.deleted
      ? Response.json({ id: idOf("bps"), object: "billing_portal.session", customer, return_url: fields.get("return_url"), url: `https://billing.stripe.com/p/session/${customer}` }) : missing();
  });
  return { left, customers };
}

export const credits = (organisation: string): Promise<Json> => admin("GET", `/organisations/${organisation}/credits`);

/** The ledger's lines, oldest name first: `kind cents`. */
export async function lines(organisation: string): Promise<string[]> {
  const { data } = await credits(organisation);
  return (data as Json[]).map(({ id, kind, nanoUsd }) => `${id} ${kind} ${nanoUsd / 10_000_000}`).sort();
}

export const newOrganisation = async (): Promise<string> => (await admin("POST", "/organisations", { name: "Payer" })).id as string;

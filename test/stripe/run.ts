/**
 * `npm run test:stripe`: the whole gateway against stripe-mock. What it sends is judged by Stripe's own description of its API; what the
 * mock cannot know because it keeps nothing (whose a payment is) is written into its answers on the way back.
 */
import Stripe from "stripe";
import { startLocal, type LocalGateway } from "../../scripts/local.ts";
import type { StripePackage } from "../../src/payments/surface.ts";
import { admin, createKey } from "../support/admin.ts";
import { prepared } from "../support/script.ts";
import { installMock, startMock, type Mock } from "./mock.ts";

/** The package does what is used of it, as its own types say. */
const checkedByTypes: StripePackage = { Stripe };

const webhookSecret = "whsec_of-a-test-run";
const { webhooks } = new Stripe("sk_test_run");
const sent: string[] = [];
let failures = 0;

function check(name: string, ok: boolean, detail: unknown = ""): void {
  if (!ok) failures += 1;
  console.log(`  ${ok ? "ok  " : "FAIL"} ${name}${ok || detail === "" ? "" : ` (${JSON.stringify(detail)})`}`);
}

type Json = Record<string, any>;

/** Passes a call to api.stripe.com on to the mock, and `owner` into what it answers. */
async function pass(mock: Mock, owner: string, request: Request): Promise<Response> {
  const { host, pathname, search } = new URL(request.url);
  if (host !== "api.stripe.com") return new Response(null, { status: 599 });
  const body = request.method === "GET" ? undefined : await request.text();
  const answer = await fetch(mock.origin + pathname + search, { method: request.method, headers: { ...Object.fromEntries(request.headers), host }, body });
  const json = (await answer.json()) as Json;
  sent.push(`${request.method} ${pathname} ${answer.status}`);
  if (pathname.startsWith("/v1/payment_intents/")) json.metadata = { forge_organisation: owner };
  if (pathname === "/v1/checkout/sessions" && answer.ok) json.url ??= "https://checkout.stripe.com/c/pay/of-the-mock";
  return Response.json(json, { status: answer.status });
}

async function deliver(url: string, type: string, object: Json): Promise<Json> {
  const payload = JSON.stringify({ id: "evt_run", object: "event", type, created: Math.floor(Date.now() / 1000), livemode: false, data: { object } });
  const signature = await webhooks.generateTestHeaderStringAsync({ payload, secret: webhookSecret });
  const response = await fetch(`${url}/stripe/webhook`, { method: "POST", headers: { "stripe-signature": signature, "content-type": "application/json" }, body: payload });
  return { status: response.status, ...((await response.json()) as Json) };
}

async function drive({ url }: LocalGateway, mock: Mock, payer: string): Promise<void> {
  await admin(url, "POST", "/organisations", { id: payer, name: "Payer" });
  const opened = await admin<Json>(url, "POST", `/organisations/${payer}/checkout`, { amount: 2_500, successUrl: "https://shop.example/ok", cancelUrl: "https://shop.example/" });
  check("a checkout is what Stripe's API takes", typeof opened.id === "string" && sent.at(-1) === "POST /v1/checkout/sessions 200", [opened, sent]);
  const seen = await admin<Json>(url, "POST", `/organisations/${payer}/portal`, { returnUrl: "https://shop.example/" });
  check("and so are its customer and its portal", typeof seen.url === "string" && ["POST /v1/customers 200", "POST /v1/billing_portal/sessions 200"].every((one) => sent.includes(one)), [seen, sent]);
  const wrong = await fetch(`${mock.origin}/v1/checkout/sessions`, { method: "POST", headers: { authorization: "Bearer sk_test_run" }, body: new URLSearchParams({ mode: "payment", adaptive: "1" }) });
  check("and it would not take just anything", wrong.status === 400, wrong.status);

  const refund = await deliver(url, "refund.created", { id: "re_run", amount: 100, currency: "usd", status: "succeeded", payment_intent: "pi_run" });
  check("a refund's payment can be asked for", refund.posted?.[0] === "stripe.re_run" && sent.at(-1) === "GET /v1/payment_intents/pi_run 200", [refund, sent]);
  const charge = await deliver(url, "charge.refunded", { id: "ch_run", payment_intent: "pi_run" });
  check("and so can the refunds of a charge, which are read as Stripe has them", charge.posted?.length > 0 && sent.at(-1) === "GET /v1/refunds 200", [charge, sent]);

  const api = new Stripe("sk_test_run", { host: "127.0.0.1", port: new URL(mock.origin).port, protocol: "http" });
  const disputed = { ...(await api.disputes.retrieve("dp_run")), payment_intent: "pi_run", status: "lost" };
  const dispute = await deliver(url, "charge.dispute.closed", disputed);
  check("a dispute as Stripe has it is read", dispute.posted?.[0] === `stripe.${disputed.id}`, dispute);
  const session = { ...(await api.checkout.sessions.retrieve("cs_run")), mode: "payment", payment_status: "paid", amount_total: 2_500, currency: "usd", client_reference_id: payer, metadata: { forge_organisation: payer } };
  const sale = await deliver(url, "checkout.session.completed", session);
  check("a session as Stripe has it is read", sale.posted?.length === 1, sale);
}

const { done } = prepared(installMock, 3 * 60_000);
const mock = await startMock();
const payer = "org_stripe_run";
const gateway = await startLocal({
  port: 0,
  vars: { ...createKey.secrets, STRIPE_SECRET_KEY: "sk_test_run", STRIPE_WEBHOOK_SECRET: webhookSecret },
  outbound: (request) => pass(mock, payer, request),
});
check("the package has what is used of it", typeof checkedByTypes.Stripe === "function");
await drive(gateway, mock, payer).finally(() => gateway.stop());
mock.stop();
done();
console.log(failures === 0 ? "\nAll well." : `\n${failures} failed.`);
process.exit(failures === 0 ? 0 : 1);

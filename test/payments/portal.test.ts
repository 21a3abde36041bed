/** An organisation's customer at Stripe: one, whoever asks and however often, and the way to its cards and invoices. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { keepStripeCustomer, stripeCustomerOf } from "../../src/accounts/stripe-customer.ts";
import { admin, call, expectRefusal, outside, type Json, type Left } from "../security/stage.ts";
import { newOrganisation, playCustomers } from "./stage.ts";

let payer: string;
beforeEach(async () => void (payer = await newOrganisation()));
afterEach(() => void vi.restoreAllMocks());

const session = (): Response => Response.json({ id: "cs_test_1", object: "checkout.session", url: "https://checkout.stripe.com/c/pay/cs_test_1", expires_at: 1_790_086_400 });
const portal = (organisation = payer, body: Json = { returnUrl: "https://shop.example/account" }): Promise<Response> => call(env.ADMIN_SECRET, "POST", `/admin/organisations/${organisation}/portal`, body);
const buy = (): Promise<Response> => call(env.ADMIN_SECRET, "POST", `/admin/organisations/${payer}/checkout`, { amount: 500, successUrl: "https://shop.example/", cancelUrl: "https://shop.example/" });
const told = (left: Left[]): string[] => left.map(({ url, body }) => `${new URL(url).pathname} ${new URLSearchParams(body).get("customer") ?? ""}`.trim());
const kept = (organisation = payer): Promise<string | undefined> => stripeCustomerOf(env.DB, organisation);
const events = async (): Promise<Json[]> => ((await admin("GET", `/audit?organisation=${payer}`)).data as Json[]).filter(({ action }) => action === "account.update").map(({ detail }) => detail);

test("the first that asks makes the customer, all others find it, and the page leads back", async () => {
  const { left, customers } = playCustomers(session);
  expect(await kept()).toBeUndefined();
  const response = await portal();
  const [customer] = [...customers.keys()] as [string];
  expect([response.status, await response.json()]).toEqual([201, { url: `https://billing.stripe.com/p/session/${customer}` }]);
  expect([await kept(), customers.get(customer)!.metadata]).toEqual([customer, { forge_organisation: payer }]);
  expect((await buy()).status).toBe(201);
  expect((await portal()).status).toBe(201);
  expect(told(left)).toEqual(["/v1/customers", `/v1/billing_portal/sessions ${customer}`, `/v1/customers/${customer}`, `/v1/checkout/sessions ${customer}`, `/v1/customers/${customer}`, `/v1/billing_portal/sessions ${customer}`]);
  expect(new URLSearchParams(left[1]!.body).get("return_url")).toBe("https://shop.example/account");
  expect([customers.size, await events()]).toEqual([1, [{ stripeCustomer: customer }]]);
  const other = await newOrganisation();
  await portal(other);
  expect([customers.size, await kept(other) === customer]).toEqual([2, false]);
});

test.each([["as it does", true], ["and had it forgotten what it was asked before", false]])("clicks that race make one, by the name that they ask Stripe under (%s)", async (_, remembers) => {
  const { left, customers } = playCustomers(session, { remembers });
  const urls = await Promise.all(Array.from({ length: 8 }, async (__, i) => (i % 2 === 0 ? ((await portal()).json<Json>()) : (await buy()).json<Json>())));
  const customer = (await kept())!;
  expect(customers.has(customer)).toBe(true);
  if (remembers) expect(customers.size).toBe(1);
  expect(new Set(left.filter(({ url }) => url.endsWith("/v1/customers")).map(({ headers }) => headers.get("idempotency-key")))).toEqual(new Set([`customer/${payer}`]));
  expect(new Set(told(left).filter((one) => one.includes("sessions")))).toEqual(new Set([`/v1/billing_portal/sessions ${customer}`, `/v1/checkout/sessions ${customer}`]));
  expect(urls.every(({ url }) => typeof url === "string")).toBe(true);
  expect((await events()).length).toBe(1);
});

test.each<[string, (customers: Map<string, Json>, id: string) => void]>([
  ["was deleted there", (customers, id) => void customers.set(id, { id, object: "customer", deleted: true })], ["is of another mode or account", (customers, id) => void customers.delete(id)],
])("one that %s is replaced, once", async (_, lose) => {
  const { customers } = playCustomers(session);
  await portal();
  const before = (await kept())!;
  lose(customers, before);
  const answers = await Promise.all([portal(), portal(), buy()]);
  const after = (await kept())!;
  expect([answers.map(({ status }) => status), after === before, [...customers.values()].filter(({ deleted }) => !deleted).map(({ id }) => id)]).toEqual([[201, 201, 201], false, [after]]);
  // Who was late writes nothing over it.
  expect(await keepStripeCustomer(env.DB, { actor: "late", nowMs: 1 }, payer, "cus_late", before)).toBe(after);
  expect(await kept()).toBe(after);
});

test("what Stripe says is passed on: no portal set up, no right, no answer", async () => {
  playCustomers();
  await portal();
  const customer = (await kept())!;
  const answer = (status: number, error: Json): Left[] => outside(({ url }) => (url.includes("/customers/") ? Response.json({ id: customer, object: "customer" }) : Response.json({ error }, { status, headers: { "stripe-should-retry": "false" } })));
  answer(400, { type: "invalid_request_error", message: "No configuration provided and your test mode default configuration has not been created." });
  expect((await expectRefusal(await portal(), 400, "invalid_request")).message).toContain("default configuration");
  answer(403, { type: "invalid_request_error", message: "sk_test_canary0123456789 may not" });
  expect((await expectRefusal(await portal(), 502, "upstream_error")).message).not.toContain("canary");
  outside(() => Promise.reject(new Error("connect")));
  await expectRefusal(await portal(), 502, "upstream_error");
  expect(await kept()).toBe(customer);
});

test("nobody's customer, or a page that is no page, asks nobody", async () => {
  const { left } = playCustomers();
  await expectRefusal(await portal("org_nobody"), 404, "not_found");
  for (const returnUrl of ["http://shop.example/", "javascript:alert(1)", "/account"]) await expectRefusal(await portal(payer, { returnUrl }), 400, "invalid_request");
  expect([left, await kept()]).toEqual([[], undefined]);
});

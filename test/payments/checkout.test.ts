/** What leaves for Stripe when somebody wants to buy credits, and what its answers mean here. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { bearer, call, expectRefusal, outside, send, type Json, type Left } from "../security/stage.ts";
import { lines, newOrganisation, playCustomers } from "./stage.ts";

let payer: string;
beforeEach(async () => void (payer = await newOrganisation()));
afterEach(() => void vi.restoreAllMocks());

const order = { amount: 2_500, successUrl: "https://shop.example/thanks?order={CHECKOUT_SESSION_ID}&a=b", cancelUrl: "https://shop.example/" };
const session = (): Response => Response.json({ id: "cs_test_1", object: "checkout.session", url: "https://checkout.stripe.com/c/pay/cs_test_1#x", expires_at: 1_790_086_400 });
const open = (body: Json = order, headers: Record<string, string> = {}, organisation = payer): Promise<Response> =>
  call(env.ADMIN_SECRET, "POST", `/admin/organisations/${organisation}/checkout`, body, headers);
const failing = (status: number, error: Json): Left[] => playCustomers(() => Response.json({ error }, { status, headers: { "stripe-should-retry": "false" } })).left;

describe("a checkout", () => {
  test("is one call to Stripe, in its own words, and its answer is where to pay", async () => {
    const { left: all, customers } = playCustomers(session);
    const response = await open();
    const [customer] = [...customers.keys()];
    const left = all.filter(({ url }) => !url.includes("/customers"));
    expect([response.status, await response.json()]).toEqual([201, { id: "cs_test_1", url: "https://checkout.stripe.com/c/pay/cs_test_1#x", expiresAt: "2026-09-22T14:13:20.000Z" }]);
    expect(left).toHaveLength(1);
    const { url, headers, body } = left[0]!;
    expect(url).toBe("https://api.stripe.com/v1/checkout/sessions");
    expect(headers.get("authorization")).toBe("Bearer sk_test_canary0123456789");
    expect(headers.get("content-type")).toBe("application/x-www-form-urlencoded");
    expect(headers.get("stripe-version")).toMatch(/^\d{4}-\d\d-\d\d\.\w+$/);
    expect(headers.has("x-stripe-client-telemetry")).toBe(false);
    expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
      mode: "payment", customer, "saved_payment_method_options[payment_method_save]": "enabled", client_reference_id: payer, "metadata[forge_organisation]": payer, "payment_intent_data[metadata][forge_organisation]": payer,
      "line_items[0][quantity]": "1", "line_items[0][price_data][currency]": "usd", "line_items[0][price_data][unit_amount]": "2500",
      "line_items[0][price_data][product_data][name]": "Credits", "adaptive_pricing[enabled]": "false", success_url: order.successUrl, cancel_url: order.cancelUrl,
    });
    expect(await lines(payer)).toEqual([]);
  });

  test("has the name that its caller gives it, in its organisation", async () => {
    const { left: all } = playCustomers(session);
    for (const name of ["order-17", "order-17", "order-18"]) await open(order, { "idempotency-key": name });
    const left = all.filter(({ url }) => !url.includes("/customers"));
    expect(left.map(({ headers }) => headers.get("idempotency-key"))).toEqual(["order-17", "order-17", "order-18"].map((name) => `${payer}/${name}`));
  });

  test.each<[string, Json]>([
    ["no amount", { amount: undefined }], ["half a cent", { amount: 50.5 }], ["less than Stripe takes", { amount: 49 }], ["more than it takes", { amount: 100_000_000 }], ["a text", { amount: "500" }],
    ["another currency", { currency: "eur" }], ["a plain page", { successUrl: "http://shop.example/" }], ["a page that is a script", { cancelUrl: "javascript:alert(1)" }],
    ["no page", { successUrl: "/thanks" }], ["localhost as a part of a name", { cancelUrl: "http://localhost.evil.example/" }], ["a field of Stripe's", { mode: "subscription" }],
  ])("of %s is refused", async (_, over) => {
    const left = outside(session);
    await expectRefusal(await open({ ...order, ...over }), 400, "invalid_request");
    expect(left).toEqual([]);
  });

  test("may lead back to this machine", async () => {
    playCustomers(session);
    for (const page of ["http://localhost:3000/a", "http://127.0.0.1/", "http://[::1]:8080/"]) expect((await open({ ...order, successUrl: page })).status).toBe(201);
  });

  test("for nobody, by nobody or under a name that cannot be one asks nobody", async () => {
    const left = outside(session);
    await expectRefusal(await open(order, {}, "org_nobody"), 404, "not_found");
    await expectRefusal(await send(`/admin/organisations/${payer}/checkout`, { method: "POST", headers: bearer("wrong"), body: JSON.stringify(order) }), 401, "invalid_admin_secret");
    for (const name of ["a b", "x".repeat(181)]) await expectRefusal(await open(order, { "idempotency-key": name }), 400, "invalid_request");
    expect(left).toEqual([]);
  });

  test.each<[number, Json, number, string]>([
    [400, { type: "invalid_request_error", message: "The amount is too small." }, 400, "invalid_request"],
    [400, { type: "idempotency_error", message: "Keys for idempotent requests can only be used with the same parameters." }, 409, "idempotency_conflict"],
    [401, { type: "invalid_request_error", message: "Invalid API Key provided: sk_test_canary0123456789" }, 502, "upstream_error"],
    [403, { type: "invalid_request_error", message: "sk_test_canary0123456789 does not have the required permissions" }, 502, "upstream_error"],
    [429, { type: "rate_limit_error", message: "slow down" }, 502, "upstream_error"],
    [500, { type: "api_error", message: "down" }, 502, "upstream_error"],
  ])("that Stripe answers with %i %j", async (status, error, ours, code) => {
    failing(status, error);
    const { message } = await expectRefusal(await open(), ours, code);
    expect(message).not.toContain("canary");
  });

  test("that never reaches Stripe says so", async () => {
    outside(() => Promise.reject(new Error("connect")));
    await expectRefusal(await open(), 502, "upstream_error");
  });
});

/** What Stripe's events do to an organisation's credits: each thing once, whatever comes twice, late or in another order. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { admin, call, chatBody, fillCatalog, newKey, outside, type Json } from "../security/stage.ts";
import { charge, credits, deliver, deliverOften, dispute, event, idOf, lines, newOrganisation, playStripe, refund, sale } from "./stage.ts";

let payer: string;
let payment: string;
let logged: Json[];
beforeEach(async () => {
  logged = [];
  for (const level of ["info", "error"] as const) vi.spyOn(console, level).mockImplementation((line: string) => void logged.push(JSON.parse(line) as Json));
  payer = await newOrganisation();
  payment = idOf("pi");
});
afterEach(() => void vi.restoreAllMocks());

const paid = (cents = 1_000): Promise<unknown> => deliver(event("checkout.session.completed", sale(payer, cents, { payment_intent: payment })));

describe("a sale", () => {
  test("is posted once, in nano-USD, and audited, under twenty deliveries at once", async () => {
    await deliverOften(event("checkout.session.completed", sale(payer, 1_234, { id: "cs_test_a", payment_intent: payment })));
    expect(await credits(payer)).toMatchObject({ totalNanoUsd: 12_340_000_000, data: [{ id: `stripe.${payment}`, kind: "top_up", nanoUsd: 12_340_000_000, reason: "Stripe Checkout cs_test_a", expiresAt: null }] });
    const { data } = await admin("GET", `/audit?organisation=${payer}`);
    expect(data.filter(({ action }: Json) => action === "credit.post")).toMatchObject([{ actor: "stripe", subject: `stripe.${payment}` }]);
  });

  test("that is paid later is posted when it is, whichever event says so first", async () => {
    const open = sale(payer, 700, { payment_intent: payment, payment_status: "unpaid" });
    expect((await deliver(event("checkout.session.completed", open))).json).toEqual({ ignored: "It is not paid." });
    expect(await lines(payer)).toEqual([]);
    const done = { ...open, payment_status: "paid" };
    for (const type of ["async_payment_succeeded", "completed", "async_payment_succeeded"]) await deliver(event(`checkout.session.${type}`, done));
    await deliver(event("checkout.session.completed", open));
    expect(await lines(payer)).toEqual([`stripe.${payment} top_up 700`]);
  });

  test("without a payment of its own goes by its session, and an expanded payment by its id", async () => {
    await deliver(event("checkout.session.completed", sale(payer, 5, { id: "cs_test_b", payment_intent: null })));
    await deliver(event("checkout.session.completed", sale(payer, 6, { payment_intent: { id: payment, object: "payment_intent" } })));
    expect(await lines(payer)).toEqual([`stripe.cs_test_b top_up 5`, `stripe.${payment} top_up 6`].sort());
  });

  test.each<[string, Json]>([
    ["a payer only names an organisation", { metadata: {} }], ["two organisations are named", { client_reference_id: "org_other" }],
    ["it is a subscription", { mode: "subscription" }], ["nothing had to be paid", { payment_status: "no_payment_required", amount_total: 0 }],
  ])("is not one of credits where %s", async (_, over) => {
    expect(await deliver(event("checkout.session.completed", sale(payer, 900, over)))).toEqual({ status: 200, json: { ignored: expect.any(String) } });
    expect(await lines(payer)).toEqual([]);
  });
});

describe("what nobody here can post is taken, logged, and never sent again", () => {
  test.each<[string, () => Json, "info" | "error"]>([
    ["an unknown type", () => event("customer.created", { id: "cus_1" }), "info"],
    ["a type that every object has", () => event("constructor", {}), "info"],
    ["an unknown organisation", () => event("checkout.session.completed", sale("org_nobody", 900)), "error"],
    ["another currency", () => event("checkout.session.completed", sale(payer, 900, { currency: "eur" })), "error"],
    ["a connected account's own sale", () => event("checkout.session.completed", sale(payer, 900), { account: "acct_1" }), "info"],
    ["live money at a test key", () => event("checkout.session.completed", sale(payer, 900), { livemode: true }), "error"],
    ["a refund of something else", () => event("refund.created", refund("pi_of_a_shirt", 900)), "info"],
    ["a refund of a payment that nobody knows", () => event("refund.created", refund("pi_none", 900)), "info"],
    ["a refund without a payment", () => event("refund.created", refund(null as never, 900)), "info"],
    ["a refund in another currency", () => event("refund.created", refund(payment, 900, { currency: "eur" })), "error"],
    ["an inquiry, which moves no money", () => event("charge.dispute.created", dispute(payment, 900, "warning_needs_response")), "info"],
  ])("%s", async (_, one, level) => {
    playStripe({ pi_of_a_shirt: {}, [payment]: { organisation: payer } });
    const sent = one();
    expect(await deliver(sent)).toEqual({ status: 200, json: { ignored: expect.any(String) } });
    expect(logged).toMatchObject([{ level, event: "stripe_event_ignored", eventId: sent.id, type: sent.type }]);
    expect(await lines(payer)).toEqual([]);
  });

  test("a second amount under the same payment", async () => {
    await paid(100);
    expect((await deliver(event("checkout.session.completed", sale(payer, 999, { payment_intent: payment })))).json).toEqual({ ignored: expect.stringContaining("another credit entry") });
    expect(await lines(payer)).toEqual([`stripe.${payment} top_up 100`]);
  });
});

describe("a refund", () => {
  test("in parts takes each part once, by whichever events it is told", async () => {
    const [first, second] = [refund(payment, 300, { id: "re_1" }), refund(payment, 200, { id: "re_2" })];
    await paid();
    playStripe({ [payment]: { organisation: payer, refunds: [first] } });
    await deliverOften(event("refund.created", first));
    await deliverOften(event("charge.refunded", charge(payment, 1_000, { amount_refunded: 300 })));
    playStripe({ [payment]: { organisation: payer, refunds: [second, first] } });
    await deliverOften(event("charge.refunded", charge(payment, 1_000, { amount_refunded: 500 })));
    await deliverOften(event("charge.refund.updated", second));
    expect(await lines(payer)).toEqual(["stripe.re_1 refund -300", "stripe.re_2 refund -200", `stripe.${payment} top_up 1000`].sort());
    expect(await credits(payer)).toMatchObject({ totalNanoUsd: 5_000_000_000, freeNanoUsd: 5_000_000_000 });
  });

  test("is named after its payment, whatever of it an event brings along", async () => {
    await paid();
    const one = refund(payment, 300, { id: "re_7" });
    playStripe({ [payment]: { organisation: payer, refunds: [{ ...one, payment_intent: null }] } });
    await deliverOften(event("charge.refunded", charge({ id: payment } as never, 1_000)));
    await deliverOften(event("refund.created", one));
    expect(await credits(payer)).toMatchObject({ totalNanoUsd: 7_000_000_000, data: expect.arrayContaining([expect.objectContaining({ id: "stripe.re_7", reason: `Stripe refund of ${payment}` })]) });
  });

  test("before its sale takes what is not there yet", async () => {
    playStripe({ [payment]: { organisation: payer } });
    await deliverOften(event("refund.created", refund(payment, 400, { id: "re_3" })));
    expect(await credits(payer)).toMatchObject({ totalNanoUsd: -4_000_000_000, freeNanoUsd: -4_000_000_000 });
    await paid();
    expect(await lines(payer)).toEqual([`stripe.${payment} top_up 1000`, "stripe.re_3 refund -400"].sort());
    expect(await credits(payer)).toMatchObject({ freeNanoUsd: 6_000_000_000 });
  });

  test.each([[["created", "failed"]], [["failed", "created"]], [["failed"]]])("that fails gives back what it took: %j", async (order) => {
    await paid();
    playStripe({ [payment]: { organisation: payer } });
    const states: Record<string, Json> = { created: { status: "pending" }, failed: { status: "failed" } };
    for (const state of order) await deliverOften(event(`refund.${state}`, refund(payment, 1_000, { id: "re_4", ...states[state] })));
    expect(await lines(payer)).toEqual([`stripe.${payment} top_up 1000`, "stripe.re_4 refund -1000", "stripe.re_4.undone refund 1000"].sort());
    expect(await credits(payer)).toMatchObject({ freeNanoUsd: 10_000_000_000 });
  });

  test("waits for Stripe when it cannot be asked whose it is", async () => {
    await paid();
    outside(() => Response.json({ error: { type: "api_error", message: "down" } }, { status: 500, headers: { "stripe-should-retry": "false" } }));
    const one = event("refund.created", refund(payment, 1_000, { id: "re_5" }));
    expect((await deliver(one)).status).toBe(502);
    playStripe({ [payment]: { organisation: payer } });
    expect((await deliver(one)).json).toEqual({ posted: ["stripe.re_5"] });
  });
});

describe("a dispute", () => {
  test("takes the money while it runs and for good when it is lost", async () => {
    await paid();
    playStripe({ [payment]: { organisation: payer } });
    for (const [type, status] of [["created", "needs_response"], ["funds_withdrawn", "needs_response"], ["updated", "under_review"], ["closed", "lost"]]) {
      await deliverOften(event(`charge.dispute.${type}`, dispute(payment, 1_000, status!, { id: "dp_1" })));
    }
    expect(await lines(payer)).toEqual(["stripe.dp_1 chargeback -1000", `stripe.${payment} top_up 1000`].sort());
  });

  test.each([[["created", "closed", "funds_reinstated"]], [["closed", "created", "funds_reinstated"]], [["funds_reinstated", "closed", "created"]], [["closed"]]])("gives it back when it is won: %j", async (order) => {
    await paid();
    playStripe({ [payment]: { organisation: payer } });
    for (const type of order) await deliverOften(event(`charge.dispute.${type}`, dispute(payment, 1_000, type === "created" ? "needs_response" : "won", { id: "dp_2" })));
    expect(await lines(payer)).toEqual(["stripe.dp_2 chargeback -1000", "stripe.dp_2.won chargeback 1000", `stripe.${payment} top_up 1000`].sort());
    expect(await credits(payer)).toMatchObject({ freeNanoUsd: 10_000_000_000 });
  });
});

describe("money that left after it was spent", () => {
  const model = "openai/gpt-test";
  const ask = async (secret: string): Promise<string> => {
    const response = await call(secret, "POST", "/v1/chat/completions", { ...chatBody, model, max_tokens: 10 });
    const { error } = await response.json<{ error?: { code: string } }>();
    return error ? `${response.status} ${error.code}` : String(response.status);
  };
  const settle = (id: string): Promise<void> => vi.waitFor(async () => expect((await env.KEY_METER.getByName(id).inspect()).counters.held.requests).toBe(0));

  test("leaves a debt: the next request is refused, until a sale covers it", async () => {
    outside();
    await fillCatalog();
    const key = await newKey({}, payer);
    await admin("PATCH", `/organisations/${payer}/account`, { prepaid: true });
    await paid(1);
    expect(await ask(key.secret)).toBe("200");
    await settle(key.id);
    await runDurableObjectAlarm(env.KEY_METER.getByName(key.id));
    playStripe({ [payment]: { organisation: payer } });
    await deliverOften(event("charge.dispute.created", dispute(payment, 1, "needs_response", { id: "dp_3" })));
    const { spentNanoUsd, freeNanoUsd } = await credits(payer);
    expect(spentNanoUsd).toBeGreaterThan(0);
    expect(freeNanoUsd).toBe(-spentNanoUsd);
    outside();
    expect(await ask(key.secret)).toBe("402 insufficient_credits");
    await deliver(event("checkout.session.completed", sale(payer, 1)));
    expect(await ask(key.secret)).toBe("200");
  });

  test("takes the debt out of what comes next, so that only the rest of it expires", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    try {
      const start = Date.now();
      playStripe({ [payment]: { organisation: payer } });
      await deliver(event("refund.created", refund(payment, 700, { id: "re_6" })));
      await admin("POST", `/organisations/${payer}/credits`, { id: "trial", kind: "grant", nanoUsd: 10_000_000_000, reason: "trial", expiresAt: new Date(start + 3_600_000).toISOString() });
      await admin("POST", `/organisations/${payer}/credits`, { id: "keeps", kind: "top_up", nanoUsd: 50_000_000_000, reason: "bought" });
      vi.setSystemTime(start + 3_600_001);
      await runDurableObjectAlarm(env.ORG_ACCOUNT.getByName(payer));
      expect(await lines(payer)).toContainEqual(expect.stringMatching(/^trial\.expired\.\d+ expire -300$/));
      expect(await credits(payer)).toMatchObject({ freeNanoUsd: 50_000_000_000 });
    } finally {
      vi.useRealTimers();
    }
  });
});

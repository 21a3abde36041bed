/** Who may say that money came: Stripe, just now, and nobody else; and what it hears when its word cannot be taken yet. */
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { app } from "../../src/app.ts";
import { expectRefusal, outside, send, type Json, type Left } from "../security/stage.ts";
import { event, idOf, lines, newOrganisation, sale, signed } from "./stage.ts";

let payer: string;
let left: Left[];
beforeEach(async () => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  payer = await newOrganisation();
  left = outside();
});
afterEach(() => void vi.restoreAllMocks());

const post = (body: BodyInit, signature: string | undefined, headers: Record<string, string> = {}): Promise<Response> =>
  send("/stripe/webhook", { method: "POST", headers: { "content-type": "application/json", ...(signature !== undefined && { "stripe-signature": signature }), ...headers }, body });

const seconds = (): number => Math.floor(Date.now() / 1000);
const forgeries: [string, (body: string) => Promise<[BodyInit, string | undefined]>][] = [
  ["no signature", async (body) => [body, undefined]],
  ["an empty signature", async (body) => [body, ""]],
  ["nonsense", async (body) => [body, "nonsense"]],
  ["a signature without a time", async (body) => [body, (await signed(body)).replace(/^t=\d+,/, "")]],
  ["another time than was signed", async (body) => [body, (await signed(body)).replace(/^t=\d+/, `t=${seconds() + 1}`)]],
  ["a time of six minutes ago", async (body) => [body, await signed(body, { timestamp: seconds() - 360 })]],
  ["a signature by another secret", async (body) => [body, await signed(body, { secret: "whsec_another" })]],
  ["a signature by the key for Stripe's API", async (body) => [body, await signed(body, { secret: "sk_test_canary0123456789" })]],
  ["a signature of an old scheme", async (body) => [body, (await signed(body)).replace("v1=", "v0=")]],
  ["a flipped digit", async (body) => [body, (await signed(body)).replace(/.$/, (digit) => (digit === "0" ? "1" : "0"))]],
  ["another amount", async (body) => [body.replaceAll("900", "901"), await signed(body)]],
  ["a body that broke off", async (body) => [body.slice(0, -40), await signed(body)]],
  ["no body", async (body) => ["", await signed(body)]],
  ["a signed body that is no JSON", async () => ["{", await signed("{")]],
  ["a signed list", async () => ["[]", await signed("[]")]],
];

test.each(forgeries)("%s posts nothing and asks nobody", async (_, forge) => {
  const [body, signature] = await forge(JSON.stringify(event("checkout.session.completed", sale(payer, 900))));
  await expectRefusal(await post(body, signature), 400, "invalid_request");
  expect(await lines(payer)).toEqual([]);
  expect(left).toEqual([]);
});

test("bytes that are no UTF-8 are refused", async () => {
  await expectRefusal(await post(new Uint8Array([0x7b, 0xff, 0x7d]), await signed("{")), 400, "invalid_json");
});

test.each([["declared", {}], ["streamed", { streamed: true }]])("more than a megabyte is refused, signed or not (%s)", async (_, { streamed }: { streamed?: boolean }) => {
  const body = JSON.stringify(event("checkout.session.completed", sale(payer, 900, { padding: "x".repeat(1_100_000) })));
  const sent = streamed ? new Blob([body]).stream() : body;
  await expectRefusal(await post(sent, await signed(body)), 413, "request_too_large");
  expect(await lines(payer)).toEqual([]);
});

test("an object that lacks what is read of it is refused, so that Stripe shows it and sends it again", async () => {
  const body = JSON.stringify(event("checkout.session.completed", { id: idOf("cs"), mode: "payment" }));
  await expectRefusal(await post(body, await signed(body)), 400, "invalid_request");
});

const directly = (path: string, bindings: Json, init: RequestInit): Promise<Response> =>
  Promise.resolve(app.fetch(new Request(`https://forge.example${path}`, { method: "POST", ...init }), { ...env, ...bindings } as Cloudflare.Env, createExecutionContext()));

test("without its two secrets there is no Stripe", async () => {
  const off = { STRIPE_SECRET_KEY: undefined, STRIPE_WEBHOOK_SECRET: undefined };
  const body = JSON.stringify(event("checkout.session.completed", sale(payer, 900)));
  await expectRefusal(await directly("/stripe/webhook", off, { body, headers: { "stripe-signature": await signed(body) } }), 404, "not_found");
  await expectRefusal(await directly("/stripe/webhook", off, { body, headers: { "stripe-signature": await signed(body, { secret: "whsec_" }) } }), 404, "not_found");
  const order = { amount: 500, successUrl: "https://shop.example/", cancelUrl: "https://shop.example/" };
  await expectRefusal(await directly(`/admin/organisations/${payer}/checkout`, off, { body: JSON.stringify(order), headers: { authorization: `Bearer ${env.ADMIN_SECRET}`, "content-type": "application/json" } }), 404, "not_found");
  expect([await lines(payer), left]).toEqual([[], []]);
});

test.each([
  ["account", { ORG_ACCOUNT: { getByName: () => ({ post: () => Promise.reject(new Error("Network connection lost.")) }) } }, 503, "limiter_unavailable"],
  ["database", { DB: { prepare: () => ({ bind: () => ({ all: () => Promise.reject(new Error("D1_ERROR")) }) }) } }, 500, "internal_error"],
])("when the %s cannot be reached Stripe is told to come again, and then it is posted", async (_, bindings, status, code) => {
  const payment = idOf("pi");
  const body = JSON.stringify(event("checkout.session.completed", sale(payer, 900, { payment_intent: payment })));
  await expectRefusal(await directly("/stripe/webhook", bindings, { body, headers: { "stripe-signature": await signed(body) } }), status, code);
  expect(await lines(payer)).toEqual([]);
  expect((await post(body, await signed(body))).status).toBe(200);
  expect(await lines(payer)).toEqual([`stripe.${payment} top_up 900`]);
});

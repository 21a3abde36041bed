/** Pages and states that no other part comes by: lists with nothing in them, what failed, a key that is changed, Stripe, a second organisation. */
import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import { admin } from "../../support/admin.ts";
import { operatorEmail } from "./operator.ts";
import { arrive, firstKey, found, main, press, type Tools } from "./people.ts";
import { openSite, passedOn, type Site } from "./site.ts";

const [refusedWord, brokenWord] = ["forbidden-topic", "broken-engine"];
const checkout = "https://checkout.stripe.com/c/pay/of-the-stand-in";
const portal = "https://billing.stripe.com/p/session/of-the-stand-in";

/** Stripe, as far as a browser is led there. */
const stripe: Readonly<Record<string, object>> = {
  "/v1/customers": { id: "cus_corners", object: "customer" },
  "/v1/checkout/sessions": { id: "cs_corners", object: "checkout.session", url: checkout },
  "/v1/billing_portal/sessions": { id: "bps_corners", object: "billing_portal.session", url: portal },
};

/** Stripe, a provider that refuses what has one word and breaks over another, and whatever else is called. */
async function outbound(request: Request): Promise<Response> {
  const { host, pathname } = new URL(request.url);
  if (host === "api.stripe.com") return Response.json(stripe[pathname] ?? { error: { message: `Nothing is at ${pathname}.` } }, { status: pathname in stripe ? 200 : 404 });
  const text = request.method === "POST" ? await request.clone().text() : "";
  if (text.includes(refusedWord)) return Response.json({ error: { message: "That is not talked about here.", type: "invalid_request_error", code: "content_policy_violation", param: null } }, { status: 400 });
  if (text.includes(brokenWord)) return Response.json({ error: { message: "The engine is broken.", type: "server_error", code: null, param: null } }, { status: 500 });
  return passedOn(request);
}

type Corner = Tools & { page: Page; site: Site };

/** Opens a page, and looks at it. */
const visit = async ({ page, site, looksGood }: Corner, path: string, name: string): Promise<void> => {
  await page.goto(`${site.url}/dashboard${path}`);
  await looksGood(page, name);
};

async function nothingYet(corner: Corner): Promise<void> {
  const { page, site, check } = corner;
  for (const path of ["keys", "requests", "usage", "files", "batches"]) {
    await page.goto(`${site.url}/dashboard/${path}`);
    await check(`${path} say that there is nothing yet`, async () => assert.ok((await page.locator(".empty").count()) > 0, await main(page)));
    await corner.looksGood(page, `${path}-empty`);
  }
  await visit(corner, "/batches?shape=messages", "batches-messages-empty");
  await visit(corner, "/batches/new", "batch-new-empty");
  await page.goto(`${site.url}/dashboard/first-key`);
}

async function whatFailed(corner: Corner, secret: string): Promise<void> {
  const { page, site, check, looksGood } = corner;
  const ask = (content: string): Promise<Response> => fetch(`${site.url}/v1/chat/completions`, {
    method: "POST", headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" }, body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content }] }),
  });
  for (const [name, word, status] of [["refused", refusedWord, 400], ["failed", brokenWord, 500]] as const) {
    const answer = await ask(word);
    await page.goto(`${site.url}/dashboard/requests/${answer.headers.get("x-request-id")!}`);
    await check(`a request that was ${name} has its page`, async () => assert.deepEqual([answer.status, await page.textContent("main .badge >> nth=0")], [status, `provider's error, ${status}`]));
    await looksGood(page, `request-${name}`);
  }
  await visit(corner, "/requests", "requests-failed");
}

async function aKeyInItsLife(corner: Corner): Promise<void> {
  const { page, site, check, looksGood } = corner;
  await page.goto(`${site.url}/dashboard/keys`);
  await page.click("tbody a >> nth=0");
  await page.waitForURL("**/keys/key_*");
  const key = page.url();
  await page.goto(`${key}/change`);
  await looksGood(page, "key-change");
  await page.fill("[name=requestsPerMinute]", "5");
  await page.fill("[name=tags]", "course, compilers");
  await press(page, "Save");
  await check("a key is changed", async () => assert.match(await main(page), /5 a minute|5 requests a minute[\s\S]*compilers/));
  await press(page, "Rotate");
  await page.waitForSelector("#secret");
  await looksGood(page, "key-rotated");
}

async function batchesOfMessages(corner: Corner, secret: string): Promise<void> {
  const { page, site, check, looksGood } = corner;
  // The first is nobody's, so no provider's own batch takes them: that would be asked after it only now and then.
  const requests = ["no-such-model", "auto", "gpt-4o-mini"].map((model, i) => ({ custom_id: `question-${i}`, params: { model, max_tokens: 50, messages: [{ role: "user", content: "Hello" }] } }));
  const made = await fetch(`${site.url}/v1/messages/batches`, {
    method: "POST", headers: { "x-api-key": secret, "anthropic-version": "2023-06-01", "content-type": "application/json" }, body: JSON.stringify({ requests }),
  });
  const { id } = (await made.json()) as { id: string };
  await page.goto(`${site.url}/dashboard/batches`);
  await page.click("text=Of messages");
  await page.click(`a[href$="${id}"]`);
  await page.waitForSelector(".badge:has-text('done')", { timeout: 60_000 });
  await check("a batch of messages runs to its end", async () => assert.match((await page.textContent(".progress"))!, /3 of 3, 1 failed/));
  await looksGood(page, "batch-messages");
  await page.click("main >> text=Batches");
  await page.waitForSelector(`a[href$="${id}"]`);
  await looksGood(page, "batches-messages");
}

async function money(corner: Corner, organisation: string): Promise<void> {
  const { page, site, check, looksGood } = corner;
  for (const place of [checkout, portal]) await page.context().route(place, (route) => route.fulfill({ contentType: "text/html", body: "<h1>Stripe</h1>" }));
  await admin(site.url, "PATCH", `/organisations/${organisation}/account`, { prepaid: true, paidUntil: "2999-01-31T00:00:00Z" });
  await admin(site.url, "POST", `/organisations/${organisation}/credits`, { kind: "grant", nanoUsd: 12_500_000_000, reason: "Welcome", expiresAt: "2999-01-31T00:00:00Z" });
  await visit(corner, "/settings/billing", "billing-stripe");
  await page.fill("[name=amount]", "much");
  await press(page, "Buy credits");
  await looksGood(page, "billing-wrong");
  await page.fill("[name=amount]", "12.50");
  await page.click("text=Buy credits");
  await page.waitForURL(checkout);
  await page.goto(`${site.url}/dashboard/settings/billing?paid=yes`);
  await check("who has bought credits at Stripe is thanked", async () => assert.match((await page.textContent("body"))!, /Thank you\. Your credits are here as soon as/));
  await page.click("text=Cards and billing details");
  await page.waitForURL(portal);
  await page.goto(`${site.url}/dashboard/settings/alerts`);
  await page.check("[name=to_owner]");
  await page.fill("[name=url]", "https://example.com/forge-alerts");
  await press(page, "Save");
  await press(page, "Make the secret");
  await page.waitForSelector("#secret");
  await looksGood(page, "alerts-secret");
}

async function anotherOrganisation(corner: Corner): Promise<void> {
  const { page, site, check } = corner;
  await visit(corner, "/welcome", "welcome-second");
  await found(page, "Interpreters");
  await page.goto(`${site.url}/dashboard/keys`);
  await check("one chooses between two organisations", async () => assert.deepEqual(await page.locator("#organisation option").allTextContents(), ["Compilers", "Interpreters"]));
}

export async function tryCorners(browser: Browser, tools: Tools): Promise<void> {
  const site = await openSite({ DASHBOARD_OPERATORS: operatorEmail, STRIPE_SECRET_KEY: "sk_test_corners", STRIPE_WEBHOOK_SECRET: "whsec_of-the-corners" }, { outbound });
  const [page, operator] = await Promise.all([browser.newContext(), browser.newContext()].map(async (context) => (await context).newPage())) as [Page, Page];
  const corner: Corner = { ...tools, page, site };
  try {
    await visit(corner, "/forgot", "forgot");
    await arrive(page, site, "grace@example.com", "Grace Hopper");
    await found(page, "Compilers");
    await nothingYet(corner);
    const secret = await firstKey(page);
    const { data: [organisation] } = await admin<{ data: { id: string }[] }>(site.url, "GET", "/organisations");
    await whatFailed(corner, secret);
    await batchesOfMessages(corner, secret);
    await aKeyInItsLife(corner);
    await money(corner, organisation!.id);
    await anotherOrganisation(corner);
    await arrive(operator, site, operatorEmail);
    await visit({ ...corner, page: operator }, "/operator/plans/new", "operator-plan-new");
  } finally {
    await Promise.all([page, operator].map((one) => one.context().close()));
    await site.stop();
  }
}

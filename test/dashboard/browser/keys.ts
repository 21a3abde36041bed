/** Keys and requests in the browser: a key is made, used, watched, rotated and revoked, with the keyboard and with the mouse. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";

type Tools = {
  page: Page; url: string; check: (name: string, run: () => unknown) => Promise<void>; looksGood: (page: Page, name: string) => Promise<void>;
  tabTo: (page: Page, name: string | RegExp, most?: number) => Promise<void>;
};

export async function keysAndRequests({ page, url, check, looksGood, tabTo }: Tools): Promise<void> {
  const ask = (secret: string, body: object = {}): Promise<Response> => fetch(`${url}/v1/chat/completions`, {
    method: "POST", headers: { authorization: `Bearer ${secret}`, "content-type": "application/json", "x-title": "Till" },
    body: JSON.stringify({ model: "auto", messages: [{ role: "user", content: "Hello" }], ...body }),
  });

  await page.goto(`${url}/dashboard/keys/new`);
  await looksGood(page, "key-new");
  await tabTo(page, "Name");
  await page.keyboard.type("Checkout");
  await tabTo(page, /Requests a minute/);
  await page.keyboard.type("many");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".error");
  await check("what is wrong stands at its field", async () => assert.equal(await page.textContent("#requestsPerMinute-error"), "A whole number, please."));
  await looksGood(page, "key-wrong");
  await page.fill("[name=requestsPerMinute]", "15");
  await page.fill("[name=monthlyNanoUsd]", "50.00");
  await tabTo(page, "Find a model");
  await page.waitForFunction(() => document.querySelectorAll("#models-known option").length > 10);
  await page.keyboard.type("auto");
  await page.keyboard.press("Enter");
  await check("a model is found and written down", async () => assert.equal(await page.inputValue("[name=models]"), "auto"));
  await page.fill("[name=models]", "");
  await page.click("text=Create the key");
  await page.waitForSelector("#secret");
  const secret = (await page.textContent("#secret"))!.trim();
  await check("the new key answers", async () => assert.equal((await ask(secret)).status, 200));
  await page.click("text=To the key");
  await page.waitForURL("**/dashboard/keys/key_*");
  const key = page.url();
  await looksGood(page, "key-page");

  await page.goto(`${url}/dashboard/requests`);
  await page.waitForSelector("[data-tail][data-live]");
  const before = await page.locator("tbody tr").count();
  await Promise.all([ask(secret, { stream: true }).then((response) => response.text()), ask(secret).then((response) => response.text())]);
  await check("requests come into the list as they end", async () => void (await page.waitForFunction((count) => document.querySelectorAll("tbody tr").length === count, before + 2, { timeout: 15_000 })));
  await looksGood(page, "requests");
  await page.click("text=Pause");
  await check("the list can be paused", async () => assert.equal(await page.textContent("[data-tail-state]"), "Paused"));
  await page.click("summary:has-text('Filters')");
  await looksGood(page, "requests-filters");
  await page.click("tbody a >> nth=0");
  await page.waitForURL("**/dashboard/requests/req_*");
  const id = page.url().split("/").at(-1)!;
  await looksGood(page, "request");
  await page.goto(`${url}/dashboard/requests`);
  await page.fill("[name=id]", id);
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/dashboard/requests/${id}`);
  const refused = await ask(secret, { model: "gpt-five" });
  await refused.text();
  await page.goto(`${url}/dashboard/requests?outcome=refused`);
  await check("a refused request is listed", async () => assert.match((await page.textContent("tbody tr >> nth=0"))!, /gpt-five.*model_not_found.*Checkout.*refused, 404/));
  await page.click("tbody a >> nth=0");
  await page.waitForURL(`**/dashboard/requests/${refused.headers.get("x-request-id")!}`);
  await check("its page says why", async () => assert.match((await page.textContent("main"))!, /No model has this name here\.[\s\S]*No provider was asked/));
  await looksGood(page, "request-refused");
  await page.goto(`${url}/dashboard/usage?metric=refused`);
  await check("usage counts it", async () => assert.match((await page.textContent("main"))!, /2 in all, most of them model_not_found/));
  await looksGood(page, "usage-refused");
  await page.goto(`${url}/dashboard/keys`);
  await looksGood(page, "keys");

  await page.goto(`${url}/dashboard/bodies`);
  await looksGood(page, "bodies");
  await page.selectOption("[name=days]", "7");
  await page.click("main button[type=submit]");
  await page.waitForSelector("text=Bodies are kept from the next request on.");
  const spoken = await ask(secret);
  const said = await spoken.text();
  await page.goto(`${url}/dashboard/requests/${spoken.headers.get("x-request-id")!}`);
  await check("a kept answer stands on its request's page", async () => assert.ok((await page.locator("pre").allTextContents()).includes(said)));
  await looksGood(page, "request-bodies");
  await page.goto(`${url}/dashboard/bodies`);
  await page.selectOption("[name=days]", "0");
  await page.click("main button[type=submit]");
  await page.waitForSelector("text=Bodies are not kept any more.");

  await page.goto(key);
  await page.click("button:has-text('Rotate')");
  await page.waitForSelector("#secret");
  const second = (await page.textContent("#secret"))!.trim();
  await check("nothing is waited for that a key in use has long had", async () => assert.equal(await page.locator("[data-waits-for]").count(), 0));
  await looksGood(page, "key-rotated");
  await check("after a rotation with grace both secrets answer", async () => assert.deepEqual([(await ask(secret)).status, (await ask(second)).status], [200, 200]));
  await page.goto(key);
  await page.click("main >> text=Revoke");
  await check("a dialog asks first", async () => assert.ok(await page.isVisible("dialog:modal")));
  await looksGood(page, "key-revoke");
  await page.keyboard.press("Escape");
  await check("Escape keeps the key", async () => assert.equal((await ask(second)).status, 200));
  await page.click("main >> text=Revoke");
  await page.click("text=Revoke it");
  await page.waitForSelector("text=is revoked.");
  await check("revoked, it opens nothing", async () => assert.deepEqual([(await ask(secret)).status, (await ask(second)).status], [401, 401]));
}

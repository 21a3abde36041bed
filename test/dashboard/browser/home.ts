/** The overview before and after the first request, what it leads to, requests by app, an organisation's name, and a second organisation. */
import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import type { Site } from "./site.ts";

type Tools = { check: (name: string, run: () => unknown) => Promise<void>; looksGood: (page: Page, name: string) => Promise<void> };

/** What a phone's list of models may be high: two lines for each of forty, and what stands above them. */
const highestList = 5_500;

export async function tryHome(browser: Browser, { url, linkTo }: Site, { check, looksGood }: Tools): Promise<void> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${url}/dashboard/sign-up`);
  await page.fill("[name=name]", "Mary Somerville");
  await page.fill("[name=email]", "mary@example.com");
  await page.click("main button[type=submit]");
  await page.waitForURL("**/sent");
  await page.goto(await linkTo("mary@example.com"));
  await page.fill("[name=password]", "correct horse battery staple");
  await page.click("main button[type=submit]");
  await page.waitForURL("**/welcome");
  await page.fill("[name=name]", "Observatory");
  await page.click("main form button >> nth=0");
  await page.waitForURL("**/first-key");
  await page.click("text=Create the key");
  await page.waitForSelector("#secret");
  const secret = (await page.textContent("#secret"))!.trim();

  await page.goto(`${url}/dashboard`);
  await check("before the first request the overview shows how to make one", async () => assert.ok((await page.textContent(".panel.curl pre"))!.includes("YOUR_KEY") && (await page.isVisible("text=Try it in the playground"))));
  await looksGood(page, "overview-empty");
  const ask = async (title: string): Promise<void> => void (await (await fetch(`${url}/v1/chat/completions`, {
    method: "POST", headers: { authorization: `Bearer ${secret}`, "content-type": "application/json", "x-title": title },
    body: JSON.stringify({ model: "auto", messages: [{ role: "user", content: "Hello" }] }),
  })).text());
  await ask("Telescope");
  await check("its lamp turns green when the first request has come", async () => void (await page.waitForSelector('[data-waits-for][data-state="here"]', { timeout: 15_000 })));
  await page.click("text=Show it");
  await page.waitForSelector(".stats");
  await ask("Almanac");
  await page.waitForTimeout(300);
  await page.goto(`${url}/dashboard`);
  await check("the overview is as of now", async () => assert.match((await page.textContent(".stats"))!, /Requests2/));
  await looksGood(page, "overview-used");
  await page.click('caption:has-text("Models by cost") ~ tbody a >> nth=0');
  await page.waitForURL("**/usage?**model=auto**");
  await page.goto(`${url}/dashboard`);
  await page.click('caption:has-text("Latest requests") ~ tbody a >> nth=0');
  await check("its rows lead on", async () => void (await page.waitForURL("**/requests/req_*")));

  await page.goto(`${url}/dashboard/usage`);
  await page.selectOption("[name=by]", "app");
  await page.waitForURL("**by=app**");
  await page.click('td a:text-is("Telescope")');
  await page.waitForURL("**app=Telescope**");
  await page.goto(`${url}/dashboard/requests?app=Telescope`);
  await check("requests are found by app", async () => assert.equal(await page.locator("tbody tr").count(), 1));
  await looksGood(page, "requests-by-app");

  await page.setViewportSize({ width: 360, height: 740 });
  await page.goto(`${url}/dashboard/models`);
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  console.log(`  the list of models is ${height} px high on a phone`);
  await check("a phone's list of models is two lines a model", () => assert.ok(height < highestList, `${height} px`));
  await page.setViewportSize({ width: 1280, height: 860 });

  await page.goto(`${url}/dashboard/settings`);
  await page.fill("[name=name]", "Royal Observatory");
  await page.click("main form button >> text=Save");
  await page.waitForSelector("text=The organisation is called Royal Observatory.");
  await check("an owner renames the organisation", async () => assert.equal((await page.textContent("#organisation option:checked"))!.trim(), "Royal Observatory"));

  await page.goto(`${url}/dashboard/account`);
  await page.click("text=New organisation");
  await page.waitForURL("**/welcome?own");
  await looksGood(page, "welcome-again");
  await page.fill("[name=name]", "Second Light");
  await page.click("text=Create it");
  await page.waitForURL("**/first-key");
  await page.goto(`${url}/dashboard/account`);
  await check("a second organisation is founded from the account, and is the one shown", async () => assert.equal((await page.textContent("#organisation option:checked"))!.trim(), "Second Light"));
  await page.close();
}

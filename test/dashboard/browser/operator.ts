/** The operator's pages in a browser: somebody who runs the gateway and belongs to no organisation looks after one, corrects a slip, sees what goes on. */
import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import type { Site } from "./site.ts";

type Tools = { check: (name: string, run: () => unknown) => Promise<void>; looksGood: (page: Page, name: string) => Promise<void> };

export const operatorEmail = "operator@example.com";

/** `member`: somebody of the organisation that comes first; `site`: one whose operator is `operatorEmail`. */
export async function visitOperator(browser: Browser, member: Page, site: Site, { check, looksGood }: Tools): Promise<void> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${site.url}/dashboard/sign-up`);
  await page.fill("[name=name]", "Olga Operator");
  await page.fill("[name=email]", operatorEmail);
  await page.click("main button[type=submit]");
  await page.goto(await site.linkTo(operatorEmail));
  await page.fill("[name=password]", "correct horse battery staple");
  await page.click("main button[type=submit]");
  await page.waitForURL("**/operator");
  await check("the operator's overview leads to what has to be seen to", async () => {
    assert.deepEqual(await page.locator(".stat a").evaluateAll((links) => links.map((link) => link.getAttribute("href")!.replace("/dashboard/operator", ""))), ["/applications", "/health", "/jobs", "/jobs", "/organisations"]);
  });
  await looksGood(page, "operator-overview");
  await page.click(".subnav >> text=Applications");
  await page.waitForURL("**/operator/applications");
  await looksGood(page, "operator-applications");
  await page.click(".subnav >> text=Organisations");
  await page.waitForURL("**/operator/organisations");
  await looksGood(page, "operator-organisations");
  await page.click(".table a >> nth=0");
  await page.waitForURL("**/operator/organisations/*");
  await page.selectOption("[name=kind]", "grant");
  await page.fill("[name=amount]", "12.50");
  await page.fill("[name=reason]", "Welcome");
  await page.click("text=Post it");
  await check("an operator's credits are posted", async () => assert.match((await page.textContent("main"))!, /\$12\.5[\s\S]*Welcome/));
  await looksGood(page, "operator-organisation");
  await page.fill("[name=reason] >> nth=1", "The invoice of June is open.");
  await page.click("text=Suspend it");
  await check("an organisation is suspended, and restored", async () => assert.match((await page.textContent("main"))!, /suspended[\s\S]*The invoice of June is open\./));
  await member.goto(`${site.url}/dashboard/keys`);
  await check("its people are told why", async () => assert.match((await member.textContent("main [role=alert]"))!, /is suspended, and its keys are refused\. The invoice of June is open\./));
  await looksGood(member, "suspended");
  await page.click("text=Restore it");
  await member.reload();
  await check("and not any more once it is restored", async () => assert.equal(await member.locator("main [role=alert]").count(), 0));
  await page.click(".subnav >> text=Plans");
  await page.waitForURL("**/operator/plans");
  await looksGood(page, "operator-plans");
  await page.click(".table a >> nth=0");
  await page.waitForURL("**/operator/plans/*");
  await looksGood(page, "operator-plan");
  await page.goto(`${site.url}/dashboard/operator/prices?q=gpt-4o-mini`);
  await looksGood(page, "operator-prices");
  await page.click(".table a >> nth=0");
  await page.waitForURL("**/operator/prices/of?*");
  await page.fill("[name=usd]", "9999");
  await page.fill("[name=source]", "a slip");
  await page.click("text=Store it");
  await check("a slip is told why, and asked about", async () => assert.ok((await page.textContent(".notice"))!.includes("looks like a slip") && (await page.isVisible("[name=confirm]"))));
  await looksGood(page, "operator-price");
  await page.click(".subnav >> text=Health");
  await page.waitForURL("**/operator/health");
  await looksGood(page, "operator-health");
  await page.click(".subnav >> text=Jobs");
  await page.waitForURL("**/operator/jobs");
  await looksGood(page, "operator-jobs");
  await context.close();
}

/** The operator's pages in a browser: somebody who runs the gateway and belongs to no organisation looks after one, corrects a slip, sees what goes on. */
import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import type { Site } from "./site.ts";

type Tools = { check: (name: string, run: () => unknown) => Promise<void>; looksGood: (page: Page, name: string) => Promise<void> };

export const operatorEmail = "operator@example.com";

/** `site`: one whose operator is `operatorEmail`. */
export async function visitOperator(browser: Browser, site: Site, { check, looksGood }: Tools): Promise<void> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${site.url}/dashboard/sign-up`);
  await page.fill("[name=name]", "Olga Operator");
  await page.fill("[name=email]", operatorEmail);
  await page.click("main button[type=submit]");
  await page.goto(await site.linkTo(operatorEmail));
  await page.fill("[name=password]", "correct horse battery staple");
  await page.click("main button[type=submit]");
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

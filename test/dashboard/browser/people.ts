/** How people come to a gateway in the browser: by the link in an e-mail, and with an organisation of their own. */
import type { Page } from "playwright-core";
import type { Site } from "./site.ts";

/** What every part of the suite is handed. */
export type Tools = { check: (name: string, run: () => unknown) => Promise<void>; looksGood: (page: Page, name: string) => Promise<void> };

/** Signs somebody up and in. */
export async function arrive(page: Page, site: Site, email: string, name = "Olga Operator"): Promise<void> {
  await page.goto(`${site.url}/dashboard/sign-up`);
  await page.fill("[name=name]", name);
  await page.fill("[name=email]", email);
  await page.click("main button[type=submit]");
  await page.goto(await site.linkTo(email));
  await page.fill("[name=password]", "correct horse battery staple");
  await page.click("main button[type=submit]");
  await page.waitForURL((url) => !url.pathname.endsWith("/password"));
}

/** Names an organisation on the page that asks for it. */
export async function found(page: Page, name: string): Promise<void> {
  await page.fill("[name=name]", name);
  await page.click("main form[action$='/welcome'] button");
  await page.waitForURL("**/first-key");
}

/** Makes the first key on the page that offers it. Returns its secret. */
export async function firstKey(page: Page): Promise<string> {
  await page.click("text=Create the key");
  await page.waitForSelector("#secret");
  return (await page.textContent("#secret"))!.trim();
}

/** Presses a button, and waits for the page that comes of it. */
export async function press(page: Page, text: string): Promise<void> {
  await Promise.all([page.waitForResponse((response) => response.request().method() === "POST"), page.click(`button:visible:has-text("${text}")`)]);
  await page.waitForLoadState();
}

/** What the page says below its navigation. */
export const main = async (page: Page): Promise<string> => (await page.textContent("main"))!;

/**
 * The operator's pages in a browser: somebody who runs the gateway and belongs to no organisation looks after one, edits the catalog, corrects a slip,
 * sees what goes on. Each line of the table is a stop: how one comes there, what is done there; then it is looked at.
 */
import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import { arrive, main, press, type Tools } from "./people.ts";
import type { Site } from "./site.ts";

/** `member`: somebody of the organisation that comes first. */
type Visit = Tools & { page: Page; member: Page; url: string };
type Stop = { name: string; by?: (visit: Visit) => Promise<void>; does?: (visit: Visit) => Promise<void> };

export const operatorEmail = "operator@example.com";
const own = "house/engine-1";

/** By the way between the operator's pages. */
const line = (label: string, path: string) => async ({ page }: Visit): Promise<void> => {
  await page.click(`.subnav >> text=${label}`);
  await page.waitForURL(`**/operator/${path}`);
};
/** By the first link of the page's first table. */
const first = (path: string) => async ({ page }: Visit): Promise<void> => {
  await page.click(".table a >> nth=0");
  await page.waitForURL(`**/operator/${path}`);
};
const at = (path: string) => async ({ page, url }: Visit): Promise<void> => void (await page.goto(`${url}/dashboard/operator/${path}`));
const stops: readonly Stop[] = [
  {
    name: "operator-overview",
    does: ({ page, check }) => check("the operator's overview leads to what has to be seen to", async () => {
      assert.deepEqual(await page.locator(".stat a").evaluateAll((links) => links.map((link) => link.getAttribute("href")!.replace("/dashboard/operator", ""))), ["/applications", "/health", "/jobs", "/jobs", "/organisations"]);
    }),
  },
  { name: "operator-applications", by: line("Applications", "applications") },
  { name: "operator-organisations", by: line("Organisations", "organisations") },
  {
    name: "operator-organisation", by: first("organisations/*"),
    async does({ page, check }) {
      await page.selectOption("[name=kind]", "grant");
      await page.fill("[name=amount]", "12.50");
      await page.fill("[name=reason]", "Welcome");
      await page.click("text=Post it");
      await check("an operator's credits are posted", async () => assert.match(await main(page), /\$12\.5[\s\S]*Welcome/));
    },
  },
  {
    name: "operator-suspended",
    async does({ page, member, url, check, looksGood }) {
      await page.fill("[name=reason] >> nth=1", "The invoice of June is open.");
      await page.click("text=Suspend it");
      await check("an organisation is suspended, and restored", async () => assert.match(await main(page), /suspended[\s\S]*The invoice of June is open\./));
      await member.goto(`${url}/dashboard/keys`);
      await check("its people are told why", async () => assert.match((await member.textContent("main [role=alert]"))!, /is suspended, and its keys are refused\. The invoice of June is open\./));
      await looksGood(member, "suspended");
      await page.click("text=Restore it");
      await member.reload();
      await check("and not any more once it is restored", async () => assert.equal(await member.locator("main [role=alert]").count(), 0));
    },
  },
  { name: "operator-plans", by: line("Plans", "plans") },
  { name: "operator-plan", by: first("plans/*") },
  { name: "operator-catalog", by: line("Catalog", "catalog") },
  { name: "operator-model-blank", by: at("catalog/new") },
  {
    name: "operator-model-new",
    async does({ page }) {
      await page.fill("[name=id]", own);
      await page.fill("[name=owner]", "House");
      await page.fill("[name=contextTokens]", "128");
      await press(page, "Create the model");
    },
  },
  {
    name: "operator-model",
    async does({ page, check }) {
      await check("a model's slip is told why, and asked about", async () => assert.ok((await page.textContent(".notice"))!.includes("128 tokens is very small") && (await page.isVisible("[name=confirm]"))));
      await page.fill("[name=contextTokens]", "128,000");
      await press(page, "Create the model");
      await page.waitForURL("**/catalog/of?model=*");
      await check("a model of ours waits for a deployment", async () => assert.match(await main(page), /Nobody serves it[\s\S]*A model of ours/));
    },
  },
  {
    name: "operator-deployment-doubted",
    async does({ page, check }) {
      await page.selectOption("[name=provider]", "openai");
      await page.fill("[name=upstreamId]", own);
      await page.check("[name=serves]");
      await press(page, "Add it");
      await check("a deployment without a price is asked about", async () => assert.match((await page.textContent(".notice"))!, /it has no price/));
    },
  },
  {
    name: "operator-deployment",
    async does({ page, check }) {
      await page.uncheck("[name=serves]");
      await press(page, "Add it");
      await page.waitForURL("**/catalog/deployment?provider=openai&model=*");
      await check("and is stored where it does not serve yet", async () => assert.match(await main(page), /taken out[\s\S]*no price[\s\S]*Never: its provider is not self-hosted/));
    },
  },
  {
    name: "operator-model-edited", by: at("catalog/of?model=gpt-4o-mini"),
    async does({ page, check }) {
      await page.fill("[name=contextTokens]", "120000");
      await press(page, "Save");
      await page.waitForSelector("text=The model is saved.");
      await check("what is edited stands beside what was published", async () => assert.match(await main(page), /Context120,000 tokens128,000 tokens/));
    },
  },
  {
    name: "operator-model-published",
    async does({ page, check }) {
      await press(page, "Back to the published catalog");
      await page.waitForSelector("text=The model is as published.");
      await check("and is led back to it", async () => assert.equal(await page.inputValue("[name=contextTokens]"), "128000"));
    },
  },
  { name: "operator-deployment-published", by: first("catalog/deployment?*") },
  { name: "operator-alias-blank", by: at("catalog/aliases/new") },
  {
    name: "operator-alias-doubted",
    async does({ page, check }) {
      await page.fill("[name=name]", "gpt-4o-mini");
      await page.fill("[name=targets]", "gpt-5-nano");
      await press(page, "Create the alias");
      await check("an alias that hides a model is asked about", async () => assert.match((await page.textContent(".notice"))!, /a model is called gpt-4o-mini/));
    },
  },
  {
    name: "operator-alias",
    async does({ page, check }) {
      await page.fill("[name=name]", "house");
      await page.fill("[name=targets]", "gpt-5-nano 3\ngpt-4o-mini");
      await page.selectOption("[name=pick]", "weighted");
      await press(page, "Create the alias");
      await page.waitForSelector("text=The alias is stored.");
      await check("an alias is made", async () => assert.equal(await page.inputValue("[name=targets]"), "gpt-5-nano 3\ngpt-4o-mini"));
    },
  },
  {
    name: "operator-aliases", by: at("catalog/aliases/of?name=fast"),
    async does({ page, check }) {
      await press(page, "Remove it");
      await check("whoever came with the gateway is removed, and can be brought back", async () => assert.match(await main(page), /fast[\s\S]*removed[\s\S]*As published fast/));
    },
  },
  {
    name: "operator-aliases-restored",
    async does({ page, check }) {
      await press(page, "As published");
      await page.waitForSelector("text=The alias is as published.");
      await check("and is brought back", async () => assert.equal(await page.locator("td >> text=removed").count(), 0));
    },
  },
  { name: "operator-prices", by: at("prices?q=gpt-4o-mini") },
  { name: "operator-price-asked", by: first("prices/of?*") },
  {
    name: "operator-price",
    async does({ page, check }) {
      await page.fill("[name=usd]", "9999");
      await page.fill("[name=source]", "a slip");
      await page.click("text=Store it");
      await check("a slip is told why, and asked about", async () => assert.ok((await page.textContent(".notice"))!.includes("looks like a slip") && (await page.isVisible("[name=confirm]"))));
    },
  },
  { name: "operator-health", by: line("Health", "health") },
  { name: "operator-jobs", by: line("Jobs", "jobs") },
];

/** `member`: somebody of the organisation that comes first; made here when there is none. `site`: one whose operator is `operatorEmail`. */
export async function visitOperator(browser: Browser, member: Page | undefined, site: Site, tools: Tools): Promise<void> {
  const guest = member ?? (await (await browser.newContext()).newPage());
  if (!member) {
    await arrive(guest, site, "member@example.com");
    await guest.waitForURL("**/welcome");
    await guest.fill("[name=name]", "Analytical Engines");
    await guest.keyboard.press("Enter");
    await guest.waitForURL("**/first-key");
  }
  const context = await browser.newContext();
  const page = await context.newPage();
  await arrive(page, site, operatorEmail);
  await page.waitForURL("**/operator");
  const visit: Visit = { ...tools, page, member: guest, url: site.url };
  for (const { name, by, does } of stops) {
    await by?.(visit);
    await does?.(visit);
    await tools.looksGood(page, name);
  }
  await context.close();
}

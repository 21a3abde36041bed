/** The other ways of sign-up in a browser: people apply and hear by e-mail what an operator has decided, or only those come in whom an organisation has. */
import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import { admin } from "../../support/admin.ts";
import { operatorEmail } from "./operator.ts";
import { arrive, firstKey, found, main, press, type Tools } from "./people.ts";
import { openSite } from "./site.ts";

async function byApproval(browser: Browser, { check, looksGood }: Tools): Promise<void> {
  const site = await openSite({ DASHBOARD_SIGN_UP: "approval", DASHBOARD_OPERATORS: operatorEmail });
  const open = async (): Promise<Page> => (await browser.newContext()).newPage();
  const [ann, bob, operator] = await Promise.all([open(), open(), open()]);
  try {
    await ann.goto(`${site.url}/dashboard/sign-up`);
    await check("who comes is told that one applies here", async () => assert.match(await main(ann), /Anybody may ask: you say what for, and somebody here decides/));
    await arrive(ann, site, "ann@example.com", "Ann Applicant");
    await looksGood(ann, "apply");
    await ann.fill("[name=reason]", "Why not");
    await ann.click("text=Send it");
    await ann.waitForSelector("#reason-error");
    await looksGood(ann, "apply-wrong");
    await ann.fill("[name=reason]", "A course on compilers, for two hundred students.");
    await press(ann, "Send it");
    await check("who has applied is told whereto the answer comes", async () => assert.match(await main(ann), /Your application is being readWe'll e-mail ann@example\.com as soon as it is decided/));
    await looksGood(ann, "apply-waiting");
    await ann.goto(`${site.url}/dashboard/keys`);
    await check("and has nothing until then", () => assert.ok(ann.url().endsWith("/welcome"), ann.url()));
    await arrive(bob, site, "bob@example.com", "Bob Blank");
    await bob.fill("[name=reason]", "I would like to have many tokens.");
    await press(bob, "Send it");

    await arrive(operator, site, operatorEmail);
    await operator.waitForURL("**/operator");
    await operator.click(".stat a[href$='/applications']");
    await operator.waitForURL("**/operator/applications");
    await check("the operator reads who asks, and what for", async () => assert.match(await main(operator), /Ann Applicant[\s\S]*A course on compilers[\s\S]*Bob Blank[\s\S]*many tokens/));
    await looksGood(operator, "operator-applications-waiting");
    await press(operator, "Approve ann@example.com");
    await operator.waitForSelector("text=ann@example.com is approved.");
    await press(operator, "Decline bob@example.com");
    await operator.waitForSelector("text=bob@example.com is declined.");
    await looksGood(operator, "operator-applications-decided");

    const decided = await site.mailTo("bob@example.com", "Your application to Forge");
    await check("who is declined hears of it", () => assert.match(decided, /Hello Bob Blank,[\s\S]*was declined/));
    await bob.goto(`${site.url}/dashboard`);
    await check("and reads it where they were", async () => assert.match(await main(bob), /Your application was declined/));
    await looksGood(bob, "apply-declined");
    await ann.goto(await site.linkTo("ann@example.com", "Welcome to Forge"));
    await check("the e-mail of who is approved leads on", async () => assert.match(await main(ann), /Name your organisation/));
    await found(ann, "Compilers");
    const secret = await firstKey(ann);
    await check("to a key that answers", async () => {
      const answer = await fetch(`${site.url}/v1/chat/completions`, { method: "POST", headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" }, body: JSON.stringify({ model: "auto", messages: [{ role: "user", content: "Hello" }] }) });
      assert.equal(answer.status, 200, await answer.text());
    });
  } finally {
    await Promise.all([ann, bob, operator].map((page) => page.context().close()));
    await site.stop();
  }
}

async function byInvitation(browser: Browser, { check, looksGood }: Tools): Promise<void> {
  const site = await openSite({ DASHBOARD_SIGN_UP: "closed" });
  const page = await (await browser.newContext()).newPage();
  try {
    await page.goto(`${site.url}/dashboard/sign-up`);
    await check("who comes is told that sign-up is by invitation", async () => assert.match(await main(page), /Sign-up is by invitation/));
    await looksGood(page, "sign-up-closed");
    await page.fill("[name=name]", "Stan Stranger");
    await page.fill("[name=email]", "stranger@example.com");
    await press(page, "Send me the link");
    await page.waitForURL("**/sent");
    const { id } = await admin<{ id: string }>(site.url, "POST", "/organisations", { name: "Guild" });
    await admin(site.url, "PUT", `/organisations/${id}/members/member@example.com`, { role: "developer" });
    await arrive(page, site, "member@example.com", "Mia Member");
    await check("an address that an organisation has comes in", async () => assert.ok(page.url().endsWith("/first-key") && (await firstKey(page)).startsWith("sk-forge-")));
    await check("and a stranger's got no e-mail", () => assert.deepEqual([site.hasMail("member@example.com"), site.hasMail("stranger@example.com")], [true, false]));
    await page.goto(`${site.url}/dashboard/account`);
    await press(page, "Leave Guild");
    await page.goto(`${site.url}/dashboard`);
    await check("who belongs to none is told whom to ask", async () => assert.match(await main(page), /You belong to no organisation yet/));
    await looksGood(page, "welcome-closed");
  } finally {
    await page.context().close();
    await site.stop();
  }
}

export async function tryAdmission(browser: Browser, tools: Tools): Promise<void> {
  await byApproval(browser, tools);
  await byInvitation(browser, tools);
}

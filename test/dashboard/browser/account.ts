/**
 * A person's own account in the browser: GitHub is allowed on a page of its own, Chromium's own authenticator makes a passkey and signs in with it, a
 * session is ended from elsewhere, a password changed. On a gateway of its own, which is asked for by name: passkeys know no IP addresses.
 */
import assert from "node:assert/strict";
import type { Browser, BrowserContext, CDPSession, Page } from "playwright-core";
import { allow, answer, settings, type Identity } from "../elsewhere.ts";
import { openSite, type Site } from "./site.ts";

type Tools = { check: (name: string, run: () => unknown) => Promise<void>; looksGood: (page: Page, name: string) => Promise<void> };

const email = "barbara@example.com";
const password = "correct horse battery staple";
const other = "an altogether new one";
const identity: Identity = { subject: "barbara", name: "Barbara Liskov", email, verified: true };

/** The page at github.com where somebody allows it, or not. */
const consent = (context: BrowserContext): Promise<unknown> => context.route("https://github.com/**", (route) => {
  const url = route.request().url();
  const asks = new URL(url).searchParams;
  const denied = `${asks.get("redirect_uri")}?error=access_denied&state=${asks.get("state")}`;
  return route.fulfill({ contentType: "text/html", body: `<a id="allow" href="${allow(url, identity).replaceAll("&", "&amp;")}">Allow</a> <a id="deny" href="${denied.replaceAll("&", "&amp;")}">Deny</a>` });
});

/** A device with a fingerprint reader; it says yes as soon as it is asked. */
async function device(context: BrowserContext, page: Page): Promise<{ session: CDPSession; authenticatorId: string }> {
  const session = await context.newCDPSession(page);
  await session.send("WebAuthn.enable");
  const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", {
    options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  return { session, authenticatorId };
}

async function signIn(page: Page, url: string, secret: string): Promise<void> {
  await page.goto(`${url}/dashboard/sign-in`);
  await page.fill("[name=email]", email);
  await page.fill("[name=password]", secret);
  await page.click("main button >> nth=0");
}

async function withGitHub(context: BrowserContext, page: Page, url: string, { check }: Tools): Promise<void> {
  await consent(context);
  await page.goto(`${url}/dashboard/sign-in`);
  await page.click("text=Continue with GitHub");
  await page.click("#deny");
  await page.waitForURL("**/sign-in?error=access_denied");
  await check("who does not allow it at GitHub is told so", async () => assert.match((await page.textContent(".notice"))!, /You did not allow it there/));
  await page.click("text=Continue with GitHub");
  await page.click("#allow");
  await page.waitForURL("**/dashboard/welcome");
  await check("who allows it has an account", async () => assert.match((await page.textContent("h1"))!, /Name your organisation/));
  await page.fill("[name=name]", "Substitution");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/first-key");
  await page.goto(`${url}/dashboard/usage`);
  await page.click(".me-link");
  await page.waitForURL("**/dashboard/account");
  await check("the last way to sign in stays", async () => {
    await page.click("text=Unlink");
    assert.match((await page.textContent(".notice.bad"))!, /only way to sign in/);
  });
}

async function withPasskey(context: BrowserContext, page: Page, url: string, { check, looksGood }: Tools): Promise<void> {
  const { session, authenticatorId } = await device(context, page);
  await page.goto(`${url}/dashboard/account`);
  await page.click("text=Add a passkey");
  await page.waitForSelector("text=The passkey is added.");
  await check("the device has made a passkey", async () => assert.equal((await session.send("WebAuthn.getCredentials", { authenticatorId })).credentials.length, 1));
  await page.click("summary:has-text('Rename')");
  await page.fill("main details [name=name]", "Barbara's laptop");
  await page.click("main details >> text=Save");
  await page.waitForSelector("text=The passkey is called Barbara's laptop now.");
  await page.click("text=Add a passkey");
  await check("a device that has one says so", async () => void (await page.waitForSelector("text=This device has a passkey for your account already.")));
  await page.goto(`${url}/dashboard/account`);
  await page.click("summary:has-text('Rename')");
  await looksGood(page, "account");

  // The device answers as soon as the field for the address offers it, as if somebody had chosen it there.
  await page.click("text=Sign out here");
  await page.waitForURL("**/dashboard/first-key");
  await check("a passkey that is chosen in the field for the address signs in", async () => assert.ok(await page.isVisible("h1")));
  await page.goto(`${url}/dashboard/account`);
  await session.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
  await page.click("text=Sign out here");
  await page.waitForURL("**/sign-in");
  await page.goto(`${url}/dashboard/sign-in?next=%2Fdashboard%2Faccount`);
  await looksGood(page, "sign-in-ways");
  await page.click("text=Sign in with a passkey");
  await check("a finger that the device does not know opens nothing", async () => void (await page.waitForSelector("[data-passkey-problem]:not([hidden])")));
  await session.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: true });
  await page.click("text=Sign in with a passkey");
  await page.waitForURL("**/dashboard/account");
  await check("a passkey signs in, and leads on to where one wanted to go", async () => assert.match((await page.textContent("main"))!, /Barbara's laptop/));
}

async function elsewhere(browser: Browser, page: Page, site: Site, url: string, { check, looksGood }: Tools): Promise<void> {
  await page.click("text=Send me the link");
  await page.waitForURL("**/sent");
  await page.goto(await site.linkTo(email));
  await page.fill("[name=password]", password);
  await page.keyboard.press("Enter");
  await page.waitForURL("**/dashboard/first-key");
  const context = await browser.newContext({ userAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1" });
  const phone = await context.newPage();
  await signIn(phone, url, password);
  await phone.waitForURL("**/dashboard/first-key");
  await page.goto(`${url}/dashboard/account`);
  await check("both browsers are listed", async () => assert.match((await page.textContent("main"))!, /this one[\s\S]*Safari on iPhone|Safari on iPhone[\s\S]*this one/));
  await looksGood(page, "account-sessions");
  await page.click("tr:has-text('Safari on iPhone') >> text=End");
  await page.waitForSelector("text=That session is over.");
  await phone.goto(`${url}/dashboard/usage`);
  await check("a session that is ended elsewhere is over", () => assert.match(phone.url(), /\/sign-in\?next=/));

  await signIn(phone, url, password);
  await phone.waitForURL("**/dashboard/first-key");
  await page.fill("[name=present]", "a wrong password");
  await page.fill("[name=password]", other);
  await page.click("text=Change it");
  await check("a wrong password is told at its field", async () => assert.equal(await page.textContent("#present-error"), "This is not your present password."));
  await looksGood(page, "account-wrong");
  await page.fill("[name=present]", password);
  await page.fill("[name=password]", other);
  await page.click("text=Change it");
  await page.waitForSelector("text=Your password is changed.");
  await phone.goto(`${url}/dashboard/usage`);
  await check("a new password ends the sessions elsewhere", () => assert.match(phone.url(), /\/sign-in\?next=/));
  await signIn(phone, url, other);
  await phone.waitForURL("**/dashboard/first-key");
  await check("it signs in", () => assert.ok(phone.url().endsWith("/dashboard/first-key")));
  await context.close();
}

export async function tryAccount(browser: Browser, tools: Tools): Promise<void> {
  const site = await openSite({ ...settings }, { outbound: answer });
  const url = site.url.replace("127.0.0.1", "localhost");
  const context = await browser.newContext();
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => void (message.type() === "error" && complaints.push(message.text())));
  page.on("pageerror", (error) => void complaints.push(error.message));
  try {
    await withGitHub(context, page, url, tools);
    await withPasskey(context, page, url, tools);
    await elsewhere(browser, page, site, url, tools);
    await tools.check("the browser complained of nothing on the account's pages", () => assert.deepEqual(complaints.filter((text) => !/409|422/.test(text)), []));
  } finally {
    await context.close();
    await site.stop();
  }
}

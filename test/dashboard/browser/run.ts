/**
 * `npm run test:dashboard`: the dashboard in a real browser. The whole first run with the keyboard alone, axe on every page in light and dark and on a
 * phone, what a page weighs, whom it calls, what its cookies are. Options: --shots <folder> keeps a picture of each page, --only account, admission, corners, home,
 * keys (with the first run), operator, playground or sovereignty tries that part.
 */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { tryAccount } from "./account.ts";
import { tryAdmission } from "./admission.ts";
import { openBrowser } from "./browser.ts";
import { tryCorners } from "./corners.ts";
import { plainFiles, tryFiles } from "./files.ts";
import { plainPlayground, playgroundAlone, tryPlayground } from "./playground.ts";
import { operatorEmail, visitOperator } from "./operator.ts";
import { tryHome } from "./home.ts";
import { visitReference } from "./reference.ts";
import { keysAndRequests } from "./keys.ts";
import { openSite } from "./site.ts";
import { trySovereignty } from "./sovereignty.ts";
import { unvisited } from "./visited.ts";

const { values: { shots, only } } = parseArgs({ options: { shots: { type: "string" }, only: { type: "string" } } });
if (shots) mkdirSync(shots, { recursive: true });
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const looks = [
  { name: "light", colorScheme: "light", width: 1280, height: 860 },
  { name: "dark", colorScheme: "dark", width: 1280, height: 860 },
  { name: "phone", colorScheme: "light", width: 360, height: 740 },
  { name: "phone-dark", colorScheme: "dark", width: 360, height: 740 },
] as const;

let checks = 0;
const failures: string[] = [];
async function check(name: string, run: () => unknown): Promise<void> {
  checks += 1;
  try {
    await run();
    console.log(`  ok  ${name}`);
  } catch (error) {
    failures.push(name);
    console.error(`  NO  ${name}\n      ${String((error as Error).message).replaceAll("\n", "\n      ")}`);
  }
}

/** Addresses of pages that were looked at, and were there. */
const visited = new Set<string>();

type Finding = { id: string; impact: string | null; nodes: { html: string; failureSummary: string }[] };

/** axe's serious findings, and whether the page is wider than its window, in every look. axe is put in past the policy, which forbids it. */
async function looksGood(page: Page, name: string): Promise<void> {
  const isThere = await page.evaluate(() => (performance.getEntriesByType("navigation")[0] as PerformanceNavigationTiming & { responseStatus: number }).responseStatus === 200);
  if (isThere) visited.add(new URL(page.url()).pathname);
  for (const look of looks) {
    await page.emulateMedia({ colorScheme: look.colorScheme, reducedMotion: "reduce" });
    await page.setViewportSize(look);
    await page.evaluate(axe);
    const findings = await page.evaluate(async () => (await (globalThis as unknown as { axe: { run(): Promise<{ violations: Finding[] }> } }).axe.run()).violations);
    const serious = findings.filter(({ impact }) => impact === "serious" || impact === "critical");
    await check(`${name}, ${look.name}: axe`, () => assert.deepEqual(serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join(" | ")}`), []));
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    await check(`${name}, ${look.name}: not wider than the window`, () => assert.equal(overflow, 0));
    await check(`${name}, ${look.name}: nothing is cut off`, async () => assert.deepEqual(await cutOff(page), []));
    if (look.name === "phone") await check(`${name}: targets of 44 px`, async () => assert.deepEqual(await smallTargets(page), []));
    if (shots) await page.screenshot({ path: join(shots, `${name}-${look.name}.png`), fullPage: true });
  }
  await page.setViewportSize({ width: 1280, height: 860 });
}

/** Buttons, fields and links outside of running text that are lower than 44 px. */
const smallTargets = (page: Page): Promise<string[]> => page.evaluate(() => [...document.querySelectorAll<HTMLElement>("button, select, textarea, input:not([type=hidden], [type=radio], [type=checkbox]), nav a, .pills a, a.button, label:has([type=radio], [type=checkbox]), summary")]
  .filter((element) => element.checkVisibility() && element.getBoundingClientRect().height < 43.5).map((element) => `${element.outerHTML.slice(0, 100)} ${element.getBoundingClientRect().height}`));

/** What stands over the edge of a box that shows no more, and is not to be scrolled to. */
const cutOff = (page: Page): Promise<string[]> => page.evaluate(() => [...document.querySelectorAll<HTMLElement>(".side, .card, .stats")]
  .filter((element) => element.scrollWidth > element.clientWidth + 1).map((element) => `${element.className} ${element.scrollWidth} > ${element.clientWidth}`));

/** What a first visit transfers, and whom it asks. */
async function weigh(context: BrowserContext, url: string): Promise<{ bytes: number; hosts: string[] }> {
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send("Network.enable");
  let bytes = 0;
  const hosts = new Set<string>();
  session.on("Network.loadingFinished", ({ encodedDataLength }) => void (bytes += encodedDataLength));
  page.on("request", (request) => void (request.url().startsWith("http") && hosts.add(new URL(request.url()).host)));
  await page.goto(url, { waitUntil: "networkidle" });
  await page.close();
  return { bytes, hosts: [...hosts] };
}

/** Presses Tab until `name` has the focus, as somebody without a mouse would. */
async function tabTo(page: Page, name: string | RegExp, most = 40): Promise<void> {
  for (let i = 0; i < most; i += 1) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() => {
      const element = document.activeElement as HTMLInputElement | null;
      return element?.labels?.[0]?.textContent ?? element?.getAttribute("aria-label") ?? element?.textContent ?? "";
    });
    if (typeof name === "string" ? focused.trim() === name : name.test(focused)) return;
  }
  throw new Error(`The keyboard does not reach ${name}`);
}

/** The settings, each with something in it. */
async function settingsLookGood(page: Page, url: string): Promise<void> {
  await page.goto(`${url}/dashboard/settings/people`);
  await page.fill("[name=email]", "grace@example.com");
  await page.click("main form.line button");
  await page.waitForSelector("text=grace@example.com is invited.");
  await page.goto(`${url}/dashboard/settings/budgets`);
  await page.fill("main form.line [name=id]", "monthly");
  await page.fill("main form.line [name=amount]", "100");
  await page.click("main form.line button >> text=Set it");
  await page.waitForSelector("text=The budget monthly is set.");
  await page.goto(`${url}/dashboard/settings/models`);
  await page.fill("[name=models]", "fast\nopenai/*\nno-such-model\nselfhosted/*");
  await page.click("main form button >> text=Save");
  await page.waitForSelector("text=The list is saved.");
  await page.goto(`${url}/dashboard/settings/providers`);
  await page.fill("[name=secret]", "sk-of-our-own-0123456789");
  await page.click("button >> text=Store it");
  await page.waitForSelector("td >> text=exclusive");
  for (const name of ["general", "people", "sovereignty", "guardrails", "models", "budgets", "alerts", "billing", "providers", "audit"]) {
    await page.goto(`${url}/dashboard/settings/${name}`);
    await page.evaluate(() => document.querySelectorAll("main details").forEach((details) => details.setAttribute("open", "")));
    await looksGood(page, `settings-${name}`);
  }
  // What comes behind this asks models that are not on the list.
  await page.goto(`${url}/dashboard/settings/models`);
  await page.fill("[name=models]", "");
  await page.click("main form button >> text=Save");
  await page.waitForSelector("text=Every model is allowed.");
  await check("who is invited is told whereto", async () => {
    const guest = await page.context().browser()!.newPage();
    await guest.goto(await site.linkTo("grace@example.com"));
    assert.match((await guest.textContent("h1"))!, /^Join /);
    await looksGood(guest, "invitation");
    await guest.close();
  });
}

function end(): never {
  console.log(`\n${checks - failures.length} passed, ${failures.length} failed`);
  process.exit(failures.length === 0 ? 0 : 1);
}

const browser = await openBrowser();
/** Parts that have gateways of their own. */
const parts: Record<string, (browser: Browser, tools: { check: typeof check; looksGood: typeof looksGood }) => Promise<void>> = {
  account: tryAccount, sovereignty: trySovereignty, admission: tryAdmission, corners: tryCorners,
};
if (only && parts[only]) {
  await parts[only](browser, { check, looksGood });
  await browser.close();
  end();
}
const site = await openSite({ DASHBOARD_OPERATORS: operatorEmail });
/** Parts of this one that can be tried by themselves. */
const alone = { home: tryHome, playground: playgroundAlone, operator: (browser: Browser, on: typeof site, tools: { check: typeof check; looksGood: typeof looksGood }) => visitOperator(browser, undefined, on, tools) } as const;
if (only && Object.hasOwn(alone, only)) {
  await alone[only as keyof typeof alone](browser, site, { check, looksGood });
  await browser.close();
  await site.stop();
  end();
}
try {
  const context = await browser.newContext();
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: site.url });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => void (message.type() === "error" && complaints.push(message.text())));
  page.on("pageerror", (error) => void complaints.push(error.message));

  const { bytes, hosts } = await weigh(context, `${site.url}/dashboard/sign-up`);
  console.log(`  the first page transfers ${(bytes / 1024).toFixed(1)} KB`);
  await check("the first page is under 100 KB", () => assert.ok(bytes > 0 && bytes < 100 * 1024, `${bytes} bytes`));
  await check("no other host is called", () => assert.deepEqual(hosts, [new URL(site.url).host]));

  await page.goto(`${site.url}/dashboard`);
  await check("a stranger is led to sign in", () => assert.match(page.url(), /\/dashboard\/sign-in/));
  await looksGood(page, "sign-in");
  await tabTo(page, "Create an account");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/sign-up");
  await looksGood(page, "sign-up");
  await tabTo(page, "Your name");
  await page.keyboard.type("Ada Lovelace");
  await page.keyboard.press("Tab");
  await page.keyboard.type("ada@example.com");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/sent");
  await looksGood(page, "sent");

  await page.goto(await site.linkTo("ada@example.com"));
  await looksGood(page, "password");
  await tabTo(page, "New password");
  await page.keyboard.type("correct horse battery staple");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/welcome");
  await check("the session's cookie is bound to its host", async () => {
    const cookies = await context.cookies();
    const session = cookies.find(({ name }) => name === "__Host-forge-session");
    assert.ok(session, JSON.stringify(cookies.map(({ name }) => name)));
    assert.deepEqual([session.secure, session.httpOnly, session.sameSite, session.path], [true, true, "Lax", "/"]);
    assert.ok(cookies.every(({ name }) => name.startsWith("__Host-")));
  });
  await looksGood(page, "welcome");
  await tabTo(page, "Organisation");
  await page.keyboard.type("Analytical Engines");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/first-key");
  await looksGood(page, "first-key");
  await tabTo(page, /Create the key/);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#secret");
  const secret = (await page.textContent("#secret"))!.trim();
  await check("the key is shown", () => assert.match(secret, /^sk-forge-\w{20,}$/));
  await tabTo(page, "Copy Your API key");
  await page.keyboard.press("Enter");
  await check("the copy button copies it", async () => assert.equal(await page.evaluate(() => navigator.clipboard.readText()), secret));
  await tabTo(page, "curl");
  await page.keyboard.press("ArrowRight");
  await check("arrow keys choose a snippet", async () => assert.ok(await page.isVisible(".panel.python") && !(await page.isVisible(".panel.curl"))));
  await check("seven clients have their snippet, with this gateway's address", async () => {
    const texts = await page.locator(".panel pre").allTextContents();
    assert.equal(texts.length, 7);
    for (const text of texts) assert.ok(text.includes(site.url) && text.includes(secret), text);
  });
  await looksGood(page, "key");
  await check("it waits for the first request", async () => assert.equal(await page.textContent("[data-waiting-text]"), "Waiting for your first request"));
  const ask = (model: string): Promise<Response> => fetch(`${site.url}/v1/chat/completions`, {
    method: "POST", headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }] }),
  });
  await check("a wrong model is refused", async () => assert.equal((await ask("gpt-five")).status, 404));
  await check("the lamp turns amber, and says why and what helps", async () => {
    await page.waitForSelector('[data-waits-for][data-state="refused"]', { timeout: 15_000 });
    assert.match((await page.textContent("[data-waiting-text]"))!, /^A request came and was refused: model_not_found \(gpt-five\) — No model has this name here\. Use /);
  });
  await looksGood(page, "key-refused");
  const answer = await ask("auto");
  await check("the snippet's request is answered", async () => assert.equal(answer.status, 200, await answer.text()));
  await check("the lamp turns green", async () => void (await page.waitForSelector('[data-waits-for][data-state="here"]', { timeout: 15_000 })));
  await looksGood(page, "key-used");
  await tabTo(page, "To the overview");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/dashboard");
  await check("the overview counts the request", async () => assert.match((await page.textContent(".stats"))!, /Requests1/));
  await looksGood(page, "overview");
  const home = await weigh(context, `${site.url}/dashboard`);
  console.log(`  the overview transfers ${(home.bytes / 1024).toFixed(1)} KB, uncompressed`);
  await check("the overview is under 100 KB", () => assert.ok(home.bytes > 0 && home.bytes < 100 * 1024, `${home.bytes} bytes`));
  await page.goto(`${site.url}/dashboard/usage`);
  await looksGood(page, "usage");
  await check("its chart says in words what it shows, and has its figures as a table", async () => {
    assert.match((await page.getAttribute("svg.canvas >> nth=0", "aria-label"))!, /in all, the most (on|at) /);
    await page.click("text=As a table >> nth=0");
    assert.ok(await page.isVisible(".more .table >> nth=0"));
  });
  await page.selectOption("[name=by]", "app");
  await page.waitForURL("**/usage?**by=app**");
  await page.selectOption("[name=metric]", "latency");
  await page.waitForURL("**/usage?range=today&metric=latency&by=app");
  await looksGood(page, "usage-latency");
  if (only === "keys") {
    await keysAndRequests({ page, url: site.url, check, looksGood, tabTo });
    await browser.close();
    await site.stop();
    end();
  }
  const list = await weigh(context, `${site.url}/dashboard/models`);
  console.log(`  the list of models transfers ${(list.bytes / 1024).toFixed(1)} KB, uncompressed`);
  await check("the list of models is under 100 KB", () => assert.ok(list.bytes > 0 && list.bytes < 100 * 1024, `${list.bytes} bytes`));
  await page.goto(`${site.url}/dashboard/models`);
  await looksGood(page, "models");
  await tabTo(page, "Search optional");
  await page.keyboard.type("gpt-5-nano");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/models?q=gpt-5-nano**");
  await page.click(".named > a >> nth=0");
  await check("a model has its page", async () => assert.equal(await page.textContent("h1"), "gpt-5-nano"));
  await looksGood(page, "model");
  await page.goto(`${site.url}/dashboard/aliases`);
  await page.click("text=Why not the other >> nth=0");
  await check("an alias says whom it leads to and why not elsewhere", async () => assert.match((await page.textContent("main"))!, /auto[\s\S]*works[\s\S]*its provider is not set up here/));
  await looksGood(page, "aliases");
  await visitReference(page, { url: site.url, secret }, { check, looksGood });
  await keysAndRequests({ page, url: site.url, check, looksGood, tabTo });
  await tryPlayground({ page, url: site.url, check, looksGood });
  await settingsLookGood(page, site.url);
  await tryFiles({ page, url: site.url, check, looksGood });
  await visitOperator(browser, page, site, { check, looksGood });
  await tryHome(browser, site, { check, looksGood });
  for (const part of Object.values(parts)) await part(browser, { check, looksGood });
  await check("every page of the route table has been looked at", async () => assert.deepEqual(await unvisited(visited), { unseen: [], needless: [] }));
  await page.goto(`${site.url}/dashboard/nowhere`);
  await looksGood(page, "not-found");
  complaints.splice(0, complaints.length, ...complaints.filter((text) => !/404|422/.test(text)));

  await page.goto(`${site.url}/dashboard`);
  await page.click('.side button[aria-label="Dark"]');
  await check("the chosen theme is there before the page is shown", async () => assert.equal(await page.getAttribute("html", "data-theme"), "dark"));
  await page.click("text=Sign out");
  await page.waitForURL("**/sign-in");
  await page.goto(`${site.url}/dashboard/usage`);
  await check("signed out is signed out", () => assert.match(page.url(), /sign-in\?next=/));
  await page.fill("[name=email]", "ada@example.com");
  await page.fill("[name=password]", "correct horse battery staple");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/dashboard/usage");
  await check("signing in leads on to where one wanted to go", () => assert.ok(page.url().endsWith("/dashboard/usage")));

  const bare = await browser.newContext({ javaScriptEnabled: false });
  const plain = await bare.newPage();
  await plain.goto(`${site.url}/dashboard/sign-in`);
  await plain.fill("[name=email]", "ada@example.com");
  await plain.fill("[name=password]", "correct horse battery staple");
  await plain.click("main button[type=submit]");
  await plain.waitForURL("**/dashboard");
  await plain.click("nav >> text=Usage");
  await check("without JavaScript it works", async () => assert.equal(await plain.textContent("h1"), "Usage"));
  await plainPlayground({ page: plain, url: site.url, check });
  await plainFiles({ page: plain, url: site.url, check });
  await check("the browser complained of nothing", () => assert.deepEqual(complaints, []));
} catch (error) {
  failures.push("the run");
  console.error(error);
} finally {
  await browser.close();
  await site.stop();
}
end();

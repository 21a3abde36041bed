/**
 * The sovereignty switch in a browser: beside a server of one's own and a provider it is on with a key's next request, and off again; without a server,
 * or on a plan without sovereign requests, nobody is cut off unaware. Whatever leaves the gateway is written down.
 */
import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Browser, Page } from "playwright-core";
import { admin } from "../../support/admin.ts";
import { StandIn } from "../../support/server.ts";
import { arrive, firstKey, found, main, press, type Tools } from "./people.ts";
import { openSite, passedOn, type Site } from "./site.ts";

const model = "llama-local";
const alias = "house";

/** A server of one's own that speaks OpenAI's protocol. */
class OwnServer extends StandIn {
  protected serve({ url }: IncomingMessage, _text: string, response: ServerResponse): void {
    const completion = { id: "chatcmpl-own", object: "chat.completion", created: 1, model, choices: [{ index: 0, message: { role: "assistant", content: "From our own server." }, finish_reason: "stop" }], usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 } };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(url === "/v1/models" ? { object: "list", data: [{ id: model, object: "model" }] } : completion));
  }
}

const place = "/dashboard/settings/sovereignty";
const ask = async (site: Site, secret: string): Promise<{ status: number; text: string }> => {
  const response = await fetch(`${site.url}/v1/chat/completions`, {
    method: "POST", headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" }, body: JSON.stringify({ model: alias, messages: [{ role: "user", content: "Hello" }] }),
  });
  return { status: response.status, text: await response.text() };
};

/** Somebody with an organisation, a key, and the page in front of them. Own server first or not, the provider is asked before it. */
async function begin(browser: Browser, site: Site): Promise<{ page: Page; secret: string; organisation: string }> {
  const page = await (await browser.newContext()).newPage();
  await arrive(page, site, "owner@example.com", "Olive Owner");
  await found(page, "Homestead");
  const secret = await firstKey(page);
  const { data: [organisation] } = await admin<{ data: { id: string }[] }>(site.url, "GET", "/organisations");
  await admin(site.url, "PUT", `/aliases/${alias}`, { organisation: organisation!.id, targets: ["gpt-4o-mini", `selfhosted/${model}`] });
  await page.goto(site.url + place);
  return { page, secret, organisation: organisation!.id };
}

async function withServer(browser: Browser, { check, looksGood }: Tools): Promise<void> {
  const own = new OwnServer();
  const origin = await own.start();
  const left: string[] = [];
  const site = await openSite({ SOVEREIGN_ORIGIN: `${origin}/v1`, DASHBOARD_PLAN: "pro" }, { outbound: (request) => (left.push(new URL(request.url).origin), passedOn(request)) });
  try {
    const { page, secret } = await begin(browser, site);
    await check("the self-test tries every way out and finds each closed", async () => {
      assert.match(await main(page), /Self-testsealed(\d+) of \1 ways out are closed/);
      const results = await page.locator("tbody td:nth-child(2)").allTextContents();
      assert.ok(results.length >= 20 && results.every((text) => text === "closed"), results.join());
      assert.ok((await page.locator("tbody td:nth-child(3)").allTextContents()).every((text) => text.length > 5), "each says how");
      assert.deepEqual([...new Set(left)], [origin], "and nothing has left but to the server");
    });
    await looksGood(page, "sovereignty");
    left.length = 0;
    await check("while it is off the provider is asked", async () => {
      assert.deepEqual([(await ask(site, secret)).status, left.length, left.includes(origin)], [200, 1, false]);
    });
    await press(page, "Stay on own servers");
    await page.waitForSelector("text=From now on every request stays on own servers.");
    left.length = 0;
    await check("switched on, a key's next request reaches the own server and nobody else", async () => {
      const { status, text } = await ask(site, secret);
      assert.deepEqual([status, text.includes("From our own server."), [...new Set(left)]], [200, true, [origin]]);
    });
    await looksGood(page, "sovereignty-on");
    await page.click("text=Let prompts leave again");
    await check("before it is switched off one is asked", async () => assert.ok(await page.isVisible("dialog:modal >> text=Let prompts leave again?")));
    await looksGood(page, "sovereignty-off-asked");
    await page.keyboard.press("Escape");
    left.length = 0;
    await check("and Escape leaves it on", async () => assert.deepEqual([(await ask(site, secret)).status, [...new Set(left)]], [200, [origin]]));
    await page.click("text=Let prompts leave again");
    await press(page, "Let them leave");
    await page.waitForSelector("text=Requests go to every model that they may again.");
    left.length = 0;
    await check("switched off, the next request reaches the provider again", async () => {
      assert.deepEqual([(await ask(site, secret)).status, left.length, left.includes(origin)], [200, 1, false]);
    });
    own.stop();
    await page.reload();
    await check("a server that does not answer is told before it is switched on", async () => {
      assert.match(await main(page), /No self-hosted server answered just now: while this is on, every request is refused with 503/);
      await page.click("text=Stay on own servers");
      assert.ok(await page.isVisible("dialog:modal"));
    });
    await page.context().close();
  } finally {
    own.stop();
    await site.stop();
  }
}

async function withoutServer(browser: Browser, { check, looksGood }: Tools): Promise<void> {
  const site = await openSite();
  try {
    const { page, secret, organisation } = await begin(browser, site);
    await check("on a plan without sovereign requests it is not offered, and says why", async () => {
      assert.ok(await page.isDisabled("button:has-text('Stay on own servers')"));
      assert.match(await main(page), /The plan free has no sovereign requests, so this cannot be switched on/);
      assert.equal(await page.locator("main form").count(), 0);
      assert.equal((await ask(site, secret)).status, 200);
    });
    await looksGood(page, "sovereignty-not-in-plan");
    await page.click("main >> text=free");
    await page.waitForURL("**/settings/billing");
    await check("its plan is a click away", async () => assert.match(await main(page), /Plan: free[\s\S]*no sovereign requests/));
    await admin(site.url, "PATCH", `/organisations/${organisation}`, { sovereign: true });
    await page.goto(site.url + place);
    await check("where somebody has switched it on all the same, it says what comes of it", async () => {
      assert.match(await main(page), /while this is on, every request is refused with 403/);
      assert.equal((await ask(site, secret)).status, 403);
    });
    await looksGood(page, "sovereignty-cut-off");
    await page.click("text=Let prompts leave again");
    await press(page, "Let them leave");
    await check("and can be switched off", async () => assert.equal((await ask(site, secret)).status, 200));

    await admin(site.url, "PATCH", `/organisations/${organisation}`, { plan: "pro" });
    await page.goto(site.url + place);
    await looksGood(page, "sovereignty-no-server");
    await page.click("text=Stay on own servers");
    await check("without a server one is asked before all is refused", async () => {
      assert.match((await page.textContent("dialog:modal"))!, /although nothing can answer\?No self-hosted server is set up here\. Every request of every key is refused with 503/);
    });
    await looksGood(page, "sovereignty-on-asked");
    await page.click("text=Leave it off");
    assert.equal((await ask(site, secret)).status, 200);
    await page.click("text=Stay on own servers");
    await press(page, "Switch it on");
    await check("who wants it gets it", async () => {
      const { status, text } = await ask(site, secret);
      assert.deepEqual([status, text.includes("sovereign_unavailable")], [503, true]);
    });
    await page.context().close();
  } finally {
    await site.stop();
  }
}

export async function trySovereignty(browser: Browser, tools: Tools): Promise<void> {
  await withServer(browser, tools);
  await withoutServer(browser, tools);
}

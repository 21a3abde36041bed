/** The guides and the API reference in the browser: read, copied from, tried out. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";

type Tools = { check: (name: string, run: () => unknown) => Promise<void>; looksGood: (page: Page, name: string) => Promise<void> };

/** `url`: the gateway; `secret`: a key of it. */
export async function visitReference(page: Page, { url, secret }: { url: string; secret: string }, { check, looksGood }: Tools): Promise<void> {
  const hosts = new Set<string>();
  const note = (request: { url(): string }): void => void (request.url().startsWith("http") && hosts.add(new URL(request.url()).origin));
  page.on("request", note);
  await page.goto(`${url}/docs`);
  await looksGood(page, "guides");
  await page.click("text=Quickstart");
  await page.waitForURL("**/docs/quickstart");
  await looksGood(page, "guide");
  await page.locator("[data-copy]").nth(1).click();
  await check("a guide's snippet is copied, with this gateway's address", async () => assert.match(await page.evaluate(() => navigator.clipboard.readText()), new RegExp(`^curl ${url}/v1/chat/completions `)));

  const startedMs = performance.now();
  await page.goto(`${url}/reference`, { waitUntil: "load" });
  const drawnMs = performance.now() - startedMs;
  console.log(`  the reference is there after ${Math.round(drawnMs)} ms`);
  await check("the reference is there within 1.5 s", () => assert.ok(drawnMs < 1_500, `${drawnMs} ms`));
  await check("it has every family of operations", async () => assert.ok((await page.locator("[data-chapter]").count()) >= 15 && (await page.locator(".operations li").count()) > 150));
  await looksGood(page, "reference");
  await page.fill("#find", "webhook-SECRET get");
  await check("an operation is found by its words", async () => assert.deepEqual(await page.locator(".operations li:not([hidden]) code").allTextContents(), ["/api/v1/videos/webhook-secret"]));
  await page.fill("#find", "");
  await page.click('.operations a[href="/reference/getV1Models"]');
  await page.waitForURL("**/reference/getV1Models");
  await page.fill("[name=secret]", secret);
  await page.click("text=Send");
  await page.waitForSelector("[data-state]:has-text('200')");
  await check("an operation is tried out", async () => assert.match((await page.textContent("[data-answer-body]"))!, /"object": "list"/));
  await page.goto(`${url}/reference/postV1ChatCompletions`);
  await looksGood(page, "operation");
  await check("the key is there on the next page", async () => assert.equal(await page.inputValue("[name=secret]"), secret));
  await page.click("text=Send");
  await page.waitForSelector("[data-state]:has-text('200')");
  await check("a conversation is answered with the body that is filled in", async () => assert.match((await page.textContent("[data-answer-body]"))!, /"object": "chat\.completion"/));
  await page.fill("[name=body]", '{"model": "auto", "stream": true, "messages": [{"role": "user", "content": "It\'s me"}]}');
  await check("the command says what is filled in", async () => assert.ok((await page.textContent("#curl"))!.includes(`'{"model": "auto", "stream": true, "messages": [{"role": "user", "content": "It'\\''s me"}]}'`), (await page.textContent("#curl"))!));
  await page.click("text=Send");
  await page.waitForSelector("[data-answer-body]:has-text('[DONE]')");
  await looksGood(page, "operation-answered");
  await page.goto(`${url}/reference/postV1Files`);
  await page.setInputFiles("[name='form:file']", { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("Hello") });
  await page.selectOption("[name='form:purpose']", "user_data");
  await page.click("text=Send");
  await page.waitForSelector("[data-state]:has-text('200')");
  await check("a file is sent by its form", async () => assert.match((await page.textContent("[data-answer-body]"))!, /"filename": "notes\.txt"/));
  await page.click("text=API reference");
  await page.waitForURL("**/reference");
  await page.click("nav >> text=Dashboard");
  await page.waitForURL("**/dashboard");
  await page.click("nav >> text=Guides");
  await page.waitForURL("**/docs");
  await check("dashboard, guides and reference lead to each other", () => assert.ok(page.url().endsWith("/docs")));
  page.off("request", note);
  await check("guides and reference call no other host", () => assert.deepEqual([...hosts], [url]));
}

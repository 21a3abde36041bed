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

  await page.goto(`${url}/reference`);
  await page.waitForSelector('[data-tag="Models"]', { timeout: 60_000 });
  await check("the reference has every family of operations", async () => assert.ok((await page.locator("[data-tag]").count()) >= 15));
  await page.click('[data-tag="Models"]');
  await page.locator(".authorize").first().click();
  await page.locator(".auth-container input").first().fill(secret);
  await page.locator(".auth-btn-wrapper .authorize").first().click();
  await page.locator(".btn-done").first().click();
  const operation = page.locator('[id="operations-Models-getV1Models"]');
  await operation.locator(".opblock-summary").click();
  await operation.locator(".try-out__btn").click();
  await operation.locator(".execute").click();
  await page.waitForSelector(".live-responses-table", { timeout: 60_000 });
  await check("an operation is tried out", async () => assert.equal((await page.locator(".live-responses-table .response-col_status").last().innerText()).trim(), "200"));
  await page.click('[data-tag="Chat completions"]');
  const chat = page.locator('[id="operations-Chat_completions-postV1ChatCompletions"]');
  await chat.locator(".opblock-summary").click();
  await chat.locator(".try-out__btn").click();
  await chat.locator(".execute").click();
  await chat.locator(".live-responses-table").waitFor({ timeout: 60_000 });
  await check("a conversation is answered with the body that is filled in", async () => {
    assert.equal((await chat.locator(".live-responses-table .response-col_status").last().innerText()).trim(), "200");
    assert.match(await chat.locator(".live-responses-table").innerText(), /"object": "chat\.completion"/);
  });
  page.off("request", note);
  await check("guides and reference call no other host", () => assert.deepEqual([...hosts], [url]));
}

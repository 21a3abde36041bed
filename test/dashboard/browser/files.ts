/** Files and batches in a browser: an upload with its bar, a batch that runs to its end before one's eyes, its answers as a download. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Trial } from "./playground.ts";

const line = (id: string, model: string): string => JSON.stringify({ custom_id: id, method: "POST", url: "/v1/chat/completions", body: { model, messages: [{ role: "user", content: `I am ${id}` }] } });
const input = [line("one", "auto"), line("two", "gpt-4o-mini"), line("three", "no-such-model")].join("\n");

/** With whoever is signed in on `page`, who may use files. */
export async function tryFiles({ page, url, check, looksGood }: Trial): Promise<void> {
  await page.goto(`${url}/dashboard/files`);
  await page.setInputFiles("[name=file]", { name: "questions.jsonl", mimeType: "application/jsonl", buffer: Buffer.from(input) });
  await page.click("[data-upload] button[type=submit]");
  await page.waitForURL("**/files/file-*");
  await check("a file that was uploaded has its page", async () => assert.equal(await page.textContent("h1"), "questions.jsonl"));
  await looksGood(page, "file");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("text=Download")]);
  await check("it comes back as it went", async () => assert.deepEqual([download.suggestedFilename(), readFileSync(await download.path(), "utf8")], ["questions.jsonl", input]));
  await page.goto(`${url}/dashboard/files`);
  await looksGood(page, "files");
  await page.click("text=questions.jsonl");
  await page.click("text=Make a batch of it");
  await check("what its first line asks for is told", async () => assert.match((await page.textContent("main"))!, /Asks for\/v1\/chat\/completionsModelauto/));
  await looksGood(page, "batch-new");
  // The page loads itself again when the batch comes to another state: not while it is looked at.
  await page.route("**/progress", () => undefined);
  await page.click("form[action='/dashboard/batches'] button[type=submit]");
  await page.waitForURL("**/batches/batch_*");
  await looksGood(page, "batch-running");
  await page.unroute("**/progress");
  await page.reload();
  await page.waitForSelector(".badge:has-text('done')", { timeout: 60_000 });
  await check("a batch runs to its end before one's eyes", async () => assert.match((await page.textContent(".progress"))!, /3 of 3, 1 failed/));
  await looksGood(page, "batch");
  const [answers] = await Promise.all([page.waitForEvent("download"), page.click("text=Download answers")]);
  await check("its answers are downloaded", async () => assert.deepEqual(readFileSync(await answers.path(), "utf8").trim().split("\n").map((text) => (JSON.parse(text) as { custom_id: string }).custom_id).sort(), ["one", "two"]));
  await page.goto(`${url}/dashboard/batches`);
  await looksGood(page, "batches");
}

/** An upload without JavaScript. */
export async function plainFiles({ page, url, check }: Pick<Trial, "page" | "url" | "check">): Promise<void> {
  await page.goto(`${url}/dashboard/files`);
  await page.setInputFiles("[name=file]", { name: "plain.jsonl", mimeType: "application/jsonl", buffer: Buffer.from(input) });
  await page.click("[data-upload] button[type=submit]");
  await page.waitForURL("**/files/file-*");
  await check("without JavaScript a file is uploaded", async () => assert.equal(await page.textContent("h1"), "plain.jsonl"));
}

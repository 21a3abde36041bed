/** The playground in a browser: a prompt, two models, tools, a schema, code, and the same without JavaScript. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";

export type Trial = { page: Page; url: string; check: (name: string, run: () => unknown) => Promise<void>; looksGood: (page: Page, name: string) => Promise<void> };

/** With whoever is signed in on `page`, who may try models. */
export async function tryPlayground({ page, url, check, looksGood }: Trial): Promise<void> {
  await page.goto(`${url}/dashboard/playground`);
  await looksGood(page, "playground");
  await page.fill("[name=prompt]", "Hello <b>there</b>");
  await page.click("text=Another model beside it");
  await page.locator("[name=model]").nth(1).fill("gpt-4o-mini");
  await page.focus("[name=prompt]");
  await page.keyboard.press("Control+Enter");
  const done = (i: number): Promise<unknown> => page.waitForFunction((lane) => document.querySelectorAll("[data-state]")[lane]?.textContent?.startsWith("Done"), i, { timeout: 15_000 });
  await Promise.all([done(0), done(1)]);
  await check("two models answer, and what they say is text", async () => {
    for (const text of await page.locator("[data-text]").allTextContents()) assert.match(text, /You wrote: "Hello <b>there<\/b>"/);
  });
  await check("each says how long its first token took, its tokens and what it cost", async () => {
    await page.waitForFunction(() => [...document.querySelectorAll('[data-measure="cost"]')].every(({ textContent }) => textContent !== "—"), undefined, { timeout: 15_000 });
    for (const [name, form] of [["first", /^[\d.]+ m?s$/], ["total", /^[\d.]+ m?s$/], ["tokens", /^\d+ in, \d+ out/], ["cost", /^(\$0\.0*\d+|no price)/]] as const) {
      for (const text of await page.locator(`[data-measure="${name}"]`).allTextContents()) assert.match(text, form);
    }
  });
  await looksGood(page, "playground-answered");
  await page.fill("[name=prompt]", "And again");
  await page.keyboard.press("Control+Enter");
  await Promise.all([done(0), done(1)]);
  await check("each model goes on with its own conversation", async () => {
    for (const text of await page.locator("[data-turns]").allTextContents()) assert.match(text, /Hello <b>there<\/b>[\s\S]*You wrote: "Hello <b>there<\/b>"[\s\S]*And again/);
    for (const text of await page.locator("[data-text]").allTextContents()) assert.match(text, /You wrote: "And again"/);
  });
  await looksGood(page, "playground-turns");
  await page.click("text=Copy as code >> nth=0");
  await check("the code has all turns", async () => {
    const [curl] = await page.locator("[data-code-dialog] pre").allTextContents();
    const { messages } = JSON.parse(/<<'JSON'\n([\s\S]*)\nJSON$/.exec(curl!)![1]!) as { messages: { role: string; content: string }[] };
    assert.deepEqual(messages.map(({ role }) => role), ["user", "assistant", "user"]);
    assert.match(messages[1]!.content, /You wrote: "Hello/);
  });
  await page.keyboard.press("Escape");
  await page.click("text=Start over");
  await check("starting over leaves what was asked first, and nothing else", async () => {
    assert.deepEqual([await page.inputValue("[name=prompt]"), await page.locator("[data-turns]:visible").count(), await page.locator("[data-text]:visible").count()], ["Hello <b>there</b>", 0, 0]);
  });
  await page.click("text=Settings, tools, images");
  await page.fill("[name=tools]", "[{");
  await page.click("[data-playground] button[type=submit]");
  await check("tools that are no JSON are told so", async () => assert.match(await page.locator("[name=tools]").evaluate((field: HTMLTextAreaElement) => field.validationMessage), /not JSON/));
  await page.fill("[name=tools]", JSON.stringify([{ type: "function", function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } } }]));
  await page.click("[data-playground] button[type=submit]");
  await page.waitForSelector("text=Done: it calls a tool.");
  await check("a tool call is shown by its name with its arguments", async () => assert.match((await page.textContent("[data-calls] >> nth=0"))!, /weather\{\s*"city"/));
  await looksGood(page, "playground-tools");
  await page.click("text=Copy as code >> nth=0");
  await check("the request is told as three programs", async () => {
    const [curl, python, node] = await page.locator("[data-code-dialog] pre").allTextContents();
    for (const text of [curl, python, node]) assert.ok(text!.includes(url) && text!.includes("Hello <b>there</b>") && text!.includes("weather"), text);
  });
  await page.keyboard.press("Escape");
  await page.fill("[data-result] >> nth=0", "21 degrees");
  await page.click("text=Send the results >> nth=0");
  await done(0);
  await check("what a tool says is given by hand, and the model goes on", async () => {
    assert.match((await page.textContent("[data-text] >> nth=0"))!, /The tool answered: 21 degrees/);
    assert.match((await page.textContent("[data-turns] >> nth=0"))!, /weather[\s\S]*→ 21 degrees/);
  });
  await page.fill("[name=tools]", "");
  const long = "word ".repeat(3_000);
  await page.fill("[name=prompt]", long);
  await page.keyboard.press("Control+Enter");
  await page.waitForFunction(() => [...document.querySelectorAll("[data-state]")].every(({ textContent }) => textContent === "Answering…"), undefined, { timeout: 15_000 });
  await page.click("text=Stop all");
  await check("what is stopped says so, stands as far as it came, and is charged for that", async () => {
    assert.deepEqual(await page.locator("[data-state]").allTextContents(), ["Stopped.", "Stopped."]);
    for (const text of await page.locator("[data-text]").allTextContents()) assert.ok(text.length > 0 && text.length < long.length, String(text.length));
    await page.waitForFunction(() => [...document.querySelectorAll('[data-measure="cost"]')].every(({ textContent }) => textContent !== "—"), undefined, { timeout: 15_000 });
  });
  await page.setInputFiles("#image", { name: "dot.png", mimeType: "image/png", buffer: Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64") });
  await page.waitForSelector(".preview");
  await page.fill("[name=prompt]", "What is this?");
  await page.locator("[name=model]").nth(0).fill("gpt-4o-mini");
  await page.click("[data-playground] button[type=submit]");
  await Promise.all([done(0), done(1)]);
  await check("an image goes with the prompt", async () => assert.match((await page.textContent("[data-text] >> nth=0"))!, /One image came with it/));
  await page.fill("[name=prompt]", "Answer as the schema has it");
  await page.fill("[name=schema]", JSON.stringify({ type: "object", properties: { answer: { type: "string" } }, required: ["answer"] }));
  await page.click("[data-playground] button[type=submit]");
  await Promise.all([done(0), done(1)]);
  await check("an answer is JSON by its schema", async () => assert.equal(typeof (JSON.parse((await page.textContent("[data-text] >> nth=0"))!) as { answer: unknown }).answer, "string"));
}

/** The same without JavaScript: one model answers, whole. */
export async function plainPlayground({ page, url, check }: Pick<Trial, "page" | "url" | "check">): Promise<void> {
  await page.goto(`${url}/dashboard/playground`);
  await page.fill("[name=prompt]", "Hello");
  await page.click("[data-playground] button[type=submit]");
  await check("without JavaScript a model answers whole, with what it took", async () => {
    assert.match((await page.textContent("[data-text]"))!, /You wrote: "Hello"/);
    assert.match((await page.textContent(".measures"))!, /\d+ in, \d+ out.*\$0\.0*\d/);
  });
}

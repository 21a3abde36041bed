/** The playground in a browser: a prompt, two models, tools, a schema, code, and the same without JavaScript. */
import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import type { Site } from "./site.ts";

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
  await fourLanes({ page, url, check, looksGood });
}

const lanes = (page: Page): Promise<{ top: number; left: number; width: number }[]> => page.locator("[data-lane]").evaluateAll((all) => all.map((lane) => {
  const { top, left, width } = lane.getBoundingClientRect();
  return { top: Math.round(top), left: Math.round(left), width: Math.round(width) };
}));

const fence = "`".repeat(3);
const marked = `
# A plan

Some **bold**, *slanted*, ~~struck~~ and \`inline_code_here\`, snake_case_too and $HOME, with a [way](https://example.com/?a=1).

1. one
2. two
   - inside

> said by somebody

| a | b |
|---|---|
| 1 | 2 |

${fence}ts
const a = "<b>"; // as it **is**
${"const more = 1;\n".repeat(40)}${fence}

[away](javascript:alert(1)) [here](/dashboard/sign-out) [data](data:text/html,<script>alert(1)</script>)
![picture](https://evil.example/a.png) <img src=x onerror="alert(1)"> <script>alert(1)</script> <https://evil.example/b>

<iframe src=//evil.example/c></iframe>

[later]: https://evil.example/d

The end`;

/** Four models beside each other, which say what is Markdown, good and bad. */
async function fourLanes({ page, url, check, looksGood }: Trial): Promise<void> {
  const alerts: string[] = [];
  const asked = new Set<string>();
  page.on("dialog", (dialog) => void (alerts.push(dialog.message()), dialog.dismiss()));
  page.on("request", (request) => void (request.url().startsWith("http") && asked.add(new URL(request.url()).host)));
  await page.goto(`${url}/dashboard/playground`);
  await check("the page with all that it loads is under 160 KB before it is compressed", async () => {
    const bytes = await page.evaluate(() => (performance.getEntries() as PerformanceResourceTiming[]).reduce((sum, { decodedBodySize = 0 }) => sum + decodedBodySize, 0));
    console.log(`  the playground weighs ${(bytes / 1024).toFixed(1)} KB, uncompressed`);
    assert.ok(bytes > 50 * 1024 && bytes < 160 * 1024, `${bytes} bytes`);
  });
  for (let i = 1; i < 4; i += 1) {
    await page.click("text=Another model beside it");
    await page.locator("[name=model]").nth(i).fill("gpt-4o-mini");
  }
  await check("four lanes stand in one row", async () => {
    const all = await lanes(page);
    assert.equal(new Set(all.map(({ top }) => top)).size, 1, JSON.stringify(all));
    for (const { left, width } of all) assert.ok(width >= 219 && left + width <= 1280, JSON.stringify(all));
    const [field, lane] = [await page.locator("[name=model]").nth(1).boundingBox(), all[1]!];
    assert.ok(field!.width > lane.width - 40, `${field!.width} of ${lane.width}`);
  });
  await check("a lane's button says what it removes", async () => assert.equal((await page.locator("[data-remove]").nth(2).textContent())!.trim(), "Remove model 3"));
  await page.locator("[name=model]").nth(3).fill("no-such-model-at-all");
  await page.fill("[name=prompt]", marked);
  await page.keyboard.press("Control+Enter");
  await page.waitForSelector("[data-text] pre >> nth=0", { timeout: 15_000 });
  const open = await page.$("[data-text] pre >> nth=0");
  const heading = await page.$("[data-text] h3 >> nth=0");
  await Promise.all([0, 1, 2].map((i) => page.waitForFunction((lane) => document.querySelectorAll("[data-state]")[lane]?.textContent?.startsWith("Done"), i, { timeout: 30_000 })));
  const said = page.locator("[data-text]").nth(0);
  await check("what was drawn stays while the rest comes, an open fence too", async () => {
    for (const part of [open!, heading!]) assert.ok(await part.evaluate((node) => node.isConnected));
    assert.match((await open!.textContent())!, /^const a = "<b>"; \/\/ as it \*\*is\*\*\n(const more = 1;\n){39}const more = 1;$/);
  });
  await check("Markdown is shown as what it means", async () => {
    const texts = (selector: string): Promise<string[]> => said.locator(selector).allTextContents();
    assert.deepEqual(await Promise.all([texts("h3"), texts("strong"), texts("em"), texts("s"), texts("p > code")]), [["A plan"], ["bold"], ["slanted"], ["struck"], ["inline_code_here"]]);
    assert.deepEqual([await texts("ol > li > ul > li"), await texts("blockquote"), await texts("th"), await texts("td")], [["inside"], ["said by somebody"], ["a", "b"], ["1", "2"]]);
    assert.match((await said.textContent())!, /snake_case_too and \$HOME/);
  });
  await check("what is bad in it stays text, and nobody else is asked", async () => {
    assert.equal(await said.locator("img, script, iframe").count(), 0);
    assert.deepEqual(await said.locator("a").evaluateAll((links) => links.map((link) => [link.getAttribute("href"), link.getAttribute("rel")!.includes("noopener")])), [
      ["https://example.com/?a=1", true], ["https://evil.example/a.png", true], ["https://evil.example/b", true], ["https://evil.example/d", true],
    ]);
    const text = (await said.textContent())!;
    for (const part of ["[away](javascript:alert(1))", "[here](/dashboard/sign-out)", '<img src=x onerror="alert(1)">', "<script>alert(1)</script>", '<iframe src=//evil.example/c></iframe>', "[later]: "]) assert.ok(text.includes(part), part);
    assert.deepEqual([alerts, [...asked]], [[], [new URL(url).host]]);
  });
  await check("the answer is copied as it was written", async () => {
    await page.click("[data-answer] [data-copy-answer] >> nth=0");
    await page.waitForSelector("[data-answer] >> text=Copied >> nth=0");
    assert.ok((await page.evaluate(() => navigator.clipboard.readText())).includes(marked));
  });
  await check("who asks for a model that is not there is led to those that are", async () => {
    const problem = page.locator("[data-problem]").nth(3);
    assert.match((await problem.textContent())!, /"no-such-model-at-all" does not exist/);
    assert.doesNotMatch((await problem.textContent())!, /GET \/v1/);
    assert.deepEqual([await problem.locator("a").getAttribute("href"), await problem.locator("a").isVisible(), await page.locator("[data-problem] a:visible").count()], ["/dashboard/models", true, 1]);
  });
  await looksGood(page, "playground-four");
  await page.fill("[name=prompt]", "And again");
  await page.keyboard.press("Control+Enter");
  await page.waitForFunction(() => [...document.querySelectorAll("[data-text]")].slice(0, 3).every(({ textContent }) => textContent!.endsWith('And again".')), undefined, { timeout: 15_000 });
  await check("what was said before is shown the same, and sent again as it was written", async () => {
    assert.deepEqual(await page.locator("[data-turns] >> nth=0 >> h3").allTextContents(), ["A plan"]);
    await page.click("[data-turns] [data-copy-answer] >> nth=0");
    assert.ok((await page.evaluate(() => navigator.clipboard.readText())).includes(marked));
    await page.click("text=Copy as code >> nth=0");
    const { messages } = JSON.parse(/<<'JSON'\n([\s\S]*)\nJSON$/.exec((await page.textContent("[data-code-dialog] pre >> nth=0"))!)![1]!) as { messages: { content: string }[] };
    assert.ok(messages[1]!.content.includes(marked));
    await page.keyboard.press("Escape");
  });
  await page.setViewportSize({ width: 360, height: 740 });
  await check("on a phone the lanes are beside each other, to be swiped through", async () => {
    const all = await lanes(page);
    assert.equal(new Set(all.map(({ top }) => top)).size, 1, JSON.stringify(all));
    assert.ok(all[0]!.width > 250 && all[1]!.left < 360, JSON.stringify(all));
    await page.locator("[name=model]").nth(3).focus();
    const { left, width } = (await lanes(page))[3]!;
    assert.ok(left >= 0 && left + width <= 361, `${left} ${width}`);
  });
  await page.setViewportSize({ width: 1280, height: 860 });
  page.removeAllListeners("dialog");
}

/** The playground by itself, by somebody who has just come. */
export async function playgroundAlone(browser: Browser, site: Site, tools: Pick<Trial, "check" | "looksGood">): Promise<void> {
  const context = await browser.newContext();
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: site.url });
  const page = await context.newPage();
  await page.goto(`${site.url}/dashboard/sign-up`);
  await page.fill("[name=name]", "Ada Lovelace");
  await page.fill("[name=email]", "ada@example.com");
  await page.click("main button[type=submit]");
  await page.goto(await site.linkTo("ada@example.com"));
  await page.fill("[name=password]", "correct horse battery staple");
  await page.click("main button[type=submit]");
  await page.waitForURL("**/welcome");
  await page.fill("[name=name]", "Analytical Engines");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/first-key");
  await tryPlayground({ page, url: site.url, ...tools });
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

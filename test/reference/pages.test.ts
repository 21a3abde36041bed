/** The guides, their list for machines and the reference's page, as the Worker gives them out. */
import { exports } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";

const origin = "https://gateway.example";
const get = (path: string, headers: Record<string, string> = {}): Promise<Response> => exports.default.fetch(origin + path, { headers });
const links = (text: string, pattern: RegExp): string[] => [...new Set([...text.matchAll(pattern)].map(([, href]) => href!))];
const toGuides = async (): Promise<string[]> => links(await (await get("/llms.txt")).text(), /\]\(https:\/\/gateway\.example(\/docs\/[a-z-]+\.md)\)/g);

// The Worker and its pages are loaded before the clock of a test runs.
beforeAll(() => get("/dashboard/sign-in", { accept: "text/html" }));

describe("GET /llms.txt", () => {
  test("is as llmstxt.org has it: a title, what it is, sections of links", async () => {
    const response = await get("/llms.txt");
    const text = await response.text();
    expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(text).toMatch(/^# Forge\n\n> \S.*\n\n/);
    expect(text.split(/^## /m).slice(1).map((section) => section.split("\n")[0])).toEqual(["Guides", "API", "Optional"]);
    for (const section of text.split(/^## .*\n/m).slice(1)) for (const line of section.trim().split("\n")) expect(line).toMatch(/^- \[[^\]]+\]\(https:\/\/gateway\.example\/\S+\): \S/);
  });

  test("leads nowhere in vain", async () => {
    for (const path of links(await (await get("/llms.txt")).text(), /\]\(https:\/\/gateway\.example(\/[^)]+)\)/g)) expect([path, (await get(path, { accept: "text/html" })).status < 400]).toEqual([path, true]);
  });
});

describe("guides", () => {
  test("each is there as Markdown and as a page, with this gateway's address and none made up", async () => {
    const guides = await toGuides();
    expect(guides.length).toBeGreaterThan(10);
    for (const path of guides) {
      const [text, page] = [await get(path), await get(path.replace(/\.md$/, ""))];
      expect([text.status, text.headers.get("content-type"), page.status, page.headers.get("content-type")]).toEqual([200, "text/markdown; charset=utf-8", 200, "text/html; charset=utf-8"]);
      const [markdown, html] = [await text.text(), await page.text()];
      const title = /^# (.+)\n/.exec(markdown)![1]!;
      expect(html).toContain(`<title>${title} · Forge</title>`);
      expect(markdown + html).not.toContain("forge.example");
      expect(html).not.toMatch(/<script(?![^>]* src=)|\son\w+=|\sstyle=/);
      expect(html.split('class="code"').length).toBe(markdown.split(/^```\w/m).length);
    }
  });

  test("a page leads nowhere in vain", async () => {
    const pages = ["/docs", "/reference", ...(await toGuides()).map((path) => path.replace(/\.md$/, ""))];
    const hrefs = new Set<string>();
    for (const path of pages) for (const href of links(await (await get(path)).text(), /(?:href|src|data-bundle)="(\/[^"#]*)/g)) hrefs.add(href);
    expect(hrefs.size).toBeGreaterThan(25);
    for (const href of hrefs) expect([href, (await get(href, { accept: "text/html" })).status < 400]).toEqual([href, true]);
  });

  test("one that is not there is a 404", async () => {
    for (const path of ["/reference/nowhere", "/docs/nowhere", "/docs/nowhere.md", "/docs/quickstart.html", "/docs/../dashboard/assets/names.json.md", "/docs/index.md"]) expect([path, (await get(path)).status]).toEqual([path, 404]);
  });
});

describe("the reference", () => {
  type Told = { operationId: string; summary: string; tags: string[]; parameters?: { name?: string }[]; requestBody?: { content: Record<string, { schema: { $ref?: string; properties?: object } }> } };
  type Document = { paths: Record<string, Record<string, Told>>; components: { schemas: Record<string, { properties?: object }> } };

  test("has a page for each operation, with its path, what goes in and what is tried, and weighs little", async () => {
    const { paths, components } = await (await get("/openapi.json")).json<Document>();
    const index = await (await get("/reference")).text();
    expect(new TextEncoder().encode(index).length).toBeLessThan(100 * 1024);
    const operations = Object.entries(paths).flatMap(([path, item]) => Object.entries(item).map(([method, told]) => ({ path, method, told })));
    expect(operations.length).toBeGreaterThan(150);
    for (const { path, method, told: { operationId, parameters = [], requestBody } } of operations) {
      const html = await (await get(`/reference/${operationId}`)).text();
      const fields = Object.values(requestBody?.content ?? {}).flatMap(({ schema }) => Object.keys((schema.$ref ? components.schemas[schema.$ref.split("/").at(-1)!]! : schema).properties ?? {}));
      const missing = [`data-method="${method.toUpperCase()}" data-path="${path}"`, ...[...parameters.flatMap(({ name }) => name ?? []), ...fields].map((name) => `<dt><code>${name}</code>`)].filter((text) => !html.includes(text));
      expect([operationId, missing, index.includes(`href="/reference/${operationId}"`)]).toEqual([operationId, [], true]);
      expect(html, operationId).not.toMatch(/<script(?![^>]* src=)|\son\w+=|\sstyle=|undefined|\[object/);
    }
  });
});

describe.each(["/docs", "/docs/quickstart", "/docs/quickstart.md", "/llms.txt", "/reference", "/reference/postV1ChatCompletions"])("GET %s", (path) => {
  test("is asked for again by its ETag", async () => {
    const first = await get(path);
    const again = await get(path, { "if-none-match": first.headers.get("etag")! });
    expect([again.status, await again.text(), again.headers.get("etag"), again.headers.get("cache-control")]).toEqual([304, "", first.headers.get("etag"), "public, max-age=300"]);
  });

  test("loads nothing from elsewhere", async () => {
    const response = await get(path);
    if (!response.headers.get("content-type")!.startsWith("text/html")) return;
    expect(response.headers.get("content-security-policy")).toBe("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    expect(links(await response.text(), /<(?:link|script)[^>]+(?:href|src)="(https?:[^"]+)"/g)).toEqual([]);
  });
});

/** What somebody finds who knows only the host. */
import { SELF } from "cloudflare:test";
import { expect, test } from "vitest";

const get = (path: string, accept = "*/*") => SELF.fetch(`https://forge.example${path}`, { headers: { accept }, redirect: "manual" });
const browser = "text/html,application/xhtml+xml,*/*;q=0.8";

test("a browser is led to the dashboard, and a program is told where everything is", async () => {
  const people = await get("/", browser);
  expect([people.status, people.headers.get("location")]).toEqual([303, "/dashboard"]);
  const told = await (await get("/")).json<Record<string, string>>();
  expect(told.name).toBe("Forge");
  for (const path of [told.openapi, told.documentation, told.reference, told.guides_for_models]) expect((await get(path!, browser)).status, path).toBe(200);
  expect((await SELF.fetch("https://forge.example/", { method: "POST" })).status).toBe(405);
});

test.each(["/dashboard/", "/dashboard/sign-in/", "/docs/", "/docs/dashboard/", "/reference/"])("%s is found without its last slash", async (path) => {
  const answer = await get(`${path}?a=b`, browser);
  expect([answer.status, answer.headers.get("location")]).toEqual([301, `https://forge.example${path.slice(0, -1)}?a=b`]);
  expect((await get("/dashboard//evil.example/", browser)).headers.get("location")).toBe("https://forge.example/dashboard//evil.example");
});

test("the API keeps its slashes", async () => {
  expect((await get("/v1/models/")).status).toBe(404);
});

test("what browsers and crawlers ask for by themselves is there", async () => {
  const sign = await get("/favicon.ico", "image/*");
  expect([sign.status, sign.headers.get("content-type"), await sign.text()]).toEqual([200, "image/svg+xml", expect.stringContaining("<svg")]);
  expect(await (await get("/robots.txt")).text()).toContain("Disallow: /\n");
});

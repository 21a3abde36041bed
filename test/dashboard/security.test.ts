import { env } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";
import { putMember } from "../../src/accounts/members.ts";
import { Browser, newEmail, newMember, newPerson, origin, password, quickPerson } from "./stage.ts";

// A password is hashed in a tenth of a second where nothing else runs, and much else does.
vi.setConfig({ testTimeout: 90_000 });

const script = `"><script>alert(1)</script><img src=x onerror=alert(2)>'`;

describe("what a browser is told", () => {
  test("a policy without anything inline, on pages, redirects and errors", async () => {
    const browser = await quickPerson();
    for (const path of ["/sign-up", "", "/welcome", "/nowhere", "/assets/nothing.js"]) {
      const { headers } = await browser.get(path);
      const policy = headers.get("content-security-policy")!;
      expect(policy, path).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|\*|https?:/);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("strict-transport-security")).toBeTruthy();
      expect(headers.get("cache-control")).toBe("private, no-store");
    }
  });

  test("pages have no inline script, style or handler", async () => {
    const browser = await newMember("owner");
    for (const path of ["/sign-in", "", "/usage", "/usage?metric=latency", "/models", "/aliases", "/welcome", "/first-key"]) {
      const page = await (await browser.get(path)).text();
      expect(page, path).not.toMatch(/<script(?![^>]* src=)|<style|\sstyle=|\son\w+=/i);
    }
  });

  test("cookies belong to this host, and no script reads them", async () => {
    const browser = new Browser();
    const email = newEmail();
    await browser.post("/sign-up", { name: "Ada", email });
    const set = [
      ...(await browser.post("/password", { token: browser.token, password })).headers.getSetCookie(),
      ...(await browser.post("/welcome", { name: "Engines" })).headers.getSetCookie(),
      ...(await browser.post("/theme", { theme: "dark" })).headers.getSetCookie(),
      ...(await browser.post("/sign-out")).headers.getSetCookie(),
    ];
    expect(set.length).toBeGreaterThanOrEqual(4);
    for (const line of set) {
      expect(line).toMatch(/^__Host-forge/);
      expect(line).toMatch(/;\s*Secure/i);
      expect(line).toMatch(/;\s*HttpOnly/i);
      expect(line).toMatch(/;\s*SameSite=Lax/i);
      expect(line).toMatch(/;\s*Path=\/(;|$)/i);
      expect(line).not.toMatch(/;\s*Domain=/i);
    }
  });
});

describe("forms from elsewhere", () => {
  const foreign: Record<string, Record<string, string>> = {
    "another origin": { origin: "https://evil.example", "sec-fetch-site": "cross-site" },
    "no origin": { origin: "", "sec-fetch-site": "" },
    "a sandboxed frame": { origin: "null" },
    "a subdomain's neighbour": { origin: "https://other.example", "sec-fetch-site": "same-site" },
    "the same host without TLS": { origin: "http://forge.example" },
  };
  test.each(Object.entries(foreign))("%s changes nothing", async (_, headers) => {
    const browser = await quickPerson();
    const response = await browser.post("/welcome", { name: "Stolen" }, headers);
    expect(response.status).toBe(403);
    expect(await env.DB.prepare("SELECT 1 FROM members WHERE email = ?").bind(browser.email).first()).toBeNull();
  });

  test("a body that is no form, or a huge one, is refused", async () => {
    const browser = await quickPerson();
    expect((await browser.post("/welcome", {}, { "content-type": "application/json" })).status).toBe(415);
    expect((await browser.post("/welcome", { name: "x".repeat(70_000) })).status).toBe(413);
  });

  test("an address to go on to stays here", async () => {
    const browser = await quickPerson();
    for (const next of ["https://evil.example", "//evil.example", "/\\evil.example", "/dashboard/\\evil", "javascript:alert(1)", "/dashboardx", "/dashboard/..//evil.example\r\nx: y"]) {
      const fresh = new Browser();
      const location = (await fresh.post("/sign-in", { email: browser.email, password, next })).headers.get("location")!;
      expect(new URL(location, origin).origin, next).toBe(origin);
      expect(location).toMatch(/^\/dashboard/);
    }
  });
});

describe("who has an account is nobody's business", () => {
  /** What somebody sees, without what is drawn by lot. */
  const seen = async (response: Response, email: string) => ({
    status: response.status, body: (await response.text()).replaceAll(email, "…"), headers: [...response.headers].filter(([name]) => !/request-id|content-length/.test(name)),
  });

  test.each([["/sign-up", { name: "Eve" }], ["/forgot", {}], ["/sign-in", { password: "a wrong password" }]])("%s says the same", async (path, fields) => {
    const known = (await quickPerson()).email;
    const unknown = newEmail();
    const one = await seen(await new Browser().post(path, { ...fields, email: known }), known);
    const other = await seen(await new Browser().post(path, { ...fields, email: unknown }), unknown);
    expect(one).toEqual(other);
  });

  test("a wrong password takes as long for an account that is there as for one that is not", async () => {
    const known = (await quickPerson()).email;
    const timed = async (email: string): Promise<number> => {
      const from = performance.now();
      await new Browser().post("/sign-in", { email, password: "a wrong password" });
      return performance.now() - from;
    };
    await timed(newEmail());
    const pairs = [];
    for (let i = 0; i < 3; i += 1) pairs.push([await timed(known), await timed(newEmail())] as const);
    const [least, most] = [Math.min(...pairs.map(([a]) => a)), Math.min(...pairs.map(([, b]) => b))];
    // Both hash once; without it the difference is that of a hash, tenfold and more.
    expect(Math.max(least, most) / Math.min(least, most)).toBeLessThan(5);
  });

  test("signing up with somebody's address gives nobody their account", async () => {
    const victim = await newPerson();
    const thief = new Browser();
    await thief.post("/sign-up", { name: "Thief", email: victim.email });
    expect(thief.cookies.has("__Host-forge-session")).toBe(false);
    const row = await env.DB.prepare("SELECT name FROM people WHERE email = ?").bind(victim.email).first<{ name: string }>();
    expect(row!.name).toBe("Ada Lovelace");
    expect((await new Browser().post("/sign-in", { email: victim.email, password })).status, "and the password stays").toBe(303);
  });

  test("an address that is not proved has no roles", async () => {
    const owner = await newMember("owner");
    const browser = await quickPerson();
    await putMember(env.DB, { actor: "test", nowMs: Date.now() }, owner.organisationId, { email: browser.email, role: "admin" });
    expect((await browser.get("/usage")).status).toBe(200);
    await env.DB.prepare("UPDATE people SET email_verified = 0 WHERE email = ?").bind(browser.email).run();
    expect((await browser.get("/usage")).status).toBe(303);
  });
});

describe("guessing is limited", () => {
  test("ten tries for one account, whoever tries, known or not; then the right password waits too", async () => {
    for (const email of [(await quickPerson()).email, newEmail()]) {
      for (let i = 0; i < 10; i += 1) expect((await new Browser().post("/sign-in", { email, password: `guess ${i}` }, { "cf-connecting-ip": `192.0.2.${i}` })).status).toBe(401);
      const late = await new Browser().post("/sign-in", { email, password });
      expect(late.status).toBe(429);
      expect(await late.text()).toMatch(/Wait \d+ minutes/);
    }
  });

  test("fifty tries from one address, however many accounts", async () => {
    const from = { "cf-connecting-ip": "2001:db8:1:2::1" };
    await env.DB.prepare("DELETE FROM attempts").run();
    const { countAttempt } = await import("../../src/accounts/attempts.ts");
    for (let i = 0; i < 50; i += 1) await countAttempt(env.DB, Date.now(), [{ what: "sign-in from", whose: "2001:db8:1:2", most: 50, spanMs: 900_000 }]);
    expect((await new Browser().post("/sign-in", { email: newEmail(), password }, from)).status).toBe(429);
    expect((await new Browser().post("/sign-in", { email: newEmail(), password }, { "cf-connecting-ip": "2001:db8:1:2:ffff::9" })).status, "the same network").toBe(429);
    expect((await new Browser().post("/sign-in", { email: newEmail(), password }, { "cf-connecting-ip": "2001:db8:1:3::1" })).status).toBe(401);
    // However it is written: zeros in the middle of a network are left out.
    for (let i = 0; i < 50; i += 1) await countAttempt(env.DB, Date.now(), [{ what: "sign-in from", whose: "2001:db8:0:0", most: 50, spanMs: 900_000 }]);
    for (const address of ["2001:db8::1", "2001:db8::a:b:c:d", "2001:0db8:0:0:1::2"]) expect((await new Browser().post("/sign-in", { email: newEmail(), password }, { "cf-connecting-ip": address })).status, address).toBe(429);
  });

  test("three links an hour for one address", async () => {
    const browser = new Browser();
    const email = newEmail();
    const statuses = [];
    for (let i = 0; i < 4; i += 1) statuses.push((await browser.post("/sign-up", { name: "Ada", email })).status);
    expect(statuses).toEqual([303, 303, 303, 429]);
    expect(browser.mails.length).toBe(3);
  });

  test("a try after the time counts anew", async () => {
    const { countAttempt } = await import("../../src/accounts/attempts.ts");
    const allowance = { what: "test", whose: newEmail(), most: 1, spanMs: 1000 };
    expect(await countAttempt(env.DB, 5_000, [allowance])).toBe(0);
    expect(await countAttempt(env.DB, 5_400, [allowance])).toBe(600);
    expect(await countAttempt(env.DB, 6_000, [allowance])).toBe(0);
  });
});

test("what people type is text wherever it is shown", async () => {
  const browser = new Browser();
  const email = newEmail();
  await browser.post("/sign-up", { name: script, email });
  expect((browser.mails[0] as unknown as { html: string }).html).not.toContain("<script");
  await browser.post("/password", { token: browser.token, password });
  const pages = [await browser.post("/welcome", { name: `${script}${"x".repeat(200)}` })];
  await browser.post("/welcome", { name: script });
  pages.push(await browser.post("/first-key", { name: `${script}${"x".repeat(200)}` }), await browser.post("/first-key", { name: script }));
  pages.push(await browser.get(""), await browser.get("/usage"), await browser.get("/welcome"), await browser.get(`/sign-in?next=${encodeURIComponent(script)}`));
  pages.push(await new Browser().post("/sign-in", { email: script, password: script, next: script }), await new Browser().get(`/password?token=${encodeURIComponent(script)}`));
  pages.push(await new Browser().get(`/sign-in?next=${encodeURIComponent(script)}`), await new Browser().post("/sign-up", { name: script, email: script }), await browser.get(`/${encodeURIComponent(script)}`));
  const texts = await Promise.all(pages.map((page) => page.text()));
  for (const text of texts) expect(text).not.toMatch(/<script>|<img src=x/);
  expect(texts.filter((text) => text.includes("&lt;script&gt;")).length).toBeGreaterThan(5);
});

test("words that come with an address are looked up among ours alone", async () => {
  const person = await newPerson();
  for (const path of ["/sign-in?error=toString", "/account?error=constructor", "/sign-in?error=__proto__&again=1"]) expect((await person.get(path)).status, path).toBeLessThan(400);
  expect((await new Browser().get("/sign-in?error=toString")).status).toBe(200);
});

test("tenants never meet: another organisation's key is not there", async () => {
  const [one, other] = [await newMember("owner"), await newMember("owner")];
  const id = /first-key\/(key_\w+)/.exec(await (await one.post("/first-key", { name: "Mine" })).text())![1];
  expect(await (await one.get(`/first-key/${id}`)).json()).toEqual({ requests: 0, refused: null });
  expect((await other.get(`/first-key/${id}`)).status).toBe(404);
});

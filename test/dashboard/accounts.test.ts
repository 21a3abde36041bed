import { env } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";
import { app } from "../../src/app.ts";
import { hashPassword, verifyPassword } from "../../src/dashboard/password.ts";
import { Browser, newEmail, newPerson, password, quickPerson } from "./stage.ts";

vi.setConfig({ testTimeout: 90_000 });

const rows = async (sql: string, ...values: string[]) => (await env.DB.prepare(sql).bind(...values).all()).results;
const locationOf = (response: Response): string => `${response.status} ${response.headers.get("location")}`;

test("the first run: account, link, password, organisation, key", async () => {
  const browser = new Browser();
  const email = newEmail();
  expect(locationOf(await browser.get(""))).toBe("303 /dashboard/sign-in?next=%2Fdashboard");
  expect(locationOf(await browser.post("/sign-up", { name: "Ada Lovelace", email: ` ${email.toUpperCase()} ` }))).toBe("303 /dashboard/sent");
  expect(browser.mails.map(({ to }) => to)).toEqual([email]);
  expect(locationOf(await browser.post("/password", { token: browser.token, password }))).toBe("303 /dashboard");
  expect(locationOf(await browser.get(""))).toBe("303 /dashboard/welcome");
  expect(locationOf(await browser.post("/welcome", { name: "Engines" }))).toBe("303 /dashboard/first-key");
  const made = await (await browser.post("/first-key", { name: "Notebook" })).text();
  expect(made).toMatch(/sk-forge-\w{20,}/);
  expect(await rows("SELECT o.name, o.plan_id, m.role FROM members m JOIN organisations o ON o.id = m.organisation_id WHERE m.email = ?", email)).toEqual([{ name: "Engines", plan_id: "free", role: "owner" }]);
  expect(await rows("SELECT action FROM audit_events WHERE actor = ? ORDER BY at, action", email)).toEqual([{ action: "organisation.create" }, { action: "key.create" }]);
  expect(await rows("SELECT k.policy ->> 'member' AS member FROM api_keys k JOIN members m ON m.organisation_id = k.organisation_id WHERE m.email = ?", email), "usage by member knows whose key it is").toEqual([{ member: email }]);

  const again = await browser.post("/first-key", { name: "Notebook" });
  expect(locationOf(again), "a reload makes no second key").toBe("303 /dashboard");
  const overview = await (await browser.get("")).text();
  expect(overview).toContain("Notebook");
  expect(overview, "and the secret is not to be had again").not.toContain(/sk-forge-\w{20,}/.exec(made)![0]);
});

test("a link works once, and its token is not in the database", async () => {
  const browser = new Browser();
  await browser.post("/sign-up", { name: "Ada", email: newEmail() });
  const { token } = browser;
  expect(JSON.stringify(await rows("SELECT * FROM people_verifications"))).not.toContain(token);
  expect((await browser.post("/password", { token, password })).status).toBe(303);
  expect((await browser.post("/password", { token, password: "another password" })).status).toBe(422);
  expect((await browser.post("/password", { token: "made-up", password })).status).toBe(422);
});

test("a new password ends the sessions that were there", async () => {
  const browser = await newPerson();
  const other = new Browser();
  await other.post("/forgot", { email: browser.email });
  await other.post("/password", { token: other.token, password: "an altogether new one" });
  expect(locationOf(await browser.get("/welcome"))).toContain("/sign-in");
  expect((await other.get("/welcome")).status).toBe(200);
  expect(await rows("SELECT action, detail FROM audit_events WHERE actor = ?", browser.email)).toEqual([{ action: "person.password", detail: '{"by":"link"}' }]);
});

test("signing out ends the session, not only its cookie", async () => {
  const browser = await quickPerson();
  const kept = new Map(browser.cookies);
  await browser.post("/sign-out");
  for (const [name, value] of kept) browser.cookies.set(name, value);
  expect(locationOf(await browser.get("/welcome"))).toContain("/sign-in");
});

test("a made-up or changed session opens nothing", async () => {
  const browser = await quickPerson();
  const name = "__Host-forge-session";
  const good = browser.cookies.get(name)!;
  for (const bad of ["", "x", good.slice(0, -4), `${good.slice(0, 20)}x${good.slice(21)}`, `${good.split(".")[0]}.`]) {
    browser.cookies.set(name, bad);
    expect(locationOf(await browser.get("/welcome")), bad).toContain("/sign-in");
  }
});

describe("who may sign up", () => {
  test("closed: only members' addresses get a link, and nobody is told", async () => {
    const settings = { DASHBOARD_SIGN_UP: "closed" };
    const stranger = new Browser(settings);
    const answer = await stranger.post("/sign-up", { name: "Eve", email: newEmail() });
    expect(locationOf(answer)).toBe("303 /dashboard/sent");
    expect(stranger.mails).toEqual([]);
    const email = newEmail();
    await env.DB.batch([
      env.DB.prepare("INSERT OR IGNORE INTO organisations (id, name, created_at) VALUES ('org_closed', 'Closed', 1)"),
      env.DB.prepare("INSERT INTO members (organisation_id, email, role, created_at) VALUES ('org_closed', ?, 'viewer', 1)").bind(email),
    ]);
    const invited = await newPerson(email, settings);
    expect((await invited.get("")).status).toBe(200);
    expect(locationOf(await invited.post("/welcome", { name: "Mine" })), "and may found nothing").toBe("200 null");
    expect(await rows("SELECT 1 FROM organisations WHERE name = 'Mine'")).toEqual([]);
  });

  test("approval: an application with its reason, then an organisation once it is approved", async () => {
    const person = await newPerson(newEmail(), { DASHBOARD_SIGN_UP: "approval" });
    expect(await (await person.get("/welcome")).text()).toContain("Apply for access");
    await person.post("/welcome", { name: "Too early" });
    expect(await rows("SELECT 1 FROM organisations WHERE name = 'Too early'")).toEqual([]);
    await person.post("/apply", { reason: "A course for two hundred students." });
    expect(await (await person.get("/welcome")).text()).toContain("is being read");
    const { decide } = await import("../../src/accounts/applications.ts");
    await decide(env.DB, { actor: "admin", nowMs: Date.now() }, person.email, "approved");
    await person.post("/apply", { reason: "Something else altogether." });
    expect(await rows("SELECT reason, state FROM applications WHERE email = ?", person.email)).toEqual([{ reason: "A course for two hundred students.", state: "approved" }]);
    expect(locationOf(await person.post("/welcome", { name: "Course" }))).toBe("303 /dashboard/first-key");
  });

  test("one person founds three organisations and no more, and chooses among them", async () => {
    const person = await quickPerson();
    for (const name of ["One", "Two", "Three"]) expect(locationOf(await person.post("/welcome", { name }))).toBe("303 /dashboard/first-key");
    expect((await person.post("/welcome", { name: "Four" })).status).toBe(200);
    const own = await rows("SELECT organisation_id FROM members WHERE email = ?", person.email);
    expect(own.length).toBe(3);
    await person.post("/organisation", { organisation: own[1]!.organisation_id as string });
    expect(person.cookies.get("__Host-forge-organisation")).toBe(own[1]!.organisation_id);
    await person.post("/organisation", { organisation: "org_closed" });
    expect(person.cookies.get("__Host-forge-organisation"), "but not somebody else's").toBe(own[1]!.organisation_id);
  });
});

test("an administrator hands over the link where no e-mail goes out", async () => {
  const email = newEmail();
  const ask = (settings: Record<string, string> = {}) => app.request(`https://forge.example/admin/people/${email}/link`, { method: "POST", headers: { authorization: `Bearer ${env.ADMIN_SECRET}` } }, { ...env, ...settings });
  expect((await ask({ DASHBOARD_SIGN_UP: "closed" })).status).toBe(403);
  const { url } = await (await ask()).json<{ url: string }>();
  const browser = new Browser();
  expect(locationOf(await browser.post("/password", { token: new URL(url).searchParams.get("token")!, password }))).toBe("303 /dashboard");
  expect((await browser.get("/welcome")).status).toBe(200);
});

test("passwords are hashed with salt, and compared whole", async () => {
  const [one, two] = await Promise.all([hashPassword(password), hashPassword(password)]);
  expect(one).toMatch(/^scrypt\$16384\$8\$5\$[0-9a-f]{32}\$[0-9a-f]{64}$/);
  expect(one).not.toBe(two);
  expect(await verifyPassword({ hash: one, password })).toBe(true);
  expect(await verifyPassword({ hash: one, password: `${password} ` })).toBe(false);
  expect(await verifyPassword({ hash: "plain$text", password: "text" })).toBe(false);
});

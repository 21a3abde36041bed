/** What the settings change holds: for people, for the next request of a key, and in the audit trail. */
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { putMember } from "../../src/accounts/members.ts";
import { admin as callAdmin, call, chatBody, fillCatalog, newKey, outside, prompts } from "../security/stage.ts";
import { Browser, newEmail, newMember, password, quickPerson } from "./stage.ts";

vi.setConfig({ testTimeout: 60_000 });
beforeAll(fillCatalog);
afterEach(() => void vi.restoreAllMocks());

const rows = async (sql: string, ...values: string[]) => (await env.DB.prepare(sql).bind(...values).all()).results;
const rolesIn = async (organisation: string) => Object.fromEntries((await rows("SELECT email, role FROM members WHERE organisation_id = ?", organisation)).map(({ email, role }) => [email, role]));
const locationOf = (response: Response): string => `${response.status} ${response.headers.get("location")}`;
const by = { actor: "test", nowMs: 1 };

describe("people", () => {
  test("the last owner stays one, and only owners make and unmake owners", async () => {
    const owner = await newMember("owner");
    const admin = await quickPerson();
    const organisation = owner.organisationId;
    await putMember(env.DB, by, organisation, { email: admin.email, role: "admin" });
    expect((await owner.post("/settings/people/role", { email: owner.email, role: "viewer" })).status).toBe(409);
    expect((await owner.post("/settings/people/remove", { email: owner.email })).status).toBe(409);
    expect((await owner.post("/settings/people/leave", { leave: "yes" })).status).toBe(409);
    expect((await admin.post("/settings/people/role", { email: owner.email, role: "viewer" })).status).toBe(409);
    expect((await admin.post("/settings/people/remove", { email: owner.email })).status).toBe(409);
    expect((await admin.post("/settings/people/role", { email: admin.email, role: "owner" })).status).toBe(403);
    expect((await admin.post("/settings/people/invite", { email: newEmail(), role: "owner" })).status).toBe(403);
    expect(await rolesIn(organisation)).toEqual({ [owner.email]: "owner", [admin.email]: "admin" });

    expect(locationOf(await owner.post("/settings/people/role", { email: admin.email, role: "owner" }))).toBe("303 /dashboard/settings/people");
    // Both at once give it up: one of them stays.
    await Promise.all([owner, admin].map((one) => one.post("/settings/people/leave", { leave: "yes" })));
    expect(Object.values(await rolesIn(organisation))).toEqual(["owner"]);
  });

  test("somebody new joins by the link in the e-mail, with a password of their own", async () => {
    const owner = await newMember("owner");
    const email = newEmail();
    expect(locationOf(await owner.post("/settings/people/invite", { email: email.toUpperCase(), role: "developer" }))).toBe("303 /dashboard/settings/people");
    expect(owner.mails.map(({ to }) => to)).toEqual([email]);
    const { token } = owner;
    expect(await (await owner.get("/settings/people")).text(), "whoever invites does not get the link").not.toContain(token);
    expect(JSON.stringify(await rows("SELECT * FROM invitations")), "nor does the database have it").not.toContain(token);

    const guest = new Browser({ DASHBOARD_SIGN_UP: "closed" });
    expect(await (await guest.get(`/invitation?token=${token}`)).text()).toContain("Join Engines");
    const on = await guest.post("/invitation/account", { token, name: "Grace" });
    expect(on.headers.get("location")).toMatch(/^https:\/\/forge\.example\/dashboard\/password\?token=/);
    const choose = new URL(on.headers.get("location")!).searchParams.get("token")!;
    expect(locationOf(await guest.post("/password", { token: choose, password }))).toBe("303 /dashboard");
    expect(locationOf(await guest.get("/welcome"))).toBe("303 /dashboard/invitation");
    expect(locationOf(await guest.post("/invitation/accept", { organisation: owner.organisationId }))).toBe("303 /dashboard");
    expect((await rolesIn(owner.organisationId))[email]).toBe("developer");
    expect((await guest.get("/usage")).status).toBe(200);
    expect(await rows("SELECT 1 FROM invitations WHERE email = ?", email)).toEqual([]);
    expect(await rows("SELECT actor, action FROM audit_events WHERE subject = ? ORDER BY at", email)).toEqual([
      { actor: owner.email, action: "invitation.put" }, { actor: email, action: "invitation.accept" },
    ]);
  });

  test("a link gives nobody an account that is there, and joins nobody but its address", async () => {
    const [owner, known, other] = [await newMember("owner"), await quickPerson(), await quickPerson()];
    await owner.post("/settings/people/invite", { email: known.email, role: "viewer" });
    const { token } = owner;
    const thief = new Browser();
    const page = await thief.post("/invitation/account", { token, name: "Eve" });
    expect([page.status, page.headers.get("location"), (await page.text()).includes("Sign in to join")]).toEqual([200, null, true]);
    expect((await other.post("/invitation/accept", { organisation: owner.organisationId })).status).toBe(404);
    expect(await (await other.get(`/invitation?token=${token}`)).text()).toContain("No invitation");
    await known.post("/invitation/accept", { organisation: owner.organisationId });
    expect((await rolesIn(owner.organisationId))[known.email]).toBe("viewer");
    expect((await owner.post("/settings/people/invite", { email: known.email, role: "admin" })).status, "a member is not invited").toBe(409);
  });

  test("one that was taken back, or is a week old, opens nothing", async () => {
    const owner = await newMember("owner");
    const [back, late] = [await quickPerson(), await quickPerson()];
    await owner.post("/settings/people/invite", { email: back.email, role: "viewer" });
    await owner.post("/settings/people/revoke", { email: back.email });
    expect((await new Browser().get(`/invitation?token=${owner.token}`)).status).toBe(404);
    expect((await back.post("/invitation/accept", { organisation: owner.organisationId })).status).toBe(404);
    await owner.post("/settings/people/invite", { email: late.email, role: "viewer" });
    await env.DB.prepare("UPDATE invitations SET expires_at = ? WHERE email = ?").bind(Date.now() - 1, late.email).run();
    expect((await late.post("/invitation/accept", { organisation: owner.organisationId })).status).toBe(404);
    expect(await rolesIn(owner.organisationId)).toEqual({ [owner.email]: "owner" });
  });

  test("tenants never meet", async () => {
    const [one, other] = [await newMember("owner"), await newMember("owner")];
    for (const path of ["role", "remove", "revoke"]) expect((await one.post(`/settings/people/${path}`, { email: other.email, role: "viewer" })).status).toBe(404);
    expect(await rolesIn(other.organisationId)).toEqual({ [other.email]: "owner" });
  });
});

describe("sovereignty", () => {
  test("a key's very next request is sovereign: 503, and only the owner's host is ever asked", async () => {
    const admin = await newMember("admin");
    const key = await newKey({}, admin.organisationId);
    const left = outside();
    const ask = (model: string) => call(key.secret, "POST", "/v1/chat/completions", { ...chatBody, model });
    expect((await ask("openai/gpt-test")).status).toBe(200);
    expect(prompts(left).map(({ host }) => host)).toEqual(["api.openai.com"]);
    left.length = 0;

    expect(locationOf(await admin.post("/settings/sovereignty", { sovereign: "on" }))).toBe("303 /dashboard/settings/sovereignty");
    const refused = await ask("openai/gpt-test");
    expect([refused.status, (await refused.json<{ error: { code: string } }>()).error.code]).toEqual([503, "sovereign_unavailable"]);
    expect((await ask("selfhosted/local-test")).status).toBe(200);
    expect([...new Set(left.map(({ host }) => host))]).toEqual(["self.example"]);

    await admin.post("/settings/sovereignty", { sovereign: "off" });
    expect((await ask("openai/gpt-test")).status).toBe(200);
    expect(await rows("SELECT action, detail FROM audit_events WHERE actor = ? ORDER BY at, id", admin.email)).toEqual(expect.arrayContaining([{ action: "organisation.update", detail: '{"sovereign":true}' }]));
  });

  test("the page tells of the self-test, and not where the servers are", async () => {
    outside();
    const page = await (await (await newMember("viewer")).get("/settings/sovereignty")).text();
    expect(page).toMatch(/\d+ of \d+ ways out are closed/);
    expect(page).not.toContain("self.example");
    expect(page, "and offers a viewer no switch").not.toContain('name="sovereign"');
  });

  test("a plan without sovereign requests: it is not switched on, and always off", async () => {
    const owner = await newMember("owner");
    const key = await newKey({}, owner.organisationId);
    await callAdmin("PATCH", `/organisations/${owner.organisationId}`, { plan: "free" });
    outside();
    const ask = async () => (await call(key.secret, "POST", "/v1/chat/completions", { ...chatBody, model: "openai/gpt-test" })).status;
    const page = await (await owner.get("/settings/sovereignty")).text();
    expect(page).toMatch(/The plan <a href="\/dashboard\/settings\/billing">free<\/a> has no sovereign requests, so this cannot be switched on/);
    expect([page.includes("<form method=\"post\" action=\"/dashboard/settings/sovereignty\""), /<button[^>]* disabled[^>]*aria-describedby="why-not"/.test(page), page.includes("503")]).toEqual([false, true, false]);
    const refused = await owner.post("/settings/sovereignty", { sovereign: "on" });
    expect([refused.status, /It stays off: the plan of Engines has no sovereign requests/.test(await refused.text()), await ask()]).toEqual([403, true, 200]);
    expect(await rows("SELECT sovereign FROM organisations WHERE id = ?", owner.organisationId)).toEqual([{ sovereign: 0 }]);

    await callAdmin("PATCH", `/organisations/${owner.organisationId}`, { sovereign: true });
    expect([await ask(), await (await owner.get("/settings/sovereignty")).text()]).toEqual([403, expect.stringContaining("while this is on, every request is refused with 403")]);
    expect(locationOf(await owner.post("/settings/sovereignty", { sovereign: "off" }))).toBe("303 /dashboard/settings/sovereignty");
    expect(await ask()).toBe(200);
  });

  test("one is asked before it is switched on where nothing can answer, and before it is switched off", async () => {
    const owner = await newMember("owner");
    outside();
    expect(await (await owner.get("/settings/sovereignty")).text(), "a server that answers, and with it a model").not.toContain("<dialog");
    const alone = Object.assign(new Browser({ SOVEREIGN_ORIGIN: "" }), { cookies: owner.cookies });
    const show = async () => (await alone.get("/settings/sovereignty")).text();
    const page = await show();
    expect(page).toMatch(/<dialog[\s\S]*Switch it on although nothing can answer\?[\s\S]*No self-hosted server is set up here\. Every request of every key is refused with 503[\s\S]*value="on"/);
    expect(page, "and by no other way").not.toMatch(/value="on"[\s\S]*value="on"/);
    await alone.post("/settings/sovereignty", { sovereign: "on" });
    expect(await show()).toMatch(/<dialog[\s\S]*Let prompts leave again\?[\s\S]*value="off"/);
  });
});

describe("providers' keys", () => {
  const secret = "sk-brought-by-the-organisation-4711";
  const installations = `Bearer ${(env as unknown as Record<string, string>).OPENAI_API_KEY}`;

  test("the next request is made with it, exclusive or first; it is shown nowhere", async () => {
    const owner = await newMember("owner");
    const key = await newKey({}, owner.organisationId);
    const left = outside(({ headers }) => (headers.get("authorization") === `Bearer ${secret}` ? Response.json({ error: { message: "no" } }, { status: 401 }) : Response.json({ error: { message: "no" } }, { status: 401 })));
    const ask = async () => {
      left.length = 0;
      await call(key.secret, "POST", "/v1/chat/completions", chatBody);
      return prompts(left).map(({ headers }) => headers.get("authorization"));
    };
    expect(locationOf(await owner.post("/settings/providers", { provider: "openai", secret: ` ${secret} `, mode: "only" }))).toBe("303 /dashboard/settings/providers");
    expect(await ask()).toEqual([`Bearer ${secret}`]);
    await owner.post("/settings/providers/mode", { provider: "openai", mode: "first" });
    expect(await ask()).toEqual([`Bearer ${secret}`, installations]);
    const pages = await Promise.all([owner.get("/settings/providers"), owner.get("/settings/audit"), owner.get("/settings/audit.csv")]);
    for (const page of pages) expect(await page.text()).not.toContain("4711");
    await owner.post("/settings/providers/remove", { provider: "openai" });
    expect(await ask()).toEqual([installations]);
    expect((await owner.post("/settings/providers/remove", { provider: "openai" })).status).toBe(404);
  });

  test("what is no key or no provider is said at its field, and the key is not filled in again", async () => {
    const owner = await newMember("owner");
    const odd = await owner.post("/settings/providers", { provider: "openai", secret: `${secret}\u00e9`, mode: "only" });
    expect([odd.status, (await odd.text()).includes(secret)]).toEqual([422, false]);
    for (const provider of ["nobody", "selfhosted"]) expect((await owner.post("/settings/providers", { provider, secret, mode: "only" })).status).toBe(422);
    expect(await rows("SELECT 1 FROM provider_credentials WHERE organisation_id = ?", owner.organisationId)).toEqual([]);
  });
});

describe("the audit trail", () => {
  test("is one organisation's, by filters and pages, and as a file without formulas", async () => {
    const [owner, other] = [await newMember("owner"), await newMember("owner")];
    for (let i = 0; i < 60; i += 1) {
      await env.DB.prepare("INSERT INTO audit_events VALUES (?, ?, ?, ?, ?, ?, '{}')")
        .bind(`evt_${owner.organisationId}_${i}`, Date.UTC(2026, 0, 1 + (i % 30)), i === 7 ? "=HYPERLINK(1)" : owner.email, i % 2 ? "key.create" : "budget.put", `subject-${i}`, owner.organisationId).run();
    }
    const subjects = async (query: string): Promise<string[]> => [...(await (await owner.get(`/settings/audit${query}`)).text()).matchAll(/>(subject-\d+)</g)].map(([, subject]) => subject!);
    const first = await (await owner.get("/settings/audit?from=2026-01-01&to=2026-01-31")).text();
    const older = /href="\/dashboard(\/settings\/audit\?[^"]*before=[^"]*)"/.exec(first)![1]!.replaceAll("&amp;", "&");
    const second = await (await owner.get(older)).text();
    const shown = (page: string) => [...page.matchAll(/>(subject-\d+)</g)].map(([, subject]) => subject);
    expect([shown(first).length, shown(second).length, new Set([...shown(first), ...shown(second)]).size]).toEqual([50, 10, 60]);
    expect((await subjects("?kind=key&from=2026-01-01&to=2026-01-02")).sort()).toEqual(["subject-1", "subject-31"]);
    expect(await subjects("?subject=subject-9")).toEqual(["subject-9"]);
    expect(await subjects("?from=nonsense&before=nonsense&kind=nonsense&subject=subject-3")).toEqual(["subject-3"]);
    expect(await (await other.get("/settings/audit?kind=key")).text()).not.toContain("subject-");
    const file = await owner.get("/settings/audit.csv?subject=subject-7");
    expect(file.headers.get("content-disposition")).toMatch(/^attachment; filename="audit-\d{4}-\d\d-\d\d\.csv"$/);
    expect(await file.text()).toMatch(/^at,actor,action,subject,detail,id\r\n2026-01-08T00:00:00\.000Z,'?"?'=HYPERLINK\(1\)"?,key\.create,subject-7,/);
  });
});

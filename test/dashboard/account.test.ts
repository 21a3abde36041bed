import { env } from "cloudflare:workers";
import { expect, test, vi } from "vitest";
import { putMember, type Role } from "../../src/accounts/members.ts";
import { deviceOf } from "../../src/dashboard/device.ts";
import { Browser, newEmail, newMember, password, quickPerson } from "./stage.ts";

vi.setConfig({ testTimeout: 90_000 });

const agents = {
  "Firefox on Linux": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
  "Safari on iPhone": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
  "Edge on Windows": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
  "Chrome on Android": "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
  "Chrome on Mac": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
  "Chrome on Linux": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36",
  "curl/8.14.1": "curl/8.14.1",
  "Something that gave no name": "",
};
const rows = async (sql: string, ...values: string[]) => (await env.DB.prepare(sql).bind(...values).all()).results;
const sessionsOf = (email: string) => rows("SELECT s.id, s.user_agent FROM people_sessions s JOIN people p ON p.id = s.person_id WHERE p.email = ? ORDER BY s.created_at", email) as Promise<{ id: string; user_agent: string }[]>;
const auditOf = async (email: string) => (await rows("SELECT action FROM audit_events WHERE actor = ? ORDER BY at, id", email)).map(({ action }) => action);
const textOf = async (browser: Browser): Promise<string> => (await browser.get("/account")).text();
const isIn = async (browser: Browser): Promise<boolean> => (await browser.get("/account")).status === 200;

/** The same person in another browser. */
async function elsewhere(email: string, userAgent: string, address = "2001:db8::7"): Promise<Browser> {
  const browser = new Browser();
  expect((await browser.post("/sign-in", { email, password }, { "user-agent": userAgent, "cf-connecting-ip": address })).status).toBe(303);
  return browser;
}

test.each(Object.entries(agents))("a browser is called %s", (words, userAgent) => expect(deviceOf(userAgent)).toBe(words));

test("a name is changed, and is text wherever it is shown", async () => {
  const person = await newMember("viewer");
  expect((await person.post("/account/name", { name: "<script>alert(1)</script>" })).headers.get("location")).toBe("/dashboard/account");
  const page = await textOf(person);
  expect(page).toContain("&lt;script&gt;alert(1)");
  expect(page).not.toContain("<script>alert");
  expect(page, "the navigation leads there").toMatch(/href="\/dashboard\/account" aria-current="page"/);
  const wrong = await person.post("/account/name", { name: " " });
  expect(wrong.status).toBe(422);
  expect(await wrong.text()).toContain("Fill this in.");
  await person.post("/account/name", { name: "<script>alert(1)</script>" });
  expect(await auditOf(person.email), "what changes nothing is no event").toEqual(["person.update"]);
});

test("sessions are listed with what their browser says, and ended one by one", async () => {
  const person = await quickPerson();
  const phone = await elsewhere(person.email, agents["Safari on iPhone"]);
  const page = await textOf(person);
  expect(page).toMatch(/this one[\s\S]*Safari on iPhone|Safari on iPhone[\s\S]*this one/);
  expect(page, "an IPv6 network, not the one machine").toContain(">2001:db8::<");
  const ofPhone = (await sessionsOf(person.email)).find(({ user_agent }) => user_agent.includes("iPhone"))!;
  const stranger = await quickPerson();
  await stranger.post("/account/sessions/end", { session: ofPhone.id });
  expect(await isIn(phone), "nobody ends somebody else's").toBe(true);
  await person.post("/account/sessions/end", { session: ofPhone.id });
  expect(await isIn(phone), "with its next request").toBe(false);
  expect(await isIn(person)).toBe(true);
  const own = (await sessionsOf(person.email))[0]!.id;
  await person.post("/account/sessions/end", { session: own });
  expect(await isIn(person), "signing out is for one's own").toBe(true);
  expect(await auditOf(person.email)).toEqual(["session.end"]);
});

test("all others are ended at once", async () => {
  const person = await quickPerson();
  const others = [await elsewhere(person.email, "a"), await elsewhere(person.email, "b"), await elsewhere(person.email, "c")];
  await person.post("/account/sessions/end-others");
  expect(await Promise.all(others.map(isIn))).toEqual([false, false, false]);
  expect(await isIn(person)).toBe(true);
  expect(await textOf(person)).not.toContain("End all others");
});

test("when a session was used last is known to the hour", async () => {
  const person = await quickPerson();
  const seen = async () => Date.parse((await rows("SELECT s.updated_at FROM people_sessions s JOIN people p ON p.id = s.person_id WHERE p.email = ?", person.email))[0]!.updated_at as string);
  const set = (agoMs: number) => env.DB.prepare("UPDATE people_sessions SET updated_at = ?1, expires_at = ?2 WHERE person_id = (SELECT id FROM people WHERE email = ?3)")
    .bind(new Date(Date.now() - agoMs).toISOString(), new Date(Date.now() - agoMs + 7 * 86_400_000).toISOString(), person.email).run();
  await set(3_700_000);
  await isIn(person);
  expect(Date.now() - (await seen())).toBeLessThan(60_000);
  await set(1_800_000);
  await isIn(person);
  expect(Date.now() - (await seen()), "not with every page").toBeGreaterThan(1_700_000);
});

test("a password is changed by who knows the present one, which ends all other sessions", async () => {
  const person = await quickPerson();
  const other = await elsewhere(person.email, "other");
  const before = new Map(person.cookies);
  const wrong = await person.post("/account/password", { present: "a wrong password", password: "an altogether new one" });
  expect(wrong.status).toBe(422);
  expect(await wrong.text()).toContain("This is not your present password.");
  expect((await person.post("/account/password", { present: password, password: "short" })).status).toBe(422);
  expect(await isIn(other)).toBe(true);
  expect((await person.post("/account/password", { present: password, password: "an altogether new one" })).status).toBe(303);
  expect([await isIn(person), await isIn(other)]).toEqual([true, false]);
  expect(person.mails.map(({ to, text }) => [to, /The password of your account on Forge was changed/.test(text)])).toEqual([[person.email, true]]);
  const thief = new Browser();
  for (const [name, value] of before) thief.cookies.set(name, value);
  expect(await isIn(thief), "a cookie from before is worth nothing").toBe(false);
  expect((await new Browser().post("/sign-in", { email: person.email, password })).status).toBe(401);
  expect((await new Browser().post("/sign-in", { email: person.email, password: "an altogether new one" })).status).toBe(303);
  expect(await auditOf(person.email)).toEqual(["person.password"]);
});

test("the present password is not to be guessed in an open session", async () => {
  const person = await quickPerson();
  for (let i = 0; i < 9; i += 1) await person.post("/account/password", { present: `guess ${i}`, password: "an altogether new one" });
  expect((await person.post("/account/password", { present: "guess 9", password: "an altogether new one" })).status).toBe(422);
  const late = await person.post("/account/password", { present: password, password: "an altogether new one" });
  expect(late.status).toBe(429);
  expect(await late.text()).toMatch(/Wait \d+ minutes/);
});

test.each<Role>(["developer", "billing", "owner"])("as %s one leaves an organisation; its last owner stays", async (role) => {
  const person = await newMember(role);
  const left = await person.post("/account/leave", { organisation: person.organisationId });
  if (role === "owner") {
    expect(left.status).toBe(409);
    expect(await left.text()).toContain("never to the last one");
    await putMember(env.DB, { actor: "test", nowMs: Date.now() }, person.organisationId, { email: newEmail(), role: "owner" });
    expect((await person.post("/account/leave", { organisation: person.organisationId })).status).toBe(303);
  } else expect(left.headers.get("location")).toBe("/dashboard/account");
  expect((await person.get("/usage")).headers.get("location")).toBe("/dashboard/welcome");
  expect(await rows("SELECT action FROM audit_events WHERE organisation_id = ? AND actor = ?", person.organisationId, person.email)).toEqual([{ action: "member.delete" }]);
});

test("one leaves only what one belongs to", async () => {
  const [person, other] = [await newMember("owner"), await newMember("owner")];
  const refused = await person.post("/account/leave", { organisation: other.organisationId });
  expect(refused.status).toBe(422);
  expect(await refused.text()).toContain("You do not belong to that organisation.");
});

test("nobody's member has an account too", async () => {
  const person = await quickPerson();
  const page = await textOf(person);
  expect(page).toContain("None yet.");
  expect(page).toContain(person.email);
  expect(await (await person.get("/welcome")).text()).toContain('href="/dashboard/account"');
});

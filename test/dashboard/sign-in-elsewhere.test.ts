/** Signing in with GitHub and Google, against stand-ins that hold to their rules: who gets in, whose account it is, what is said when it comes to nothing. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { putMember } from "../../src/accounts/members.ts";
import { allow, answer, settings, type Identity, type ProviderName } from "./elsewhere.ts";
import { Browser, newEmail, newMember, origin, password, quickPerson } from "./stage.ts";

vi.setConfig({ testTimeout: 90_000 });
beforeEach(() => void vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => answer(new Request(input as RequestInfo, init as RequestInit))));
afterEach(() => vi.restoreAllMocks());

const both = ["github", "google"] as const;
const open = (own: Record<string, string> = {}): Browser => new Browser({ ...settings, ...own });
const identity = (email: string | null = newEmail(), verified = true): Identity => ({ subject: crypto.randomUUID(), name: "Grace Hopper", email, verified });
const rows = async (sql: string, ...values: string[]) => (await env.DB.prepare(sql).bind(...values).all()).results;
const peopleOf = (email: string) => rows("SELECT p.name, p.email_verified, a.provider_id FROM people p LEFT JOIN people_accounts a ON a.person_id = p.id WHERE p.email = ? ORDER BY a.provider_id", email);
const isIn = async (browser: Browser): Promise<boolean> => (await browser.get("/account")).status === 200;
/** What the page says that somebody is led to. */
const said = async (browser: Browser, location: string): Promise<string> => (await browser.get(location.replace("/dashboard", ""))).text();

/** The page that a form of ours leads to. */
async function begun(browser: Browser, provider: ProviderName, form = `/sign-in/with/${provider}`, fields: Record<string, string> = {}): Promise<string> {
  const response = await browser.post(form, fields);
  expect(response.status).toBe(303);
  const location = response.headers.get("location")!;
  expect(location).toMatch({ github: /^https:\/\/github\.com\/login\/oauth\/authorize\?/, google: /^https:\/\/accounts\.google\.com\/o\/oauth2\/v2\/auth\?/ }[provider]);
  return location;
}

/** Goes where GitHub or Google sends a browser. Returns where that leads. */
async function comeBack(browser: Browser, url: string): Promise<string> {
  const { pathname, search } = new URL(url);
  const response = await browser.get(pathname.replace("/dashboard", "") + search);
  const location = new URL(response.headers.get("location")!, url);
  return location.pathname + location.search;
}

/** The whole way, of somebody who allows it. Returns where they end. */
const signInWith = async (browser: Browser, provider: ProviderName, identity: Identity, fields: Record<string, string> = {}): Promise<string> =>
  comeBack(browser, allow(await begun(browser, provider, undefined, fields), identity));

describe.each(both)("%s", (provider: ProviderName) => {
  test("where sign-up is open: a first visit makes the account, and the second finds it", async () => {
    const who = identity();
    const browser = open();
    expect(await signInWith(browser, provider, who)).toBe("/dashboard/welcome");
    expect(await peopleOf(who.email!)).toEqual([{ name: "Grace Hopper", email_verified: 1, provider_id: provider }]);
    expect(browser.mails, "who has just come need not be told").toEqual([]);
    expect((await browser.post("/welcome", { name: "Compilers" })).headers.get("location")).toBe("/dashboard/first-key");
    const again = open();
    expect(await signInWith(again, provider, who)).toBe("/dashboard");
    expect(await (await again.get("/usage")).text()).toContain("Compilers");
    expect((await peopleOf(who.email!)).length).toBe(1);
    expect(await rows("SELECT action, detail FROM audit_events WHERE actor = ? AND action LIKE 'person.%'", who.email!)).toEqual([{ action: "person.link", detail: JSON.stringify({ provider }) }]);
  });

  test("where it is by approval: an account that may apply", async () => {
    const browser = open({ DASHBOARD_SIGN_UP: "approval" });
    expect(await signInWith(browser, provider, identity())).toBe("/dashboard/welcome");
    expect(await (await browser.get("/welcome")).text()).toContain("Apply for access");
  });

  test("where it is closed: nobody, but for addresses that belong to an organisation", async () => {
    const stranger = identity();
    const browser = open({ DASHBOARD_SIGN_UP: "closed" });
    const location = await signInWith(browser, provider, stranger);
    expect(location).toBe("/dashboard/sign-in?error=unable_to_create_user");
    expect(await said(browser, location)).toContain("sign-up is by invitation");
    expect(await peopleOf(stranger.email!)).toEqual([]);
    const owner = await newMember("owner");
    const known = identity();
    await putMember(env.DB, { actor: "test", nowMs: Date.now() }, owner.organisationId, { email: known.email!, role: "viewer" });
    await signInWith(browser, provider, known);
    expect((await browser.get("/usage")).status).toBe(200);
  });

  test("an address that has an account: it is that account, if the address is verified there", async () => {
    const owner = await newMember("owner");
    const browser = open();
    expect(await signInWith(browser, provider, identity(owner.email.toUpperCase()))).toBe("/dashboard");
    expect((await browser.get("/usage")).status).toBe(200);
    expect((await peopleOf(owner.email)).map(({ provider_id }) => provider_id)).toEqual(["credential", provider]);
    expect((await new Browser().post("/sign-in", { email: owner.email, password })).status, "the password stays").toBe(303);
  });

  test("an address that is not verified there opens nothing and makes nothing", async () => {
    const owner = await newMember("owner");
    const browser = open();
    const location = await signInWith(browser, provider, identity(owner.email, false));
    expect(location).toMatch(/^\/dashboard\/sign-in\?error=account_not_linked/);
    expect(await said(browser, location)).toContain("is not verified");
    expect(await isIn(browser)).toBe(false);
    expect((await peopleOf(owner.email)).map(({ provider_id }) => provider_id)).toEqual(["credential"]);

    const fresh = newEmail();
    expect(await signInWith(browser, provider, identity(fresh, false))).toMatch(/error=email_not_verified/);
    expect(await isIn(browser)).toBe(false);
    expect(await peopleOf(fresh), "nor does an account wait for whoever proves the address later").toEqual([]);
  });

  test("an account whose address nobody has proved is its owner's, and nobody else's way in stays", async () => {
    const email = newEmail();
    const thief = new Browser();
    await thief.post("/sign-up", { name: "Thief", email });
    const [{ id }] = (await rows("SELECT id FROM people WHERE email = ?", email)) as [{ id: string }];
    const now = new Date().toISOString();
    await env.DB.prepare("INSERT INTO people_accounts (id, person_id, account_id, provider_id, created_at, updated_at) VALUES (?1, ?2, ?1, ?3, ?4, ?4)").bind(crypto.randomUUID(), id, provider === "github" ? "google" : "github", now).run();
    expect(await signInWith(open(), provider, identity(email))).toBe("/dashboard");
    expect(await peopleOf(email)).toEqual([{ name: "Thief", email_verified: 1, provider_id: provider }]);
  });

  test("an address elsewhere that changes hands opens only what it was linked to", async () => {
    const first = identity();
    await signInWith(open(), provider, first);
    const renamed = { ...first, email: newEmail() };
    const browser = open();
    await signInWith(browser, provider, renamed);
    expect(await (await browser.get("/account")).text()).toContain(first.email!);
    expect(await peopleOf(renamed.email)).toEqual([]);
  });

  test("no address comes from there", async () => {
    const browser = open();
    const location = await signInWith(browser, provider, identity(null));
    expect(location).toMatch(/error=email_not_found/);
    expect(await said(browser, location)).toContain("No e-mail address came from there");
  });

  test("whoever does not allow it is told so, and nothing happens", async () => {
    const browser = open();
    const asks = new URL(await begun(browser, provider));
    const location = await comeBack(browser, `${asks.searchParams.get("redirect_uri")}?error=access_denied&error_description=%3Cscript%3E&state=${asks.searchParams.get("state")}`);
    expect(location).toMatch(/^\/dashboard\/sign-in\?error=access_denied/);
    const page = await said(browser, location);
    expect(page).toContain("You did not allow it there");
    expect(page).not.toContain("<script>");
    expect(await isIn(browser)).toBe(false);
  });

  test("what another browser began, what is made up and what is old is not gone on with", async () => {
    const [mine, theirs] = [open(), open()];
    const back = allow(await begun(theirs, provider), identity());
    expect(await comeBack(mine, back), "somebody else's beginning").toMatch(/^\/dashboard\/sign-in\?error=state_mismatch/);
    const made = new URL(allow(await begun(mine, provider), identity()));
    made.searchParams.set("state", "made-up");
    const location = await comeBack(mine, made.href);
    expect(location).toMatch(/^\/dashboard\/sign-in\?error=state_mismatch/);
    expect(await said(mine, location)).toContain("begun in another browser");
    made.searchParams.delete("state");
    expect(await comeBack(mine, made.href)).toMatch(/error=state_not_found/);
    expect(await isIn(mine)).toBe(false);
    const used = allow(await begun(mine, provider), identity());
    await comeBack(mine, used);
    expect(await isIn(mine)).toBe(true);
    expect(await comeBack(open(), used), "once").toMatch(/error=state_mismatch/);
  });

  test("a code that is not theirs", async () => {
    const browser = open();
    const back = new URL(allow(await begun(browser, provider), identity()));
    back.searchParams.set("code", "made-up");
    const location = await comeBack(browser, back.href);
    expect(location).toMatch(/^\/dashboard\/sign-in\?error=\w+/);
    expect(await said(browser, location)).toContain("That did not work");
    expect(await isIn(browser)).toBe(false);
  });

  test("it leads on to where one wanted to go, and only here", async () => {
    const who = identity();
    await signInWith(open(), provider, who);
    expect(await signInWith(open(), provider, who, { next: "/dashboard/usage?range=week" })).toBe("/dashboard/usage?range=week");
    expect(await signInWith(open(), provider, who, { next: "https://evil.example/" })).toBe("/dashboard");
  });

  test("nothing of theirs is kept that opens anything", async () => {
    const who = identity();
    const browser = open();
    await signInWith(browser, provider, who);
    await signInWith(browser, provider, who);
    expect(JSON.stringify(await rows("SELECT a.* FROM people_accounts a JOIN people p ON p.id = a.person_id WHERE p.email = ?", who.email!))).not.toMatch(/canary|eyJ/);
    expect((await rows("SELECT s.id FROM people_sessions s JOIN people p ON p.id = s.person_id WHERE p.email = ?", who.email!)).length, "and a browser has one session").toBe(1);
  });
});

describe("linking", () => {
  const link = async (browser: Browser, who: Identity, provider: ProviderName = "github"): Promise<string> => comeBack(browser, allow(await begun(browser, provider, `/account/link/${provider}`), who));

  test("somebody who is signed in links an account of another address, and signs in with it", async () => {
    const person = await quickPerson(newEmail(), settings);
    const who = identity();
    expect(await link(person, who)).toBe("/dashboard/account");
    expect(person.mails.map(({ to, text }) => [to, /An account at GitHub opens your account/.test(text)])).toEqual([[person.email, true]]);
    expect(await (await person.get("/account")).text()).toMatch(/GitHub[\s\S]*>linked<[\s\S]*Google[\s\S]*not linked/);
    const other = open();
    await signInWith(other, "github", who);
    expect(await (await other.get("/account")).text()).toContain(person.email);
    expect(await peopleOf(who.email!), "the other address makes nobody").toEqual([]);
  });

  test("not one whose address is not verified, nor one that is somebody else's", async () => {
    const person = await quickPerson(newEmail(), settings);
    const unproved = await link(person, identity(newEmail(), false));
    expect(unproved).toMatch(/^\/dashboard\/account\?error=email_not_verified/);
    expect(await said(person, unproved)).toContain("is not verified");
    const taken = identity();
    await signInWith(open(), "github", taken);
    const location = await link(person, taken);
    expect(location).toMatch(/error=account_already_linked_to_different_user/);
    expect(await said(person, location)).toContain("belongs to somebody else here");
    expect((await peopleOf(person.email)).map(({ provider_id }) => provider_id)).toEqual(["credential"]);
  });

  test("a link that was begun is not finished by a session that is over, nor in another browser", async () => {
    const person = await quickPerson(newEmail(), settings);
    const back = allow(await begun(person, "github", "/account/link/github"), identity());
    expect(await comeBack(open(), back)).toMatch(/error=state_mismatch/);
    const second = allow(await begun(person, "github", "/account/link/github"), identity());
    await env.DB.prepare("DELETE FROM people_sessions WHERE person_id = (SELECT id FROM people WHERE email = ?)").bind(person.email).run();
    expect(await comeBack(person, second)).toMatch(/error=unable_to_link_account/);
    expect((await peopleOf(person.email)).length).toBe(1);
  });

  test("it is unlinked, but never when it is the last way to sign in, nor somebody else's", async () => {
    const person = open();
    const who = identity();
    await signInWith(person, "github", who);
    const idOf = async (provider: string) => ((await rows("SELECT a.id FROM people_accounts a JOIN people p ON p.id = a.person_id WHERE p.email = ? AND a.provider_id = ?", who.email!, provider))[0]!.id as string);
    const github = await idOf("github");
    const last = await person.post("/account/unlink", { id: github });
    expect(last.status).toBe(409);
    expect(await last.text()).toContain("your only way to sign in");
    expect(await link(person, identity(), "google")).toBe("/dashboard/account");
    const stranger = await quickPerson(newEmail(), settings);
    expect((await stranger.post("/account/unlink", { id: github })).status).toBe(404);
    const [one, other] = await Promise.all([person.post("/account/unlink", { id: github }), person.post("/account/unlink", { id: await idOf("google") })]);
    expect([one.status, other.status].sort(), "two at once leave one").toEqual([303, 409]);
  });

  test("what is not set up here is not there, and does not count as a way", async () => {
    const person = await quickPerson();
    expect(await (await person.post("/account/link/github")).text()).toContain("not set up here");
    expect(await (await person.get("/account")).text()).not.toContain("Accounts elsewhere");
    const github = open();
    const who = identity();
    await signInWith(github, "github", who);
    await link(github, identity(), "google");
    const [{ id }] = (await rows("SELECT a.id FROM people_accounts a JOIN people p ON p.id = a.person_id WHERE p.email = ? AND a.provider_id = 'github'", who.email!)) as [{ id: string }];
    const later = open({ GOOGLE_CLIENT_ID: "", GOOGLE_CLIENT_SECRET: "" });
    for (const [name, value] of github.cookies) later.cookies.set(name, value);
    expect((await later.post("/account/unlink", { id })).status).toBe(409);
  });
});

test("the pages offer what is set up, and a form may lead only there", async () => {
  const page = await open().get("/sign-in?next=%2Fdashboard%2Fusage");
  const text = await page.text();
  expect(text).toMatch(/Continue with GitHub[\s\S]*Continue with Google/);
  expect(text).toContain('name="next" value="/dashboard/usage"');
  expect(page.headers.get("content-security-policy")).toContain("form-action 'self' https://github.com https://accounts.google.com;");
  const bare = await new Browser().get("/sign-in");
  expect(await bare.text()).not.toContain("Continue with");
  expect(bare.headers.get("content-security-policy")).toContain("form-action 'self';");
  expect((await new Browser().post("/sign-in/with/github")).headers.get("location")).toBe("/dashboard/sign-in");
  expect(new URL((await open().post("/sign-in/with/github")).headers.get("location")!).searchParams.get("redirect_uri")).toBe(`${origin}/dashboard/auth/callback/github`);
});

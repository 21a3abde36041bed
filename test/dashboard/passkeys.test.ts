import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";
import { newDevice, type Device, type Way } from "./authenticator.ts";
import { Browser, newEmail, newMember, origin, password, quickPerson } from "./stage.ts";

vi.setConfig({ testTimeout: 90_000 });

type Options = { challenge: string; rp?: { id: string }; rpId?: string; userVerification?: string; authenticatorSelection?: object; allowCredentials?: object[]; excludeCredentials?: { id: string }[]; problem?: string };

const rows = async (sql: string, ...values: string[]) => (await env.DB.prepare(sql).bind(...values).all()).results;
const optionsFor = async (browser: Browser, path: string): Promise<Options> => (await browser.post(path)).json<Options>();
const toAdd = (browser: Browser) => optionsFor(browser, "/account/passkeys/options");
const toSignIn = (browser: Browser) => optionsFor(browser, "/sign-in/passkey/options");
const isIn = async (browser: Browser): Promise<boolean> => (await browser.get("/account")).status === 200;

/** Adds a passkey through the pages. */
async function add(browser: Browser, way: Way = {}): Promise<{ device: Device; response: Response }> {
  const device = await newDevice(origin);
  return { device, response: await browser.post("/account/passkeys", { credential: await device.create(await toAdd(browser), way) }) };
}
const signIn = async (browser: Browser, device: Device, way: Way = {}): Promise<Response> => browser.post("/sign-in/passkey", { credential: await device.get(await toSignIn(browser), way), next: "/dashboard/account" });
const passkeysOf = (email: string) => rows("SELECT k.id, k.name FROM people_passkeys k JOIN people p ON p.id = k.person_id WHERE p.email = ? ORDER BY k.created_at", email) as Promise<{ id: string; name: string }[]>;

test("a passkey is added, named, signs in without a password, and is removed", async () => {
  const person = await newMember("owner");
  const options = await toAdd(person);
  expect(options).toMatchObject({ rp: { id: "forge.example", name: "Forge" }, authenticatorSelection: { residentKey: "required", userVerification: "required" }, attestation: "none", user: { name: person.email } });
  const { device, response } = await add(person);
  expect(response.headers.get("location")).toBe("/dashboard/account");
  expect(person.mails.map(({ to, text }) => [to, /A passkey was added/.test(text), /http/.test(text)])).toEqual([[person.email, true, false]]);
  const [{ id, name }] = (await passkeysOf(person.email)) as [{ id: string; name: string }];
  expect(name).toBe("Passkey");
  expect((await person.post("/account/passkeys/name", { id, name: "My <b>phone</b>" })).status).toBe(303);
  expect(await (await person.get("/account")).text()).toContain("My &lt;b&gt;phone&lt;/b&gt;");
  expect((await toAdd(person)).excludeCredentials, "a device is not asked twice").toEqual([expect.objectContaining({ id: device.id })]);

  const other = new Browser();
  expect(await toSignIn(other)).toMatchObject({ rpId: "forge.example", userVerification: "required" });
  const signed = await signIn(other, device);
  expect(`${signed.status} ${signed.headers.get("location")}`).toBe("303 /dashboard/account");
  expect((await other.get("/usage")).status).toBe(200);
  expect(await rows("SELECT action FROM audit_events WHERE actor = ? AND action LIKE 'passkey.%' ORDER BY at", person.email)).toEqual([{ action: "passkey.create" }, { action: "passkey.update" }]);

  expect((await other.post("/account/passkeys/remove", { id })).status).toBe(303);
  const late = await signIn(new Browser(), device);
  expect(late.status).toBe(401);
  expect(await late.text()).toContain("does not open anything here");
});

describe("what does not sign in", () => {
  test.each<[string, Way]>([
    ["a page of another origin", { origin: "https://forge.example.evil.example", rpId: "forge.example" }],
    ["a passkey of another host", { rpId: "evil.example" }],
    ["a device that has not made sure who holds it", { isOwner: false }],
    ["a copy of the device that counts from before", { counter: 0 }],
  ])("%s", async (_, way) => {
    const { device } = await add(await quickPerson());
    const browser = new Browser();
    await signIn(browser, device);
    expect(await isIn(browser), "as it is it does").toBe(true);
    const other = new Browser();
    expect((await signIn(other, device, way)).status).toBe(401);
    expect(await isIn(other)).toBe(false);
  });

  test("an answer that has been used, one to another browser's question, one to the question of adding", async () => {
    const person = await quickPerson();
    const { device } = await add(person);
    const browser = new Browser();
    const credential = await device.get(await toSignIn(browser));
    const kept = new Map(browser.cookies);
    expect((await browser.post("/sign-in/passkey", { credential })).status).toBe(303);
    const thief = new Browser();
    for (const [name, value] of kept) thief.cookies.set(name, value);
    expect((await thief.post("/sign-in/passkey", { credential })).status, "used").toBe(401);
    const [mine, theirs] = [new Browser(), new Browser()];
    await toSignIn(mine);
    expect((await mine.post("/sign-in/passkey", { credential: await device.get(await toSignIn(theirs)) })).status, "another's").toBe(401);
    expect((await person.post("/sign-in/passkey", { credential: await device.get(await toAdd(person)) })).status, "adding").toBe(401);
    expect((await new Browser().post("/sign-in/passkey", { credential: await device.get({ challenge: "AAAA" }) })).status, "no question").toBe(401);
  });

  test("what no device says", async () => {
    const { device } = await add(await quickPerson());
    for (const credential of ["", "{", "null", "[]", '{"id":"x"}', "x".repeat(40_000), JSON.stringify({ id: "x", rawId: "x", type: "public-key", response: { clientDataJSON: 7 } })]) {
      const browser = new Browser();
      await toSignIn(browser);
      expect((await browser.post("/sign-in/passkey", { credential })).status, credential.slice(0, 40)).toBe(401);
    }
    const browser = new Browser();
    const altered = JSON.parse(await device.get(await toSignIn(browser))) as { response: { signature: string } };
    altered.response.signature = altered.response.signature.slice(0, -6) + "AAAAAA";
    expect((await browser.post("/sign-in/passkey", { credential: JSON.stringify(altered) })).status).toBe(401);
  });

  test("more than a hundred tries from one address in 15 minutes", async () => {
    const { countAttempt } = await import("../../src/accounts/attempts.ts");
    for (let i = 0; i < 100; i += 1) await countAttempt(env.DB, Date.now(), [{ what: "start from", whose: "198.51.100.7", most: 100, spanMs: 900_000 }]);
    const from = { "cf-connecting-ip": "198.51.100.7" };
    const refused = await new Browser().post("/sign-in/passkey/options", {}, from);
    expect(refused.status).toBe(429);
    expect((await refused.json<Options>()).problem).toMatch(/Wait \d+ minutes/);
    expect((await new Browser().post("/sign-in/passkey", { credential: "{}" }, from)).status).toBe(429);
    expect((await new Browser({ GITHUB_CLIENT_ID: "id", GITHUB_CLIENT_SECRET: "secret" }).post("/sign-in/with/github", {}, from)).status, "GitHub's and Google's forms too").toBe(429);
    expect((await new Browser().post("/sign-in/passkey/options", {}, { "cf-connecting-ip": "198.51.100.8" })).status).toBe(200);
  });
});

describe("what is not added", () => {
  test("one whose device has not made sure who holds it, one of another page, one that somebody has already", async () => {
    const person = await quickPerson();
    expect((await add(person, { isOwner: false })).response.status).toBe(422);
    expect((await add(person, { origin: "https://evil.example", rpId: "forge.example" })).response.status).toBe(422);
    expect(await passkeysOf(person.email)).toEqual([]);
    const { device } = await add(person);
    const thief = await quickPerson();
    const again = await thief.post("/account/passkeys", { credential: await device.create(await toAdd(thief)) });
    expect(again.status).toBe(422);
    const browser = new Browser();
    await signIn(browser, device);
    expect(await (await browser.get("/account")).text(), "it is still its owner's").toContain(person.email);
  });

  test("one for somebody else's question", async () => {
    const [person, other] = [await quickPerson(), await quickPerson()];
    const device = await newDevice(origin);
    const credential = await device.create(await toAdd(other));
    await toAdd(person);
    expect((await person.post("/account/passkeys", { credential })).status).toBe(422);
    expect((await new Browser().post("/account/passkeys", { credential })).headers.get("location")).toBe("/dashboard/sign-in");
  });

  test("one by somebody who signed in more than a day ago, until they do again", async () => {
    const person = await quickPerson();
    const { device } = await add(person);
    const [{ id }] = (await passkeysOf(person.email)) as [{ id: string; name: string }];
    await env.DB.prepare("UPDATE people_sessions SET created_at = ? WHERE person_id = (SELECT id FROM people WHERE email = ?)").bind(new Date(Date.now() - 86_400_001).toISOString(), person.email).run();
    expect((await person.post("/account/passkeys/options")).status).toBe(403);
    const again = "/dashboard/sign-in?again&next=%2Fdashboard%2Faccount";
    expect((await person.post("/account/passkeys", { credential: "{}" })).headers.get("location")).toBe(again);
    expect((await person.post("/account/passkeys/remove", { id })).headers.get("location")).toBe(again);
    expect(await (await person.get("/account")).text()).toContain("sign in again");
    expect(await (await person.get("/sign-in?again&next=%2Fdashboard%2Faccount")).text()).toContain("Sign in again");
    expect((await signIn(person, device)).headers.get("location")).toBe("/dashboard/account");
    expect((await rows("SELECT s.id FROM people_sessions s JOIN people p ON p.id = s.person_id WHERE p.email = ?", person.email)).length, "the older session is over").toBe(1);
    expect((await person.post("/account/passkeys/remove", { id })).status).toBe(303);
    expect(await passkeysOf(person.email)).toEqual([]);
  });
});

test("somebody else's passkey is neither named nor removed", async () => {
  const [person, other] = [await quickPerson(), await quickPerson()];
  await add(person);
  const [{ id }] = (await passkeysOf(person.email)) as [{ id: string; name: string }];
  expect((await other.post("/account/passkeys/name", { id, name: "Mine" })).status).toBe(404);
  expect((await other.post("/account/passkeys/remove", { id })).status).toBe(404);
  expect(await passkeysOf(person.email)).toEqual([{ id, name: "Passkey" }]);
});

test("the last way to sign in stays, of two passkeys too", async () => {
  const person = await quickPerson();
  await add(person);
  await add(person);
  await env.DB.prepare("DELETE FROM people_accounts WHERE person_id = (SELECT id FROM people WHERE email = ?)").bind(person.email).run();
  expect(await (await person.get("/account")).text()).toContain("You have none. A link that comes by e-mail lets you choose one.");
  const ids = (await passkeysOf(person.email)).map(({ id }) => id);
  const statuses = (await Promise.all(ids.map((id) => person.post("/account/passkeys/remove", { id })))).map(({ status }) => status);
  expect(statuses.sort()).toEqual([303, 409]);
  expect((await passkeysOf(person.email)).length).toBe(1);
});

test("an IP address has no passkeys, and says why", async () => {
  const browser = await quickPerson();
  const { app } = await import("../../src/app.ts");
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const at = async (path: string, init: RequestInit = {}) => app.fetch(new Request(`http://127.0.0.1:8787/dashboard${path}`, { ...init, headers: { accept: "text/html", cookie, origin: "http://127.0.0.1:8787" } }), browser.env, createExecutionContext());
  expect(await (await at("/account")).text()).toContain("reached by an IP address");
  expect((await at("/sign-in/passkey/options", { method: "POST" })).status).toBe(409);
  const page = await (await at("/sign-in?again")).text();
  expect(page).not.toContain("data-passkey");
  expect(await (await new Browser().get("/sign-in")).text()).toContain('data-passkey="get"');
});

test("a challenge is no way to learn who has an account", async () => {
  const { device } = await add(await quickPerson());
  expect(device.id.length).toBeGreaterThan(40);
  const options = await toSignIn(new Browser());
  expect(options.allowCredentials ?? []).toEqual([]);
  expect((await new Browser().post("/sign-in", { email: newEmail(), password })).status).toBe(401);
});

/** A form that makes something makes it once, however often it is sent: by a reload, a second click, or a second tab's. */
import { env } from "cloudflare:workers";
import { beforeAll, expect, test, vi } from "vitest";
import { isolateOf } from "../../src/pipeline/index.ts";
import { alertTargetsOf } from "../../src/accounts/alert-targets.ts";
import { admin } from "../security/stage.ts";
import { newEmail, newMember, quickPerson, type Browser } from "./stage.ts";

vi.setConfig({ testTimeout: 60_000 });

type Member = Awaited<ReturnType<typeof newMember>>;
let owner: Member;
beforeAll(async () => {
  owner = await newMember("owner");
});

/** What a page's form is called. */
const onceIn = async (who: Browser, path: string): Promise<string> => /name="once" value="(\w+)"/.exec(await (await who.get(path)).text())![1]!;
const locationOf = (response: Response): string => `${response.status} ${response.headers.get("location")}`;
const keysOf = async (organisation: string) => (await env.DB.prepare("SELECT id, name, (SELECT count(*) FROM api_key_secrets s WHERE s.key_id = k.id) AS secrets FROM api_keys k WHERE organisation_id = ?").bind(organisation).all<{ id: string; name: string; secrets: number }>()).results;
const count = async (sql: string, ...values: string[]): Promise<number> => (await env.DB.prepare(`SELECT count(*) AS n FROM ${sql}`).bind(...values).first<number>("n"))!;

test("a key: the reload leads to it, without its secret", async () => {
  const form = { name: "Checkout", usageScope: "key", once: await onceIn(owner, "/keys/new") };
  const first = await owner.post("/keys/new", form);
  const page = await first.text();
  expect([first.status, page.includes("sk-forge-")]).toEqual([200, true]);
  const id = /first-key\/(key_\w+)/.exec(page)![1]!;
  expect(locationOf(await owner.post("/keys/new", form))).toBe(`303 /dashboard/keys/${id}`);
  const shown = await (await owner.get(`/keys/${id}`)).text();
  expect([shown.includes("This form was sent before"), shown.includes(page.match(/sk-forge-\w{40,}/)![0])]).toEqual([true, false]);
  expect(await keysOf(owner.organisationId)).toEqual([{ id, name: "Checkout", secrets: 1 }]);
  expect(await count("audit_events WHERE subject = ? AND action = 'key.create'", id)).toBe(1);
});

test("a key: two clicks at once make one, whose secret is shown by one of them; another form makes another", async () => {
  const member = await newMember("owner");
  const form = { name: "Twice", usageScope: "key", once: await onceIn(member, "/keys/new") };
  const answers = await Promise.all([member.post("/keys/new", form), member.post("/keys/new", form), member.post("/keys/new", form)]);
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 303, 303]);
  expect(await keysOf(member.organisationId)).toMatchObject([{ secrets: 1 }]);
  await member.post("/keys/new", { ...form, once: await onceIn(member, "/keys/new") });
  expect(await keysOf(member.organisationId)).toHaveLength(2);
  const wrong = await member.post("/keys/new", { ...form, name: "", once: form.once });
  expect([wrong.status, (await wrong.text()).includes(`name="once" value="${form.once}"`)], "a form that is shown again stays the same one").toEqual([422, true]);
});

test("a form's name is one person's in one organisation: nobody else is led to what it has made", async () => {
  const other = await newMember("owner");
  const once = await onceIn(owner, "/keys/new");
  const [mine, theirs] = [await owner.post("/keys/new", { name: "Mine", usageScope: "key", once }), await other.post("/keys/new", { name: "Theirs", usageScope: "key", once })];
  expect([mine.status, theirs.status]).toEqual([200, 200]);
  expect(await keysOf(other.organisationId)).toMatchObject([{ name: "Theirs" }]);
  const strange = await other.post("/keys/new", { name: "Odd", usageScope: "key", once: "key_of_somebody_else" });
  expect(strange.status, "a name that is none makes a form of its own").toBe(200);
});

test("an organisation is founded once, and is gone on with", async () => {
  const person = await quickPerson();
  const form = { name: "Engines", once: await onceIn(person, "/welcome?own=1") };
  for (const response of await Promise.all([person.post("/welcome", form), person.post("/welcome", form)])) expect(locationOf(response)).toBe("303 /dashboard/first-key");
  expect(locationOf(await person.post("/welcome", form))).toBe("303 /dashboard/first-key");
  expect(await count("members WHERE email = ?", person.email)).toBe(1);
});

test("an invitation is sent once by each form, and its link stays", async () => {
  const email = newEmail();
  const form = { email, role: "viewer", once: await onceIn(owner, "/settings/people") };
  for (let i = 0; i < 3; i += 1) expect(locationOf(await owner.post("/settings/people/invite", form))).toBe("303 /dashboard/settings/people");
  expect(owner.mails.map(({ to }) => to)).toEqual([email]);
  expect((await (await quickPerson()).get(`/invitation?token=${owner.token}`)).status).toBe(200);
  await owner.post("/settings/people/invite", { ...form, once: await onceIn(owner, "/settings/people") });
  expect(owner.mails.map(({ to }) => to), "another form sends it anew").toEqual([email, email]);
  expect(await count("audit_events WHERE subject = ? AND action = 'invitation.put'", email)).toBe(2);
});

test("a batch is begun once, under a name that tells when; a page that is a day old begins none", async () => {
  const text = JSON.stringify({ custom_id: "a", method: "POST", url: "/v1/embeddings", body: { model: "m", input: "x" } });
  const body = (async function* () {
    yield new TextEncoder().encode(text);
  })();
  const { id: file } = await isolateOf(env).files.put(owner.organisationId, { filename: "in.jsonl", purpose: "batch", type: "application/jsonl" }, body, { mostBytes: 1e6 }, Date.now());
  const key = (await admin("POST", "/keys", { organisation: owner.organisationId, name: "night", policy: { limits: { concurrentRequests: 100 } } })).id as string;
  const form = { file, endpoint: "/v1/embeddings", key, once: await onceIn(owner, `/batches/new?file=${file}`) };
  const answers = await Promise.all([owner.post("/batches", form), owner.post("/batches", form)]);
  expect(new Set(answers.map(locationOf)).size).toBe(1);
  expect(locationOf(await owner.post("/batches", form))).toBe(locationOf(answers[0]!));
  expect(answers[0]!.headers.get("location")).toContain(`/batches/batch_${form.once.slice(0, 12)}`);
  expect(await count("batches WHERE organisation_id = ?", owner.organisationId)).toBe(1);
  for (const ms of [Date.now() - 2 * 86_400_000, Date.now() + 86_400_000]) {
    const old = await owner.post("/batches", { ...form, once: ms.toString(16).padStart(12, "0") + form.once.slice(12) });
    expect([old.status, (await old.text()).includes("This page was old")]).toEqual([422, true]);
  }
});

test("a budget is made by its name; the webhook's secret is replaced by a form that knows it", async () => {
  const form = { id: "monthly", scope: "organisation", window: "month", amount: "100", unit: "nanoUsd", shares: "80, 100", once: "x" };
  for (let i = 0; i < 2; i += 1) expect(locationOf(await owner.post("/settings/budgets", form))).toBe("303 /dashboard/settings/budgets");
  expect((await owner.post("/settings/budgets", { ...form, amount: "200" })).status, "another of that name").toBe(422);
  expect(await count("audit_events WHERE organisation_id = ? AND action = 'budget.put'", owner.organisationId)).toBe(1);
  const version = /name="version" value="(\d+)"/.exec(await (await owner.get("/settings/alerts")).text())![1]!;
  const answers = [await owner.post("/settings/alerts/secret", { version }), await owner.post("/settings/alerts/secret", { version })];
  expect(answers.map(({ status }) => status)).toEqual([200, 303]);
  expect((await alertTargetsOf(env.DB, owner.organisationId)).secretVersion).toBe(2);
});

test("a person founds three organisations, however many forms are sent at once, and none more by stepping down", async () => {
  const person = await quickPerson();
  const forms = await Promise.all(Array.from({ length: 8 }, async (_, i) => ({ name: `Race ${i}`, once: await onceIn(person, "/welcome?own=1") })));
  await Promise.all(forms.map((form) => person.post("/welcome", form)));
  expect(await count("members WHERE email = ? AND role = 'owner'", person.email)).toBe(3);
  await env.DB.prepare("UPDATE members SET role = 'admin' WHERE email = ?").bind(person.email).run();
  const again = await person.post("/welcome", { name: "One more", once: "anotherform123456789012" });
  expect([again.status, (await again.text()).includes("You have founded as many organisations as one person may")]).toEqual([200, true]);
  expect(await count("organisations WHERE founded_by = ?", person.email)).toBe(3);
});

test("a key is rotated, or changed, once by clicks at once: the others are told", async () => {
  const member = await newMember("owner");
  await member.post("/keys/new", { name: "Turning", usageScope: "key", once: await onceIn(member, "/keys/new") });
  const { id } = (await keysOf(member.organisationId))[0]!;
  const rotations = await Promise.all([1, 2, 3, 4].map(() => member.post(`/keys/${id}/rotate`, { version: "1", grace: "86400" })));
  expect(rotations.map(({ status }) => status).sort()).toEqual([200, 303, 303, 303]);
  expect(await keysOf(member.organisationId)).toMatchObject([{ secrets: 2 }]);
  const changes = await Promise.all(["One", "Other"].map((name) => member.post(`/keys/${id}/change`, { name, usageScope: "key", version: "2" })));
  expect(changes.map(locationOf)).toEqual([`303 /dashboard/keys/${id}`, `303 /dashboard/keys/${id}`]);
  expect(await count("audit_events WHERE subject = ? AND action IN ('key.rotate', 'key.update')", id)).toBe(2);
});

/** What those who run the gateway see and change, and that nobody else does. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { app } from "../../src/app.ts";
import { newId } from "../../src/accounts/base62.ts";
import { createKey } from "../../src/accounts/keys.ts";
import { keyPolicySchema } from "../../src/accounts/policy.ts";
import type { Batch } from "../../src/batches/batch.ts";
import { newBatchId, runOf } from "../../src/batches/index.ts";
import { list, noteUndeliverable } from "../../src/batches/listing.ts";
import { newDelta } from "../../src/health/vitals.ts";
import type { AccountStanding } from "../../src/limits/index.ts";
import { newEmail, newMember, newOperator, newPerson, quickPerson } from "./stage.ts";

vi.setConfig({ testTimeout: 60_000 });

const rows = async (sql: string, ...values: string[]) => (await env.DB.prepare(sql).bind(...values).all()).results;
const locationOf = (response: Response): string => `${response.status} ${response.headers.get("location")}`;

test("who is named in DASHBOARD_OPERATORS with an address that is proved, and nobody else", async () => {
  const operator = await newOperator();
  expect((await operator.get("/operator/applications")).status).toBe(200);
  expect(locationOf(await operator.get("/welcome"))).toBe("303 /dashboard/operator");
  await env.DB.prepare("UPDATE people SET email_verified = 0 WHERE email = ?").bind(operator.email).run();
  expect(locationOf(await operator.get("/operator/applications")), "an address that is not proved is nobody's").toMatch(/^303 \/dashboard\/sign-in/);
  const like = newEmail();
  const person = await quickPerson(newEmail(), { DASHBOARD_OPERATORS: like });
  expect([(await person.get("/operator/applications")).status, (await (await person.get("/welcome")).text()).includes("Operator")]).toEqual([404, false]);
  const owner = await newMember("owner");
  expect((await (await owner.get("/operator")).text()).replaceAll("/operator", "/nowhere"), "as what is not there").toBe(await (await owner.get("/nowhere")).text());
  expect((await owner.post("/operator/applications", { email: owner.email, state: "approved" })).status).toBe(404);
});

test("an application is decided once, heard of by e-mail, and stands in the audit trail", async () => {
  const settings = { DASHBOARD_SIGN_UP: "approval" };
  const [operator, one] = [await newOperator(settings), await newPerson(newEmail(), settings)];
  await one.post("/apply", { reason: "Trying <b>engines</b> out." });
  expect(await (await operator.get("/operator/applications")).text()).toContain("Trying &lt;b&gt;engines&lt;/b&gt; out.");
  expect(locationOf(await operator.post("/operator/applications", { email: one.email, state: "approved" }))).toBe("303 /dashboard/operator/applications");
  await operator.post("/operator/applications", { email: one.email, state: "approved" });
  expect(operator.mails.map(({ to, text }) => [to, text.includes("https://forge.example/dashboard")])).toEqual([[one.email, true]]);
  expect(await rows("SELECT actor, action FROM audit_events WHERE subject = ?", one.email)).toEqual([{ actor: operator.email, action: "application.decide" }]);
  expect(await (await one.get("/welcome")).text()).toContain("Name your organisation");
  await operator.post("/operator/applications", { email: one.email, state: "declined" });
  expect(await (await one.get("/welcome")).text()).toContain("Your application was declined");
  expect(operator.mails.map(({ to, subject }) => [to, subject])).toEqual([[one.email, "Welcome to Forge"], [one.email, "Your application to Forge"]]);
  expect(operator.mails[1]!.text, "who is declined gets no link").not.toContain("https://");
  expect((await operator.post("/operator/applications", { email: newEmail(), state: "approved" })).status).toBe(404);
});

test("who waits is told where the answer goes, and gets it there from the admin API too", async () => {
  const one = await newPerson(newEmail(), { DASHBOARD_SIGN_UP: "approval" });
  await one.post("/apply", { reason: "Trying engines out." });
  expect(await (await one.get("/welcome")).text()).toContain(`We&#39;ll e-mail ${one.email} as soon as it is decided.`);
  one.mails.length = 0;
  const decide = (email: string, state: string) => app.request(`https://forge.example/admin/applications/${email}`, { method: "PUT", headers: { authorization: `Bearer ${env.ADMIN_SECRET}`, "content-type": "application/json" }, body: JSON.stringify({ state }) }, one.env);
  for (const state of ["declined", "declined", "approved"]) expect(await (await decide(one.email, state)).json()).toMatchObject({ email: one.email, state });
  expect(one.mails.map(({ to, subject }) => [to, subject])).toEqual([[one.email, "Your application to Forge"], [one.email, "Welcome to Forge"]]);
  expect((await decide(newEmail(), "approved")).status).toBe(404);

  const { EMAIL: _, ...dumb } = one.env as unknown as Record<string, unknown>;
  const mute = Object.assign(await newPerson(newEmail(), { DASHBOARD_SIGN_UP: "approval" }), { env: dumb as unknown as Cloudflare.Env });
  await mute.post("/apply", { reason: "Trying engines out." });
  expect(await (await mute.get("/welcome")).text(), "and nobody is promised an e-mail where none goes out").toContain("This gateway sends no e-mail yet");
});

describe("an organisation", () => {
  const standing = async (organisation: string) => (await env.ORG_ACCOUNT.getByName(organisation).standing(Date.now())) as AccountStanding;

  test("is found by a part of its name, its id, a key's id and a member's address", async () => {
    const [operator, owner] = [await newOperator(), await newMember("owner")];
    const { key } = await createKey(env.DB, { actor: "test", nowMs: 1 }, env.KEY_PEPPER, { organisationId: owner.organisationId, name: "web", policy: keyPolicySchema.parse({}), expiresAtMs: null, prefix: "sk-forge-" });
    for (const q of [owner.organisationId, key.id, owner.email.toUpperCase(), "ngiNE"]) {
      expect(await (await operator.get(`/operator/organisations?q=${encodeURIComponent(q)}`)).text(), q).toContain(`/operator/organisations/${q === "ngiNE" ? "org_" : owner.organisationId}`);
    }
    expect(await (await operator.get("/operator/organisations?q=%25")).text()).toContain("No organisation fits that.");
    expect((await operator.get("/operator/organisations/none")).status).toBe(404);
    const page = `/operator/organisations/${owner.organisationId}`;
    expect(await (await operator.get(page)).text()).toContain(key.id);
    const other = await newMember("owner");
    expect((await operator.post(`/operator/organisations/${other.organisationId}/keys/revoke`, { key: key.id })).status, "only its own keys").toBe(422);
    await operator.post(`${page}/keys/revoke`, { key: key.id });
    expect(await rows("SELECT actor, action FROM audit_events WHERE subject = ? AND action = 'key.revoke'", key.id)).toEqual([{ actor: operator.email, action: "key.revoke" }]);
  });

  test("credits are posted once for each form, to the last digit, and never below what is there", async () => {
    const [operator, { organisationId }] = [await newOperator(), await newMember("owner")];
    const path = `/operator/organisations/${organisationId}/credits`;
    const grant = { id: newId("cred_"), kind: "grant", amount: "12.000000001", reason: "Welcome" };
    await operator.post(path, grant);
    expect(locationOf(await operator.post(path, grant))).toBe(`303 /dashboard/operator/organisations/${organisationId}`);
    expect((await standing(organisationId)).creditNanoUsd).toBe(12_000_000_001);
    expect((await operator.post(path, { ...grant, amount: "13" })).status, "the same form with another amount").toBe(409);
    const lacking = await operator.post(path, { id: newId("cred_"), kind: "adjustment", amount: "-13", reason: "Slip" });
    expect([lacking.status, (await lacking.text()).includes("Only $12.000000001 are not spent")]).toEqual([409, true]);
    await operator.post(path, { id: newId("cred_"), kind: "adjustment", amount: "-2.5", reason: "Slip" });
    expect((await standing(organisationId)).credit.free).toBe(9_500_000_001);
    for (const wrong of [{ amount: "1e3" } as Record<string, string>, { amount: "0" }, { kind: "refund", amount: "-1" }, { reason: " " }, { kind: "refund", expires: "2999-01-01" }]) {
      expect((await operator.post(path, { ...grant, id: newId("cred_"), ...wrong })).status, JSON.stringify(wrong)).toBe(422);
    }
    expect(await rows("SELECT actor FROM audit_events WHERE organisation_id = ? AND action = 'credit.post'", organisationId)).toEqual([{ actor: operator.email }, { actor: operator.email }]);
  });

  test("gets another plan and terms, and only what is new is written down", async () => {
    const [operator, { organisationId, email }] = [await newOperator(), await newMember("owner")];
    const path = `/operator/organisations/${organisationId}`;
    const terms = { name: "Engines", plan: "pro", prepaid: "on", paidUntil: "2999-01-31" };
    expect(locationOf(await operator.post(path, terms))).toBe(`303 /dashboard${path}`);
    await operator.post(path, terms);
    expect(await rows("SELECT plan_id, prepaid, paid_until FROM organisations o JOIN accounts ON organisation_id = o.id WHERE o.id = ?", organisationId)).toEqual([{ plan_id: "pro", prepaid: 1, paid_until: Date.parse("2999-02-01") }]);
    expect(await rows("SELECT action, detail FROM audit_events WHERE organisation_id = ? AND actor = ? ORDER BY action", organisationId, operator.email)).toEqual([
      { action: "account.update", detail: JSON.stringify({ prepaid: true, paidUntilMs: Date.parse("2999-02-01") }) }, { action: "organisation.update", detail: '{"plan":"pro"}' },
    ]);
    expect((await standing(organisationId)).pools.map(({ id }) => id)).toContain("credits");
    const cut = await operator.post(path, { ...terms, plan: "free", sovereign: "on" });
    expect([cut.status, /the plan free has no sovereign requests/.test(await cut.text()), await rows("SELECT plan_id, sovereign FROM organisations WHERE id = ?", organisationId)]).toEqual([422, true, [{ plan_id: "pro", sovereign: 0 }]]);
    const wrong = await operator.post(path, { ...terms, plan: "none" });
    expect([wrong.status, (await wrong.text()).includes("There is no plan")]).toEqual([400, true]);
    await operator.post(`${path}/members`, { email: "new@example.com", role: "billing" });
    await operator.post(`${path}/members/remove`, { email });
    expect(await rows("SELECT email, role FROM members WHERE organisation_id = ?", organisationId)).toEqual([{ email: "new@example.com", role: "billing" }]);
  });
});

describe("plans", () => {
  test("one is made, changed for all who are on it, and never overwritten by a new one", async () => {
    const [operator, { organisationId }] = [await newOperator(), await newMember("owner")];
    const id = `team-${newId("org_")}`;
    const fields = { id, requestsPerMinute: "1,200", monthlyNanoUsd: "12.50", jointTokens: "5000000", models: "openai/*\nauto" };
    expect(locationOf(await operator.post("/operator/plans/new", fields))).toBe("303 /dashboard/operator/plans");
    const stored = async () => JSON.parse((await rows("SELECT limits FROM plans WHERE id = ?", id))[0]!.limits as string) as object;
    expect(await stored()).toEqual({ requestsPerMinute: 1200, monthlyNanoUsd: 12_500_000_000, joint: { monthlyTokens: 5_000_000 }, models: ["openai/*", "auto"], sovereign: false });
    expect((await operator.post("/operator/plans/new", { ...fields, requestsPerMinute: "1" })).status).toBe(422);
    await operator.post(`/operator/organisations/${organisationId}`, { name: "Engines", plan: id });
    await operator.post(`/operator/plans/${id}`, { ...fields, jointTokens: "7", models: "", sovereign: "on" });
    expect(await stored()).toEqual({ requestsPerMinute: 1200, monthlyNanoUsd: 12_500_000_000, joint: { monthlyTokens: 7 }, sovereign: true });
    const { pools } = (await env.ORG_ACCOUNT.getByName(organisationId).standing(Date.now())) as AccountStanding;
    expect(pools.map(({ unit, limit }) => [unit, limit]), "its account has heard of it").toEqual([["tokens", 7]]);
    expect((await operator.post(`/operator/plans/${id}`, { ...fields, id: "pro" })).status, "one plan's form changes no other").toBe(404);
    expect((await operator.post(`/operator/plans/${id}`, { ...fields, jointTokens: "many" })).status).toBe(422);
    expect(await rows("SELECT actor FROM audit_events WHERE subject = ? AND action = 'plan.put'", id)).toEqual([{ actor: operator.email }, { actor: operator.email }]);
  });
});

describe("prices", () => {
  beforeAll(async () => {
    await env.DB.batch([
      env.DB.prepare("INSERT OR IGNORE INTO models (id, owner, kind, input_modalities, output_modalities, capabilities) VALUES ('priced', 'me', 'chat', '[\"text\"]', '[\"text\"]', '[]')"),
      env.DB.prepare("INSERT OR IGNORE INTO deployments (provider, upstream_id, model_id) VALUES ('openai', 'priced-1', 'priced')"),
      env.DB.prepare("INSERT OR IGNORE INTO prices (provider, upstream_id, class, pico_usd, source) VALUES ('openai', 'priced-1', 'input', 2000000, 'list'), ('openai', 'priced-1', 'output', 8000000, 'list')"),
    ]);
  });
  const edit = { provider: "openai", upstreamId: "priced-1", class: "input", usd: "3", source: "https://example.com/prices" };
  const edits = () => rows("SELECT class, pico_usd, source FROM prices WHERE upstream_id = 'priced-1' AND source LIKE 'admin: %' ORDER BY valid_from");

  test("a slip is refused with its reasons, and stored only when it is confirmed; what cannot be is never", async () => {
    const operator = await newOperator();
    expect(await (await operator.get("/operator/prices?q=PRICED+openai")).text()).toContain("openai/priced-1");
    const slip = await operator.post("/operator/prices/of", { ...edit, usd: "2000" });
    const text = await slip.text();
    expect([slip.status, text.includes("1000 times more"), text.includes('name="confirm"'), text.includes('value="2000"')]).toEqual([409, true, true, true]);
    expect(await edits()).toEqual([]);
    for (const wrong of [{ usd: "20001", confirm: "on" } as Record<string, string>, { usd: "-1" }, { usd: "0.0000001" }, { class: "nothing" }, { from: "2001-01-01" }, { source: "" }]) {
      expect((await operator.post("/operator/prices/of", { ...edit, ...wrong })).status, JSON.stringify(wrong)).toBeOneOf([400, 422]);
    }
    expect((await operator.post("/operator/prices/of", { ...edit, upstreamId: "nothing" })).status).toBe(404);
    expect((await operator.post("/operator/prices/of", edit)).status).toBe(303);
    await operator.post("/operator/prices/of", { ...edit, usd: "200", confirm: "on" });
    expect(await edits()).toEqual([3_000_000, 200_000_000].map((pico) => ({ class: "input", pico_usd: pico, source: `admin: ${edit.source}` })));
    expect(await rows("SELECT actor, detail ->> 'confirmed' AS confirmed FROM audit_events WHERE subject = 'openai/priced-1' ORDER BY at, id")).toEqual([{ actor: operator.email, confirmed: 0 }, { actor: operator.email, confirmed: 1 }]);
  });

  test("an edit that does not hold yet is withdrawn, one that does is not, nor what the gateway came with", async () => {
    const operator = await newOperator();
    await operator.post("/operator/prices/of", { ...edit, class: "output", usd: "30", from: "2999-01-01" });
    const which = { provider: "openai", upstreamId: "priced-1", class: "output", aboveTokens: "0", validFromMs: String(Date.parse("2999-01-01")) };
    expect(await (await operator.get("/operator/prices/of?provider=openai&model=priced-1")).text()).toContain("to come");
    expect(locationOf(await operator.post("/operator/prices/withdraw", which))).toBe("303 /dashboard/operator/prices");
    expect((await edits()).filter((one) => one.class === "output")).toEqual([]);
    expect((await operator.post("/operator/prices/withdraw", which)).status).toBe(404);
    expect((await operator.post("/operator/prices/withdraw", { ...which, validFromMs: "0" })).status, "of the list").toBe(404);
    const validFromMs = String(Date.now() + 60_000);
    await env.DB.prepare("INSERT INTO prices (provider, upstream_id, class, valid_from, pico_usd, source) VALUES ('openai', 'priced-1', 'output', ?, 1, 'admin: soon')").bind(validFromMs).run();
    expect((await operator.post("/operator/prices/withdraw", { ...which, validFromMs })).status, "within minutes").toBe(409);
    expect((await edits()).filter((one) => one.class === "output").length).toBe(1);
    expect(await rows("SELECT actor FROM audit_events WHERE action = 'price.withdraw'")).toEqual([{ actor: operator.email }]);
  });
});

test("health is the region's board's: what fails stands first, with its share", async () => {
  const operator = await newOperator();
  const news = (answered: number, failed: number) => ({ ...newDelta(), answered, failed, run: failed, agoMs: 0, firstByteMs: newDelta().firstByteMs.map((_, bucket) => (bucket === 12 ? answered : 0)) });
  await env.HEALTH_BOARD.getByName("EU").exchange({ from: "test", number: 1, board: undefined, since: 0, news: [["openai/well", news(30, 0)], ["openai/ill", news(1, 9)]], circuits: [] });
  const text = await (await operator.get("/operator/health?region=EU")).text();
  expect(text.indexOf("openai/ill")).toBeGreaterThan(0);
  expect(text.indexOf("openai/well")).toBeGreaterThan(text.indexOf("openai/ill"));
  expect([text.includes("left alone"), text.includes(">90%<"), text.includes(">100%<")]).toEqual([true, true, true]);
  expect(await (await operator.get("/operator/health?region=nowhere")).text(), "as one's own").toContain("No traffic");
});

test("health is found by model or provider, and says until when a deployment is left alone, and why", async () => {
  const operator = await newOperator();
  const news = (failure?: { code: string; status?: number; agoMs: number }) => ({ ...newDelta(), answered: failure ? 0 : 9, failed: failure ? 9 : 0, run: failure ? 9 : 0, agoMs: 0, failure });
  await env.HEALTH_BOARD.getByName("SA").exchange({ from: "test", number: 1, board: undefined, since: 0, circuits: [], news: [
    ["openai/limited", news({ code: "upstream_refused", status: 429, agoMs: 4_000 })], ["anthropic/gone", news({ code: "upstream_timeout", agoMs: 90_000 })], ["openai/fine", news()],
  ] });
  const page = async (query: string): Promise<string> => (await operator.get(`/operator/health?region=SA${query}`)).text();
  const named = async (query: string): Promise<string[]> => [...(await page(query)).matchAll(/<code>((?:openai|anthropic)\/\w+)<\/code>/g)].map(([, name]) => name!).toSorted();
  expect(await named("")).toEqual(["anthropic/gone", "openai/fine", "openai/limited"]);
  expect(await named("&q=OpenAI")).toEqual(["openai/fine", "openai/limited"]);
  expect(await named("&left=on")).toEqual(["anthropic/gone", "openai/limited"]);
  expect(await named("&left=on&q=openai+lim")).toEqual(["openai/limited"]);
  expect(await page("&left=on&q=fine")).toContain("None like that is left alone");
  const text = await page("");
  expect(text).toMatch(/left alone<\/span><span class="note"> for another [12] s<[\s\S]*429, too many requests, <time[^>]*>[45] seconds ago/);
  expect(text).toMatch(/nothing came in time, <time[^>]*>1 minute ago/);
  expect(await page("&q=fine&left=on"), "another region by the same question").toContain("region=EU&amp;q=fine&amp;left=on");
}, 20_000);

test("a batch under way is seen and cancelled; a dead letter is written down once", async () => {
  const [operator, { organisationId }] = [await newOperator(), await newMember("owner")];
  const { key } = await createKey(env.DB, { actor: "test", nowMs: 1 }, env.KEY_PEPPER, { organisationId, name: "web", policy: keyPolicySchema.parse({}), expiresAtMs: null, prefix: "sk-forge-" });
  const nowMs = Date.now();
  const id = newBatchId("file", nowMs);
  const batch: Batch = {
    id, organisationId, keyId: key.id, shape: "file", endpoint: "/v1/chat/completions", inputFileId: "file-none", origin: "https://forge.example", headers: [], metadata: null,
    outputLivesMs: 1, files: { output: "file-out", errors: "file-errors" }, status: "validating", total: 0, createdAtMs: nowMs, expiresAtMs: nowMs + 86_400_000,
  };
  await list(env.DB, batch);
  const run = runOf(env.BATCH_RUN, organisationId, id);
  await run.create(batch);
  expect(await run.claim(0), "held here, so that nobody else reads an input that is not there").toBeDefined();
  const letter = { organisationId, batchId: id, part: 3 };
  for (const at of [nowMs, nowMs + 1]) await noteUndeliverable(env.DB, letter, at);
  const text = await (await operator.get("/operator/jobs")).text();
  expect([text.split(id).length > 3, text.includes(organisationId)]).toEqual([true, true]);
  expect(await rows("SELECT at FROM events WHERE subject = ?", id)).toEqual([{ at: nowMs }]);
  expect((await operator.post("/operator/jobs/cancel", { organisation: "org_another", batch: id })).status).toBe(422);
  expect(locationOf(await operator.post("/operator/jobs/cancel", { organisation: organisationId, batch: id }))).toBe("303 /dashboard/operator/jobs");
  expect((await run.face())?.batch.status).toBeOneOf(["cancelling", "cancelled", "failed"]);
  expect(await rows("SELECT actor FROM audit_events WHERE subject = ? AND action = 'batch.cancel'", id)).toEqual([{ actor: operator.email }]);
});

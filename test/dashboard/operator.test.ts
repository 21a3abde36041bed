/** What those who run the gateway see and change, and that nobody else does. */
import { env } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";
import { newId } from "../../src/accounts/base62.ts";
import { createKey } from "../../src/accounts/keys.ts";
import { keyPolicySchema } from "../../src/accounts/policy.ts";
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
  expect((await operator.post("/operator/applications", { email: newEmail(), state: "approved" })).status).toBe(404);
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
    const wrong = await operator.post(path, { ...terms, plan: "none" });
    expect([wrong.status, (await wrong.text()).includes("There is no plan")]).toEqual([400, true]);
    await operator.post(`${path}/members`, { email: "new@example.com", role: "billing" });
    await operator.post(`${path}/members/remove`, { email });
    expect(await rows("SELECT email, role FROM members WHERE organisation_id = ?", organisationId)).toEqual([{ email: "new@example.com", role: "billing" }]);
  });
});

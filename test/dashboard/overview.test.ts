import { env } from "cloudflare:workers";
import { beforeAll, expect, test, vi } from "vitest";
import { listAudit } from "../../src/accounts/audit.ts";
import { membershipsOf } from "../../src/accounts/members.ts";
import { mostFounded } from "../../src/dashboard/admission.ts";
import { addPricedModel, admin, answer, call, chatBody, newKey, outside, settled, type Key } from "../security/stage.ts";
import { newMember, newPerson, quickPerson } from "./stage.ts";

vi.setConfig({ testTimeout: 60_000 });

const model = "openai/priced-test";
const textOf = (html: string): string => html.replace(/<svg.*?<\/svg>/gs, " ").replace(/<[^>]+>/g, " ").replace(/\s+/g, " ");

async function asked(key: Key): Promise<string> {
  const response = await call(key.secret, "POST", "/v1/chat/completions", { ...chatBody, model, max_tokens: 10 });
  await response.text();
  await settled(key);
  return response.headers.get("x-request-id")!;
}

beforeAll(async () => {
  outside(() => answer());
  await addPricedModel("priced-test", { input: { picoUsd: 1_000_100, validFromMs: 7 }, output: { picoUsd: 2_000_000, validFromMs: 9 } });
});

test("before the first request it says how to make one, to each by their role, and hears when it has come", async () => {
  const [developer, viewer] = [await newMember("developer"), await newMember("viewer")];
  const key = await newKey({}, developer.organisationId);
  const page = await (await developer.get("")).text();
  for (const said of ["YOUR_KEY", "https://forge.example/v1", "Claude Code", "Waiting for your first request", 'href="/dashboard/keys/new"', 'href="/dashboard/playground"', "waiting.js"]) expect(page).toContain(said);
  expect(page, "no key stands there").not.toContain(key.secret);
  const waits = async () => (await developer.get("/first-request")).json();
  expect(await waits()).toEqual({ requests: 0 });
  await asked(key);
  expect(await waits()).toEqual({ requests: 1 });
  const seen = await (await viewer.get("")).text();
  expect(seen).toContain("Waiting for your first request");
  expect(seen).not.toMatch(/<main.*(Create a key|Try it in the playground).*<\/main>/s);
});

test("it is as of now, and everything on it leads on", async () => {
  const owner = await newMember("owner");
  const key = await newKey({ limits: { monthlyNanoUsd: 1_000_000_000 } }, owner.organisationId);
  const first = await asked(key);
  expect(textOf(await (await owner.get("")).text())).toMatch(/Requests 1 none failed/);
  const second = await asked(key);
  const page = await (await owner.get("")).text();
  expect(textOf(page), "without waiting for the keys' minute").toMatch(/Requests 2 none failed/);
  for (const id of [first, second]) expect(page).toContain(`href="/dashboard/requests/${id}"`);
  expect(page).toContain(`href="/dashboard/keys/${key.id}"`);
  expect(page).toContain(`href="/dashboard/usage?range=today&amp;by=key&amp;metric=cost&amp;model=${encodeURIComponent(model)}"`);
  expect(page).toMatch(new RegExp(`href="/dashboard/requests\\?model=${encodeURIComponent(model)}&amp;from=[^"]*" aria-label="2 requests of`));
  expect(page, "its chart says what it shows").toMatch(/class="chart small".*aria-label="\$0\.000014 in all/s);
  expect(page).toContain("of $1.00 spent");
  for (const href of ["/dashboard/playground", "/dashboard/keys/new", "/dashboard/requests", "/dashboard/settings/budgets"]) expect(page).toContain(`href="${href}"`);
  const [billing] = [await newMember("billing")];
  const { organisationId } = owner;
  await admin("PUT", `/organisations/${organisationId}/members/${billing.email}`, { role: "billing" });
  await billing.post("/organisation", { organisation: organisationId });
  const less = await (await billing.get("")).text();
  expect(less).toContain(`href="/dashboard/requests/${first}"`);
  expect(less, "who sees no keys").not.toContain(`/dashboard/keys/${key.id}`);
});

test("what is spent and what is held of a shared budget are told apart, as of now", async () => {
  const owner = await newMember("owner");
  const key = await newKey({}, owner.organisationId);
  await owner.post("/settings/budgets", { id: "all", scope: "organisation", window: "month", amount: "1000000", unit: "tokens", shares: "" });
  await asked(key);
  for (const path of ["", "/usage", "/settings/budgets"]) {
    const page = await (await owner.get(path)).text();
    expect(textOf(page), path).toMatch(/ 5 tokens of 1,000,000 tokens spent; [\d,]+ tokens held for keys while they run/);
    expect(page, path).toMatch(/<line class="held" x1="0%" x2="[\d.]+%"/);
  }
});

test("a key's page and the list of keys know the request that has just ended", async () => {
  const developer = await newMember("developer");
  const key = await newKey({}, developer.organisationId);
  await asked(key);
  expect(textOf(await (await developer.get(`/keys/${key.id}`)).text())).toMatch(/Requests in 14 days 1 .*Last used \d+ seconds? ago|Last used now/);
  const other = await newKey({}, developer.organisationId);
  await asked(other);
  expect(await (await developer.get("/keys")).text()).not.toContain("never");
});

test("an owner or admin renames the organisation, nobody else, and the audit trail says who", async () => {
  const [owner, viewer] = [await newMember("owner"), await newMember("viewer")];
  expect((await owner.get("/settings")).headers.get("location")).toBe("/dashboard/settings/general");
  const renamed = await owner.post("/settings/general", { name: " Difference Engines " });
  expect([renamed.status, renamed.headers.get("location")]).toEqual([303, "/dashboard/settings/general"]);
  expect(await (await owner.get("/settings/general")).text()).toContain('value="Difference Engines"');
  expect((await membershipsOf(env.DB, owner.email))[0]!.organisationName).toBe("Difference Engines");
  expect(await listAudit(env.DB, { organisationId: owner.organisationId, subject: owner.organisationId, limit: 1 })).toMatchObject([{ actor: owner.email, action: "organisation.update", detail: { name: "Difference Engines" } }]);
  expect((await owner.post("/settings/general", { name: " " })).status).toBe(422);
  expect((await viewer.post("/settings/general", { name: "Mine" })).status).toBe(403);
  const seen = await (await viewer.get("/settings/general")).text();
  expect(seen).toContain(viewer.organisationId);
  expect(seen).not.toContain('name="name"');
});

test("who belongs to an organisation founds another from their account, or hears why not", async () => {
  const person = await newPerson();
  for (let i = 0; i < mostFounded; i += 1) {
    if (i > 0) expect(await (await person.get("/account")).text()).toMatch(/href="\/dashboard\/welcome\?own"[^>]*>.*New organisation/s);
    expect((await person.post("/welcome", { name: `Works ${i}` })).headers.get("location")).toBe("/dashboard/first-key");
  }
  expect(await membershipsOf(env.DB, person.email)).toHaveLength(mostFounded);
  const full = await (await person.get("/account")).text();
  expect(full).toContain(`You have founded ${mostFounded}`);
  expect(full).not.toContain("New organisation");
  const [owner, guest] = [await newMember("owner"), await quickPerson()];
  await guest.post("/welcome", { name: "Own" });
  await owner.post("/settings/people/invite", { email: guest.email, role: "viewer" });
  expect(await (await guest.get("/account")).text()).toContain('href="/dashboard/invitation"');
});

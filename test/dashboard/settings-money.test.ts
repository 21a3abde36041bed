/** Budgets, alerts and credits, set by people and held by the objects that count. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, expect, test, vi } from "vitest";
import { alertSecret } from "../../src/accounts/alert-targets.ts";
import { signedBy } from "../../src/accounts/webhook-secret.ts";
import { admin as callAdmin, call, chatBody, fillCatalog, newKey, outside, prompts, settled } from "../security/stage.ts";
import { playCustomers } from "../payments/stage.ts";
import { newMember } from "./stage.ts";

vi.setConfig({ testTimeout: 60_000 });
beforeAll(fillCatalog);
afterEach(() => void vi.restoreAllMocks());

const master = (env as unknown as Record<string, string>).CREDENTIALS_SECRET!;
const rows = async (sql: string, ...values: string[]) => (await env.DB.prepare(sql).bind(...values).all()).results;
const locationOf = (response: Response): string => `${response.status} ${response.headers.get("location")}`;
const budget = { id: "monthly", scope: "organisation", window: "month", unit: "nanoUsd", amount: "12.50", shares: "50, 80 100%" };
const hook = "https://hooks.example/forge";

test("a budget holds from the next request on, and is spent, told and signed", async () => {
  const admin = await newMember("admin");
  const key = await newKey({}, admin.organisationId);
  const left = outside(({ url }) => (url === hook ? new Response(null, { status: 200 }) : Response.json({ id: "c", object: "chat.completion", model: "m", choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } })));
  const ask = async (maxTokens = 20) => (await call(key.secret, "POST", "/v1/chat/completions", { ...chatBody, max_tokens: maxTokens })).status;
  expect(await ask()).toBe(200);
  expect(locationOf(await admin.post("/settings/alerts", { to_owner: "on", url: hook }))).toBe("303 /dashboard/settings/alerts");
  expect((await admin.post("/settings/alerts", { to_owner: "on", url: hook, keyShares: "101" })).status).toBe(422);
  expect(locationOf(await admin.post("/settings/alerts", { to_owner: "on", url: hook, keyShares: "95, 50%" }))).toBe("303 /dashboard/settings/alerts");
  expect(await rows("SELECT key_shares FROM alert_targets WHERE organisation_id = ?", admin.organisationId)).toEqual([{ key_shares: "[0.5,0.95]" }]);
  expect(await (await admin.get("/settings/alerts")).text()).toMatch(/name="keyShares"[^>]*value="50, 95"/);
  const made = await (await admin.post("/settings/alerts/secret", { version: "1" })).text();
  const secret = /whsec_[\w-]{20,}/.exec(made)![0];
  expect(secret).toBe(await alertSecret(master, admin.organisationId, 2));
  expect(await (await admin.get("/settings/alerts")).text(), "it is shown once").not.toContain("whsec_");

  // Three tokens in and two out at $1 a million: 5,000 nano-USD. The request reserves more.
  expect(locationOf(await admin.post("/settings/budgets", { ...budget, amount: "0.00001", shares: "1, 95" }))).toBe("303 /dashboard/settings/budgets");
  expect(await rows("SELECT id, scope, window, rolling, amount, soft FROM budgets WHERE organisation_id = ?", admin.organisationId)).toEqual([{ id: "monthly", scope: "organisation", window: "month", rolling: 0, amount: 10_000, soft: "[0.01,0.95]" }]);
  expect(await ask()).toBe(429);
  expect(locationOf(await admin.post("/settings/budgets/change", { id: "monthly", unit: "nanoUsd", amount: "0.0005", shares: "1, 95" }))).toBe("303 /dashboard/settings/budgets");
  expect(await ask()).toBe(200);
  await settled(key);
  await runDurableObjectAlarm(env.KEY_METER.getByName(key.id));
  await runDurableObjectAlarm(env.ORG_ACCOUNT.getByName(admin.organisationId));
  const told = left.filter(({ url }) => url === hook);
  expect(told.map(({ body }) => JSON.parse(body).data)).toMatchObject([{ share: 0.01, spent: 5_000, limit: 500_000, unit: "nano_usd", budget: "budget:monthly" }]);
  const [, t, signature] = /^t=(\d+),v1=(\w+)/.exec(told[0]!.headers.get("x-forge-signature")!)!;
  expect(signature).toBe(await signedBy(secret, `${t},${told[0]!.body}`));
  expect(await (await admin.get("/settings/alerts")).text()).toMatch(/1 %.*\$0\.000005 of \$0\.0005/s);

  expect(locationOf(await admin.post("/settings/budgets/change", { id: "monthly", unit: "nanoUsd", amount: "1", shares: "80" }))).toBe("303 /dashboard/settings/budgets");
  expect(await ask(90)).toBe(200);
  await admin.post("/settings/budgets/remove", { id: "monthly" });
  expect(await rows("SELECT action FROM audit_events WHERE organisation_id = ? AND action LIKE 'budget.%' ORDER BY at", admin.organisationId)).toEqual(["budget.put", "budget.put", "budget.put", "budget.delete"].map((action) => ({ action })));
  expect(prompts(left).filter(({ url }) => url !== hook).every(({ host }) => host === "api.openai.com")).toBe(true);
});

test("what is no budget is said at its field; another's key is nobody's scope", async () => {
  const [owner, other] = [await newMember("owner"), await newMember("owner")];
  const foreign = await newKey({}, other.organisationId);
  const wrong: Record<string, string>[] = [{ amount: "much" }, { amount: "0" }, { amount: "-5" }, { unit: "tokens", amount: "1.5" }, { shares: "120" }, { shares: "a" }, { id: "a b" }, { window: "year" }, { scope: `key:${foreign.id}` }, { scope: "everybody" }];
  for (const over of wrong) expect([over, (await owner.post("/settings/budgets", { ...budget, ...over })).status]).toEqual([over, 422]);
  expect((await owner.post("/settings/budgets", { ...budget, window: "rolling-day", unit: "tokens", amount: "20,000", shares: "" })).status).toBe(303);
  expect((await owner.post("/settings/budgets", budget)).status, "a name once").toBe(422);
  expect(await rows("SELECT unit, window, rolling, amount, soft FROM budgets WHERE organisation_id = ?", owner.organisationId)).toEqual([{ unit: "tokens", window: "day", rolling: 1, amount: 20_000, soft: "[]" }]);
  expect((await owner.post("/settings/budgets/change", { id: "nothing", unit: "tokens", amount: "5", shares: "" })).status).toBe(404);
});

test("a webhook leads to no private host, and is tried out", async () => {
  const owner = await newMember("owner");
  const left = outside(() => new Response(null, { status: 302, headers: { location: "https://elsewhere.example/" } }));
  for (const url of ["http://hooks.example/", "https://127.0.0.1/", "https://intern.local/", "https://a:b@hooks.example/", "https://hooks.example:8443/", "javascript:alert(1)", "hooks"]) {
    expect([url, (await owner.post("/settings/alerts", { url })).status]).toEqual([url, 422]);
  }
  await owner.post("/settings/alerts", { url: hook });
  expect((await owner.post("/settings/alerts/test")).status, "a redirect is not followed, and not heard").toBe(422);
  expect(left.map(({ url, body }) => [url, (JSON.parse(body) as { type: string }).type])).toEqual([[hook, "alert.test"]]);
  expect(JSON.stringify(await rows("SELECT detail FROM audit_events WHERE organisation_id = ?", owner.organisationId))).not.toContain("/forge");
});

test("credits are bought at Stripe, by whoever has to do with money, and once a form", async () => {
  const billing = await newMember("billing");
  const { left: all, customers } = playCustomers(() => Response.json({ id: "cs_test_1", object: "checkout.session", url: "https://checkout.stripe.com/c/pay/cs_test_1", expires_at: 1_790_086_400 }));
  const sessions = () => all.filter(({ url }) => url.endsWith("/checkout/sessions"));
  const page = await billing.get("/settings/billing");
  expect(page.headers.get("content-security-policy")).toContain("form-action 'self' https://checkout.stripe.com https://billing.stripe.com");
  const once = /name="once" value="([^"]+)"/.exec(await page.text())![1]!;
  for (let i = 0; i < 2; i += 1) expect(locationOf(await billing.post("/settings/billing/checkout", { amount: "12.5", once }))).toBe("303 https://checkout.stripe.com/c/pay/cs_test_1");
  const [first, second] = sessions().map(({ headers, body }) => [headers.get("idempotency-key"), new URLSearchParams(body)] as const);
  expect([first![0], second![0]]).toEqual([`${billing.organisationId}/${once}`, `${billing.organisationId}/${once}`]);
  expect([first![1].get("line_items[0][price_data][unit_amount]"), first![1].get("client_reference_id"), first![1].get("success_url")])
    .toEqual(["1250", billing.organisationId, "https://forge.example/dashboard/settings/billing?paid=yes"]);
  for (const amount of ["0.49", "1.005", "-3", "9999999", "x"]) expect((await billing.post("/settings/billing/checkout", { amount, once })).status).toBe(422);
  expect(sessions().length).toBe(2);

  // What was saved there is seen to by the same customer.
  const [customer] = [...customers.keys()];
  expect(locationOf(await billing.post("/settings/billing/portal"))).toBe(`303 https://billing.stripe.com/p/session/${customer}`);
  expect([customers.size, new URLSearchParams(all.at(-1)!.body).get("return_url"), first![1].get("customer")]).toEqual([1, "https://forge.example/dashboard/settings/billing", customer]);
  expect((await (await newMember("admin")).post("/settings/billing/portal")).status, "admins do not change money").toBe(403);

  const account = env.ORG_ACCOUNT.getByName(billing.organisationId);
  await account.post({ id: "gift", atMs: Date.now(), kind: "grant", nanoUsd: 5_000_000_001, reason: "<b>Welcome</b>", expiresAtMs: null });
  const after = await (await billing.get("/settings/billing")).text();
  expect(after).toMatch(/\$5\.000000001/);
  expect(after).toContain("&lt;b&gt;Welcome");
});

test("without Stripe nothing is sold, and the page says who adds credits", async () => {
  const owner = await newMember("owner");
  Object.assign(owner, { env: { ...owner.env, STRIPE_SECRET_KEY: "", STRIPE_WEBHOOK_SECRET: "" } });
  const page = await owner.get("/settings/billing");
  expect(page.headers.get("content-security-policy")).not.toContain("stripe");
  expect(await page.text()).toContain("whoever runs this gateway adds them");
  expect((await owner.post("/settings/billing/checkout", { amount: "5", once: crypto.randomUUID() })).status).toBe(404);
  expect((await owner.post("/settings/billing/portal")).status).toBe(404);
});

test("a rule of the organisation holds in the choice of a provider from the next request on, and no request loosens it", async () => {
  const owner = await newMember("owner");
  const key = await newKey({}, owner.organisationId);
  const left = outside();
  const ask = async (model: string, provider: object = {}): Promise<string> => {
    left.length = 0;
    const response = await call(key.secret, "POST", "/v1/chat/completions", { ...chatBody, model, provider });
    const message = response.ok ? "" : ` ${(await response.json<{ error: { message: string } }>()).error.message}`;
    return `${response.status}${message} ${prompts(left).map(({ host }) => host).join()}`;
  };
  expect(await ask("groq/gpt-test")).toBe("200 api.groq.com");
  expect(locationOf(await owner.post("/settings/guardrails", { noTraining: "on" }))).toBe("303 /dashboard/settings/guardrails");
  expect(await ask("groq/gpt-test", { data_collection: "allow" })).toMatch(/^404 .*your organisation's rule: no training.* $/);
  expect(await ask("gpt-test")).toBe("200 api.openai.com");
  await owner.post("/settings/guardrails", { zeroRetention: "on" });
  expect(await ask("gpt-test")).toMatch(/^404 .*zero retention.* $/);
  expect(await ask("selfhosted/local-test")).toBe("200 self.example");
  // Both cost $1 a million.
  await owner.post("/settings/guardrails", { prompt: "0.5" });
  expect(await ask("gpt-test", { max_price: { prompt: 5 } })).toMatch(/^404 .* $/);
  expect((await owner.post("/settings/guardrails", { prompt: "-1" })).status).toBe(422);
  expect(await rows("SELECT rules FROM organisations WHERE id = ?", owner.organisationId)).toEqual([{ rules: '{"maxPrice":{"prompt":0.5}}' }]);
  await owner.post("/settings/guardrails", { prompt: "$1", completion: "2.50" });
  expect(await ask("openai/gpt-test")).toBe("200 api.openai.com");
});

test("the list of models is typed one a line, and the page says what each line means now", async () => {
  const [admin, viewer] = [await newMember("admin"), await newMember("viewer")];
  const key = await newKey({}, admin.organisationId);
  const left = outside();
  await callAdmin("PUT", "/aliases/pair-test", { organisation: admin.organisationId, targets: ["openai/gpt-test", "groq/gpt-test"] });
  const ask = async (model: string): Promise<string> => {
    left.length = 0;
    const { status } = await call(key.secret, "POST", "/v1/chat/completions", { ...chatBody, model });
    return `${status} ${prompts(left).map(({ host }) => host).join()}`;
  };
  expect(await (await admin.get("/settings/models")).text()).toContain("Every model is allowed");
  expect(locationOf(await admin.post("/settings/models", { models: "openai/*\r\nmade-up  openai/*" }))).toBe("303 /dashboard/settings/models");
  expect(await rows("SELECT models FROM organisations WHERE id = ?", admin.organisationId)).toEqual([{ models: '["openai/*","made-up"]' }]);
  expect([await ask("groq/gpt-test"), await ask("gpt-test"), await ask("pair-test")]).toEqual(["403 ", "200 api.openai.com", "200 api.openai.com"]);
  const page = await (await admin.get("/settings/models")).text();
  expect(page).toContain("<code>openai/gpt-test</code>");
  expect(page).not.toContain("<code>groq/gpt-test</code>");
  expect(page).toMatch(/made-up.*nothing now/s);
  expect(page).toMatch(/name=pair-test.*1 of 2 deployments/s);
  expect((await admin.post("/settings/models", { models: "x".repeat(201) })).status).toBe(422);
  expect((await viewer.post("/settings/models", { models: "" })).status).toBe(403);
  const read = await (await viewer.get("/settings/models")).text();
  expect([read.includes("Every model is allowed"), read.includes('name="models"')]).toEqual([true, false]);

  await admin.post("/settings/models", { models: "pair-test\n<b>" });
  const named = await (await admin.get("/settings/models")).text();
  expect([named.includes("<code>groq/gpt-test</code>"), named.includes("&lt;b&gt;"), named.includes("<b>"), named.includes("1 of 2 deployments")]).toEqual([true, true, false, false]);
  expect([await ask("groq/gpt-test"), await ask("pair-test")]).toEqual(["403 ", "200 api.openai.com"]);
  expect(locationOf(await admin.post("/settings/models", { models: " " }))).toBe("303 /dashboard/settings/models");
  expect(await ask("groq/gpt-test")).toBe("200 api.groq.com");
  expect(await rows("SELECT detail FROM audit_events WHERE organisation_id = ? AND actor = ?", admin.organisationId, admin.email))
    .toEqual(expect.arrayContaining([{ detail: '{"models":null}' }, { detail: '{"models":["pair-test","<b>"]}' }, { detail: '{"models":["openai/*","made-up"]}' }]));
});

test("retention is chosen on the page of the guardrails, with bodies as they were, and holds for what is made from then on", async () => {
  const [admin, viewer] = [await newMember("admin"), await newMember("viewer")];
  outside();
  const key = await newKey({}, admin.organisationId);
  const kept = async () => (await rows("SELECT retention, body_days FROM organisations WHERE id = ?", admin.organisationId))[0];
  await admin.post("/bodies", { days: "7" });
  expect(locationOf(await admin.post("/settings/retention", { requestDays: "7", responseDays: "0", chatDays: "", fileDays: "30", outputDays: "1" }))).toBe("303 /dashboard/settings/guardrails");
  expect(await kept()).toEqual({ retention: '{"requestDays":7,"responseDays":0,"fileDays":30,"outputDays":1}', body_days: 7 });
  const page = await (await admin.get("/settings/guardrails")).text();
  expect(page).toMatch(/name="responseDays".*?<option value="0" selected="">Not at all/s);
  expect(page).toMatch(/name="requestDays".*?<option value="7" selected="">7 days/s);
  expect((await call(key.secret, "POST", "/v1/conversations", {})).status).toBe(400);
  // A number of days that only the admin API sets is among the choices.
  await callAdmin("PUT", `/organisations/${admin.organisationId}/retention`, { fileDays: 45 });
  expect(await (await admin.get("/settings/guardrails")).text()).toMatch(/name="fileDays".*?<option value="45" selected="">45 days/s);
  const wrong: Record<string, string>[] = [{ requestDays: "2" }, { requestDays: "x" }, { outputDays: "31" }, { fileDays: "-1" }];
  for (const fields of wrong) expect([fields, (await admin.post("/settings/retention", fields)).status]).toEqual([fields, 422]);
  expect(await kept()).toEqual({ retention: '{"fileDays":45}', body_days: 0 });
  expect((await viewer.post("/settings/retention", {})).status).toBe(403);
  const read = await (await viewer.get("/settings/guardrails")).text();
  expect([read.includes("Uploaded files: until they are deleted"), read.includes('name="fileDays"')]).toEqual([true, false]);
});

/** What an organisation demands and who hears of its budgets, by the admin API: as the dashboard sets them, and held by the next request. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { alertSecret } from "../../src/accounts/alert-targets.ts";
import { signedBy } from "../../src/accounts/webhook-secret.ts";
import { admin, answer, call, chatBody, expectRefusal, fillCatalog, newKey, outside, prompts, settled, type Json, type Key } from "../security/stage.ts";

let key: Key;
let at: string;
beforeAll(fillCatalog);
beforeEach(async () => {
  key = await newKey();
  at = `/organisations/${key.organisation}`;
});
afterEach(() => void vi.restoreAllMocks());

const send = (method: string, path: string, body?: unknown): Promise<Response> => call(env.ADMIN_SECRET, method, `/admin${path}`, body);
const audit = async (action: string): Promise<Json[]> => ((await admin("GET", `/audit?organisation=${key.organisation}`)).data as Json[]).filter((one) => one.action === action).map(({ detail }) => detail);

describe("rules", () => {
  test("are told and set as a whole, hold from the next request on, and leave an audit event", async () => {
    const left = outside();
    const ask = async (model: string): Promise<number> => (await call(key.secret, "POST", "/v1/chat/completions", { ...chatBody, model })).status;
    expect([await admin("GET", `${at}/rules`), await ask("groq/gpt-test")]).toEqual([{}, 200]);
    expect(await admin("PUT", `${at}/rules`, { noTraining: true, maxPrice: { prompt: 5 } })).toEqual({ noTraining: true, maxPrice: { prompt: 5 } });
    left.length = 0;
    expect([await ask("groq/gpt-test"), prompts(left), await ask("openai/gpt-test")]).toEqual([404, [], 200]);
    await admin("PUT", `${at}/rules`, { maxPrice: { completion: 0.5 } });
    expect([await admin("GET", `${at}/rules`), await ask("openai/gpt-test")]).toEqual([{ maxPrice: { completion: 0.5 } }, 404]);
    await admin("PUT", `${at}/rules`, {});
    expect(await ask("groq/gpt-test")).toBe(200);
    expect(await audit("organisation.update")).toEqual([{ rules: {} }, { rules: { maxPrice: { completion: 0.5 } } }, { rules: { noTraining: true, maxPrice: { prompt: 5 } } }]);
  });

  test.each<[string, unknown]>([["a word", { noTraining: "yes" }], ["a price of nothing", { maxPrice: { prompt: 0 } }], ["another field", { models: ["x"] }], ["a list", []]])("cannot be %s", async (_, body) => {
    await expectRefusal(await send("PUT", `${at}/rules`, body), 400, "invalid_request");
    expect(await admin("GET", `${at}/rules`)).toEqual({});
  });
});

describe("alerts", () => {
  const hook = "https://hooks.example/forge?token=abc";

  test("are told and set; the audit trail has the webhook's host and no more of it", async () => {
    expect(await admin("GET", `${at}/alerts`)).toMatchObject({ roles: ["owner"], webhookUrl: null, secretRotatedAt: null });
    expect(await admin("PUT", `${at}/alerts`, { roles: ["billing", "owner", "billing"], webhookUrl: hook })).toMatchObject({ roles: ["billing", "owner"], webhookUrl: hook });
    expect(await admin("PUT", `${at}/alerts`, { roles: [] })).toMatchObject({ roles: [], webhookUrl: null });
    expect(await audit("alert.put")).toMatchObject([{ roles: [], webhookHost: null }, { roles: ["billing", "owner"], webhookHost: "hooks.example" }]);
    expect(JSON.stringify(await admin("GET", `/audit?organisation=${key.organisation}`))).not.toContain("token=abc");
  });

  test("a secret is told once and signs; the webhook can be tried out", async () => {
    await expectRefusal(await send("POST", `${at}/alerts/test`), 409, "conflict");
    await admin("PUT", `${at}/alerts`, { roles: ["owner"], webhookUrl: hook });
    const { secret, secretRotatedAt } = await admin("POST", `${at}/alerts/secret`);
    expect(secret).toBe(await alertSecret((env as unknown as Record<string, string>).CREDENTIALS_SECRET!, key.organisation, 2));
    expect(await admin("GET", `${at}/alerts`)).toMatchObject({ roles: ["owner"], webhookUrl: hook, secretRotatedAt });
    expect(JSON.stringify(await admin("GET", `${at}/alerts`))).not.toContain("whsec_");
    let status = 204;
    const left = outside(() => new Response(null, { status }));
    expect(await admin("POST", `${at}/alerts/test`)).toEqual({ heard: true });
    const [{ url, headers, body }] = left as [(typeof left)[0]];
    const [, t, signature] = /^t=(\d+),v1=(\w+)/.exec(headers.get("x-forge-signature")!)!;
    expect([url, signature, (JSON.parse(body) as Json).type]).toEqual([hook, await signedBy(secret as string, `${t},${body}`), "alert.test"]);
    status = 500;
    expect(await admin("POST", `${at}/alerts/test`)).toEqual({ heard: false });
    expect((await audit("alert.rotate")).length).toBe(1);
  });

  test.each(["http://hooks.example/", "https://127.0.0.1/", "https://intern.local/", "https://a:b@hooks.example/", "https://hooks.example:8443/", "javascript:alert(1)", "hooks", "https://[::1]/"])("the webhook cannot be %s", async (webhookUrl) => {
    const left = outside();
    await expectRefusal(await send("PUT", `${at}/alerts`, { roles: ["owner"], webhookUrl }), 400, "invalid_request");
    expect([left, (await admin("GET", `${at}/alerts`)).webhookUrl]).toEqual([[], null]);
  });

  test("are nobody's where there is no organisation, and no role is made up", async () => {
    await expectRefusal(await send("PUT", `${at}/alerts`, { roles: ["king"] }), 400, "invalid_request");
    for (const [method, path, body] of [["GET", "", undefined], ["PUT", "", { roles: ["owner"] }], ["POST", "/secret", undefined], ["POST", "/test", undefined]] as const) await expectRefusal(await send(method, `/organisations/org_none/alerts${path}`, body), 404, "not_found");
  });
});

test("a key's own budget is told at the organisation's shares, from the next request on", async () => {
  const hook = "https://hooks.example/keys";
  const told: Json[] = [];
  outside(({ url, body }) => {
    if (url !== hook) return answer();
    told.push((JSON.parse(body) as Json).data as Json);
    return new Response(null, { status: 204 });
  });
  const own = await newKey({ limits: { requestsPerMinute: 100_000, concurrentRequests: 1_000, budgetNanoUsd: 1_000_000 } }, key.organisation);
  const ask = async (): Promise<void> => {
    // Three tokens in and two out at $1 a million: 5,000 nano-USD.
    expect((await call(own.secret, "POST", "/v1/chat/completions", { ...chatBody, max_tokens: 20 })).status).toBe(200);
    await settled(own);
    await runDurableObjectAlarm(env.KEY_METER.getByName(own.id));
    await runDurableObjectAlarm(env.ORG_ACCOUNT.getByName(key.organisation));
  };
  expect((await admin("PUT", `${at}/alerts`, { roles: [], webhookUrl: hook })).keyShares).toEqual([0.8, 0.95]);
  await ask();
  expect(told).toEqual([]);
  expect((await admin("PUT", `${at}/alerts`, { roles: [], webhookUrl: hook, keyShares: [0.5, 0.01, 0.01] })).keyShares).toEqual([0.01, 0.5]);
  await ask();
  expect(told).toMatchObject([{ budget: `key:${own.id}:budget`, name: "budget of key test", share: 0.01, spent: 10_000, limit: 1_000_000 }]);
  await ask();
  expect(told.length).toBe(1);
  expect((await admin("PUT", `${at}/alerts`, { roles: [], webhookUrl: hook })).keyShares, "what is not said stays").toEqual([0.01, 0.5]);
  for (const keyShares of [[0], [1.1], ["a"], Array(9).fill(0.5)]) await expectRefusal(await send("PUT", `${at}/alerts`, { roles: [], webhookUrl: hook, keyShares }), 400, "invalid_request");
});

import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { OrgAccount } from "../../src/limits/index.ts";
import { addPricedModel, admin, call, chatBody, newKey, outside as play, prompts, settled, type Json, type Key } from "../security/stage.ts";

/** Every answer used 100 tokens at 1 USD per million: 100,000 nano-USD. A request reserves some 350 tokens. */
const model = "openai/account-test";
const ask = (key: Key, headers: Record<string, string> = {}, body: Json = {}): Promise<Response> =>
  call(key.secret, "POST", "/v1/chat/completions", { ...chatBody, model, max_tokens: 10, ...body }, headers);

const used = { prompt_tokens: 60, completion_tokens: 40, total_tokens: 100 };
const outside = () => play(() => Response.json({ id: "c", object: "chat.completion", model: "m", choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }], usage: used }));

/** Status and code of an answer. */
async function told(response: Response): Promise<string> {
  const { error } = (await response.json()) as { error?: { code: string } };
  return error ? `${response.status} ${error.code}` : String(response.status);
}
const spentBy = async (key: Key): Promise<number> => {
  await runDurableObjectAlarm(env.KEY_METER.getByName(key.id));
  return (await env.KEY_METER.getByName(key.id).inspect()).counters.spentNanoUsd;
};
const account = (organisation: string): Promise<Json> => admin("GET", `/organisations/${organisation}/account`);
const pool = async (organisation: string, id: string): Promise<Json> => (await account(organisation)).pools.find((one: Json) => one.id === id);

beforeAll(() => addPricedModel("account-test", { input: { picoUsd: 1_000_000, validFromMs: 0 }, output: { picoUsd: 1_000_000, validFromMs: 0 } }));
afterEach(() => void vi.restoreAllMocks());

describe("prepaid credits", () => {
  test("let requests run until they are gone, then 402, then again", async () => {
    const left = outside();
    const key = await newKey();
    const { organisation } = key;
    await admin("PATCH", `/organisations/${organisation}/account`, { prepaid: true });
    expect(await told(await ask(key))).toBe("402 insufficient_credits");
    await admin("POST", `/organisations/${organisation}/credits`, { id: "first", kind: "top_up", nanoUsd: 1_200_000, reason: "invoice 1" });
    expect(await told(await ask(key))).toBe("200");
    await settled(key);
    expect(await spentBy(key)).toBe(100_000);
    expect(await admin("GET", `/organisations/${organisation}/credits`)).toMatchObject({ totalNanoUsd: 1_200_000, spentNanoUsd: 100_000, data: [{ id: "first", kind: "top_up" }] });
    for (let i = 0; i < 20; i += 1) {
      if ((await told(await ask(key))) !== "200") break;
      await settled(key);
    }
    const refused = await ask(key);
    expect([refused.headers.get("x-should-retry"), refused.headers.get("retry-after")]).toEqual(["false", null]);
    expect(await told(refused)).toBe("402 insufficient_credits");
    await admin("POST", `/organisations/${organisation}/credits`, { kind: "grant", nanoUsd: 1_000_000, reason: "sorry" });
    expect(await told(await ask(key))).toBe("200");
    await settled(key);
    const { totalNanoUsd, spentNanoUsd, heldNanoUsd, freeNanoUsd } = await admin("GET", `/organisations/${organisation}/credits`);
    expect(spentNanoUsd + heldNanoUsd + freeNanoUsd).toBe(totalNanoUsd);
    expect(prompts(left).length * 100_000).toBe(await spentBy(key));
  });

  test("are posted once by id, taken back only as far as nobody needs them, and every entry is audited", async () => {
    const { organisation } = await newKey();
    const post = (body: Json) => admin("POST", `/organisations/${organisation}/credits`, body);
    const entry = { id: "a", kind: "grant", nanoUsd: 100, reason: "welcome" };
    for (let i = 0; i < 3; i += 1) await post(entry);
    await expect(post({ ...entry, nanoUsd: 101 })).rejects.toThrow(/409/);
    await expect(post({ kind: "refund", nanoUsd: 101, reason: "too much" })).rejects.toThrow(/409.*100 nano-USD/);
    await post({ id: "b", kind: "refund", nanoUsd: 40, reason: "half" });
    await post({ id: "b", kind: "refund", nanoUsd: 40, reason: "half" });
    expect(await admin("GET", `/organisations/${organisation}/credits`)).toMatchObject({ totalNanoUsd: 60, freeNanoUsd: 60 });
    const { data } = await admin("GET", `/audit?organisation=${organisation}`);
    expect(data.filter(({ action }: Json) => action === "credit.post").map(({ subject }: Json) => subject).sort()).toEqual(["a", "b"]);
    await runDurableObjectAlarm(env.ORG_ACCOUNT.getByName(organisation));
    const { results } = await env.DB.prepare("SELECT id, nano_usd FROM credit_entries WHERE organisation_id = ? ORDER BY id").bind(organisation).all();
    expect(results).toEqual([{ id: "a", nano_usd: 100 }, { id: "b", nano_usd: -40 }]);
  });

  test("say that they run out each time they do, not once and for all", async () => {
    outside();
    const key = await newKey();
    const { organisation } = key;
    await admin("PATCH", `/organisations/${organisation}/account`, { prepaid: true });
    const topUp = () => admin("POST", `/organisations/${organisation}/credits`, { kind: "top_up", nanoUsd: 2_000_000, reason: "x" });
    const events = async (): Promise<number[]> => {
      await runDurableObjectAlarm(env.ORG_ACCOUNT.getByName(organisation));
      const { results } = await env.DB.prepare("SELECT detail FROM events WHERE organisation_id = ? AND kind = 'budget.threshold' ORDER BY at, id").bind(organisation).all<Json>();
      return results.map(({ detail }) => JSON.parse(detail).share);
    };
    const runOut = async (): Promise<void> => {
      while ((await told(await ask(key))) === "200") await settled(key);
    };
    await topUp();
    await runOut();
    const first = await events();
    expect(first.length).toBeGreaterThan(0);
    await topUp();
    expect(await events()).toEqual(first);
    await runOut();
    expect(await events()).toEqual([...first, ...first]);
  });

  test("are audited, also when the one who posted them died before it could say so", async () => {
    const { organisation } = await newKey();
    const account = env.ORG_ACCOUNT.getByName(organisation);
    await account.post({ id: "c", atMs: Date.now(), kind: "grant", nanoUsd: 100, reason: "welcome", expiresAtMs: null });
    await admin("PATCH", `/organisations/${organisation}/account`, { prepaid: true });
    await runDurableObjectAlarm(account);
    for (let i = 0; i < 2; i += 1) await admin("POST", `/organisations/${organisation}/credits`, { id: "c", kind: "grant", nanoUsd: 100, reason: "welcome" });
    const { data } = await admin("GET", `/audit?organisation=${organisation}`);
    expect(data.filter(({ action }: Json) => action === "credit.post")).toMatchObject([{ subject: "c", detail: { nanoUsd: 100 } }]);
  });

  test.each([
    { kind: "grant", nanoUsd: 0, reason: "x" }, { kind: "grant", nanoUsd: -5, reason: "x" }, { kind: "grant", nanoUsd: 1.5, reason: "x" }, { kind: "grant", nanoUsd: 5 },
    { kind: "gift", nanoUsd: 5, reason: "x" }, { kind: "refund", nanoUsd: 5, reason: "x", expiresAt: "2030-01-01T00:00:00Z" }, { kind: "grant", nanoUsd: 5, reason: "x", expiresAt: "2020-01-01T00:00:00Z" },
  ])("%j is refused", async (body) => {
    const { organisation } = await newKey();
    await expect(admin("POST", `/organisations/${organisation}/credits`, body)).rejects.toThrow(/400/);
  });

  test("expire, but for what was spent of them: what expires first is spent first", async () => {
    outside();
    const key = await newKey();
    const { organisation } = key;
    vi.useFakeTimers({ toFake: ["Date"] });
    try {
      const start = Date.now();
      await admin("PATCH", `/organisations/${organisation}/account`, { prepaid: true });
      await admin("POST", `/organisations/${organisation}/credits`, { id: "keeps", kind: "top_up", nanoUsd: 600_000, reason: "bought" });
      await admin("POST", `/organisations/${organisation}/credits`, { id: "ends", kind: "grant", nanoUsd: 800_000, reason: "trial", expiresAt: new Date(start + 3_600_000).toISOString() });
      expect(await told(await ask(key))).toBe("200");
      await settled(key);
      await spentBy(key);
      vi.setSystemTime(start + 3_600_001);
      await runDurableObjectAlarm(env.ORG_ACCOUNT.getByName(organisation));
      expect(await admin("GET", `/organisations/${organisation}/credits`)).toMatchObject({ totalNanoUsd: 700_000, spentNanoUsd: 100_000, freeNanoUsd: 600_000, data: [{ kind: "expire", nanoUsd: -700_000 }, {}, {}] });
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("budgets", () => {
  const put = (organisation: string, id: string, body: Json) => admin("PUT", `/organisations/${organisation}/budgets/${id}`, body);

  test("bind the keys of their project, member or tag, and nobody else", async () => {
    outside();
    const { organisation, ...other } = await newKey();
    const keys = {
      project: await newKey({ project: "web" }, organisation),
      member: await newKey({ member: "a@b.example" }, organisation),
      tag: await newKey({ tags: ["x", "nightly"] }, organisation),
    };
    await put(organisation, "p", { scope: "project:web", amount: 1 });
    await put(organisation, "m", { scope: "member:a@b.example", amount: 1, window: "day" });
    await put(organisation, "t", { scope: "tag:nightly", amount: 1, window: "total" });
    expect(await told(await ask(keys.project))).toBe("429 quota_exceeded");
    expect(await told(await ask(keys.member))).toBe("429 quota_exceeded");
    expect(await told(await ask(keys.tag))).toBe("402 insufficient_credits");
    expect(await told(await ask({ organisation, ...other }))).toBe("200");
    await admin("DELETE", `/organisations/${organisation}/budgets/p`);
    expect(await told(await ask(keys.project))).toBe("200");
  });

  test("are in force when the call answers, also when they are changed; another scope is another budget", async () => {
    outside();
    const key = await newKey();
    expect(await told(await ask(key))).toBe("200");
    await put(key.organisation, "all", { amount: 3 });
    expect(await told(await ask(key))).toBe("429 quota_exceeded");
    await put(key.organisation, "all", { amount: 3_000_000 });
    expect(await told(await ask(key))).toBe("200");
    await expect(put(key.organisation, "all", { amount: 3_000_000, window: "day" })).rejects.toThrow(/409/);
    await expect(put(key.organisation, "bad", { amount: 5, scope: "project" })).rejects.toThrow(/400/);
    expect((await admin("GET", `/organisations/${key.organisation}/budgets`)).data).toMatchObject([{ id: "all", scope: "organisation", amount: 3_000_000, soft: [0.8, 0.95] }]);
  });

  test("that are deleted and made anew with another unit or window begin anew", async () => {
    outside();
    const key = await newKey();
    await put(key.organisation, "all", { amount: 3_000_000 });
    expect(await told(await ask(key))).toBe("200");
    await settled(key);
    await spentBy(key);
    await admin("DELETE", `/organisations/${key.organisation}/budgets/all`);
    await put(key.organisation, "all", { amount: 2_000, unit: "tokens" });
    expect(await told(await ask(key))).toBe("200");
    await settled(key);
    await spentBy(key);
    expect((await account(key.organisation)).pools).toMatchObject([{ unit: "tokens", spent: 100, limit: 2_000 }]);
    await admin("DELETE", `/organisations/${key.organisation}/budgets/all`);
    await put(key.organisation, "all", { amount: 3_000_000 });
    expect((await account(key.organisation)).pools).toMatchObject([{ unit: "nanoUsd", spent: 100_000, limit: 3_000_000 }]);
  });

  test("of a member are hers however her address is written; a key without a project is in none", async () => {
    outside();
    const { organisation } = await newKey();
    const hers = await newKey({ member: "Ann@B.example" }, organisation);
    const nobodys = await newKey({}, organisation);
    await put(organisation, "m", { scope: "member:ann@b.example", amount: 1 });
    await put(organisation, "u", { scope: "project:undefined", amount: 1 });
    expect(await told(await ask(hers))).toBe("429 quota_exceeded");
    expect(await told(await ask(nobodys))).toBe("200");
  });

  test("say when they run out, in a header and as an event, once", async () => {
    outside();
    const key = await newKey();
    await put(key.organisation, "all", { amount: 2_000_000, soft: [0.5] });
    const warned: (string | null)[] = [];
    for (let i = 0; i < 14; i += 1) {
      const response = await ask(key);
      warned.push(response.headers.get("x-forge-budget-warning"));
      await response.text();
      await settled(key);
    }
    expect(warned[0]).toBeNull();
    expect(warned.at(-1)).toBe("month's budget of organisation 0.5");
    await runDurableObjectAlarm(env.ORG_ACCOUNT.getByName(key.organisation));
    const { results } = await env.DB.prepare("SELECT kind, subject, detail FROM events WHERE organisation_id = ? AND kind = 'budget.threshold'").bind(key.organisation).all<Json>();
    expect(results).toMatchObject([{ kind: "budget.threshold", subject: "budget:all" }]);
    expect(JSON.parse(results[0]!.detail)).toMatchObject({ share: 0.5, name: "month's budget of organisation" });
  });

  test("refuse a model without a price", async () => {
    outside();
    const key = await newKey();
    expect(await told(await ask(key, {}, { model: "openai/unpriced" }))).toBe("200");
    await put(key.organisation, "all", { amount: 1_000_000_000 });
    expect(await told(await ask(key, {}, { model: "openai/unpriced" }))).toBe("403 model_not_priced");
  });
});

describe("a plan", () => {
  test("grants all keys together so many tokens a month, these models, and sovereign requests or none", async () => {
    outside();
    const plan = `plan-${crypto.randomUUID()}`;
    await admin("PUT", `/plans/${plan}`, { limits: {}, joint: { monthlyTokens: 5 }, models: ["openai/account-*"], sovereign: false });
    const key = await newKey();
    await admin("PATCH", `/organisations/${key.organisation}`, { plan });
    expect(await told(await ask(key))).toBe("429 quota_exceeded");
    expect(await pool(key.organisation, "plan-tokens")).toMatchObject({ limit: 5, unit: "tokens", window: "month" });
    await admin("PUT", `/plans/${plan}`, { limits: {}, joint: { monthlyTokens: 5_000 }, models: ["openai/account-*"], sovereign: false });
    expect(await told(await ask(key))).toBe("200");
    expect(await told(await ask(key, {}, { model: "openai/other" }))).toBe("403 model_not_allowed");
    expect(await told(await ask(key, { "x-sovereign": "true" }))).toBe("403 plan_required");
  });

  test("holds for an organisation that is created with it, from its first request on", async () => {
    outside();
    const plan = `plan-${crypto.randomUUID()}`;
    await admin("PUT", `/plans/${plan}`, { limits: {}, joint: { monthlyTokens: 5_000 } });
    const { id } = await admin("POST", "/organisations", { name: "Test", plan });
    expect(await pool(id, "plan-tokens")).toMatchObject({ limit: 5_000 });
    expect(await told(await ask(await newKey({}, id)))).toBe("200");
  });

  test("reaches all whom it concerns, though one of them cannot be told", async () => {
    const plan = `plan-${crypto.randomUUID()}`;
    await admin("PUT", `/plans/${plan}`, { limits: {} });
    const ids: string[] = [];
    for (let i = 0; i < 3; i += 1) ids.push((await admin("POST", "/organisations", { name: "Test", plan })).id);
    const key = await newKey({}, ids.toSorted()[1]);
    const { adopt } = OrgAccount.prototype;
    vi.spyOn(OrgAccount.prototype, "adopt").mockImplementation(function (this: OrgAccount, policy) {
      if (policy.organisationId === ids.toSorted()[0]) throw new Error("Network connection lost.");
      return adopt.call(this, policy);
    });
    await expect(admin("PUT", `/plans/${plan}`, { limits: {}, joint: { monthlyTokens: 7 } })).rejects.toThrow(/503/);
    expect(await env.KEY_METER.getByName(key.id).apply([{ do: "look", version: 1 }])).toEqual([{ is: "stale" }]);
    expect(await Promise.all(ids.toSorted().map(async (id) => (await pool(id, "plan-tokens"))?.limit))).toEqual([undefined, 7, 7]);
  });

  test("ends with the subscription, to the second", async () => {
    outside();
    const key = await newKey();
    const paidUntil = (ms: number) => admin("PATCH", `/organisations/${key.organisation}/account`, { paidUntil: new Date(ms).toISOString() });
    expect(await paidUntil(Date.now() + 3_600_000)).toMatchObject({ prepaid: false, paidUntil: expect.any(String) });
    expect(await told(await ask(key))).toBe("200");
    await paidUntil(Date.now() - 1);
    expect(await told(await ask(key))).toBe("402 subscription_expired");
    await admin("PATCH", `/organisations/${key.organisation}/account`, { paidUntil: null });
    expect(await told(await ask(key))).toBe("200");
  });
});

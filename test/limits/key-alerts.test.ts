/** A key's own limits are told like budgets: noticed in the key's object, told by its organisation's account, each share once in its period. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { putAlertTargets } from "../../src/accounts/alert-targets.ts";
import { noon, openMeter, word, type Limits } from "./stage.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }).setSystemTime(noon));
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const url = "https://hooks.example/forge";
let made = 0;
let named = 0;

type Told = { budget: string; name: string; unit: string; share: number; spent: number; limit: number; period_end: string | null };

async function stage(limits: Limits, keyShares?: readonly number[]) {
  const organisationId = `org_key_alerts_${(made += 1)}`;
  await env.DB.prepare("INSERT INTO organisations (id, name, created_at) VALUES (?, 'Engines', 1)").bind(organisationId).run();
  await putAlertTargets(env.DB, { actor: "test", nowMs: noon }, organisationId, { roles: [], webhookUrl: url });
  const meter = await openMeter(limits, { organisationId, keyName: "web\nshop", ...(keyShares && { keyShares }) });
  const told: Told[] = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    told.push((JSON.parse(await new Request(input as RequestInfo, init as RequestInit).text()) as { data: Told }).data);
    return new Response(null, { status: 204 });
  });
  const account = env.ORG_ACCOUNT.getByName(organisationId);
  const ring = async (): Promise<void> => {
    await runDurableObjectAlarm(meter.stub);
    await runDurableObjectAlarm(account);
  };
  const spend = async (used: { nanoUsd?: number; tokens?: number }): Promise<void> => {
    const id = `alert${(named += 1)}`;
    expect(word(await meter.reserve(id, used))).toBe("granted");
    await meter.settle(id, used);
  };
  const rows = (of: DurableObjectStub): Promise<number> => runInDurableObject(of, (_, { storage }) => storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'alert'").toArray().length);
  return { ...meter, organisationId, account, told, ring, spend, rows };
}

const shares = (told: readonly Told[]): number[] => told.map(({ share }) => share);

test("a month's budget is told at the usual shares, once in its month, and again in the next", async () => {
  const one = await stage({ monthlyNanoUsd: 1_000 });
  await one.reserve("held", { nanoUsd: 900 });
  await one.ring();
  expect(one.told, "what is held is not spent").toEqual([]);
  await one.settle("held", { nanoUsd: 790 });
  await one.ring();
  expect(one.told).toEqual([]);
  await one.spend({ nanoUsd: 20 });
  await one.ring();
  await one.spend({ nanoUsd: 20 });
  await one.ring();
  expect(one.told).toEqual([{ budget: `key:${one.policy.keyId}:monthly-money`, name: "month's budget of key web shop", unit: "nano_usd", share: 0.8, spent: 810, limit: 1_000, period_start: expect.stringMatching(/-01T/), period_end: expect.stringMatching(/-01T/) }]);
  await one.spend({ nanoUsd: 140 });
  await one.ring();
  expect(shares(one.told)).toEqual([0.8, 0.95]);
  vi.setSystemTime(noon + 40 * 86_400_000);
  await one.spend({ nanoUsd: 990 });
  await one.ring();
  expect(shares(one.told), "of two at once the higher").toEqual([0.8, 0.95, 0.95]);
  const { results } = await env.DB.prepare("SELECT subject FROM events WHERE organisation_id = ? AND kind = 'budget.alert'").bind(one.organisationId).all();
  expect(results.length).toBe(3);
});

test("tokens and a budget for ever are told each by itself", async () => {
  const one = await stage({ monthlyTokens: 100, budgetNanoUsd: 1_000 }, [0.5]);
  await one.spend({ tokens: 60, nanoUsd: 10 });
  await one.ring();
  await one.spend({ nanoUsd: 700 });
  await one.ring();
  expect(one.told.map(({ budget, unit, spent, limit, period_end }) => [budget.split(":")[2], unit, spent, limit, period_end !== null])).toEqual([["monthly-tokens", "tokens", 60, 100, true], ["budget", "nano_usd", 710, 1_000, false]]);
  vi.setSystemTime(noon + 40 * 86_400_000);
  await one.spend({ nanoUsd: 10 });
  await one.ring();
  expect(one.told.length, "it never begins anew").toBe(2);
});

test("the whole of it is told when a request is refused for want of it, not for what others hold", async () => {
  const one = await stage({ budgetNanoUsd: 1_000 }, [1]);
  await one.reserve("others", { nanoUsd: 900 });
  expect(word(await one.reserve("waits", { nanoUsd: 200 }))).toBe("insufficient_credits");
  await one.ring();
  expect(one.told).toEqual([]);
  await one.settle("others", { nanoUsd: 900 });
  expect(word(await one.reserve("more", { nanoUsd: 200 }))).toBe("insufficient_credits");
  expect(word(await one.reserve("still", { nanoUsd: 200 }))).toBe("insufficient_credits");
  await one.ring();
  expect(one.told.map(({ share, spent }) => [share, spent])).toEqual([[1, 900]]);
});

test("a key without limits of its own, and an organisation that wants to hear nothing, cost nothing", async () => {
  const [free, quiet] = [await stage({}), await stage({ budgetNanoUsd: 1_000 }, [])];
  for (const one of [free, quiet]) {
    await one.spend({ nanoUsd: 990, tokens: 5 });
    await one.ring();
    expect(one.told).toEqual([]);
  }
  expect(await free.rows(free.stub)).toBe(0);
});

test("a larger budget is told anew when it is spent again", async () => {
  const one = await stage({ monthlyNanoUsd: 1_000 }, [0.8]);
  await one.spend({ nanoUsd: 850 });
  await one.ring();
  vi.setSystemTime(noon + 60_000);
  await one.stub.adopt({ ...one.policy, version: 2, limits: { ...one.policy.limits, monthlyNanoUsd: 2_000 } });
  const spend = async (nanoUsd: number): Promise<void> => {
    const id = `more${(named += 1)}`;
    expect(word(await one.reserve(id, { nanoUsd, version: 2 }))).toBe("granted");
    await one.settle(id, { nanoUsd });
    await one.ring();
  };
  await spend(100);
  expect(shares(one.told)).toEqual([0.8]);
  await spend(700);
  expect(one.told.map(({ share, limit }) => [share, limit])).toEqual([[0.8, 1_000], [0.8, 2_000]]);
});

test("it is told once, whatever breaks: the key's machine behind a settle, the account on the way, a word that comes twice", async () => {
  const one = await stage({ monthlyNanoUsd: 1_000 }, [0.8]);
  await one.spend({ nanoUsd: 900 });
  await evictDurableObject(one.stub);
  // The account cannot be reached once, and hears it twice then.
  let calls = 0;
  await runInDurableObject(one.stub, (instance) => {
    const own = (instance as unknown as { own: { tell: (organisation: string, alert: never) => Promise<void> } }).own;
    const { tell } = own;
    own.tell = async (organisation, alert) => {
      calls += 1;
      if (calls === 1) throw new Error("Network connection lost.");
      await tell(organisation, alert);
      await tell(organisation, alert);
    };
  });
  await one.ring();
  expect(one.told).toEqual([]);
  vi.setSystemTime(noon + 60_000);
  await one.ring();
  await evictDurableObject(one.account);
  await one.ring();
  await one.spend({ nanoUsd: 10 });
  await one.ring();
  expect([calls, shares(one.told)]).toEqual([2, [0.8]]);
});

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { LedgerEntry } from "../../src/ledger/entry.ts";
import { OrgAccount } from "../../src/limits/index.ts";
import { budgetOf, openOrganisation } from "./account-stage.ts";
import { noon, tally } from "./stage.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }).setSystemTime(noon));
afterEach(() => void vi.useRealTimers());

describe("money that keys share", () => {
  test("1,000 requests at once over 20 keys with money for 10 admit exactly 10", async () => {
    const { keys, standing } = await openOrganisation([budgetOf(10 * 7 + 6)], 20);
    const replies = await Promise.all(Array.from({ length: 1_000 }, (_, i) => keys[i % 20]!.reserve(`r${i}`, { nanoUsd: 7 })));
    expect(tally(replies)).toEqual({ granted: 10, insufficient_credits: 990 });
    for (const { stub } of keys) await runDurableObjectAlarm(stub);
    const [pool] = (await standing()).pools;
    expect(pool).toMatchObject({ limit: 76, spent: 0 });
    expect(pool!.held + pool!.free).toBe(76);
  });

  test("goes from idle keys to the one that needs it, to the last bit", async () => {
    const { keys, standing } = await openOrganisation([budgetOf(1_000)], 4);
    for (const [i, key] of keys.entries()) {
      expect((await key.reserve(`a${i}`, { nanoUsd: 10 })).is).toBe("granted");
      await key.settle(`a${i}`, { nanoUsd: 10 });
    }
    expect((await keys[0]!.reserve("all", { nanoUsd: 960 })).is).toBe("granted");
    expect(tally([await keys[1]!.reserve("one", { nanoUsd: 1 })])).toEqual({ insufficient_credits: 1 });
    expect((await standing()).pools[0]).toMatchObject({ spent: 40, held: 960, free: 0 });
  });

  test("comes back when a request used less than it held", async () => {
    const { keys } = await openOrganisation([budgetOf(100)], 2);
    await keys[0]!.reserve("a", { nanoUsd: 100 });
    const refused = await keys[1]!.reserve("b", { nanoUsd: 60 });
    expect(refused).toMatchObject({ is: "refused", refusal: { code: "insufficient_credits", shouldRetry: true, retryAfterSeconds: 1 } });
    await keys[0]!.settle("a", { nanoUsd: 40 });
    expect((await keys[1]!.reserve("b", { nanoUsd: 60 })).is).toBe("granted");
    expect(await keys[1]!.reserve("c", { nanoUsd: 61 })).toMatchObject({ is: "refused", refusal: { shouldRetry: false } });
  });

  test("is not there twice for a key that left the budget and came back", async () => {
    const { keys, standing } = await openOrganisation([budgetOf(100)], 2);
    const [key, other] = [keys[0]!, keys[1]!];
    await key.reserve("a", { nanoUsd: 40 });
    await key.settle("a", { nanoUsd: 30 });
    expect((await other.reserve("b", { nanoUsd: 60 })).is).toBe("granted");
    expect((await other.reserve("c", { nanoUsd: 10 })).is).toBe("granted"); // what the first had over
    await key.stub.adopt({ ...key.policy, version: 2, pools: [] });
    await runDurableObjectAlarm(key.stub);
    await key.stub.adopt({ ...key.policy, version: 3 });
    expect(tally([await key.reserve("d", { nanoUsd: 1, version: 3 })])).toEqual({ insufficient_credits: 1 });
    expect((await standing()).pools[0]).toMatchObject({ spent: 30, held: 70, free: 0 });
  });

  test("an answer dearer than its reservation is posted in full, and the next is refused everywhere", async () => {
    const { keys, standing } = await openOrganisation([budgetOf(100)], 2);
    await keys[0]!.reserve("a", { nanoUsd: 10 });
    await keys[0]!.settle("a", { nanoUsd: 130 });
    await vi.waitFor(async () => expect((await standing()).pools[0]).toMatchObject({ spent: 130, free: -30 }));
    for (const key of keys) expect(tally([await key.reserve("b", { nanoUsd: 1 })])).toEqual({ insufficient_credits: 1 });
  });

  test("one draw serves many requests: nothing is asked of the account while an allotment lasts", async () => {
    const { keys } = await openOrganisation([budgetOf(1_000_000_000)], 1);
    const draw = vi.spyOn(OrgAccount.prototype, "draw");
    for (let i = 0; i < 300; i += 1) {
      expect((await keys[0]!.reserve(`r${i}`, { nanoUsd: 1_000 })).is).toBe("granted");
      await keys[0]!.settle(`r${i}`, { nanoUsd: 900 });
    }
    expect(draw).toHaveBeenCalledTimes(1);
    draw.mockRestore();
  });

  test("that becomes less is less at once: what was handed out of it ahead of need comes back", async () => {
    const { keys: [key], adopt } = await openOrganisation([budgetOf(80_000)], 1);
    await key!.reserve("a", { nanoUsd: 100 });
    await adopt([budgetOf(500)]);
    expect(tally([await key!.reserve("b", { nanoUsd: 401 })])).toEqual({ insufficient_credits: 1 });
    expect(tally([await key!.reserve("c", { nanoUsd: 400 })])).toEqual({ granted: 1 });
  });

  test("that was gone for a moment is not without end for a key that drew on it then", async () => {
    const { keys: [key], adopt } = await openOrganisation([budgetOf(500)], 1);
    await adopt([]);
    expect(tally([await key!.reserve("a", { nanoUsd: 600 })])).toEqual({ granted: 1 });
    await adopt([budgetOf(500)]);
    expect(tally([await key!.reserve("b", { nanoUsd: 1 })])).toEqual({ insufficient_credits: 1 });
  });

  test("is not held for a request that was taken back while it waited for its key's allotment", async () => {
    const { keys: [key], standing } = await openOrganisation([budgetOf(1_000)], 1);
    const gate = Promise.withResolvers<void>();
    const draw = OrgAccount.prototype.draw;
    const slow = vi.spyOn(OrgAccount.prototype, "draw").mockImplementation(async function (this: OrgAccount, ...asked) {
      await gate.promise;
      return draw.apply(this, asked);
    });
    const waiting = [key!.reserve("a", { nanoUsd: 10 }), key!.reserve("b", { nanoUsd: 10 })];
    await vi.waitFor(() => expect(slow).toHaveBeenCalledTimes(1));
    await key!.ask({ do: "release", id: "a" });
    gate.resolve();
    await Promise.all(waiting);
    slow.mockRestore();
    expect((await key!.counters()).held).toMatchObject({ requests: 1, nanoUsd: 10 });
    expect((await key!.reserve("a", { nanoUsd: 10 })).is).toBe("refused");
    expect((await standing()).pools[0]).toMatchObject({ spent: 0 });
  });

  test("is not spent anew by a key that left it and comes back once everybody has reported", async () => {
    const { keys: [key, other], standing } = await openOrganisation([budgetOf(1_000)], 2);
    await key!.reserve("a", { nanoUsd: 800 });
    await key!.reserve("runs", { nanoUsd: 100 });
    await key!.settle("a", { nanoUsd: 800 });
    await key!.stub.adopt({ ...key!.policy, version: 2, pools: [] });
    await runDurableObjectAlarm(key!.stub);
    await key!.settle("runs", { nanoUsd: 100 });
    await runDurableObjectAlarm(key!.stub);
    await evictDurableObject(key!.stub);
    await key!.stub.adopt({ ...key!.policy, version: 3 });
    expect(tally([await key!.reserve("b", { nanoUsd: 101, version: 3 })])).toEqual({ insufficient_credits: 1 });
    expect((await standing()).pools[0]).toMatchObject({ spent: 900, held: 100, free: 0 });
    expect(tally([await key!.reserve("c", { nanoUsd: 60, version: 3 }), await other!.reserve("d", { nanoUsd: 41 }), await other!.reserve("e", { nanoUsd: 40 })])).toEqual({ granted: 2, insufficient_credits: 1 });
  });

  test("is charged in each of several pools for what still ran when its key left them", async () => {
    const { keys: [key], standing } = await openOrganisation([budgetOf(1_000), budgetOf(2_000, { id: "bud_2" }), budgetOf(3_000, { id: "bud_3" })], 1);
    await key!.reserve("a", { nanoUsd: 100 });
    await key!.stub.adopt({ ...key!.policy, version: 2, pools: [] });
    await key!.settle("a", { nanoUsd: 70 });
    await runDurableObjectAlarm(key!.stub);
    expect((await standing()).pools).toMatchObject([{ spent: 70, held: 0 }, { spent: 70, held: 0 }, { spent: 70, held: 0 }]);
  });

  test("follows a correction that is made before the first request of a key that came back", async () => {
    const { keys: [key], standing } = await openOrganisation([budgetOf(1_000)], 1);
    await key!.reserve("a", { nanoUsd: 100 });
    await key!.settle("a", { nanoUsd: 100 });
    await key!.stub.adopt({ ...key!.policy, version: 2, pools: [] });
    await key!.stub.adopt({ ...key!.policy, version: 3 });
    await key!.stub.adjust({ id: "adj_a", request: "a", nanoUsd: -30, reason: "x" }, (await key!.stub.entry("a")) as LedgerEntry);
    await runDurableObjectAlarm(key!.stub);
    expect((await standing()).pools).toMatchObject([{ spent: 70 }]);
  });

  test("whose window moves on forgets what no window looks at, though no threshold was ever passed", async () => {
    const pool = budgetOf(1_000_000, { window: { of: "day", rolling: true } });
    const organisation = await openOrganisation([pool], 1);
    const [key] = organisation.keys;
    for (let hour = 0; hour < 60; hour += 1) {
      vi.setSystemTime(noon + hour * 3_600_000);
      expect((await key!.reserve(`r${hour}`, { nanoUsd: 1 })).is).toBe("granted");
      await key!.settle(`r${hour}`, { nanoUsd: 1 });
      await runDurableObjectAlarm(key!.stub);
      if (hour === 55) await organisation.adopt([]);
      if (hour === 57) await organisation.adopt([pool]);
      await runDurableObjectAlarm(organisation.account);
    }
    const rows = () => runInDurableObject(organisation.account, (_, { storage }) => storage.sql.exec("SELECT count(*) AS n FROM handed").one().n);
    expect(await rows()).toBeLessThanOrEqual(27);
  });
});

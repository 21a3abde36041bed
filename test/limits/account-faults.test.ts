/**
 * A model that never forgets against the real objects of one organisation: three keys, three pools with windows of every kind. Whatever is
 * evicted, woken twice, asked twice or lost on its way, a request is granted exactly when there is room in every pool.
 */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Ask, Drawn } from "../../src/limits/account.ts";
import { bucketAt } from "../../src/limits/windows.ts";
import { budgetOf, openOrganisation, type Organisation } from "./account-stage.ts";
import { word } from "./stage.ts";

const start = Date.UTC(2041, 2, 31, 22, 50, 40);
const pools = [
  budgetOf(2_000, { id: "all", name: "all", soft: [0.5, 0.9] }),
  budgetOf(900, { id: "month", name: "month", window: { of: "month", rolling: false } }),
  budgetOf(700, { id: "rolling", name: "rolling", unit: "tokens", window: { of: "day", rolling: true }, soft: [0.3] }),
];

type Request = { id: string; key: number; at: number; tokens: number; nanoUsd: number; open: boolean };

class Model {
  readonly requests: Request[] = [];
  now = start;

  used(pool: (typeof pools)[number]): number {
    const { windowStartMs } = bucketAt(pool.window, this.now);
    return this.requests.filter(({ at }) => at >= windowStartMs).reduce((sum, request) => sum + request[pool.unit], 0);
  }

  fits(amounts: { tokens: number; nanoUsd: number }, times = 1): boolean {
    return pools.every((pool) => this.used(pool) + times * amounts[pool.unit] <= pool.amount!);
  }
}

type Step =
  | { step: "reserve"; key: number; tokens: number; nanoUsd: number }
  | { step: "burst"; count: number; tokens: number; nanoUsd: number }
  | { step: "settle"; pick: number; share: number }
  | { step: "release"; pick: number }
  | { step: "wait"; ms: number }
  | { step: "evict" | "alarm" | "lose" | "repeat"; whom: number };

const key = fc.nat(2);
const amounts = { tokens: fc.integer({ min: 0, max: 120 }), nanoUsd: fc.integer({ min: 0, max: 200 }) };
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.record({ step: fc.constant("reserve" as const), key, ...amounts }) },
    { weight: 2, arbitrary: fc.record({ step: fc.constant("burst" as const), count: fc.integer({ min: 2, max: 12 }), tokens: fc.integer({ min: 1, max: 60 }), nanoUsd: fc.integer({ min: 1, max: 90 }) }) },
    { weight: 6, arbitrary: fc.record({ step: fc.constant("settle" as const), pick: fc.nat(60), share: fc.double({ min: 0, max: 1, noNaN: true }) }) },
    { weight: 1, arbitrary: fc.record({ step: fc.constant("release" as const), pick: fc.nat(60) }) },
    { weight: 3, arbitrary: fc.record({ step: fc.constant("wait" as const), ms: fc.constantFrom(1, 6_000, 60_000, 3_600_000, 6 * 3_600_000, 26 * 3_600_000) }) },
    { weight: 5, arbitrary: fc.record({ step: fc.constantFrom("evict" as const, "alarm" as const, "lose" as const, "repeat" as const), whom: fc.nat(3) }) },
  ),
  { minLength: 1, maxLength: 30 },
);

type Inside = { drawing: { drawer: { ask: (asks: Ask[]) => Promise<Drawn> } } };

/** Wraps the next question of a key to its account. */
const wrapAsk = (organisation: Organisation, whom: number, around: (go: () => Promise<Drawn>) => Promise<Drawn>): Promise<void> =>
  runInDurableObject(organisation.keys[whom]!.stub, (object) => {
    const { drawer } = (object as unknown as Inside).drawing;
    const { ask } = drawer;
    drawer.ask = (asks) => {
      drawer.ask = ask;
      return around(() => ask(asks));
    };
  });

const evict = (stub: DurableObjectStub): Promise<void> => evictDurableObject(stub).catch(() => {});

async function perform(step: Step, model: Model, organisation: Organisation): Promise<void> {
  const { keys, account } = organisation;
  switch (step.step) {
    case "reserve": {
      const id = `r${model.requests.length}`;
      const reply = await keys[step.key]!.reserve(id, step);
      const { tokens, nanoUsd } = step;
      if (word(reply) === "limiter_unavailable") return; // its answer was lost
      expect(word(reply), JSON.stringify(step)).toEqual(model.fits(step) ? "granted" : expect.stringMatching(/^(insufficient_credits|quota_exceeded)$/));
      if (reply.is === "granted") model.requests.push({ id, key: step.key, at: model.now, tokens, nanoUsd, open: true });
      return;
    }
    case "burst": {
      let room = 0;
      while (room < step.count && model.fits(step, room + 1)) room += 1;
      const from = model.requests.length;
      const asked = Array.from({ length: step.count }, (_, i) => ({ id: `r${from}_${i}`, key: i % 3, at: model.now, tokens: step.tokens, nanoUsd: step.nanoUsd, open: true }));
      const replies = await Promise.all(asked.map((request) => keys[request.key]!.reserve(request.id, request)));
      const lost = replies.filter((reply) => word(reply) === "limiter_unavailable").length;
      const granted = replies.filter(({ is }) => is === "granted").length;
      expect(granted).toBeLessThanOrEqual(room);
      if (lost === 0) expect(granted, "admitted of a burst").toBe(room);
      model.requests.push(...asked.filter((_, i) => replies[i]!.is === "granted"));
      return;
    }
    case "settle":
    case "release": {
      const open = model.requests.filter((request) => request.open);
      const request = open[step.pick % open.length];
      if (!request) return;
      const meter = keys[request.key]!;
      request.open = false;
      const share = step.step === "settle" ? step.share : 0;
      request.tokens = Math.floor(request.tokens * share);
      request.nanoUsd = Math.floor(request.nanoUsd * share);
      if (step.step === "settle") expect(await meter.settle(request.id, { tokens: request.tokens, nanoUsd: request.nanoUsd })).toEqual({ is: "done", changed: true });
      else expect(await meter.ask({ do: "release", id: request.id })).toEqual({ is: "done", changed: true });
      return;
    }
    case "wait": {
      // Leases would run out; renewing is the pipeline's work.
      for (const request of model.requests) if (request.open) await perform({ step: "settle", pick: 0, share: 1 }, model, organisation);
      return void vi.setSystemTime((model.now += step.ms));
    }
    case "evict": return evict(step.whom === 3 ? account : keys[step.whom]!.stub);
    case "alarm": return void (await runDurableObjectAlarm(step.whom === 3 ? account : keys[step.whom]!.stub));
    case "repeat": return step.whom === 3 ? undefined : wrapAsk(organisation, step.whom, async (go) => {
      await go();
      return go();
    });
    case "lose": {
      if (step.whom === 3) return;
      await wrapAsk(organisation, step.whom, async (go) => {
        await go();
        throw new Error("Network connection lost.");
      });
      await perform({ step: "reserve", key: step.whom, tokens: 40, nanoUsd: 40 }, model, organisation);
      vi.setSystemTime((model.now += 6_000)); // after which an answer counts as lost
      return;
    }
  }
}

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
afterEach(() => void vi.useRealTimers());

test("lost answers, repeated calls, evictions and alarms at any point: never a unit too many, never one refused while it is there", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (sequence) => {
      const model = new Model();
      vi.setSystemTime(start);
      const organisation = await openOrganisation(pools, 3);
      for (const step of sequence) {
        await perform(step, model, organisation);
        await expectBalanced(organisation, model, step);
      }
      for (const { stub } of organisation.keys) await runDurableObjectAlarm(stub);
      const { pools: standings } = await organisation.standing(model.now);
      for (const [i, standing] of standings.entries()) {
        const open = model.requests.filter((request) => request.open && request.at >= bucketAt(pools[i]!.window, model.now).windowStartMs).reduce((sum, request) => sum + request[pools[i]!.unit], 0);
        expect(standing.spent, `${standing.id}: spent, once everybody has reported`).toBe(model.used(pools[i]!) - open);
        expect(standing.spent + standing.held + standing.free).toBe(standing.limit);
        expect(standing.held).toBeGreaterThanOrEqual(open);
      }
    }),
    { numRuns: 60 },
  );
});

/** What keys hold of a pool is never more than it has; what the account has handed out is never less than what runs and was spent. */
async function expectBalanced({ keys, standing }: Organisation, model: Model, step: Step): Promise<void> {
  const inspected = (await Promise.all(keys.map(({ stub }) => stub.inspect()))).flatMap(({ allotments }) => allotments);
  for (const pool of pools) {
    const { windowStartMs } = bucketAt(pool.window, model.now);
    const rows = inspected.filter((row) => row.pool === pool.id && row.bucketMs >= windowStartMs);
    const out = rows.reduce((sum, { granted, returned, spent }) => sum + Math.max(granted - returned, spent), 0);
    expect(out, `${pool.id} after ${step.step}`).toBeLessThanOrEqual(pool.amount!);
  }
  for (const [i, { spent, held, free, limit }] of (await standing(model.now)).pools.entries()) {
    expect(spent + held + free).toBe(limit);
    expect(free).toBeGreaterThanOrEqual(0);
    expect(spent + held, "handed out or spent").toBeGreaterThanOrEqual(model.used(pools[i]!));
  }
}

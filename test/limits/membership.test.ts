/**
 * Keys that leave pools and come back, in any order, while requests run and corrections come: what was spent in a pool stays spent there,
 * and a request is granted exactly when there is room in every pool that its key is in.
 */
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { LedgerEntry } from "../../src/ledger/entry.ts";
import { budgetOf, openOrganisation } from "./account-stage.ts";
import { noon, outcomeOf, word } from "./stage.ts";

const pools = [budgetOf(1_000), budgetOf(800, { id: "bud_2", window: { of: "month", rolling: false } })];
const both = [0, 1] as const;

type Request = { id: string; nanoUsd: number; inside: boolean[] };

const step = <S extends string>(weight: number, name: S, max: number) =>
  ({ weight, arbitrary: fc.record({ step: fc.constant(name), key: fc.nat(1), n: fc.integer({ min: 1, max }) }) });
const steps = fc.array(
  fc.oneof(step(8, "reserve", 300), step(5, "settle", 300), step(1, "release", 1), step(5, "move", 3), step(3, "alarm", 1), step(2, "evict", 1), step(2, "correct", 100)),
  { minLength: 5, maxLength: 40 },
);

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }).setSystemTime(noon));
afterEach(() => void vi.useRealTimers());

test("leaving and coming back, in any order, neither frees nor loses a unit", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (sequence) => {
      const organisation = await openOrganisation(pools, 2);
      const spent = [0, 0];
      const keys = organisation.keys.map((meter) => ({ meter, version: 1, member: [true, true], open: [] as Request[] }));
      const held = (pool: number): number => keys.flatMap(({ open }) => open).filter(({ inside }) => inside[pool]).reduce((sum, { nanoUsd }) => sum + nanoUsd, 0);
      let made = 0;
      for (const { step: name, key, n } of sequence) {
        const one = keys[key]!;
        const { meter, member, open } = one;
        const known = (pool: number, rows: { pool: string }[]): boolean => rows.some((row) => row.pool === pools[pool]!.id);
        switch (name) {
          case "reserve": {
            // What runs when a key comes to a pool counts there from its first request on.
            for (const pool of both) if (member[pool]) for (const request of open) request.inside[pool] = true;
            const fits = both.every((pool) => !member[pool] || spent[pool]! + held(pool) + n <= pools[pool]!.amount!);
            const request = { id: `r${(made += 1)}_${key}`, nanoUsd: n, inside: [...member] };
            const reply = word(await meter.reserve(request.id, { nanoUsd: n, version: one.version }));
            expect(reply === "granted", `${reply} with ${spent.join()} spent and ${both.map(held).join()} held`).toBe(fits);
            if (fits) open.push(request);
            break;
          }
          case "settle":
          case "release": {
            const request = open.shift();
            if (!request) break;
            const used = name === "settle" ? Math.min(n, request.nanoUsd) : 0;
            await (name === "settle" ? meter.settle(request.id, { nanoUsd: used }) : meter.ask({ do: "release", id: request.id }));
            for (const pool of both) if (request.inside[pool]) spent[pool]! += used;
            break;
          }
          case "move": {
            for (const pool of both) if (n & (1 << pool)) member[pool] = !member[pool];
            await meter.stub.adopt({ ...meter.policy, version: (one.version += 1), pools: meter.policy.pools!.filter((_, pool) => member[pool]) });
            const rows = (await meter.stub.inspect()).allotments;
            for (const pool of both) if (n & (1 << pool) && member[pool] && known(pool, rows)) for (const request of open) request.inside[pool] = true;
            break;
          }
          case "alarm":
            for (const stub of [meter.stub, organisation.account]) await runDurableObjectAlarm(stub);
            break;
          case "evict":
            for (const stub of [meter.stub, organisation.account]) await evictDurableObject(stub).catch(() => {});
            break;
          case "correct": {
            const rows = (await meter.stub.inspect()).allotments;
            if (!both.every((pool) => known(pool, rows))) break;
            const id = `c${(made += 1)}`;
            await meter.stub.adjust({ id: `adj_${id}`, request: id, nanoUsd: -n, reason: "x" }, { id, at: noon, ...outcomeOf({ nanoUsd: n }) } as LedgerEntry);
            for (const pool of both) if (member[pool]) spent[pool]! -= n;
          }
        }
      }
      for (const { meter } of keys) await runDurableObjectAlarm(meter.stub);
      expect((await organisation.standing()).pools.map((pool) => pool.spent)).toEqual(spent);
    }),
    { numRuns: 60 },
  );
});

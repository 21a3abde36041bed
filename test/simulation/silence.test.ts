import { expect, test } from "vitest";
import { creditPool } from "../../src/accounts/budgets.ts";
import type { MeterPolicy } from "../../src/limits/index.ts";
import { none } from "./faults.ts";
import { usedOf } from "./laws.ts";
import { World } from "./world.ts";

const pool = { id: "budget", name: "budget", unit: "nanoUsd" as const, window: { of: "total" as const, rolling: false } };
const policy: MeterPolicy = { keyId: "key", organisationId: "org", version: 1, enabled: true, pools: [pool], limits: { requestsPerMinute: 100 } };

test("a lease runs out in time, though D1 and the account never answered when the alarm last rang", async () => {
  const world = new World(1, Date.UTC(2041, 3, 10), () => {});
  await world.run(async () => {
    const isolate = world.isolates[0]!;
    await world.account("org", isolate).adopt({ organisationId: "org", version: 1, pools: [{ ...pool, amount: 100, soft: [] }] });
    await world.key("key", isolate).adopt(policy);
    const reserve = (id: string) => isolate.run((meters) => meters.submit({ do: "reserve", id, version: 1, estimate: { tokens: 1, nanoUsd: 10 }, model: "m" }, policy));
    expect((await reserve("a")).is).toBe("granted");
    await world.clock.sleep(30_000);
    world.faults = { ...none, lost: 1, silent: 1 };
    await world.clock.sleep(60_000);
    world.faults = none;
    expect((await reserve("b")).is).toBe("granted");
    await world.clock.sleep(7.5 * 60_000);
    const { spent, held } = usedOf(world.place("key", "key"));
    expect({ spent: spent.nanoUsd, held: held.nanoUsd }).toEqual({ spent: 20, held: 0 });
  });
});

test("a credit line reaches D1, though D1 never answered when it was told first", async () => {
  const world = new World(2, Date.UTC(2041, 3, 10), () => {});
  await world.run(async () => {
    const account = world.account("org", world.isolates[0]!);
    await account.adopt({ organisationId: "org", version: 1, pools: [creditPool] });
    const post = (id: string) => account.post({ id, atMs: 1, kind: "grant", nanoUsd: 5, reason: "test", expiresAtMs: null });
    expect((await post("first")).is).toBe("posted");
    world.faults = { ...none, lost: 1, silent: 1 };
    await world.clock.sleep(60_000);
    world.faults = none;
    await world.clock.sleep(2 * 60_000);
    expect(world.d1.all("SELECT id FROM credit_entries").map(({ id }) => id)).toEqual(["first"]);
  });
});

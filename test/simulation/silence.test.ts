import { expect, test } from "vitest";
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

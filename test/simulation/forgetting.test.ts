import { expect, test } from "vitest";
import type { MeterPolicy } from "../../src/limits/index.ts";
import { settling } from "./settling.ts";
import { World } from "./world.ts";

const pool = { id: "budget", name: "budget", unit: "nanoUsd" as const, window: { of: "day" as const, rolling: true } };
const policy: MeterPolicy = { keyId: "key", organisationId: "org", version: 1, enabled: true, pools: [pool], limits: { requestsPerMinute: 100 } };
const hourMs = 3_600_000;

test("an account forgets the hours that no window looks at any more, though no threshold is ever passed", async () => {
  const world = new World(1, Date.UTC(2041, 3, 10), () => {});
  await world.run(async () => {
    const isolate = world.isolates[0]!;
    await world.account("org", isolate).adopt({ organisationId: "org", version: 1, pools: [{ ...pool, amount: 240, soft: [] }] });
    await world.key("key", isolate).adopt(policy);
    for (let hour = 0; hour < 100; hour += 1) {
      const id = `r${hour}`;
      const reply = await isolate.run((meters) => meters.submit({ do: "reserve", id, version: 1, estimate: { tokens: 1, nanoUsd: 9 }, model: "m" }, policy));
      expect(reply.is, `hour ${hour}`).toBe("granted");
      await isolate.run((meters) => meters.submit(settling(id, 1, 9), policy));
      await world.clock.sleep(hourMs);
    }
    const buckets = (kind: "key" | "account", name: string, table: string) =>
      world.place(kind, name).disk.exec(`SELECT count(DISTINCT bucket) AS n FROM ${table}`).toArray()[0]!.n;
    expect(buckets("key", "key", "allotment")).toBeLessThanOrEqual(2);
    expect(buckets("account", "org", "handed")).toBeLessThanOrEqual(28);
  });
});

import { expect, test } from "vitest";
import { Rush } from "./rush.ts";

const seeds = Number(process.env.SEEDS ?? 24);
const from = Number(process.env.FROM ?? 0);

test(`1,000 requests at once over 20 keys with money for 10: exactly 10, in ${seeds} worlds`, { timeout: 60_000 + seeds * 1_000 }, async () => {
  const sums = { crashes: 0, kills: 0, lost: 0, twice: 0, recalls: 0 };
  for (let seed = from; seed < from + seeds; seed += 1) {
    const { counts } = await new Rush(seed).tell();
    for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += counts[name];
  }
  // The worlds were as bad as they are meant to be.
  for (const [name, sum] of Object.entries(sums)) expect(sum, name).toBeGreaterThan(seeds / 4);
});

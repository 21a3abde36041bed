import { expect, test } from "vitest";
import { Membership } from "./membership.ts";

const seeds = Number(process.env.SEEDS ?? 8);
const from = Number(process.env.FROM ?? 0);

test(`keys leave a budget and come back: never a unit too many, in ${seeds} worlds`, { timeout: 60_000 + seeds * 1_000 }, async () => {
  const sums = { inside: 0, outside: 0, moves: 0 };
  for (let seed = from; seed < from + seeds; seed += 1) {
    const counts = await new Membership(seed).tell();
    for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += counts[name];
  }
  for (const [name, sum] of Object.entries(sums)) expect(sum, name).toBeGreaterThan(10 * seeds);
});

/**
 * Keys that leave a budget and come back while requests run, in a world drawn from a seed. A request belongs to the budget when its key
 * did at its reservation, which its id says. These never use more than there is, and the account's word covers all of them.
 */
import type { AccountPool } from "../../src/accounts/budgets.ts";
import type { AccountStanding, MeterPolicy, MeterReply } from "../../src/limits/index.ts";
import { many, none, some } from "./faults.ts";
import { settling } from "./settling.ts";
import { World, type Place } from "./world.ts";

const organisationId = "org";
const keyCount = 4;
const requests = 250;
const forMs = 6 * 60_000;
const spring = Date.UTC(2041, 3, 10, 9, 30, 20);

/** Versions with an odd number belong to the budget. */
const isInside = (id: string): boolean => id.startsWith("inside");

export class Membership {
  readonly counts = { inside: 0, outside: 0, moves: 0 };
  private readonly seed: number;
  private readonly world: World;
  private readonly pool: AccountPool;
  private readonly versions = Array.from({ length: keyCount }, () => 1);
  /** Key → id → what it holds or has cost. */
  private readonly uses = new Map<string, Map<string, number>>();
  private readonly money: number;
  private isOpen = false;

  constructor(seed: number) {
    this.seed = seed;
    this.world = new World(seed, spring, (touched) => this.isOpen && this.look(touched));
    this.money = this.world.chance.whole(2, 50);
    const window = { of: this.world.chance.among(["total", "month"] as const), rolling: false };
    this.pool = { id: "budget", name: "budget", unit: "nanoUsd", window, amount: 40 * this.money, soft: [] };
  }

  tell(): Promise<Membership["counts"]> {
    return this.world.run(() => this.story()).catch((error: unknown) => {
      throw new Error(`seed ${this.seed}, step ${this.world.clock.steps}: ${(error as Error).message}`, { cause: error });
    });
  }

  private policy(key: number): MeterPolicy {
    const version = this.versions[key]!;
    const { id, name, unit, window } = this.pool;
    return { keyId: `key${key}`, organisationId, version, enabled: true, pools: version % 2 === 1 ? [{ id, name, unit, window }] : [], limits: { requestsPerMinute: 1_000_000 } };
  }

  private async story(): Promise<Membership["counts"]> {
    const { world, pool } = this;
    const account = () => world.account(organisationId, world.isolates[0]!);
    await account().adopt({ organisationId, version: 1, pools: [pool] });
    for (let key = 0; key < keyCount; key += 1) await world.key(`key${key}`, world.isolates[0]!).adopt(this.policy(key));
    await world.clock.sleep(50);
    this.isOpen = true;
    world.faults = [none, some, many][this.seed % 3]!;
    await Promise.all([...Array.from({ length: requests }, (_, i) => this.client(i)), ...this.versions.map((_, key) => this.move(key))]);
    world.faults = none;
    await world.clock.sleep(10 * 60_000);
    const [standing] = ((await account().standing(Math.floor(world.clock.now))) as AccountStanding).pools;
    const used = this.used();
    if (standing!.spent < used) throw new Error(`the account believes that ${standing!.spent} were spent of ${used}`);
    if (standing!.spent + standing!.held + standing!.free !== pool.amount) throw new Error(`spent + held + free: ${JSON.stringify(standing)}`);
    return this.counts;
  }

  /** Takes its key out of the budget and in again, at random times. */
  private async move(key: number): Promise<void> {
    const { chance, clock } = this.world;
    for (const end = spring + forMs; clock.now < end; ) {
      await clock.sleep(chance.is(0.5) ? chance.next() * 3_000 : chance.next() * 150_000);
      this.versions[key]! += 1;
      this.counts.moves += 1;
    }
  }

  private async client(i: number): Promise<void> {
    const { clock, chance } = this.world;
    await clock.sleep(chance.next() * forMs);
    const key = chance.whole(0, keyCount - 1);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const policy = this.policy(key);
      const inside = policy.pools!.length > 0;
      const id = `${inside ? "inside" : "outside"}${i}_${attempt}`;
      const reply = await this.world.chance.among(this.world.isolates).run((meters) =>
        meters.submit({ do: "reserve", id, version: policy.version, estimate: { tokens: 1, nanoUsd: this.money }, model: "m" }, policy)).catch((): MeterReply => ({ is: "stale" }));
      if (reply.is === "refused") return;
      if (reply.is !== "granted") continue;
      this.counts[inside ? "inside" : "outside"] += 1;
      await clock.sleep(chance.next() ** 3 * 60_000);
      if (chance.is(0.1)) return;
      await chance.among(this.world.isolates).run(async (meters) => meters.settle(settling(id, 1, chance.whole(0, this.money)), policy, () => {})).catch(() => {});
      return;
    }
  }

  private used(): number {
    let sum = 0;
    for (const uses of this.uses.values()) for (const [id, nanoUsd] of uses) if (isInside(id)) sum += nanoUsd;
    return sum;
  }

  /** Folded entries are in D1; all others lie on their key's disk. */
  private look(touched: readonly Place[]): void {
    const places = touched.filter(({ kind }) => kind === "key");
    if (places.length === 0) return;
    for (const { name, disk } of places) {
      const rows = disk.exec("SELECT id, cost_nano_usd AS cost FROM entry").toArray() as { id: string; cost: number }[];
      const folded = this.world.d1.all(`SELECT id, entry ->> 'costNanoUsd' AS cost FROM requests WHERE key_id = '${name}'`) as { id: string; cost: number }[];
      this.uses.set(name, new Map([...folded, ...rows].map(({ id, cost }) => [id, cost])));
    }
    const used = this.used();
    if (used > this.pool.amount!) throw new Error(`${used} of ${this.pool.amount} are used`);
  }
}

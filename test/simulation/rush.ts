/**
 * 1,000 requests at once over 20 keys of an organisation with money for exactly 10, in a world drawn from a seed. Then faults stop,
 * clients ask again, leases run out, and every sum is compared with every other.
 */
import { creditPool, type AccountPool } from "../../src/accounts/budgets.ts";
import type { AccountStanding, CreditEntry, MeterOperation, MeterPolicy, MeterReply, Posted } from "../../src/limits/index.ts";
import { many, none, some } from "./faults.ts";
import { Laws, usedOf } from "./laws.ts";
import { settling } from "./settling.ts";
import { World } from "./world.ts";

const organisationId = "org";
const keyCount = 20;
const clients = 1_000;
const room = 10;
const spring = Date.UTC(2041, 3, 10, 9, 30, 20);

/** A request that a client was told has begun. `costs`: what was settled; `sure`: what the ledger must have. */
type Admitted = { id: string; key: number; costs: number[]; sure: number | undefined };
export type Tale = { counts: World["counts"]; admitted: number; entries: number; estimated: number };

function planOf(seed: number) {
  const profile = [none, some, many][seed % 3]!;
  const holds = Math.floor(seed / 3) % 2 === 0;
  const prepaid = Math.floor(seed / 6) % 3 === 2;
  return { profile, holds, prepaid, name: `${["no faults", "some", "many"][seed % 3]}, ${holds ? "held" : "settled at once"}, ${prepaid ? "credits" : "budget"}` };
}

export class Rush {
  private readonly seed: number;
  private readonly plan: ReturnType<typeof planOf>;
  private readonly world: World;
  private readonly laws: Laws;
  private readonly pools: AccountPool[];
  private readonly policies: MeterPolicy[];
  private readonly money: number;
  private amount: number;
  private readonly tokens = 30;
  private readonly admitted = new Map<string, Admitted>();
  private isOpen = false;

  constructor(seed: number) {
    this.seed = seed;
    this.plan = planOf(seed);
    this.world = new World(seed, spring, (touched) => this.isOpen && this.laws.look(touched, this.world.clock.now));
    const { chance } = this.world;
    this.money = chance.whole(1, 60);
    this.amount = room * this.money + chance.whole(0, this.money - 1);
    const window = { of: chance.among(["total", "month"] as const), rolling: false };
    const tight: AccountPool = this.plan.prepaid ? creditPool : { id: "budget", name: "budget", unit: "nanoUsd", window, amount: this.amount, soft: chance.among([[], [0.5, 0.9]]) };
    const wide: AccountPool = { id: "tokens", name: "tokens", unit: "tokens", window: { of: "day", rolling: true }, amount: 2 * clients * this.tokens, soft: [0.01] };
    this.pools = chance.is(0.3) ? [tight, wide] : [tight];
    this.laws = new Laws(this.pools);
    const pools = this.pools.map(({ id, name, unit, window: of }) => ({ id, name, unit, window: of }));
    this.policies = Array.from({ length: keyCount }, (_, i) => ({ keyId: `key${i}`, organisationId, version: 1, enabled: true, pools, limits: { requestsPerMinute: 1_000_000 } }));
  }

  tell(): Promise<Tale> {
    return this.world.run(() => this.story()).catch((error: unknown) => {
      throw new Error(`seed ${this.seed} (${this.plan.name}), step ${this.world.clock.steps}: ${(error as Error).message}`, { cause: error });
    });
  }

  private async story(): Promise<Tale> {
    const { world, plan } = this;
    await this.open();
    world.faults = plan.profile;
    const credits = plan.prepaid ? this.postCredits() : undefined;
    const answers = await Promise.all(Array.from({ length: clients }, (_, i) => this.client(i)));
    const first = answers.filter((word) => word === "granted").length;
    world.faults = none;
    await credits;
    await world.clock.sleep(13_000); // the last message has arrived
    if (plan.prepaid) this.amount = this.laws.credits;
    if (plan.profile === none && plan.holds && !plan.prepaid) same(first, room, "admitted at once where nothing goes wrong");
    if (plan.holds) {
      await this.askAgain();
      same(this.used().spent + this.used().held, this.money * Math.floor(this.amount / this.money), "admitted, once everybody has asked again");
    }
    await Promise.all([...this.admitted.values()].map((one) => this.finish(one)));
    await world.clock.sleep(9 * 60_000);
    same(this.used().held, 0, "held when all leases are over");
    const { spent } = this.used();
    const more = await this.askAgain();
    same(more, Math.floor((this.amount - spent) / this.money), "admitted of what came back");
    await Promise.all([...this.admitted.values()].map((one) => this.settle(one, this.money)));
    await world.clock.sleep(9 * 60_000);
    const { entries, estimated } = await this.compare();
    return { counts: world.counts, admitted: this.admitted.size, entries, estimated };
  }

  private async open(): Promise<void> {
    const { world } = this;
    const from = world.isolates[0]!;
    const account = world.account(organisationId, from);
    await account.adopt({ organisationId, version: 1, pools: this.pools });
    await Promise.all(this.policies.map((policy) => world.key(policy.keyId, from).adopt(policy)));
    await world.clock.sleep(50);
    this.isOpen = true;
  }

  /** Money comes in two parts, and some of it goes back unless it is in use by then. Each call is repeated until it is answered. */
  private async postCredits(): Promise<void> {
    const { chance, clock } = this.world;
    const part = chance.whole(0, this.amount);
    const back = chance.whole(1, 40);
    const lines: [CreditEntry["kind"], number][] = [["grant", part], ["top_up", this.amount - part + back], ["refund", -back]];
    await Promise.all(lines.filter(([, nanoUsd]) => nanoUsd !== 0).map(async ([kind, nanoUsd], i) => {
      await clock.sleep(chance.is(0.5) ? chance.next() * 50 : 0);
      const entry: CreditEntry = { id: `cred${i}`, atMs: Math.floor(clock.now), kind, nanoUsd, reason: "test", expiresAtMs: null };
      for (let lacking = 0; lacking < 3; ) {
        const posted = await this.patiently(async () => (await this.world.account(organisationId, this.world.isolates[0]!).post(entry)) as Posted);
        if (posted?.is === "posted" || posted?.is === "known") return;
        if (posted?.is === "conflict") throw new Error("a credit line contradicts itself");
        if (posted?.is === "lacking") lacking += 1;
        await clock.sleep(500);
      }
    }));
  }

  /** What `work` comes to, or undefined when it fails or is not answered: a client waits no longer than half a minute. */
  private async patiently<T>(work: () => Promise<T>): Promise<T | undefined> {
    return Promise.race([work().catch(() => undefined), this.world.clock.sleep(30_000).then(() => undefined)]);
  }

  private async client(i: number): Promise<string> {
    const { clock, chance } = this.world;
    await clock.sleep(chance.next() ** 2 * 200);
    const key = i % keyCount;
    let word = "";
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const { word: said, admitted } = await this.reserve(key, `r${i}_${attempt}`);
      word = said;
      if (admitted && !this.plan.holds) await this.finish(admitted);
      if (word !== "gone" && word !== "limiter_unavailable") return word;
    }
    return word;
  }

  private async reserve(key: number, id: string): Promise<{ word: string; admitted?: Admitted; shouldRetry?: boolean }> {
    const { chance, isolates } = this.world;
    const isolate = chance.among(isolates);
    const sentMs = this.world.clock.now;
    const operation: MeterOperation = { do: "reserve", id, version: 1, estimate: { tokens: this.tokens, nanoUsd: this.money }, model: "m" };
    let reply: MeterReply;
    try {
      reply = await isolate.run((meters) => meters.submit(operation, this.policies[key]!));
    } catch {
      return { word: isolate.dead ? "gone" : "limiter_unavailable", shouldRetry: true };
    }
    if (reply.is === "granted") {
      const admitted: Admitted = { id, key, costs: [], sure: undefined };
      this.admitted.set(id, admitted);
      return { word: "granted", admitted };
    }
    if (reply.is !== "refused") throw new Error(`answered ${reply.is}`);
    const { code, shouldRetry } = reply.refusal;
    if (!shouldRetry && !this.plan.prepaid) {
      const { spent } = this.used();
      if (this.amount - spent >= this.money) throw new Error(`refused for good with ${this.amount - spent} left of ${this.amount} for ${this.money}`);
    }
    if (code !== "limiter_unavailable" && this.plan.holds && !this.plan.prepaid && this.pools.length === 1) {
      const most = this.laws.mostUsed(sentMs);
      if (most + this.money <= this.amount) throw new Error(`refused for ${this.money}, though no more than ${most} of ${this.amount} were in use`);
    }
    return { word: code, shouldRetry };
  }

  /** A request ends: settled in full or for less, once or twice; or nobody is left to settle it. */
  private async finish(one: Admitted): Promise<void> {
    const { chance, clock } = this.world;
    await clock.sleep(chance.next() * 300);
    if (this.plan.profile !== none && chance.is(0.15)) return;
    await this.settle(one, chance.is(0.5) ? this.money : chance.whole(0, this.money));
    if (chance.is(0.2)) await this.settle(one, chance.whole(0, this.money));
  }

  private async settle(one: Admitted, cost: number): Promise<void> {
    const isolate = this.world.chance.among(this.world.isolates);
    one.costs.push(cost);
    const operation = settling(one.id, this.tokens, cost);
    const policy = this.policies[one.key]!;
    if (this.world.chance.is(0.5)) return isolate.run(async (meters) => meters.settle(operation, policy, (promise) => void promise)).catch(() => {});
    const reply = await isolate.run((meters) => meters.submit(operation, policy)).catch(() => undefined);
    if (reply?.is === "done" && reply.changed) one.sure = cost;
  }

  /** Every key is asked until it has said no. Returns how many were admitted. */
  private async askAgain(): Promise<number> {
    let count = 0;
    for (let key = 0; key < keyCount; key += 1) {
      for (let attempt = 0; ; attempt += 1) {
        const { word } = await this.reserve(key, `again${this.admitted.size}_${Math.floor(this.world.clock.now)}_${key}_${attempt}`);
        if (word === "granted") count += 1;
        else if (word !== "limiter_unavailable") break;
        else if (attempt > 60) throw new Error(`key ${key} cannot be served though nothing goes wrong any more`);
        else await this.world.clock.sleep(1_000);
      }
    }
    return count;
  }

  /** What all keys together have spent and hold, from their disks. */
  private used(): { spent: number; held: number } {
    const all = this.policies.map(({ keyId }) => usedOf(this.world.place("key", keyId)));
    return { spent: all.reduce((sum, { spent }) => sum + spent.nanoUsd, 0), held: all.reduce((sum, { held }) => sum + held.nanoUsd, 0) };
  }

  /** Ledger = account = keys = what clients settled, or the estimate of those that nobody settled. */
  private async compare(): Promise<{ entries: number; estimated: number }> {
    const { world } = this;
    const rows = world.d1.all("SELECT id, entry ->> 'costNanoUsd' AS cost, entry ->> 'end' AS end FROM requests") as { id: string; cost: number; end: string }[];
    const { spent } = this.used();
    same(rows.reduce((sum, { cost }) => sum + cost, 0), spent, "Σ entries in D1 and Σ spent by keys");
    same(world.d1.all("SELECT total(cost_nano_usd) AS sum FROM usage_hourly")[0]!.sum, spent, "Σ hourly totals in D1 and Σ spent by keys");
    same(world.d1.all("SELECT total(requests) AS sum FROM usage_hourly")[0]!.sum, rows.length, "requests in hourly totals and entries");
    const told = new Map(rows.map((row) => [row.id, row]));
    for (const { id, costs, sure } of this.admitted.values()) {
      const row = told.get(id);
      if (!row) throw new Error(`${id} was admitted and is not in the ledger`);
      if (sure !== undefined) same(row.cost, sure, `${id}: settled, and known to be`);
      else if (row.end === "lease_expired") same(row.cost, this.money, `${id}: charged at its estimate`);
      else if (!costs.includes(row.cost)) throw new Error(`${id} was settled for ${costs.join(" or ")}, the ledger has ${row.cost}`);
    }
    const ghosts = rows.filter(({ id }) => !this.admitted.has(id));
    if (ghosts.some(({ end, cost }) => end !== "lease_expired" || cost !== this.money)) throw new Error("an entry that nobody was told of is no estimate");
    const estimated = rows.filter(({ end }) => end === "lease_expired").length;
    if (this.plan.profile === none) same(estimated, 0, "estimates where nothing goes wrong");
    const { pools, creditNanoUsd, credit } = (await world.account(organisationId, world.isolates[0]!).standing(Math.floor(world.clock.now))) as AccountStanding;
    same(pools[0]!.spent, spent, "the account's and the keys' spent");
    same(pools[0]!.spent + pools[0]!.held + pools[0]!.free, this.amount, "spent + held + free");
    if (this.plan.prepaid) {
      same(creditNanoUsd, this.amount, "credits");
      same(credit.spent + credit.held + credit.free, creditNanoUsd, "credits spent + held + free");
      same(world.d1.all("SELECT total(nano_usd) AS sum FROM credit_entries")[0]!.sum, creditNanoUsd, "credit lines in D1");
    }
    return { entries: rows.length, estimated };
  }
}

function same(found: unknown, expected: unknown, what: string): void {
  if (found !== expected) throw new Error(`${what}: ${String(found)}, not ${String(expected)}`);
}

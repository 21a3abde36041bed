/**
 * A world of Durable Objects: the real classes, each with a disk of its own, that reach each other by messages alone. A message takes
 * a while, overtakes others, is lost or arrives twice; an object dies between any two events and its disk keeps what was durable.
 */
import { KeyMeter, Meters, OrgAccount } from "../../src/limits/index.ts";
import { Chance } from "./chance.ts";
import { as, Clock, type Owner } from "./clock.ts";
import { D1 } from "./d1.ts";
import { Disk } from "./disk.ts";
import { none, type Faults } from "./faults.ts";

type Life = Owner & { object: Record<string, (...args: unknown[]) => unknown>; ready: Promise<unknown>; running: Set<(error: Error) => void> };
type Kind = "key" | "account";
/** Where an object lives, whether it is awake or not. `alarmMs`: the alarm that the world will ring; `ringing`: the one that runs. */
export type Place = { kind: Kind; name: string; disk: Disk; life: Life | undefined; alarmMs: number | null; ringing: number | null };
/** One isolate of the Worker. `run`: does something in it, and rejects when the isolate dies over it. */
export type Isolate = Owner & { meters: Meters; run: <T>(work: (meters: Meters) => Promise<T>) => Promise<T>; die: () => void };

const lost = (): Error => new Error("Network connection lost.");

export class World {
  readonly clock: Clock;
  readonly chance: Chance;
  readonly d1 = new D1();
  readonly places = new Map<string, Place>();
  faults: Faults = none;
  isolates: Isolate[] = [];
  readonly counts = { calls: 0, draws: 0, recalls: 0, crashes: 0, kills: 0, lost: 0, twice: 0, alarms: 0 };
  private readonly watch: (touched: Place[]) => void;

  constructor(seed: number, startMs: number, watch: (touched: Place[]) => void) {
    this.chance = new Chance(seed);
    this.clock = new Clock(startMs);
    this.watch = watch;
    this.openIsolates();
  }

  /** Runs `story` in this world, which is gone afterwards. */
  async run<T>(story: () => Promise<T>): Promise<T> {
    try {
      return await this.clock.run(story, () => this.endTurn());
    } finally {
      for (const { disk } of this.places.values()) disk.close();
      this.d1.close();
    }
  }

  /** Calls an object as the admin API does. */
  account(name: string, from: Owner): DurableObjectStub<OrgAccount> {
    return this.stub(from, "account", name) as unknown as DurableObjectStub<OrgAccount>;
  }

  key(name: string, from: Owner): DurableObjectStub<KeyMeter> {
    return this.stub(from, "key", name) as unknown as DurableObjectStub<KeyMeter>;
  }

  place(kind: Kind, name: string): Place {
    const id = `${kind} ${name}`;
    let place = this.places.get(id);
    if (!place) this.places.set(id, (place = { kind, name, disk: new Disk(), life: undefined, alarmMs: null, ringing: null }));
    return place;
  }

  /** `kill -9`: whatever computes is gone, the disks stay. */
  kill(): void {
    this.counts.kills += 1;
    for (const place of this.places.values()) this.crash(place);
    for (const isolate of this.isolates) isolate.die();
    this.openIsolates();
  }

  crash(place: Place): void {
    const { life, disk } = place;
    if (!life) return;
    this.counts.crashes += 1;
    life.dead = true;
    place.life = undefined;
    place.ringing = null;
    disk.crash(this.chance.next());
    for (const fail of life.running) fail(lost());
    this.watchAlarm(place);
  }

  private openIsolates(): void {
    this.isolates = Array.from({ length: 3 }, () => {
      const death = Promise.withResolvers<never>();
      death.promise.catch(() => {});
      const isolate = { dead: false } as Isolate;
      isolate.meters = new Meters(this.namespace(isolate, "key", undefined) as unknown as DurableObjectNamespace<KeyMeter>);
      isolate.run = (work) => Promise.race([as(isolate, () => work(isolate.meters)), death.promise]);
      isolate.die = () => {
        isolate.dead = true;
        death.reject(lost());
      };
      return isolate;
    });
  }

  /** What follows each event: transactions end, somebody may die, and whoever watches looks at the disks. */
  private endTurn(): void {
    const { chance, faults } = this;
    const touched: Place[] = [];
    if (chance.is(faults.kill)) this.kill();
    else if (chance.is(faults.crash)) this.crash(chance.among([...this.places.values()]));
    for (const place of this.places.values()) {
      const { disk } = place;
      if (!disk.touched) continue;
      touched.push(place);
      const transaction = disk.endTurn();
      disk.touched = false;
      if (transaction !== undefined) this.clock.after(0.1 + 3 * chance.next() ** 2, () => {
        disk.confirm(transaction);
        this.watchAlarm(place);
      });
    }
    if (touched.length > 0) this.watch(touched);
  }

  private bringUp(place: Place): Life {
    const { disk } = place;
    const life: Life = { dead: false, object: {}, ready: Promise.resolve(), running: new Set() };
    place.life = life;
    const alive = (): void => {
      if (life.dead) throw lost();
    };
    const never = new Promise<never>(() => {});
    const storage = {
      sql: {
        exec: (...query: Parameters<Disk["exec"]>) => {
          alive();
          return disk.exec(...query);
        },
      },
      getAlarm: (): Promise<number | null> => (life.dead ? never : Promise.resolve(disk.alarm === place.ringing ? null : disk.alarm)),
      setAlarm: (ms: number): Promise<void> => {
        if (!life.dead) disk.alarm = ms;
        return life.dead ? never : Promise.resolve();
      },
    };
    const state = { storage, blockConcurrencyWhile: (work: () => Promise<unknown>) => (life.ready = work()) };
    const env = {
      KEY_METER: this.namespace(life, "key", disk), ORG_ACCOUNT: this.namespace(life, "account", disk),
      DB: D1.bound((statements) => this.message(life, disk, async () => {
        const fails = this.chance.is(this.faults.d1);
        const before = this.chance.is(0.5);
        if (!fails || !before) this.d1.run(statements);
        if (fails) throw new Error("D1_ERROR: Network connection lost.");
      })),
    };
    const Class = place.kind === "key" ? KeyMeter : OrgAccount;
    life.object = as(life, () => new Class(state as never, env as never)) as unknown as Life["object"];
    return life;
  }

  private namespace(from: Owner, kind: Kind, own: Disk | undefined): Record<string, unknown> {
    const stubOf = (name: string): object => this.stub(from, kind, name, own);
    return { getByName: stubOf, get: stubOf, idFromName: (name: string) => name };
  }

  private stub(from: Owner, kind: Kind, name: string, own?: Disk): object {
    const to = this.place(kind, name);
    return new Proxy({}, { get: (_, method: string) => (...args: unknown[]) => this.call(from, own, to, method, args) });
  }

  private call(from: Owner, own: Disk | undefined, to: Place, method: string, args: unknown[]): Promise<unknown> {
    if (from.dead) return new Promise(() => {});
    this.counts.calls += 1;
    if (method === "draw") this.counts.draws += 1;
    if (method === "recall") this.counts.recalls += 1;
    const copy = structuredClone(args);
    return this.message(from, own, () => this.invoke(to, method, structuredClone(copy)));
  }

  /** Carries a call there and its answer back: it leaves when what its sender has written is durable, and nobody answers the dead. */
  private message<T>(from: Owner, own: Disk | undefined, arrive: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const toSender = (tell: () => void): void => {
        this.clock.after(this.delay(), () => from.dead || tell());
      };
      const disappear = (): void => {
        this.counts.lost += 1;
        if (!this.chance.is(this.faults.silent)) toSender(() => reject(lost()));
      };
      const leave = (): void => {
        if (this.chance.is(this.faults.lost)) return disappear();
        const isTwice = this.chance.is(this.faults.twice);
        if (isTwice) this.counts.twice += 1;
        for (let i = 0; i < (isTwice ? 2 : 1); i += 1) this.clock.after(this.delay(), () => void arrive().then(
          (value) => (this.chance.is(this.faults.lost) ? disappear() : toSender(() => resolve(value))),
          (error: unknown) => toSender(() => reject(error)),
        ));
      };
      if (own) own.whenDurable(leave);
      else leave();
    });
  }

  private delay(): number {
    return this.chance.is(this.faults.late) ? this.chance.whole(100, 12_000) : 0.1 + 10 * this.chance.next() ** 3;
  }

  /** Runs a method of an object, which wakes for it. Fulfils when its answer may leave; rejects when the object dies before. */
  private invoke(place: Place, method: string, args: unknown[]): Promise<unknown> {
    const life = place.life ?? this.bringUp(place);
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        life.running.delete(fail);
        reject(error);
      };
      life.running.add(fail);
      as(life, async () => {
        await life.ready;
        return life.object[method]!(...args);
      }).then(
        (value) => life.dead || place.disk.whenDurable(() => {
          life.running.delete(fail);
          resolve(structuredClone(value));
        }),
        (error: unknown) => life.dead || place.disk.whenDurable(() => fail(error)),
      );
    });
  }

  /** Rings an alarm when its time has come, some time later, and again when the object dies over it. */
  private watchAlarm(place: Place): void {
    const { disk } = place;
    const at = disk.alarm;
    if (at === place.alarmMs || place.ringing !== null) return;
    place.alarmMs = at;
    if (at === null) return;
    const lateMs = this.chance.is(0.2) ? this.chance.whole(0, 20_000) : this.chance.next() * 20;
    this.clock.after(Math.max(0, at - this.clock.now) + lateMs, () => void (place.alarmMs === at && this.ring(place, at)));
  }

  private async ring(place: Place, at: number): Promise<void> {
    const { disk } = place;
    place.alarmMs = null;
    if (disk.alarm !== at) return this.watchAlarm(place);
    place.ringing = at;
    this.counts.alarms += 1;
    const again = this.chance.is(this.faults.alarmTwice);
    try {
      await this.invoke(place, "alarm", []);
      if (again) await this.invoke(place, "alarm", []);
      if (disk.alarm === at) disk.alarm = null;
    } catch {
      // It rings again: the alarm is still on disk.
    }
    place.ringing = null;
    this.watchAlarm(place);
  }
}

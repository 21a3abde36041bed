/**
 * Virtual time. What happens is a list of events; between two of them everything that can run without waiting does. `setTimeout`,
 * `scheduler.wait`, `Date.now` and the log are the world's while it runs. A timer belongs to whoever set it, and dies with it.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { createHash } from "node:crypto";

/** Whoever computes: one life of an object, or one isolate of the Worker. */
export type Owner = { dead: boolean };

type Event = { atMs: number; order: number; run: () => void };

const mostSteps = 500_000;

/** Lets all microtasks run. Taken before time is virtual. */
const tick = ((immediate) => () => new Promise<void>((resolve) => void immediate(resolve)))(
  (globalThis as unknown as { setImmediate: (run: () => void) => unknown }).setImmediate,
);

const owners = new AsyncLocalStorage<Owner>();

/** Runs `work` as a doing of `owner`. */
export const as = <T>(owner: Owner, work: () => T): T => owners.run(owner, work);

export class Clock {
  now: number;
  steps = 0;
  readonly logged: string[] = [];
  /** Ascending from the end: the next event is the last. */
  private readonly events: Event[] = [];
  private order = 0;

  constructor(now: number) {
    this.now = now;
  }

  after(ms: number, run: () => void): () => void {
    const event = { atMs: this.now + ms, order: (this.order += 1), run };
    let low = 0;
    for (let high = this.events.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (this.events[middle]!.atMs > event.atMs) low = middle + 1;
      else high = middle;
    }
    this.events.splice(low, 0, event);
    return () => void (event.run = () => {});
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  /** Lets time pass until `story` has ended. `between` runs after each event, when nobody can go on without waiting. */
  async run<T>(story: () => Promise<T>, between: () => void): Promise<T> {
    const restore = this.takeOver();
    try {
      let over = false;
      const result = story().finally(() => (over = true));
      result.catch(() => {});
      for (;;) {
        await tick();
        between();
        if (over) return await result;
        const event = this.events.pop();
        if (!event) throw new Error("Everybody waits, and nothing is left to happen.");
        this.now = Math.max(this.now, event.atMs);
        this.steps += 1;
        if (this.steps > mostSteps) throw new Error("It does not come to an end.");
        event.run();
      }
    } finally {
      restore();
    }
  }

  private takeOver(): () => void {
    const world = globalThis as unknown as Record<string, unknown>;
    const { setTimeout, clearTimeout, scheduler } = world;
    const { now } = Date;
    const { info, warn, error } = console;
    const later = (run: () => void, ms: number): (() => void) => {
      const owner = owners.getStore();
      return this.after(ms, () => void (owner === undefined ? run() : owner.dead || as(owner, run)));
    };
    world.setTimeout = later;
    world.clearTimeout = (cancel: (() => void) | null) => cancel?.();
    world.scheduler = { wait: (ms: number) => new Promise<void>((resolve) => void later(resolve, ms)) };
    Date.now = () => Math.floor(this.now);
    // Hashing takes no turn of its own here: on Node it would come back from outside the world.
    Object.defineProperty(crypto.subtle, "digest", { configurable: true, value: (_: string, data: Uint8Array) => Promise.resolve(Uint8Array.from(createHash("sha256").update(data).digest()).buffer) });
    console.info = console.warn = console.error = (line: string) => void this.logged.push(line);
    return () => {
      Object.assign(world, { setTimeout, clearTimeout, scheduler });
      Date.now = now;
      delete (crypto.subtle as { digest?: unknown }).digest;
      Object.assign(console, { info, warn, error });
    };
  }
}

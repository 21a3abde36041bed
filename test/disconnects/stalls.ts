/** How long this machine kept the gateway from answering anything: a probe that asks for next to nothing, again and again. */
import { setTimeout as sleep } from "node:timers/promises";

const everyMs = 15;

export class Stalls {
  private readonly probes: { fromMs: number; toMs: number }[] = [];
  private running = true;
  private readonly done: Promise<void>;

  constructor(url: string) {
    this.done = this.probe(url);
  }

  async stop(): Promise<void> {
    this.running = false;
    await this.done;
  }

  /** The longest that an answer took of those that were waited for at some time from `fromMs` to `toMs`. */
  longest(fromMs: number, toMs: number): number {
    return this.probes.reduce((most, probe) => (probe.fromMs < toMs && probe.toMs > fromMs ? Math.max(most, probe.toMs - probe.fromMs) : most), 0);
  }

  /** All of them, shortest first. */
  sorted(): number[] {
    return this.probes.map(({ fromMs, toMs }) => toMs - fromMs).toSorted((a, b) => a - b);
  }

  private async probe(url: string): Promise<void> {
    while (this.running) {
      const fromMs = performance.now();
      await (await fetch(`${url}/nothing`)).text();
      this.probes.push({ fromMs, toMs: performance.now() });
      await sleep(everyMs);
    }
  }
}

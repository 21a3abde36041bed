/** Interleaved rounds: every round asks every scenario of every target, one target at a time, the others idle. */
import { cpuMicros, rssMb, type Load } from "./processes.ts";
import { eventsAtClient, type Scenario } from "./scenarios.ts";
import type { LoadResult } from "./load.ts";
import type { Target } from "./targets.ts";

/** One scenario on one target in one round. */
export type Sample = {
  scenario: Scenario;
  target: string;
  round: number;
  requestsPerSecond: number;
  p50: number;
  p99: number;
  firstByteP50: number;
  cpuPerRequest: number | undefined;
  cpuPerEvent: number | undefined;
  rss: number | undefined;
};

/** The samples, and what went wrong on the way (error statuses, streams with too few or too many events). */
export type Measured = { samples: Sample[]; problems: string[] };

/** Runs all rounds. `say` is told what is going on. */
export async function measure(load: Load, targets: Target[], scenarios: Scenario[], rounds: number, say: (line: string) => void): Promise<Measured> {
  const samples: Sample[] = [];
  const problems: string[] = [];
  say("warming up");
  for (const target of targets) {
    for (const scenario of scenarios) if (!scenario.paced) await run(load, target, scenario, Math.min(1000, scenario.durationMs));
  }
  for (let round = 0; round < rounds; round++) {
    say(`round ${round + 1} of ${rounds}`);
    for (const scenario of scenarios) {
      for (const target of rotated(targets, round)) {
        if (scenario.paced && target.name === "direct") continue;
        const before = cpuMicros(target.pid);
        const result = await run(load, target, scenario, scenario.durationMs);
        const after = cpuMicros(target.pid);
        const cpu = before === undefined || after === undefined ? undefined : after - before;
        samples.push({
          scenario,
          target: target.name,
          round,
          requestsPerSecond: result.responses / result.seconds,
          p50: result.p50,
          p99: result.p99,
          firstByteP50: result.firstByteP50,
          cpuPerRequest: cpu === undefined ? undefined : cpu / result.responses,
          cpuPerEvent: cpu === undefined || scenario.events === 0 ? undefined : cpu / (result.responses * scenario.events),
          rss: rssMb(target.pid),
        });
        for (const problem of problemsOf(scenario, target, result)) problems.push(`${target.name}, ${scenario.name}, round ${round + 1}: ${problem}`);
      }
    }
  }
  return { samples, problems };
}

/** One job against one target. */
export function run(load: Load, target: Target, scenario: Scenario, durationMs: number): Promise<LoadResult> {
  const { concurrency, requests } = scenario;
  return load.run({ ...target.ask(scenario), concurrency, durationMs, requests });
}

function problemsOf(scenario: Scenario, target: Target, result: LoadResult): string[] {
  const problems = Object.entries(result.statuses).map(([status, count]) => `${count} × ${status}`);
  const { least, most } = eventsAtClient(scenario, target.speaks(scenario));
  const each = result.events / result.responses;
  if (each < least || each > most) problems.push(`${each} events a response instead of ${least}${most > least ? ` to ${most}` : ""}`);
  return problems;
}

function rotated<T>(list: T[], by: number): T[] {
  const start = by % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}

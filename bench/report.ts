/** From samples to Markdown: medians over rounds, ratios against the bare Worker, and the aims. */
import type { Sample } from "./measure.ts";
import type { Scenario } from "./scenarios.ts";
import type { Tally } from "./upstream.ts";

const bare = "bare Worker";
const portkey = "Portkey's Worker";
const gateway = "Forge";

type Figure = "requestsPerSecond" | "p50" | "p99" | "firstByteP50" | "cpuPerRequest" | "cpuPerEvent" | "rss";

/** The table: one row per scenario and target. Ratios are medians of the rounds' own ratios. */
export function table(samples: Sample[]): string {
  const rows = [
    "| scenario | target | req/s | × bare | p50 ms | p99 ms | first byte ms | CPU µs/req | CPU µs/event | CPU × bare | RSS MB |",
    "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
  ];
  for (const scenario of new Set(samples.map((sample) => sample.scenario))) {
    for (const target of new Set(samples.filter((sample) => sample.scenario === scenario).map((sample) => sample.target)).values()) {
      const cell = (figure: Figure, digits: number) => show(middle(samples, scenario, target, figure), digits);
      const ratio = (figure: Figure) => (target === bare ? "1" : show(ratioToBare(samples, scenario, target, figure), 2));
      rows.push(`| ${[
        scenario.name, target,
        cell("requestsPerSecond", 0), scenario.paced ? "–" : ratio("requestsPerSecond"),
        cell("p50", 2), cell("p99", 2), cell("firstByteP50", 2),
        cell("cpuPerRequest", 0), scenario.events > 0 ? cell("cpuPerEvent", 1) : "–", ratio("cpuPerRequest"),
        cell("rss", 0),
      ].join(" | ")} |`);
    }
  }
  return rows.join("\n");
}

/**
 * The aims, each with its figure. Empty when the gateway was not measured. "by CPU" is the same ratio from CPU time per
 * request: what it would be with the core for oneself, which wall-clock figures on a busy machine are not.
 */
export function aims(samples: Sample[], target = gateway): string {
  const lines: string[] = [];
  const add = (text: string, value: number, byCpu: number, met: boolean) => {
    if (!Number.isNaN(value)) lines.push(`| ${text} | ${value.toFixed(2)} | ${Number.isNaN(byCpu) ? "–" : byCpu.toFixed(2)} | ${met ? "met" : "**missed**"} |`);
  };
  for (const scenario of new Set(samples.map((sample) => sample.scenario))) {
    const { kind, concurrency, paced, name, upstream } = scenario;
    if (upstream === "messages") {
      const beside = ratioTo(portkey, samples, scenario, target, "requestsPerSecond");
      const cpu = 1 / ratioTo(portkey, samples, scenario, target, "cpuPerRequest");
      const least = kind === "json" ? 1.3 : 3;
      if (!paced) add(`${name}: req/s ≥ ${least} × ${portkey}`, beside, cpu, beside >= least);
      continue;
    }
    const speed = ratioToBare(samples, scenario, target, "requestsPerSecond");
    const byCpu = 1 / ratioToBare(samples, scenario, target, "cpuPerRequest");
    const p50 = ratioToBare(samples, scenario, target, "p50");
    const later = laterFirstByte(samples, scenario, target);
    if (kind === "json" && concurrency === 16) add(`${name}: req/s ≥ 0.6 × bare`, speed, byCpu, speed >= 0.6);
    if (kind === "json" && concurrency === 1) add(`${name}: p50 ≤ 1.7 × bare`, p50, NaN, p50 <= 1.7);
    if (kind === "stream" && concurrency === 16 && !paced) add(`${name}: req/s ≥ 0.8 × bare`, speed, byCpu, speed >= 0.8);
    if (kind === "stream" && concurrency === 1) add(`${name}: first byte ≤ bare + 0.3 ms`, later, NaN, later <= 0.3);
  }
  return lines.length === 0 ? "" : ["| aim | measured | by CPU | |", "|---|--:|--:|---|", ...lines].join("\n");
}

/** Upstream's count against the gateway's books. */
export function books(served: Tally, ledger: Tally, waitedMs: number): string {
  const row = (who: string, sum: Tally) => `| ${who} | ${sum.requests} | ${sum.inputTokens} | ${sum.outputTokens} |`;
  return [
    "| | requests | input tokens | output tokens |", "|---|--:|--:|--:|", row("upstream served", served), row("Forge's ledger", ledger), "",
    sameTally(served, ledger) ? `Equal to the token, ${(waitedMs / 1000).toFixed(1)} s after the last request.` : `**They differ**, ${(waitedMs / 1000).toFixed(1)} s after the last request.`,
  ].join("\n");
}

/** True when two counts are the same in all three figures. */
export function sameTally(a: Tally, b: Tally): boolean {
  return a.requests === b.requests && a.inputTokens === b.inputTokens && a.outputTokens === b.outputTokens;
}

/** The middle value; NaN for none. */
export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length === 0 ? NaN : sorted.length % 2 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

function figures(samples: Sample[], scenario: Scenario, target: string, figure: Figure): number[] {
  const own = samples.filter((sample) => sample.scenario === scenario && sample.target === target).sort((a, b) => a.round - b.round);
  return own.map((sample) => sample[figure]).filter((value) => value !== undefined);
}

function middle(samples: Sample[], scenario: Scenario, target: string, figure: Figure): number {
  return median(figures(samples, scenario, target, figure));
}

const ratioToBare = (samples: Sample[], scenario: Scenario, target: string, figure: Figure): number => ratioTo(bare, samples, scenario, target, figure);

function ratioTo(other: string, samples: Sample[], scenario: Scenario, target: string, figure: Figure): number {
  const base = figures(samples, scenario, other, figure);
  return median(figures(samples, scenario, target, figure).map((value, round) => value / (base[round] ?? NaN)));
}

function laterFirstByte(samples: Sample[], scenario: Scenario, target: string): number {
  const base = figures(samples, scenario, bare, "firstByteP50");
  return median(figures(samples, scenario, target, "firstByteP50").map((value, round) => value - (base[round] ?? NaN)));
}

function show(value: number, digits: number): string {
  return Number.isNaN(value) ? "n/a" : value.toFixed(digits);
}

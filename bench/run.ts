/**
 * `npm run bench`: Forge beside a bare passthrough Worker and the upstream itself, in one run, as a Markdown report.
 *
 *   --rounds N                   interleaved rounds (5)    --quick    two short rounds
 *   --only json|stream|crossing  some of the scenarios     --memory   100,000 requests and long streams, watching memory
 *   --portkey <folder>           an installed checkout of Portkey's gateway, measured in the same run
 *   --parts                      only whole answers that cross, beside Workers that do some of what Forge does
 */
import { availableParallelism, cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { measure } from "./measure.ts";
import { memory } from "./memory.ts";
import { pin, startLoad, startUpstream, type Upstream } from "./processes.ts";
import { aims, books, sameTally, table } from "./report.ts";
import { partTargets } from "./parts.ts";
import { scenarios, type Scenario } from "./scenarios.ts";
import { bareTarget, directTarget, forgeTarget, portkeyTarget, type Target } from "./targets.ts";

const ledgerPatienceMs = 120_000;

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string" },
    quick: { type: "boolean", default: false },
    memory: { type: "boolean", default: false },
    parts: { type: "boolean", default: false },
    only: { type: "string" },
    portkey: { type: "string" },
    requests: { type: "string", default: "100000" },
  },
});

const machine = `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, load average ${loadavg()[0]!.toFixed(1)} before, Node ${process.versions.node}`;
const say = (line: string) => console.error(`bench: ${line}`);
const upstream = await startUpstream();
const load = startLoad();
const targets: Target[] = [directTarget(upstream)];
try {
  targets.push(await bareTarget(upstream));
  targets.push(await forgeTarget(upstream));
  if (flags.parts) targets.push(...(await partTargets(upstream)));
  if (flags.portkey) targets.push(await portkeyTarget(upstream, flags.portkey));
  const pinned = pin(targets.map((target) => target.pid), 0) && pin([upstream.pid, load.pid, process.pid], 1);
  console.log(`# Benchmark\n\n${machine}; workerd ${pinned ? "pinned to one core, upstream and load to another" : "not pinned"}.\n`);
  if (flags.memory) await reportMemory();
  else await reportSpeed();
  for (const target of targets) if (target.ledger) await compareBooks(upstream, target, target.ledger);
} finally {
  for (const target of targets) await target.stop();
  load.stop();
  upstream.stop();
}
process.exit();

async function reportSpeed(): Promise<void> {
  const rounds = Number(flags.rounds ?? (flags.quick ? 2 : 5));
  const { samples, problems } = await measure(load, targets, wanted(), rounds, say);
  console.log(`Medians of ${rounds} interleaved rounds.\n\n${table(samples)}\n\n${aims(samples)}`);
  if (problems.length > 0) process.exitCode = 1;
  for (const problem of problems) console.log(`\n**Problem:** ${problem}`);
}

function wanted(): Scenario[] {
  const all = scenarios({ quick: flags.quick, only: flags.parts ? "crossing" : flags.only });
  return flags.parts ? all.filter(({ kind }) => kind === "json") : all;
}

async function reportMemory(): Promise<void> {
  for (const target of targets) {
    if (target.name === "direct") continue;
    say(`memory of ${target.name}`);
    console.log(`${await memory(load, target, Number(flags.requests))}\n`);
  }
}

/** Waits until the ledger has caught up with what the upstream served, or patience ends. */
async function compareBooks(from: Upstream, target: Target, ledger: NonNullable<Target["ledger"]>): Promise<void> {
  const served = (await from.stats())[target.who] ?? { requests: 0, inputTokens: 0, outputTokens: 0 };
  const start = Date.now();
  say("comparing the ledger with what the upstream served");
  let kept = await ledger();
  while (!sameTally(served, kept) && Date.now() - start < ledgerPatienceMs) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    kept = await ledger();
  }
  console.log(`\n## Ledger\n\n${books(served, kept, Date.now() - start)}`);
  if (!sameTally(served, kept)) process.exitCode = 1;
}

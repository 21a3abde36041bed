/**
 * `npm run disconnects`: clients leave after every event type of every protocol, before headers and in the middle of whole answers; the
 * charge must follow the rule and the upstream's connection close. Ends with 1 when a rule was broken. `-- --rounds N`, `-- --at-once N`.
 */
import { parseArgs } from "node:util";
import { Arena, type Judged } from "./arena.ts";
import { cancels, closeMs, hangUpMs } from "./play.ts";
import { allTrials } from "./trials.ts";

const { values: flags } = parseArgs({ options: { rounds: { type: "string", default: "3" }, "at-once": { type: "string", default: "16" }, only: { type: "string" } } });
const trials = allTrials(Number(flags.rounds)).filter(({ name }) => !flags.only || flags.only.split(",").includes(name));
const began = Date.now();
const arena = await Arena.open();
const judged = await arena.judge(trials, Number(flags["at-once"])).finally(() => arena.close());

const rows = Map.groupBy(judged, ({ played: { trial } }) => `${trial.policy.padEnd(7)} ${trial.stream ? "stream" : "whole "} ${trial.client}`);
const percentile = (sorted: readonly number[], part: number): string => (sorted.length === 0 ? "-" : String(Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!)));
const hangUps = (of: readonly Judged[]): number[] => of.filter(({ played }) => cancels(played.trial)).flatMap(({ played }) => closeMs(played) ?? []).toSorted((a, b) => a - b);
const line = (title: string, of: readonly Judged[]): string[] => {
  const closed = hangUps(of);
  return [title, of.length, of.filter(({ played }) => played.leftMs !== undefined).length, of.filter(({ wrong }) => wrong.length > 0).length, closed.length, percentile(closed, 0.5), percentile(closed, 0.99), percentile(closed, 1)].map(String);
};
const table = [["policy  answer client", "trials", "left", "violations", "hung up", "p50 ms", "p99 ms", "max ms"], ...[...rows].toSorted(([a], [b]) => a.localeCompare(b)).map(([title, of]) => line(title, of)), line("all", judged)];
const widths = table[0]!.map((_, i) => Math.max(...table.map((row) => row[i]!.length)));
for (const row of table) console.log(row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  "));

const violations = judged.filter(({ wrong }) => wrong.length > 0);
for (const { played: { trial }, wrong } of violations.slice(0, 40)) console.log(`\n${JSON.stringify(trial)}\n  ${wrong.map((what) => what.slice(0, 400)).join("\n  ")}`);
const unsent = judged.filter(({ played }) => played.calls.length === 0);
console.log(`\nLeft before the upstream had the request: ${unsent.length}, of which ${unsent.filter(({ entries }) => entries.length === 0).length} never came to a reservation and ${unsent.filter(({ entries }) => entries[0]?.usage.inputTokens === 0).length} were never sent.`);
const stalls = arena.stalls.sorted();
const lateOnes = judged.filter(({ played }) => cancels(played.trial) && (closeMs(played) ?? 0) > hangUpMs);
console.log(`\nThe machine: the gateway answered a probe in ${percentile(stalls, 0.5)} ms (p50), ${percentile(stalls, 0.99)} (p99), ${percentile(stalls, 1)} (max); that long is allowed for where it was so. Beyond ${hangUpMs} ms by it: ${lateOnes.length}.`);
const seconds = Math.round((Date.now() - began) / 1000);
console.log(`\n${violations.length === 0 ? "Every charge follows the rule, and every call that was to be cancelled was in time." : `${violations.length} VIOLATED the rule.`} ${judged.length} trials in ${seconds} s.`);
process.exit(violations.length === 0 ? 0 : 1);

/**
 * `npm run failover`: the first of two deployments fails three requests in ten in every way that providers fail; no client may see it, and
 * no text may be told twice. Then one that always fails must be skipped and come back by itself, and what a second deployment costs
 * while nothing fails is measured, and what hedging is worth. Ends with 1 when a promise was broken. `-- --streams N`, `-- --at-once N`, `-- --seed N`, `-- --pairs N`.
 */
import { parseArgs } from "node:util";
import { Arena } from "./arena.ts";
import { outage } from "./circuit.ts";
import { faultShare, trialsOf } from "./faults.ts";
import { hedging } from "./hedging.ts";
import { overhead } from "./overhead.ts";
import { play, type Judged } from "./streams.ts";

/** The promise: less than this is added to the median while nothing fails. */
const mostAddedMs = 1;

const { values: flags } = parseArgs({ options: { streams: { type: "string", default: "10000" }, "at-once": { type: "string", default: "48" }, seed: { type: "string", default: "1" }, pairs: { type: "string", default: "" } } });
const streams = Number(flags.streams);
const pairs = Number(flags.pairs || Math.min(1_500, Math.max(200, Math.round(streams / 5))));
const beganMs = Date.now();

function table(rows: readonly (readonly (string | number)[])[]): void {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => String(row[i]).length)));
  for (const row of rows) console.log(row.map((cell, i) => (i === 0 ? String(cell).padEnd(widths[i]!) : String(cell).padStart(widths[i]!))).join("  "));
}

const arena = await Arena.open();
const { judged, added, down } = await (async () => {
  // Before anything has failed, and while nothing else runs.
  const measured = await overhead(arena, pairs);
  const all = await play(arena, trialsOf(streams, Number(flags.seed)), Number(flags["at-once"]));
  return { judged: all, added: measured, down: await outage(arena) };
})().finally(() => arena.close());

const broke = ({ breaks }: Judged): boolean => breaks;
const met = ({ trial: { fault }, skipped }: Judged): boolean => !skipped && fault !== undefined;
const count = (of: readonly Judged[], which: (one: Judged) => boolean): number => of.filter(which).length;
const line = (title: string, of: readonly Judged[]): (string | number)[] => [
  title, of.length, count(of, met), count(of, (one) => met(one) && one.by === "second"), count(of, ({ skipped }) => skipped), count(of, (one) => broke(one) && one.visible),
  count(of, (one) => one.visible && !broke(one)), count(of, ({ wrong }) => wrong.length > 0),
];
const head = ["", "requests", "met a fault", "answered elsewhere", "first was skipped", "broke when begun", "other failures seen", "wrong"];
const grouped = (key: (one: Judged) => string, of = judged): (string | number)[][] => [...Map.groupBy(of, key)].toSorted(([a], [b]) => a.localeCompare(b)).map(([title, group]) => line(title, group));
table([head, ...grouped(({ trial }) => `${trial.stream ? "stream" : "whole "} ${trial.client.padEnd(9)} second: ${trial.second}`), line("all", judged)]);
console.log();
table([["fault", ...head.slice(1)], ...grouped(({ trial }) => `${trial.fault!.kind.padEnd(9)} ${trial.stream ? "stream" : "whole"}`, judged.filter(met))]);

const apart = (kind: string): number => count(judged, (one) => broke(one) && one.trial.fault?.kind === kind);
console.log(`\nBroken off once something had been passed on, each ended with the error of its protocol: ${apart("midway")} streams behind their first words, ${apart("opened")} between their role and their first word.`);
const wrong = judged.filter((one) => one.wrong.length > 0);
const kindsOfWrong = Map.groupBy(wrong, ({ trial: { client, stream, fault, second } }) => `${client} ${stream ? "stream" : "whole"}, ${fault ? `${fault.kind}/${fault.variant}` : "no fault"}, second ${second}`);
for (const [kind, [example, ...others]] of [...kindsOfWrong].slice(0, 40)) console.log(`\n${kind}${others.length > 0 ? ` (and ${others.length} more)` : ""}\n  ${example!.wrong.map((what) => what.slice(0, 400)).join("\n  ")}`);

console.log(`\nAn outage of ${down.requests} requests' length, ${Math.round(1_000 / 20)} a second: ${down.failures} failures seen; ${down.triedAtFirst} requests asked the dead deployment within ${Math.round(down.untilSkippedMs)} ms, then ${down.probes} probe${down.probes === 1 ? "" : "s"}; asked again, and back in its place, ${Math.round(down.backMs)} ms after it was well.`);
for (const what of down.wrong) console.log(`  VIOLATED ${what}`);

console.log("\nNothing fails, one request at a time:");
table([["", "pairs", "one deployment, p50 ms", "two, p50 ms", "added, p50 ms"], ...added.map(({ what, pairs: n, oneMs, twoMs, addedMs }) => [what, n, oneMs.toFixed(3), twoMs.toFixed(3), addedMs.toFixed(3)])]);
const dear = added.filter(({ addedMs }) => addedMs >= mostAddedMs);
for (const { what, addedMs } of dear) console.log(`  VIOLATED ${what}: ${addedMs.toFixed(3)} ms`);

const hedged = await hedging(Math.min(2_400, streams));
console.log("\nA first deployment of which one request in 33 is slow (400 ms instead of 5), to the first byte:");
table([["", "streams", "p50 ms", "p99 ms", "second asked, of 100"], ["alone", hedged.streams / 2, hedged.plain.p50.toFixed(1), hedged.plain.p99.toFixed(1), 0], ["hedged", hedged.streams / 2, hedged.hedged.p50.toFixed(1), hedged.hedged.p99.toFixed(1), hedged.hedged.asked.toFixed(1)]]);
for (const what of hedged.wrong.slice(0, 10)) console.log(`  VIOLATED ${what}`);
const useless = hedged.hedged.p99 < hedged.plain.p99 ? 0 : 1;
if (useless) console.log("  VIOLATED hedging does not shorten the 99th percentile");

const violations = wrong.length + down.wrong.length + dear.length + hedged.wrong.length + useless;
console.log(`\n${violations === 0 ? "No client saw a failure that another deployment could mend, and no text came twice." : `${violations} VIOLATED.`} ${judged.length} requests, of which ${count(judged, ({ trial }) => trial.stream)} streams, ${Math.round(faultShare * 100)} % faults at the first deployment, seed ${flags.seed}, ${Math.round((Date.now() - beganMs) / 1000)} s.`);
process.exit(violations === 0 ? 0 : 1);

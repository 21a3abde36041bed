/**
 * `npm run test:batches`: a batch of 50,000 lines on the real runtime, which is killed (`kill -9`) again and again while it reads, runs and
 * writes, and started on the same folder. Options: --lines, --kills, --only steady,lines,files,inline,keyed,vectors,azure,named. Every custom id must come back exactly once, and what the key is charged must
 * be the sum of its lines to the nano.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { cpuMicros, rssMb } from "../../bench/processes.ts";
import { addPricedModel, usage, type Key, type Running } from "../chaos/gateway.ts";
import { check, conclude } from "../chaos/verdicts.ts";
import { createKey } from "../support/admin.ts";
import { killed as kill, lineOf, linesIn, make, makeOf, retrieve, start, upload, type Batch } from "./gateway.ts";
import { cases, nativeKills } from "./native.ts";
import { steady } from "./steady.ts";
import { Upstream, isRefused, usageOf } from "./upstream.ts";

const { values: flags } = parseArgs({ options: { lines: { type: "string", default: "50000" }, kills: { type: "string", default: "24" }, only: { type: "string", default: "steady,lines,files,inline,keyed,vectors,azure,named" } } });
const sections = flags.only.split(",");
const [lines, kills] = [Number(flags.lines), Number(flags.kills)];
const nanoUsdPerToken = 1_000;
const model = "selfhosted/batch-priced";
const scenario = `${lines.toLocaleString("en")} lines`;

/** Delivers words of parts again that may long be done. */
async function deliverAgain({ mf }: Running, organisationId: string, batchId: string): Promise<void> {
  const queue = await mf.getQueueProducer("BATCHES");
  await queue.sendBatch(Array.from({ length: 20 }, () => ({ body: { organisationId, batchId, part: Math.floor(Math.random() * (lines / 32)) - 1 } })));
}

/** `cpuMs`: what workerd used in all its lives. */
type Seen = { killed: Record<string, number>; rss: number[]; runningMs: number; cpuMs: number };

/** Lets it run, and kills it at moments of chance until it has been killed often enough. Returns the batch at its end, and the gateway that is up. */
async function runAndKill(stateDir: string, origin: string, first: { gateway: Running; key: Key & { organisation: string }; batch: Batch }, seen: Seen): Promise<{ gateway: Running; batch: Batch }> {
  let { gateway, batch } = first;
  const { key } = first;
  let killed = 0;
  const due = (): number => Math.max(0, (lines * (killed - 1 + Math.random())) / (kills - 2));
  let killAt = 0;
  let since = Date.now();
  let died = since;
  for (;;) {
    await sleep(100);
    const now = Date.now();
    batch = await retrieve(gateway, key, batch);
    if (Math.random() < 0.1) await deliverAgain(gateway, key.organisation, batch.id);
    const rss = rssMb(gateway.pid);
    if (rss !== undefined && now - since > 2_000) seen.rss.push(Math.round(rss));
    const done = batch.request_counts.completed + batch.request_counts.failed;
    if (["completed", "failed", "expired", "cancelled"].includes(batch.status)) {
      seen.runningMs += Date.now() - since;
      seen.cpuMs += (cpuMicros(gateway.pid) ?? 0) / 1_000;
      return { gateway, batch };
    }
    const finalizing = batch.status === "finalizing";
    const strike = batch.status === "validating" ? killed === 0 : finalizing ? !seen.killed.finalizing : killed < kills && done >= killAt;
    if (!strike) continue;
    await sleep(Math.random() * (batch.status === "in_progress" ? 300 : 40));
    seen.cpuMs += (cpuMicros(gateway.pid) ?? 0) / 1_000;
    seen.runningMs += Date.now() - since;
    seen.killed[batch.status] = (seen.killed[batch.status] ?? 0) + 1;
    killed += 1;
    killAt = due();
    gateway = await kill(gateway, origin, stateDir);
    since = Date.now();
    console.log(`killed ${killed} times, ${done} of ${lines} lines done, ${Math.round((since - died) / 1_000)} s`);
    died = since;
  }
}

/** Input that would fill the memory of whoever held it. */
async function hostile(gateway: Running, key: Key): Promise<void> {
  const piece = new Uint8Array(1024 * 1024).fill(97);
  for (const [megabytes, expected] of [[190, "line_too_long at line 2"], [300, "refused: 400"]] as const) {
    const file = await upload(gateway, key, [`${lineOf(0, model)}\n`, ...Array.from({ length: megabytes }, () => piece), `\n${lineOf(1, model)}`]);
    const before = rssMb(gateway.pid) ?? 0;
    let peak = before;
    const watch = setInterval(() => (peak = Math.max(peak, rssMb(gateway.pid) ?? 0)), 50);
    const found = await makeOf(gateway, key, file).then(async (made) => {
      let batch = made;
      for (const deadline = Date.now() + 60_000; batch.status === "validating" && Date.now() < deadline; await sleep(100)) batch = await retrieve(gateway, key, made);
      const [error] = (batch.errors as { data: { code: string; line: number }[] } | null)?.data ?? [];
      return `${error?.code} at line ${error?.line}`;
    }, (error: Error) => `refused: ${/: (\d+)/.exec(error.message)?.[1]}`);
    clearInterval(watch);
    check("hostile input", `one line of ${megabytes} MB`, expected, found);
    check("hostile input", "memory for reading it, beside what was there", "≤ 120 MB", `${Math.round(peak - before)} MB`, peak - before <= 120);
  }
}

const folder = mkdtempSync(join(tmpdir(), "forge-batches-"));
const upstream = new Upstream();
const began = Date.now();
const seen: Seen = { killed: {}, rss: [], runningMs: 0, cpuMs: 0 };

/** The batch whose lines run here, killed all along, and inputs that are hostile. */
async function provenLines(origin: string): Promise<void> {
  let gateway = await start(origin, join(folder, "live"));
  await addPricedModel(gateway, "batch-priced", nanoUsdPerToken);
  const key = await createKey(gateway.url, { limits: { requestsPerMinute: 10_000_000, concurrentRequests: 1_000 } });
  let batch = await make(gateway, key, [Array.from({ length: lines }, (_, i) => lineOf(i, model)).join("\n")]);
  ({ gateway, batch } = await runAndKill(join(folder, "live"), origin, { gateway, key, batch }, seen));
  console.log(JSON.stringify(batch));

  const [output, errors] = [await linesIn(gateway, key, batch.output_file_id), await linesIn(gateway, key, batch.error_file_id)];
  const all = Array.from({ length: lines }, (_, i) => i);
  const refused = all.filter(isRefused);
  const counted = (ids: string[]): string => `${ids.length}, ${new Set(ids).size} different`;
  check(scenario, "status", "completed", batch.status);
  check(scenario, "kill -9", `≥ ${Math.min(kills, 20)}`, Object.entries(seen.killed).map(([status, times]) => `${times}× ${status}`).join(", "), Object.values(seen.killed).reduce((a, b) => a + b, 0) >= Math.min(kills, 20));
  check(scenario, "custom ids in both files", `${lines}, ${lines} different`, counted([...output, ...errors].map(({ custom_id }) => custom_id)));
  check(scenario, "custom ids of the output", lines - refused.length, output.length);
  check(scenario, "errors are those that the provider refused", refused.length, errors.filter(({ custom_id, response }) => response?.status_code === 400 && isRefused(Number(custom_id.slice(5)))).length);
  check(scenario, "answers belong to their custom ids", output.length, output.filter(({ custom_id, response }) => response?.body.choices?.[0]?.message.content === `answer ${custom_id.slice(5)}`).length);
  check(scenario, "counts", JSON.stringify({ total: lines, completed: output.length, failed: errors.length }), JSON.stringify(batch.request_counts));
  const told = all.filter((i) => !isRefused(i)).map(usageOf);
  const [input, written] = [told.reduce((sum, one) => sum + one.input, 0), told.reduce((sum, one) => sum + one.output, 0)];
  check(scenario, "the batch's usage = the sum of its lines", `${input} in, ${written} out`, `${batch.usage.input_tokens} in, ${batch.usage.output_tokens} out`);
  let totals = await usage(gateway.url, key);
  for (const deadline = Date.now() + 60_000; Date.now() < deadline && totals.costNanoUsd !== (input + written) * nanoUsdPerToken; totals = await usage(gateway.url, key)) await sleep(1_000);
  check(scenario, "what the key was charged = the sum of its lines, nano-USD", (input + written) * nanoUsdPerToken, totals.costNanoUsd);
  const meter = await (await gateway.mf.getDurableObjectNamespace("KEY_METER") as unknown as { getByName(name: string): { inspect(): Promise<{ counters: { held: { requests: number } } }> } }).getByName(key.id).inspect();
  check(scenario, "reservations that are still open", 0, meter.counters.held.requests);
  const again = [...upstream.asked.values()].reduce((sum, times) => sum + times - 1, 0);
  console.log(`the provider was asked ${again} times for a line that it had been asked for before`);
  const peak = Math.max(...seen.rss);
  const third = Math.floor(seen.rss.length / 3);
  const mean = (part: number[]): number => Math.round(part.reduce((sum, mb) => sum + mb, 0) / Math.max(1, part.length));
  console.log(`workerd's memory: ${mean(seen.rss.slice(0, third))} MB in the first third, ${mean(seen.rss.slice(-third))} MB in the last, ${peak} MB at most`);
  check(scenario, "memory stays flat: at most", "≤ 512 MB", `${peak} MB`, peak <= 512);
  console.log(`${Math.round(lines / (seen.runningMs / 1_000))} lines a second while it ran (${Math.round(seen.runningMs / 1_000)} s up); ${(seen.cpuMs / lines).toFixed(1)} ms of workerd's CPU a line, starts and lines that ran twice included`);
  await hostile(gateway, key);
  await gateway.stop();
}

try {
  const origin = await upstream.start();
  if (sections.includes("steady")) await steady(origin, join(folder, "steady"), lines);
  if (sections.includes("lines")) await provenLines(origin);
  for (const name of ["files", "inline", "keyed", "vectors", "azure", "named"] as const) if (sections.includes(name)) await nativeKills(origin, upstream, join(folder, name), cases[name]);
} finally {
  upstream.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(conclude(began));

/** A batch that runs through undisturbed: what its Worker holds must not grow with the lines that are done. */
import { setTimeout as sleep } from "node:timers/promises";
import { addPricedModel } from "../chaos/gateway.ts";
import { check } from "../chaos/verdicts.ts";
import { createKey } from "../support/admin.ts";
import { IsolateMemory } from "../support/isolate-memory.ts";
import { lineOf, make, retrieve, start } from "./gateway.ts";

const model = "selfhosted/steady";
/** More than this between the first tenth and the end would be something that each line leaves behind: at 50,000 lines 100 bytes of each. */
const mostGrowthMiB = 5;
/** https://developers.cloudflare.com/workers/platform/limits/#memory */
const isolateMiB = 128;

/** Prints what the isolate holds after each tenth of the batch, when its garbage is collected, and what it had at most in between. */
export async function steady(origin: string, stateDir: string, lines: number): Promise<void> {
  const scenario = `${lines.toLocaleString("en")} lines, undisturbed`;
  const gateway = await start(origin, stateDir, true);
  await addPricedModel(gateway, "steady", 1_000);
  const key = await createKey(gateway.url, { limits: { requestsPerMinute: 10_000_000, concurrentRequests: 1_000 } });
  const memory = await IsolateMemory.of(gateway);
  const began = Date.now();
  const made = await make(gateway, key, [Array.from({ length: lines }, (_, i) => lineOf(i, model)).join("\n")]);
  const held: number[] = [];
  let [batch, most] = [made, 0];
  for (; !["completed", "failed"].includes(batch.status); await sleep(200)) {
    batch = await retrieve(gateway, key, made);
    most = Math.max(most, await memory.mebibytes());
    const { completed, failed } = batch.request_counts;
    if (completed + failed >= ((held.length + 1) * lines) / 10) held.push(await memory.held());
  }
  const seconds = (Date.now() - began) / 1_000;
  const after = await memory.held();
  memory.close();
  await gateway.stop();
  console.log(`${scenario}: ${Math.round(lines / seconds)} lines a second. Held after each tenth, MiB: ${held.map((mib) => mib.toFixed(1)).join(", ")}, at the end ${after.toFixed(1)}; with garbage ${most.toFixed(0)} at most`);
  check(scenario, "status", "completed", batch.status);
  const growth = after - held[0]!;
  check(scenario, "memory at most, garbage and all", `≤ ${isolateMiB} MiB`, `${most.toFixed(0)} MiB`, most <= isolateMiB);
  check(scenario, "memory stays flat: growth from the first tenth to the end", `≤ ${mostGrowthMiB} MiB`, `${growth.toFixed(1)} MiB`, growth <= mostGrowthMiB);
}

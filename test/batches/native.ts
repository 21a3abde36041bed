/** A batch that a provider's own batch does, killed in each of its states: that one is made once, and each line is charged at the price of where it ran. */
import { setTimeout as sleep } from "node:timers/promises";
import { usage } from "../chaos/gateway.ts";
import { check } from "../chaos/verdicts.ts";
import { createKey } from "../support/admin.ts";
import { killed, lineOf, linesIn, make, retrieve, start } from "./gateway.ts";
import { isLeftOut, isRefused, usageOf, type Upstream } from "./upstream.ts";

const lines = 2_000;
const model = "openai/native-priced";
const nanoUsdPerToken = { live: 1_000, batch: 500 };
const scenario = `${lines.toLocaleString("en")} lines in a provider's batch`;

type Native = { state: string; file?: string; id?: string; kept?: boolean };

export async function nativeKills(origin: string, upstream: Upstream, stateDir: string): Promise<void> {
  let gateway = await start(origin, stateDir);
  const db = await gateway.mf.getD1Database("DB");
  await db.batch([
    db.prepare(`INSERT INTO models (id, owner, kind, input_modalities, output_modalities, capabilities, context_tokens, max_output_tokens)
      VALUES ('native-priced', 'chaos', 'chat', '["text"]', '["text"]', '["text"]', 100000, 10000)`),
    db.prepare("INSERT INTO deployments (provider, upstream_id, model_id) VALUES ('openai', 'native-priced', 'native-priced')"),
    ...["input", "output"].flatMap((unit) => [[unit, nanoUsdPerToken.live], [`${unit}:batch`, nanoUsdPerToken.batch]] as const)
      .map(([unit, nano]) => db.prepare("INSERT INTO prices (provider, upstream_id, class, pico_usd, source) VALUES ('openai', 'native-priced', ?, ?, 'chaos')").bind(unit, nano * 1_000)),
  ]);
  const key = await createKey(gateway.url, { limits: { requestsPerMinute: 10_000_000 } });
  let batch = await make(gateway, key, [Array.from({ length: lines }, (_, i) => lineOf(i, model)).join("\n")]);
  const stateOf = async (): Promise<string> => {
    const run = (await gateway.mf.getDurableObjectNamespace("BATCH_RUN")) as unknown as { getByName(name: string): { face(): Promise<{ batch: { native?: Native }; sums: { completed: number } }> } };
    const { batch: { native }, sums } = await run.getByName(`${key.organisation}/${batch.id}`).face();
    return !native ? "reading" : native.state === "over" ? (sums.completed > 0 ? "running" : "kept") : native.state === "sent" ? "sent" : native.file ? "uploaded" : "offered";
  };
  const met = new Map<string, number>();
  for (const deadline = Date.now() + 10 * 60_000; Date.now() < deadline; await sleep(20)) {
    batch = await retrieve(gateway, key, batch);
    if (batch.status === "completed" || batch.status === "failed") break;
    const state = await stateOf();
    if ((met.get(state) ?? 0) >= (state === "running" ? 2 : 1)) continue;
    await sleep(Math.random() * 300);
    met.set(state, (met.get(state) ?? 0) + 1);
    gateway = await killed(gateway, origin, stateDir);
  }
  check(scenario, "kill -9 in", "≥ 4 states", [...met].map(([state, times]) => `${times}× ${state}`).join(", "), met.size >= 4);
  check(scenario, "status", "completed", batch.status);
  check(scenario, "batches made at the provider", 1, upstream.batches.length);
  const found = [...(await linesIn(gateway, key, batch.output_file_id)), ...(await linesIn(gateway, key, batch.error_file_id))];
  check(scenario, "custom ids", `${lines}, ${lines} different`, `${found.length}, ${new Set(found.map(({ custom_id }) => custom_id)).size} different`);
  const told = Array.from({ length: lines }, (_, i) => i).filter((i) => !isRefused(i));
  const batched = found.filter(({ response }) => response?.body.service_tier === "batch").length;
  check(scenario, "lines that the provider's batch answered", told.filter((i) => !isLeftOut(i)).length, batched);
  const expected = told.reduce((sum, i) => sum + (usageOf(i).input + usageOf(i).output) * (isLeftOut(i) ? nanoUsdPerToken.live : nanoUsdPerToken.batch), 0);
  let totals = await usage(gateway.url, key);
  for (const deadline = Date.now() + 60_000; Date.now() < deadline && totals.costNanoUsd !== expected; totals = await usage(gateway.url, key)) await sleep(1_000);
  check(scenario, "what the key was charged = the sum of its lines, nano-USD", expected, totals.costNanoUsd);
  await gateway.stop();
}

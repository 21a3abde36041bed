/**
 * `npm run bench:router`: what a plan over 2,000 deployments costs, µs of CPU time: `auto` chooses among all of them by what the request
 * needs, what is known of their health, and price, for a key with a budget. Fails when that is above 100 µs, which holds on a quiet machine. For
 * comparison: `quick` chooses by measured speed, `shared` by the weights of four providers.
 *
 *   --runs N   plans a round (500)
 */
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { buildCatalog, type PickBy } from "../src/catalog/index.ts";
import { endpoints } from "../src/providers/index.ts";
import { plan, type Needs, type Question, type Vital } from "../src/router/index.ts";

declare global {
  /** The catalog can be read from D1, which is the Worker's business; here it is built. */
  interface D1Database {
    prepare(sql: string): unknown;
    batch(statements: unknown[]): Promise<{ results: unknown[] }[]>;
  }
}

const mostUs = 100;
const rounds = 31;
const models = 500;
const providers = ["openai", "groq", "mistral", "together"];

const { values: flags } = parseArgs({ options: { runs: { type: "string", default: "500" } } });
const runs = Number(flags.runs);

/** Every fourth model lacks tools, every fifth pictures; prices are all different. */
const capabilities = (i: number): string[] => [...(i % 4 === 0 ? [] : ["tools"]), ...(i % 5 === 0 ? [] : ["vision"]), "json_schema"];
const rules: Record<string, PickBy> = { auto: "cheapest", quick: "fastest", shared: "weighted" };
const deployments = providers.flatMap((provider) => Array.from({ length: models }, (_, i) => ({ provider, upstream_id: `model-${i}`, model_id: `model-${i}` })));

const catalog = buildCatalog({
  models: Array.from({ length: models }, (_, i) => ({
    id: `model-${i}`, owner: "bench", kind: "chat", input_modalities: '["text"]', output_modalities: '["text"]', capabilities: JSON.stringify(capabilities(i)),
    context_tokens: 128_000, max_output_tokens: 8_192, released_at: null,
  })),
  deployments,
  prices: deployments.flatMap(({ provider, upstream_id }, i) => (["input", "output"] as const).map((unit) => (
    { provider, upstream_id, class: unit, above_tokens: 0, valid_from: 0, pico_usd: 100_000 + ((i * 7_919) % 2_000) * 1_000 }))),
  aliases: Object.keys(rules).flatMap((name) => (name === "shared"
    ? providers.map((provider, i) => ({ organisation_id: "", name, target: `${provider}/*`, weight: 1 + i }))
    : [{ organisation_id: "", name, target: "*", weight: 1 }])),
  aliasRules: Object.entries(rules).map(([name, pick]) => ({ organisation_id: "", name, pick, hedges: 0, continues: 0 })),
}, 1);

/** One deployment in ten is measured, one in a hundred is down. */
const vitals = new Map(catalog.deployments.filter((_, i) => i % 10 === 0).map(({ name }, i): [string, Vital] =>
  [name, { state: i % 10 === 0 ? "open" : "closed", firstByteMs: { p50: 200 + i }, tokensPerSecond: 40 + i }]));
const needs: Needs = { kind: "chat", capabilities: ["tools", "vision"], outputModalities: [], inputTokens: 2_000, outputTokens: 500 };

const question: Question = {
  name: "auto", protocols: ["openai-chat", "openai-responses"], sovereign: false, catalog, atMs: 1, selfHostedModels: [], seed: "bench",
  principal: {
    keyId: "key", keyName: "bench", organisationId: "bench", version: 1, limits: { requestsPerMinute: 600, budgetNanoUsd: 1 }, models: undefined,
    sovereign: false, usageScope: "key", expiresAtMs: undefined, credentials: new Map(),
  },
  endpoints: endpoints({ vars: Object.fromEntries(providers.map((id) => [`${id.toUpperCase()}_API_KEY`, "key"])), allowPrivate: false }),
  needs: () => needs, health: (vital) => vitals.get(vital),
};

/** CPU time of a plan, µs: the median of all rounds. */
function measured(name: string): number {
  const asked = { ...question, name };
  for (let i = 0; i < 2_000; i += 1) plan(asked);
  const times = Array.from({ length: rounds }, () => {
    const before = process.cpuUsage();
    for (let i = 0; i < runs; i += 1) plan(asked);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / runs;
  });
  return times.toSorted((a, b) => a - b)[Math.floor(rounds / 2)]!;
}

for (const name of Object.keys(rules)) {
  const us = measured(name);
  const { attempts, excluded } = plan({ ...question, name });
  console.log(`${name.padEnd(6)} ${deployments.length} deployments, ${attempts.length} planned, ${excluded.length} excluded: ${us.toFixed(0)} µs`);
  if (name === "auto" && us > mostUs) process.exitCode = 1;
}
if (process.exitCode === 1) console.log(`auto takes more than ${mostUs} µs (load average ${loadavg()[0]!.toFixed(1)}).`);

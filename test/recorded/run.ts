/**
 * `npm run test:recorded [-- --show N]`: every recorded OpenAI-protocol chat exchange goes through the gateway and must come
 * back equal: status, bytes, and its usage in the ledger. Needs the folder of recordings beside the project.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createKey } from "../support/admin.ts";
import { startLocal } from "../../scripts/local.ts";
import { compare, type Recording } from "./compare.ts";

const { values: flags } = parseArgs({ options: { show: { type: "string", default: "20" }, port: { type: "string", default: "4719" } } });
const folder = fileURLToPath(new URL("../../../shared/recordings/", import.meta.url));
if (!existsSync(folder)) {
  console.log("No recordings beside the project: nothing to compare.");
  process.exit(0);
}

/** Recorded provider → ours; those that we have no row for go through the OpenAI one. */
const own = new Set(["openai", "azure", "deepseek", "groq", "mistral", "ollama", "openrouter", "perplexity", "together", "xai", "zai"]);
const replayUrl = `http://127.0.0.1:${flags.port}`;
const replay = spawn(process.execPath, [`${folder}tools/replay.mjs`, "--port", flags.port, "--chunk", "random"], { stdio: "ignore" });
const vars = Object.fromEntries([...own].flatMap((id) => [[`${id.toUpperCase()}_BASE_URL`, `${replayUrl}/v1`], [`${id.toUpperCase()}_API_KEY`, "sk-replay"]]));
const gateway = await startLocal({ port: 0, vars: { ...vars, ...createKey.secrets, ALLOW_PRIVATE_UPSTREAMS: "true" } });
try {
  for (let i = 0; i < 100 && !(await fetch(`${replayUrl}/__health`).catch(() => undefined)); i += 1) await new Promise((resolve) => setTimeout(resolve, 100));
  const { secret } = await createKey(gateway.url, { limits: { requestsPerMinute: 1_000_000 } });
  const rows = readFileSync(`${folder}corpus/index.jsonl`, "utf8").split("\n").filter(Boolean)
    .map((line) => JSON.parse(line) as { id: string; provider: string; endpoint: string })
    .filter(({ endpoint }) => endpoint === "chat");
  const results: { id: string; provider: string; problems: string[]; rule: string | undefined }[] = [];
  for (const { id, provider } of rows) {
    const recording = JSON.parse(readFileSync(`${folder}corpus/${provider}/chat/${id}.json`, "utf8")) as Recording;
    const model = `${own.has(provider) ? provider : "openai"}/${id}`;
    results.push({ id, provider, ...(await compare(gateway.url, secret, model, recording)) });
  }
  report(results);
} finally {
  replay.kill();
  await gateway.stop();
}

function report(results: { id: string; provider: string; problems: string[]; rule: string | undefined }[]): void {
  for (const [provider, group] of Map.groupBy(results, (result) => result.provider)) {
    const equal = group.filter(({ problems, rule }) => problems.length === 0 && !rule).length;
    console.log(`${provider.padEnd(12)} ${equal} of ${group.length} equal`);
  }
  const wrong = results.filter(({ problems }) => problems.length > 0);
  const byRule = results.filter(({ problems, rule }) => problems.length === 0 && rule);
  for (const { id, provider, rule } of byRule) console.log(`by rule  ${provider}/${id}: ${rule}`);
  for (const { id, provider, problems } of wrong.slice(0, Number(flags.show))) console.log(`WRONG    ${provider}/${id}: ${problems.join("; ")}`);
  console.log(`\n${results.length - wrong.length - byRule.length} of ${results.length} equal, ${byRule.length} different by rule, ${wrong.length} wrong`);
  if (wrong.length > 0) process.exitCode = 1;
}

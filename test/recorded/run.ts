/**
 * `npm run test:recorded [-- --show N --only FOLDER]`: every recorded exchange of the endpoints in endpoints.ts goes through the
 * gateway and must come back equal: status, bytes, and its usage in the ledger. Needs the folder of recordings beside the project.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createKey } from "../support/admin.ts";
import { startLocal } from "../../scripts/local.ts";
import { compare, recordedBody, type Comparison, type Recording } from "./compare.ts";
import { baseUrls, endpoints, modelFor } from "./endpoints.ts";
import { isKept, Keeper, keepers, keptFolders, type Kept } from "./kept.ts";

const { values: flags } = parseArgs({ options: { show: { type: "string", default: "20" }, port: { type: "string", default: "4719" }, only: { type: "string" } } });
const folder = fileURLToPath(new URL("../../../shared/recordings/", import.meta.url));
if (!existsSync(folder)) {
  console.log("No recordings beside the project: nothing to compare.");
  process.exit(0);
}

type Result = Comparison & { id: string; group: string };

const replayUrl = `http://127.0.0.1:${flags.port}`;
const replay = spawn(process.execPath, [`${folder}tools/replay.mjs`, "--port", flags.port, "--chunk", "random"], { stdio: "ignore" });
const lenientPort = String(Number(flags.port) + 1);
const lenient = spawn(process.execPath, [`${folder}tools/replay.mjs`, "--port", lenientPort, "--lenient"], { stdio: "ignore" });
const places = baseUrls(replayUrl, `http://127.0.0.1:${lenientPort}`);
const keys = Object.fromEntries(Object.keys(places).map((name) => [name.replace("_BASE_URL", "_API_KEY"), "sk-replay"]));
const gateway = await startLocal({ port: 0, vars: { ...places, ...keys, ...createKey.secrets, ALLOW_PRIVATE_UPSTREAMS: "true", RESPONSES_STORE: "asked" } });
try {
  for (let i = 0; i < 100 && !(await fetch(`${replayUrl}/__health`).catch(() => undefined)); i += 1) await new Promise((resolve) => setTimeout(resolve, 100));
  const { secret } = await createKey(gateway.url, { limits: { requestsPerMinute: 1_000_000 } });
  const rows = readFileSync(`${folder}corpus/index.jsonl`, "utf8").split("\n").filter(Boolean)
    .map((line) => JSON.parse(line) as { id: string; provider: string; endpoint: string });
  const results: Result[] = [];
  for (const { folder: name, only, through, ask, other } of endpoints) {
    if (flags.only !== undefined && flags.only !== name) continue;
    for (const { id, provider } of rows.filter(({ endpoint }) => endpoint === name)) {
      const ours = through(provider);
      if (ours === undefined) continue;
      const recording = JSON.parse(readFileSync(`${folder}corpus/${provider}/${name}/${id}.json`, "utf8")) as Recording;
      if (only && !only(recording)) continue;
      const asked = ask(recording, recordedBody(recording), modelFor(ours, id, name));
      results.push({ id, group: `${provider}/${name}`, ...(await compare(gateway.url, secret, asked, recording, other)) });
    }
  }
  results.push(...(await keptResults(secret, rows)));
  report(results);
} finally {
  replay.kill();
  lenient.kill();
  await gateway.stop();
}

/** What is kept here, and by no provider. */
async function keptResults(secret: string, rows: readonly { id: string; provider: string; endpoint: string }[]): Promise<Result[]> {
  if (flags.only !== undefined && !keptFolders.includes(flags.only)) return [];
  const recordings = rows.filter(({ endpoint, provider }) => keptFolders.includes(endpoint) && keepers.includes(provider))
    .map(({ id, provider, endpoint }) => ({ ...(JSON.parse(readFileSync(`${folder}corpus/${provider}/${endpoint}/${id}.json`, "utf8")) as Kept), endpoint })).filter(isKept);
  const call: ConstructorParameters<typeof Keeper>[0] = async (method, path, body, headers = {}) => {
    const raw = body === undefined || typeof body === "string" || body instanceof FormData || Buffer.isBuffer(body);
    const type: Record<string, string> = raw ? {} : { "content-type": "application/json" };
    const response = await fetch(gateway.url + path, { method, headers: { authorization: `Bearer ${secret}`, ...type, ...headers }, ...(body !== undefined && { body: (raw ? body : JSON.stringify(body)) as BodyInit }) });
    return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
  };
  const keeper = new Keeper(call, modelFor("openai", rows.find(({ endpoint, provider }) => endpoint === "responses" && provider === "openai")!.id), recordings);
  const results: Result[] = [];
  for (const one of recordings.filter(({ endpoint }) => (flags.only ?? endpoint) === endpoint)) results.push({ id: one.id, group: `${one.provider}/${one.endpoint}`, ...(await keeper.compare(one).catch((error: unknown) => ({ problems: [String(error)], rule: undefined }))) });
  return results;
}

function report(results: readonly Result[]): void {
  for (const [group, members] of Map.groupBy(results, (result) => result.group)) {
    const equal = members.filter(({ problems, rule }) => problems.length === 0 && !rule).length;
    console.log(`${group.padEnd(24)} ${equal} of ${members.length} equal`);
  }
  const wrong = results.filter(({ problems }) => problems.length > 0);
  const byRule = results.filter(({ problems, rule }) => problems.length === 0 && rule);
  for (const { id, group, rule } of byRule) console.log(`by rule  ${group}/${id}: ${rule}`);
  for (const { id, group, problems } of wrong.slice(0, Number(flags.show))) console.log(`WRONG    ${group}/${id}: ${problems.join("; ")}`);
  console.log(`\n${results.length - wrong.length - byRule.length} of ${results.length} equal, ${byRule.length} different by rule, ${wrong.length} wrong`);
  if (wrong.length > 0) process.exitCode = 1;
}

/**
 * `npm run test:recorded [-- --show N --only FOLDER --write]`: every recorded exchange of the endpoints in endpoints.ts goes through the
 * gateway and must come back equal: status, bytes, and its usage in the ledger. Needs the folder of recordings beside the project.
 * `--write`: docs/fidelity.md gets the table of kinds anew.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { admin, createKey } from "../support/admin.ts";
import { startLocal } from "../../scripts/local.ts";
import { writeTable } from "./cells.ts";
import { compare, recordedBody, type Comparison, type Recording } from "./compare.ts";
import { baseUrls, endpoints, modelFor } from "./endpoints.ts";
import { inOrder, isAlone, isKept, Keeper, keepers, keptFolders, type Kept } from "./kept.ts";
import { RecordedLines } from "./kept-upstream.ts";

const { values: flags } = parseArgs({ options: { show: { type: "string", default: "20" }, port: { type: "string", default: "4719" }, only: { type: "string" }, write: { type: "boolean", default: false } } });
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
const gateway = await startLocal({ port: 0, vars: { ...keys, ...places, ...createKey.secrets, ALLOW_PRIVATE_UPSTREAMS: "true", RESPONSES_STORE: "asked" } });
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
  results.push(...(await keptResults(rows)));
  report(results);
} finally {
  replay.kill();
  lenient.kill();
  await gateway.stop();
}

/** What is kept here, and by no provider: on a gateway of its own, whose provider answers the lines of batches as they were recorded. */
async function keptResults(rows: readonly { id: string; provider: string; endpoint: string }[]): Promise<Result[]> {
  if (flags.only !== undefined && !keptFolders.includes(flags.only)) return [];
  const recordings = inOrder(rows.filter(({ endpoint, provider }) => keptFolders.includes(endpoint) && keepers.includes(provider))
    .map(({ id, provider, endpoint }) => ({ ...(JSON.parse(readFileSync(`${folder}corpus/${provider}/${endpoint}/${id}.json`, "utf8")) as Kept), endpoint })).filter(isKept));
  const upstream = new RecordedLines(recordings);
  const origin = await upstream.start();
  const gateway = await startLocal({ port: 0, vars: { OPENAI_API_KEY: "sk-replay", OPENAI_BASE_URL: `${origin}/v1`, ANTHROPIC_API_KEY: "sk-replay", ANTHROPIC_BASE_URL: origin, ...createKey.secrets, ALLOW_PRIVATE_UPSTREAMS: "true" } });
  const world = async (): Promise<Keeper> => {
    const { secret, organisation } = await createKey(gateway.url, { limits: { requestsPerMinute: 1_000_000 } });
    // The catalog no longer has the model that was recorded.
    await admin(gateway.url, "PUT", "/aliases/gpt-3.5-turbo", { organisation, targets: ["openai/gpt-3.5-turbo"] });
    return new Keeper(async (method, path, body, headers = {}) => {
      const raw = body === undefined || typeof body === "string" || body instanceof FormData || Buffer.isBuffer(body);
      const type: Record<string, string> = raw ? {} : { "content-type": "application/json" };
      const response = await fetch(gateway.url + path, { method, headers: { authorization: `Bearer ${secret}`, ...type, ...headers }, ...(body !== undefined && { body: (raw ? body : JSON.stringify(body)) as BodyInit }) });
      return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
    }, upstream);
  };
  try {
    const shared = await world();
    const results: Result[] = [];
    for (const one of recordings) {
      if (isAlone(one) && flags.only !== undefined && flags.only !== one.endpoint) continue;
      const compared = await (isAlone(one) ? await world() : shared).compare(one).catch((error: unknown) => ({ problems: [String(error)], rule: undefined }));
      results.push({ id: one.id, group: `${one.provider}/${one.endpoint}`, alike: true, ...compared });
    }
    return results.filter(({ group }) => flags.only === undefined || group.endsWith(`/${flags.only}`));
  } finally {
    upstream.stop();
    await gateway.stop();
  }
}

/** A line for each provider's kind of exchanges, then one for each kind: how many are equal, and how. */
function report(results: readonly Result[]): void {
  const isEqual = ({ problems, rule }: Result): boolean => problems.length === 0 && !rule;
  for (const [group, members] of Map.groupBy(results, (result) => result.group)) console.log(`${group.padEnd(28)} ${members.filter(isEqual).length} of ${members.length} equal`);
  const wrong = results.filter(({ problems }) => problems.length > 0);
  const byRule = results.filter(({ problems, rule }) => problems.length === 0 && rule);
  for (const { id, group, rule } of byRule) console.log(`by rule  ${group}/${id}: ${rule}`);
  for (const { id, group, problems } of wrong.slice(0, Number(flags.show))) console.log(`WRONG    ${group}/${id}: ${problems.slice(0, 8).join("; ")}`);
  const lines = [...Map.groupBy(results, ({ group }) => group.split("/")[1]!)].map(([kind, members]) => {
    const count = (which: (result: Result) => boolean): number => members.filter(which).length;
    return [kind, members.length, count((one) => isEqual(one) && !one.alike), count((one) => isEqual(one) && one.alike === true), count((one) => byRule.includes(one)), count((one) => wrong.includes(one))];
  });
  const table = [["kind", "recorded", "the same bytes", "says the same", "by a stated rule", "wrong"], ["---", "--:", "--:", "--:", "--:", "--:"], ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
  console.log(`\n${table}`);
  if (flags.write) writeTable("recorded", table);
  console.log(`\n${results.length - wrong.length - byRule.length} of ${results.length} equal, ${byRule.length} different by rule, ${wrong.length} wrong`);
  if (wrong.length > 0) process.exitCode = 1;
}

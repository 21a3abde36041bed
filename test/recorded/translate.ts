/**
 * `npm run test:translate [-- --mode translate|xreq|cut --clients chat,… --upstreams openai/chat,… --limit N --show N --deadline SECONDS --write]`:
 * every recorded answer reaches every client protocol through the gateway: text, calls, reasoning, finish, usage, grammar, schema. The
 * chat, Responses and Messages clients are judged by the recordings' own checker, the others by columns.ts as strictly.
 * `xreq`: recorded requests reach another protocol's provider. `cut`: the provider dies in the middle of its stream.
 * `--write`: docs/fidelity.md gets the table of its mode anew, a cell for each client and upstream.
 * At its deadline, or when it is told to end, it tells what it has judged so far.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startLocal } from "../../scripts/local.ts";
import { createKey } from "../support/admin.ts";
import { checkerFolder, runChecker } from "./checker.ts";
import { cellTable, writeTable } from "./cells.ts";
import { columns, runColumns } from "./columns.ts";
import { baseUrls } from "./endpoints.ts";
import { whyOf } from "./explained.ts";
import { isSoft, isWrong, judgedIn, report, wrongIn, type Judged } from "./report.ts";
import { upstreamsIn } from "./upstreams.ts";

const text = <T extends string>(fallback: T) => ({ type: "string", default: fallback }) as const;
const theirs = ["chat", "responses", "messages"];
const { values: flags } = parseArgs({
  options: {
    mode: text("translate"), clients: text([...theirs, ...Object.keys(columns)].join()), upstreams: { type: "string" },
    limit: text("0"), show: text("25"), port: text("4720"), deadline: text("0"), write: { type: "boolean", default: false },
  },
});
const shared = fileURLToPath(new URL("../../../shared/", import.meta.url));
if (!existsSync(`${shared}recordings`)) {
  console.log("No recordings beside the project: nothing to translate.");
  process.exit(0);
}

/** Why a failed check of a row is right after all. */
const why = (row: Judged, name: string): string | undefined => whyOf(flags.mode, row, name);

const ended = new AbortController();
if (flags.deadline !== "0") setTimeout(() => ended.abort(), Number(flags.deadline) * 1000).unref();

const folder = checkerFolder(shared);
const replayUrl = `http://127.0.0.1:${flags.port}`;
const replay = spawn(process.execPath, [join(folder, "tools/replay.mjs"), "--port", flags.port], { stdio: "ignore" });
const places = baseUrls(replayUrl);
const keys = Object.fromEntries(Object.keys(places).map((name) => [name.replace("_BASE_URL", "_API_KEY"), "sk-replay"]));
const config = join(tmpdir(), `forge-check-${process.pid}.json`);
/** What the checker judges, and what our columns do. */
const results = { byChecker: `${config}l`, byColumns: `${config}l2` };
for (const file of Object.values(results)) writeFileSync(file, "");
let isTold = false;
// Miniflare ends the process at once when it is told to end.
process.once("exit", () => {
  if (isTold) return;
  ended.abort();
  replay.kill();
  tell();
});

const gateway = await startLocal({ port: 0, vars: { ...keys, ...places, ...createKey.secrets, ALLOW_PRIVATE_UPSTREAMS: "true", RESPONSES_STORE: "asked" } });
try {
  for (let i = 0; i < 100 && !(await fetch(`${replayUrl}/__health`).catch(() => undefined)); i += 1) await new Promise((resolve) => setTimeout(resolve, 100));
  const { secret } = await createKey(gateway.url, { limits: { requestsPerMinute: 1_000_000 } });
  await judgeAll(secret);
  const rows = tell();
  const table = cellTable(rows, why);
  console.log(`\n${table}\n`);
  process.exitCode = verdict(rows);
  if (flags.write) writeTable(flags.mode, table);
} finally {
  replay.kill();
  await gateway.stop();
}

/** Judges both halves of the table, one after the other. */
async function judgeAll(secret: string): Promise<void> {
  const example = JSON.parse(readFileSync(`${folder}/gateway.example.json`, "utf8")) as object;
  const all = upstreamsIn(`${folder}/corpus/index.jsonl`);
  writeFileSync(config, JSON.stringify({ ...example, baseUrl: gateway.url, apiKey: secret, replay: replayUrl, upstreams: all }));
  const upstreams = flags.upstreams?.split(",") ?? Object.keys(all);
  const chosen = flags.clients.split(",");
  const clients = chosen.filter((client) => theirs.includes(client));
  const args = [flags.mode, "--config", config, "--clients", clients.join(), "--upstreams", upstreams.join(), "--limit", flags.limit, "--show", flags.show];
  if (clients.length > 0 && !(await runChecker(folder, args, results.byChecker, ended.signal))) return ended.abort();
  if (flags.mode !== "translate" && flags.mode !== "cut") return;
  await runColumns({
    mode: flags.mode, folder, url: gateway.url, secret, limit: Number(flags.limit), out: results.byColumns, stop: ended.signal,
    upstreams: Object.fromEntries(Object.entries(all).filter(([name]) => upstreams.includes(name))),
    clients: chosen.filter((client) => client in columns),
  });
}

/** Prints what was judged and not yet told: the checker tells its own half unless it was stopped. */
function tell(): Judged[] {
  isTold = true;
  const [byChecker, byColumns] = [judgedIn(results.byChecker), judgedIn(results.byColumns)];
  if (ended.signal.aborted) console.log("Stopped before the end. Judged so far:");
  const untold = ended.signal.aborted ? [...byChecker, ...byColumns] : byColumns;
  if (untold.length > 0) report(untold, Number(flags.show), why);
  return [...byChecker, ...byColumns];
}

/** 1 when a crossing failed that is not explained, nothing was checked or not all. Same-protocol rows are the provider's own bytes. */
function verdict(rows: readonly Judged[]): number {
  const crossed = rows.filter(({ client, upstream, na }) => na === undefined && upstream.split("/")[1] !== client);
  const failed = crossed.filter(isWrong);
  const wrong = failed.filter((row) => wrongIn(row).some((name) => why(row, name) === undefined));
  const whys = Map.groupBy(failed.flatMap((row) => wrongIn(row).map((name) => why(row, name) ?? "not explained")), (reason) => reason);
  for (const [reason, of] of whys) console.log(`explained  ${of.length}: ${reason}`);
  console.log(`${crossed.length} crossings: ${wrong.length} wrong and not explained, ${crossed.filter(isSoft).length} clean with a soft mark`);
  return wrong.length > 0 || crossed.length === 0 || ended.signal.aborted ? 1 : 0;
}

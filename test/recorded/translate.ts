/**
 * `npm run test:translate [-- --mode translate|xreq|cut --upstreams openai/chat,… --limit N --show N]`: every recorded answer reaches
 * every client protocol through the gateway, judged by the recordings' own checker: text, calls, finish, usage, grammar, schema.
 * `xreq`: recorded requests reach another protocol's provider. `cut`: the provider dies in the middle of its stream.
 */
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startLocal } from "../../scripts/local.ts";
import { createKey } from "../support/admin.ts";
import { baseUrls, modelFor } from "./endpoints.ts";

const text = <T extends string>(fallback: T) => ({ type: "string", default: fallback }) as const;
const { values: flags } = parseArgs({ options: { mode: text("translate"), upstreams: { type: "string" }, limit: text("0"), show: text("25"), port: text("4720") } });
const shared = fileURLToPath(new URL("../../../shared/", import.meta.url));
if (!existsSync(`${shared}recordings`)) {
  console.log("No recordings beside the project: nothing to translate.");
  process.exit(0);
}

/** Which protocol the provider of a recording is to be asked in: the client's own would pass through otherwise. */
const protocols: Record<string, string> = {
  chat: "openai-chat", responses: "openai-responses", messages: "anthropic-messages", generate_content: "gemini-generate", converse: "bedrock-converse", cohere_chat: "cohere-chat",
};

const noAnswer = "an answer about a cached content, not of a model: there is nothing to tell";
const cited = "the recording's expectation leaves out text that is cited; it is the model's";
const audio = "audio tokens are counted beside the prompt: they are billed";
/** Recorded answers that arrive otherwise than the checker expects, and why. */
const explained: Record<string, string> = {
  "rec-1304bc5ca7": noAnswer, "rec-1b442160ba": noAnswer, "rec-be51eeac98": noAnswer,
  "rec-7f250b8c46": cited, "rec-8e88b02698": cited, "rec-a9943e8e1b": cited, "rec-0f8a2ea97d": audio, "rec-8061a7d90f": audio,
};

/** The checker needs packages of its own beside it: it runs from a copy. */
function checkerFolder(): string {
  const folder = join(tmpdir(), "forge-recordings", "recordings");
  if (existsSync(join(folder, "node_modules"))) return folder;
  mkdirSync(join(folder, ".."), { recursive: true });
  cpSync(`${shared}recordings`, folder, { recursive: true });
  symlinkSync(`${shared}specs`, join(folder, "..", "specs"));
  spawnSync("npm", ["install", "--prefix", folder], { stdio: "inherit" });
  return folder;
}

const folder = checkerFolder();
const replayUrl = `http://127.0.0.1:${flags.port}`;
const replay = spawn(process.execPath, [join(folder, "tools/replay.mjs"), "--port", flags.port], { stdio: "ignore" });
const places = { ...baseUrls(replayUrl), BEDROCK_BASE_URL: replayUrl, COHERE_BASE_URL: replayUrl };
const keys = Object.fromEntries(Object.keys(places).map((name) => [name.replace("_BASE_URL", "_API_KEY"), "sk-replay"]));
const gateway = await startLocal({ port: 0, vars: { ...places, ...keys, ...createKey.secrets, ALLOW_PRIVATE_UPSTREAMS: "true" } });
try {
  for (let i = 0; i < 100 && !(await fetch(`${replayUrl}/__health`).catch(() => undefined)); i += 1) await new Promise((resolve) => setTimeout(resolve, 100));
  const { secret } = await createKey(gateway.url, { limits: { requestsPerMinute: 1_000_000 } });
  const example = JSON.parse(readFileSync(`${folder}/gateway.example.json`, "utf8")) as { upstreams: Record<string, object> };
  const all = { ...example.upstreams, "vertex/generate_content": { model: modelFor("vertex", "{id}") } };
  const upstreams = Object.entries(all).flatMap(([name, row]) => {
    const protocol = protocols[name.split("/")[1]!];
    return protocol ? [[name, { ...row, headers: { "x-forge-protocol": protocol } }] as const] : [];
  });
  const config = join(tmpdir(), `forge-check-${process.pid}.json`);
  writeFileSync(config, JSON.stringify({ ...example, baseUrl: gateway.url, apiKey: secret, replay: replayUrl, upstreams: Object.fromEntries(upstreams) }));
  await check(config);
  process.exitCode = verdict(`${config}l`);
} finally {
  replay.kill();
  await gateway.stop();
}

/** Runs the checker to its last line: its open connections would keep it alive. */
function check(config: string): Promise<void> {
  const chosen = flags.upstreams === undefined ? [] : ["--upstreams", flags.upstreams];
  const args = [join(folder, "tools/check.mjs"), flags.mode, "--config", config, "--out", `${config}l`, "--limit", flags.limit, "--show", flags.show, ...chosen];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"] });
  return new Promise((resolve) => {
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      process.stdout.write(part);
      said += part;
      if (/^TOTAL .*\n/m.test(said)) child.kill();
    });
    child.once("close", () => resolve());
  });
}

/** 1 when a crossing failed that is not explained, or nothing was checked. Same-protocol rows are the provider's own bytes. */
function verdict(file: string): number {
  const rows = readFileSync(file, "utf8").split("\n").filter(Boolean)
    .map((line) => JSON.parse(line) as { id: string; client: string; upstream: string; na?: string; checks: Record<string, unknown> });
  const crossed = rows.filter(({ client, upstream, na }) => na === undefined && upstream.split("/")[1] !== client);
  const wrong = crossed.filter(({ id, checks }) => Object.values(checks).includes(false) && !(flags.mode === "translate" && id in explained));
  const soft = crossed.filter(({ checks }) => !Object.values(checks).includes(false) && Object.values(checks).includes("soft"));
  console.log(`${crossed.length} crossings: ${wrong.length} wrong and not explained, ${soft.length} clean with a soft mark`);
  return wrong.length > 0 || crossed.length === 0 ? 1 : 0;
}

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
import { baseUrls } from "./endpoints.ts";

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
  const upstreams = Object.entries(example.upstreams).flatMap(([name, row]) => {
    const protocol = protocols[name.split("/")[1]!];
    return protocol ? [[name, { ...row, headers: { "x-forge-protocol": protocol } }] as const] : [];
  });
  const config = join(tmpdir(), `forge-check-${process.pid}.json`);
  writeFileSync(config, JSON.stringify({ ...example, baseUrl: gateway.url, apiKey: secret, replay: replayUrl, upstreams: Object.fromEntries(upstreams) }));
  process.exitCode = await check(config);
} finally {
  replay.kill();
  await gateway.stop();
}

/** Runs the checker to its last line: its open connections would keep it alive. */
function check(config: string): Promise<number> {
  const chosen = flags.upstreams === undefined ? [] : ["--upstreams", flags.upstreams];
  const args = [join(folder, "tools/check.mjs"), flags.mode, "--config", config, "--out", `${config}l`, "--limit", flags.limit, "--show", flags.show, ...chosen];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"] });
  return new Promise((resolve) => {
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      process.stdout.write(part);
      if (/^TOTAL .*\n/m.test(part)) child.kill();
    });
    child.once("close", (code) => resolve(code ?? 0));
  });
}

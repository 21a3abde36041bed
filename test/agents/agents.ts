/** The agents as they are published: installed once into a folder of their own, run as their users run them. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { text } from "node:stream/consumers";

const versions = { "@anthropic-ai/claude-code": "2.1.329", "@openai/codex": "0.169.0" };
const installed = join(tmpdir(), "forge-agents");
const patienceMs = 120_000;

/** A task for an agent. `url`: the gateway's. */
export type Task = { url: string; secret: string; model: string; prompt: string; folder: string };
export type Outcome = { code: number | null; stdout: string; stderr: string };
export type Agent = { name: string; /** Which of its requests ask the model. */ asks: string; /** It asks over a WebSocket, and not by one request each. */ sockets: boolean; run: (task: Task) => Promise<Outcome> };

const versionOf = (name: string): string | undefined => {
  const file = join(installed, "node_modules", name, "package.json");
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version : undefined;
};

/** Installs what is not there yet. Throws when that fails. */
export function installAgents(): void {
  if (Object.entries(versions).every(([name, version]) => versionOf(name) === version)) return;
  console.log(`Installing ${Object.entries(versions).map((pair) => pair.join("@")).join(" and ")} (some 800 MB) …`);
  mkdirSync(installed, { recursive: true });
  writeFileSync(join(installed, "package.json"), JSON.stringify({ private: true, dependencies: versions, allowScripts: { "@anthropic-ai/claude-code": true } }));
  const { status } = spawnSync("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1", "--prefix", installed], { stdio: ["ignore", "ignore", "inherit"] });
  if (status !== 0) throw new Error("The agents cannot be installed: this script needs the network on its first run.");
}

/** Runs a program in a home of its own that is gone afterwards, and so is all that it has started. */
async function runAgent(command: string, args: string[], folder: string, env: Record<string, string>, files: Record<string, string> = {}): Promise<Outcome> {
  const home = mkdtempSync(join(tmpdir(), "forge-agent-home-"));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(home, name), content);
  const places = { HOME: home, CODEX_HOME: home, CLAUDE_CONFIG_DIR: home, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home, XDG_DATA_HOME: home, XDG_STATE_HOME: home };
  const path = [dirname(process.execPath), process.env.PATH].join(delimiter);
  const child = spawn(join(installed, "node_modules/.bin", command), args, {
    cwd: folder, detached: true, stdio: ["ignore", "pipe", "pipe"], env: { PATH: path, LANG: "C.UTF-8", TMPDIR: tmpdir(), ...places, ...env },
  });
  const killAll = (): void => {
    try {
      process.kill(-child.pid!, "SIGKILL");
    } catch {
      // all have ended by themselves
    }
  };
  const late = setTimeout(killAll, patienceMs);
  process.once("exit", killAll);
  try {
    const ended = new Promise<number | null>((resolve, reject) => child.once("exit", resolve).once("error", reject));
    const [code, stdout, stderr] = await Promise.all([ended.finally(killAll), text(child.stdout), text(child.stderr)]);
    return { code, stdout, stderr };
  } finally {
    clearTimeout(late);
    process.off("exit", killAll);
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Claude Code: everything by environment variables. */
export const claudeCode: Agent = {
  name: `Claude Code ${versions["@anthropic-ai/claude-code"]}`,
  asks: "/v1/messages",
  sockets: false,
  run: ({ url, secret, model, prompt, folder }) => runAgent("claude", ["-p", prompt, "--model", model, "--allowedTools", "Write Read Bash"], folder, {
    ANTHROPIC_BASE_URL: url, ANTHROPIC_AUTH_TOKEN: secret, ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1", DISABLE_TELEMETRY: "1", DISABLE_ERROR_REPORTING: "1", DISABLE_AUTOUPDATER: "1",
  }),
};

/** Codex: a provider of its own in config.toml. It speaks only Responses, over a WebSocket where it is told that there are some. */
const codexBy = (sockets: boolean): Agent => ({
  name: `Codex ${versions["@openai/codex"]}${sockets ? " over a WebSocket" : ""}`,
  asks: "/v1/responses",
  sockets,
  run: ({ url, secret, model, prompt, folder }) => runAgent("codex", ["exec", "--strict-config", "--skip-git-repo-check", prompt], folder, { FORGE_KEY: secret }, {
    "config.toml": `model = "${model}"
model_provider = "forge"
approval_policy = "never"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false

[model_providers.forge]
name = "Forge"
base_url = "${url}/v1"
env_key = "FORGE_KEY"
wire_api = "responses"
supports_websockets = ${sockets}
request_max_retries = 0
stream_max_retries = 0

[features]
plugins = false

[analytics]
enabled = false
`,
  }),
});
export const codex = codexBy(false);
export const codexOverSocket = codexBy(true);

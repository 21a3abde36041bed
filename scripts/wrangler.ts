/** The one place that calls wrangler: no telemetry, no update checks, no banner. `node scripts/wrangler.ts <args>` runs it. */
import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Environment under which wrangler and miniflare make no call of their own. */
export const quietEnv = {
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_HIDE_BANNER: "true",
  WRANGLER_NO_SKILLS_UPDATE_PROMPTS: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  DO_NOT_TRACK: "1",
} as const;

/** Starts `wrangler ...args` from the project's own install and hands back the process. */
export function startWrangler(args: string[], options: SpawnOptions = {}): ChildProcess {
  return spawn(process.execPath, ["node_modules/wrangler/bin/wrangler.js", ...args], {
    cwd: root,
    stdio: "inherit",
    ...options,
    env: { ...quietEnv, ...process.env, ...options.env },
  });
}

/** Runs `wrangler ...args` to its end. Returns what was piped; throws with it when wrangler exits with anything but 0. */
export async function wrangler(args: string[], options: SpawnOptions = {}): Promise<string> {
  const child = startWrangler(args, options);
  let output = "";
  child.stdout?.on("data", (chunk) => (output += chunk));
  child.stderr?.on("data", (chunk) => (output += chunk));
  const code = await new Promise<number>((resolve) => child.on("exit", (status) => resolve(status ?? 1)));
  if (code !== 0) throw new Error(`wrangler ${args.join(" ")} failed (${code})\n${output}`);
  return output;
}

if (import.meta.main) {
  const child = startWrangler(process.argv.slice(2));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  child.on("exit", (code) => process.exit(code ?? 1));
}

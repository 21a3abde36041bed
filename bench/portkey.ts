/**
 * Portkey's gateway as a Worker, for `--portkey <folder>`: a checkout of github.com/Portkey-AI/gateway with its
 * dependencies installed. Built by wrangler exactly as its own `deploy` script does.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { unstable_readConfig } from "wrangler";
import { wrangler } from "../scripts/wrangler.ts";
import { startWorker, type RunningWorker } from "./bare.ts";

/** Builds and starts it. Throws when the folder is not such a checkout. */
export async function startPortkey(folder: string): Promise<RunningWorker> {
  const root = resolve(folder);
  const config = join(root, "wrangler.toml");
  const out = mkdtempSync(join(tmpdir(), "forge-bench-portkey-"));
  try {
    await wrangler(["deploy", "--dry-run", "--minify", join(root, "src/index.ts"), "--config", config, "--env", "", "--outdir", out], { stdio: "pipe" });
    const { compatibility_date: date, compatibility_flags: flags, vars } = unstable_readConfig({ config });
    return await startWorker({
      script: readFileSync(join(out, "index.js"), "utf8"),
      ...(date && { compatibilityDate: date }),
      ...(flags && { compatibilityFlags: flags }),
      bindings: vars,
    });
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** Headers that send a request to `provider` at `host`, as its documentation says. */
export function portkeyHeaders(provider: string, host: string): Record<string, string> {
  return { authorization: "Bearer sk-upstream", "x-portkey-provider": provider, "x-portkey-custom-host": host };
}

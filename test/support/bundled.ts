/** The Worker is bundled once for all suites that start it on a socket. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleWorker } from "../../scripts/bundle.ts";

export async function setup(): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), "forge-worker-"));
  const file = join(folder, "worker.json");
  writeFileSync(file, JSON.stringify(await bundleWorker()));
  process.env.FORGE_WORKER_BUNDLE = file;
  return () => rmSync(folder, { recursive: true, force: true });
}

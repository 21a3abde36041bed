/**
 * The Worker as it runs, here and deployed: `node scripts/bundle.ts` writes it to dist/worker, with source maps, for wrangler (wrangler.toml, `[build]`).
 *
 * esbuild itself, because wrangler would make one module of it all: what the Worker loads by `import()` — the dashboard with better-auth, Stripe's package,
 * MCP's client — would be parsed by every isolate that only answers calls of the API, and everything else would stand in functions that run one another.
 * Here each of them is a module of its own, and what it shares with the others stands in modules of their own too, so nothing is there twice.
 * Names stay as they are written, for stack traces; white space goes, since an isolate keeps the text of its modules.
 */
import { build, type BuildResult } from "esbuild";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const entryPoint = join(root, "src", "worker.ts");
const target = join(root, "dist", "worker");

/** One ES module; modules import each other as `./<path>`. */
export type WorkerModule = { path: string; contents: string };

/** Where a run of many gateways has its Worker, bundled once (`test/support/bundled.ts`), as JSON. */
export const bundledBefore = (): string | undefined => process.env.FORGE_WORKER_BUNDLE;

/** Bundles a Worker; writes nothing. The metafile names files relative to the project. */
export function buildWorker(entry = entryPoint): Promise<BuildResult<{ write: false; metafile: true }>> {
  return build({
    entryPoints: [entry],
    absWorkingDir: root,
    outdir: target,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    write: false,
    metafile: true,
    sourcemap: "linked",
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
    jsx: "automatic",
    jsxImportSource: "hono/jsx",
    minifyWhitespace: true,
    minifySyntax: true,
  });
}

/** A Worker's modules, the entry first. */
export async function bundleWorker(entry = entryPoint): Promise<WorkerModule[]> {
  const ready = bundledBefore();
  if (ready && entry === entryPoint) return JSON.parse(readFileSync(ready, "utf8")) as WorkerModule[];
  const { outputFiles } = await buildWorker(entry);
  const first = basename(entry).replace(/\.ts$/, ".mjs");
  const modules = outputFiles.filter(({ path }) => path.endsWith(".mjs")).map(({ path, text }) => ({ path: basename(path), contents: text }));
  return modules.sort((a, b) => Number(b.path === first) - Number(a.path === first));
}

/** Writes what `wrangler` deploys, and the types of its entry, for `wrangler types`. */
async function writeWorker(): Promise<void> {
  const { outputFiles } = await buildWorker();
  mkdirSync(target, { recursive: true });
  for (const { path, contents } of outputFiles) writeFileSync(path, contents);
  writeFileSync(join(target, "worker.d.ts"), 'export * from "../../src/worker.ts";\nexport { default } from "../../src/worker.ts";\n');
  const written = new Set(["worker.d.ts", ...outputFiles.map(({ path }) => basename(path))]);
  for (const name of readdirSync(target)) if (!written.has(name)) rmSync(join(target, name), { recursive: true });
}

if (import.meta.main) await writeWorker();

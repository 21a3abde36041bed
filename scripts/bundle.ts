/**
 * The Worker as it runs, here and deployed: `node scripts/bundle.ts` writes it to dist/worker, with source maps, for wrangler (wrangler.toml, `[build]`).
 *
 * esbuild itself, because wrangler would make one module of it all: what the Worker loads by `import()` — the dashboard with better-auth, Stripe's package,
 * MCP's client — would be parsed by every isolate that only answers calls of the API, and everything else would stand in functions that run one another.
 * Here each of them is a module of its own, and what it shares with the others stands in modules of their own too, so nothing is there twice.
 * Names stay as they are written, for stack traces; white space goes, since an isolate keeps the text of its modules.
 */
import { build, type BuildOptions, type BuildResult } from "esbuild";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const entryPoint = "src/worker.ts";
const target = join(root, "dist", "worker");

/** One ES module; modules import each other as `./<path>`. */
export type WorkerModule = { path: string; contents: string };

/** Nothing of it is written; its metafile names files as seen from the project. */
export type BuiltWorker = BuildResult<{ write: false; metafile: true }>;

/** Where a run of many gateways has its Worker, bundled once (`test/support/bundled.ts`), as JSON. */
export const bundledBefore = (): string | undefined => process.env.FORGE_WORKER_BUNDLE;

/** Bundles the Worker, or the one that begins at `entry`. */
export function buildWorker(entry = entryPoint, other: Pick<BuildOptions, "splitting" | "minifyWhitespace" | "minifySyntax" | "keepNames"> = {}): Promise<BuiltWorker> {
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
    ...other,
  });
}

/** The modules of a Worker that are loaded before it answers anything, the entry first: it imports them, or what it imports does. As the metafile has them. */
export function loadedAtOnce({ metafile: { outputs } }: BuiltWorker, entry = entryPoint): string[] {
  const loaded = new Set(Object.keys(outputs).filter((path) => outputs[path]!.entryPoint === entry));
  for (const path of loaded) for (const { path: next, kind } of outputs[path]!.imports) if (kind === "import-statement" && outputs[next]) loaded.add(next);
  return [...loaded];
}

/** A Worker's modules, the entry first. */
export function modulesOf(built: BuiltWorker, entry = entryPoint): WorkerModule[] {
  const first = basename(loadedAtOnce(built, entry)[0]!);
  const modules = built.outputFiles.filter(({ path }) => path.endsWith(".mjs")).map(({ path, text }) => ({ path: basename(path), contents: text }));
  return modules.sort((a, b) => Number(b.path === first) - Number(a.path === first));
}

/** Bundles the Worker, or the one that begins at `entry`, for a runtime. */
export async function bundleWorker(entry = entryPoint): Promise<WorkerModule[]> {
  const ready = bundledBefore();
  if (ready && entry === entryPoint) return JSON.parse(readFileSync(ready, "utf8")) as WorkerModule[];
  return modulesOf(await buildWorker(entry), entry);
}

/** Writes what wrangler deploys, and for `wrangler types` whose types those are. */
async function writeWorker(): Promise<void> {
  const { outputFiles } = await buildWorker();
  mkdirSync(target, { recursive: true });
  for (const { path, contents } of outputFiles) writeFileSync(path, contents);
  writeFileSync(join(target, "worker.d.ts"), 'export * from "../../src/worker.ts";\nexport { default } from "../../src/worker.ts";\n');
  const written = new Set(["worker.d.ts", ...outputFiles.map(({ path }) => basename(path))]);
  for (const name of readdirSync(target)) if (!written.has(name)) rmSync(join(target, name), { recursive: true });
}

if (import.meta.main) await writeWorker();

/**
 * Style sheets and islands of the dashboard and the guides, for the browser: `node scripts/assets.ts` writes them to dist/public, each under a name
 * that changes with what is in it, and a list of the names; then the guides. Before a deployment (wrangler.toml), `npm start` and the tests.
 */
import { build } from "esbuild";
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildGuides } from "./guides.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const room = join(root, "src", "dashboard");
const target = join(root, "dist", "public", "dashboard", "assets");

const folder = "/dashboard/assets";

/** Builds all of them. Returns what each is called: `base.css` → `base-4FQ2….css`. */
export async function buildAssets(): Promise<Record<string, string>> {
  const entryPoints = [["styles", /\.css$/], ["islands", /\.ts$/]] as const;
  const { metafile, outputFiles } = await build({
    entryPoints: entryPoints.flatMap(([folder, kind]) => readdirSync(join(room, folder)).filter((name) => kind.test(name) && !name.startsWith("_")).map((name) => join(room, folder, name))),
    outdir: target,
    absWorkingDir: root,
    entryNames: "[name]-[hash]",
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: "esm",
    target: ["es2024", "chrome123", "firefox120", "safari17.5"],
    loader: { ".svg": "dataurl" },
  });
  mkdirSync(target, { recursive: true });
  const built = Object.fromEntries(Object.entries(metafile.outputs).filter(([, { entryPoint }]) => entryPoint).map(([path, { entryPoint }]) => [basename(entryPoint!).replace(/\.ts$/, ".js"), basename(path)]));
  const names: Record<string, string> = built;
  const wanted = new Set([...Object.values(names), "names.json"]);
  // Files that are there stay as they are: somebody may be reading them.
  for (const { path, contents } of outputFiles) if (!existsSync(path)) writeFileSync(path, contents);
  for (const name of readdirSync(target)) if (!wanted.has(name)) rmSync(join(target, name), { force: true });
  writeFileSync(join(target, "names.json"), JSON.stringify(names));
  buildGuides(Object.fromEntries(Object.entries(names).map(([name, file]) => [name, `${folder}/${file}`])));
  const own = join(root, "public");
  if (existsSync(own)) cpSync(own, join(root, "dist", "public"), { recursive: true });
  return names;
}

if (import.meta.main) await buildAssets();

/**
 * `npm run bench:startup`: what an isolate pays before it answers anything, in CPU time, memory and bytes, as a Markdown table.
 *
 *   --runs N   runs of each, one after another in turns (9)
 *
 * Each run is a process of its own: workerd starts with a Worker and answers GET /health, from the first instruction to the answer.
 */
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { basename } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { unstable_readConfig } from "wrangler";
import { buildWorker, loadedAtOnce, modulesOf, type WorkerModule } from "../scripts/bundle.ts";
import { quietEnv, wrangler } from "../scripts/wrangler.ts";
import { IsolateMemory } from "../test/support/isolate-memory.ts";
import { cpuMicros, withWorkerd } from "./processes.ts";

Object.assign(process.env, quietEnv);
const { values } = parseArgs({ options: { runs: { type: "string", default: "9" } } });
const { compatibility_date: compatibilityDate, compatibility_flags: compatibilityFlags } = unstable_readConfig({});

const median = (numbers: number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
const kibibytes = (bytes: number): string => Math.round(bytes / 1024).toLocaleString("en");
const bytesOf = (modules: WorkerModule[]): number => modules.reduce((sum, { contents }) => sum + Buffer.byteLength(contents), 0);
const gzipped = (modules: WorkerModule[]): number => gzipSync(modules.map(({ contents }) => contents).join("")).length;

/** Starts a Worker and asks it once. CPU time of the whole process in ms; what the isolate's heap holds in MiB. */
async function start(modules: WorkerModule[]): Promise<{ cpu: number; heap: number }> {
  const { started: mf, pid } = await withWorkerd(async () => {
    const mf = new Miniflare(convertV4MiniflareOptions({
      name: "forge", compatibilityDate, compatibilityFlags, modules: modules.map((module) => ({ type: "ESModule" as const, ...module })),
      host: "127.0.0.1", port: 0, inspectorPort: 0, cf: false, telemetry: { enabled: false }, logRequests: false, log: new Log(LogLevel.ERROR),
    }));
    await mf.ready;
    return mf;
  });
  try {
    const ask = async (): Promise<void> => {
      const answer = await fetch(new URL("/health", await mf.ready));
      if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
    };
    await ask();
    const cpu = (cpuMicros(pid) ?? NaN) / 1000;
    const memory = await IsolateMemory.of({ mf });
    // An isolate collects its garbage when it has something to do.
    let heap: number | undefined;
    const collected = memory.held().then((held) => (heap = held));
    while (heap === undefined) await Promise.race([collected, ask().then(() => setTimeout(20))]);
    memory.close();
    return { cpu, heap };
  } finally {
    await mf.dispose();
  }
}

const forge = await buildWorker();
const atOnce = new Set(loadedAtOnce(forge).map((path) => basename(path)));
const whole = modulesOf(forge);
const kinds: Record<string, WorkerModule[]> = {
  "a Worker of one line": [{ path: "worker.mjs", contents: 'export default { fetch: () => new Response("ok") };' }],
  "Forge": whole,
  "Forge without what it loads later": whole.map((module) => (atOnce.has(module.path) ? module : { ...module, contents: "export {};" })),
  "Forge in one module, as wrangler bundles": modulesOf(await buildWorker(undefined, { splitting: false, minifyWhitespace: false, minifySyntax: false, keepNames: true })),
};

const seen = new Map(Object.keys(kinds).map((kind) => [kind, [] as { cpu: number; heap: number }[]]));
for (let run = 0; run < Number(values.runs); run++) {
  const entries = Object.entries(kinds);
  for (const [kind, modules] of run % 2 === 0 ? entries : entries.reverse()) seen.get(kind)!.push(await start(modules));
}

console.log("| | KiB | gzip | loaded at once | CPU to the first answer (least) | heap |\n| --- | ---: | ---: | ---: | ---: | ---: |");
for (const [kind, modules] of Object.entries(kinds)) {
  const early = kind === "Forge" ? modules.filter(({ path }) => atOnce.has(path)) : modules;
  const cpus = seen.get(kind)!.map(({ cpu }) => cpu);
  const heap = median(seen.get(kind)!.map((run) => run.heap));
  console.log(`| ${kind} | ${kibibytes(bytesOf(modules))} | ${kibibytes(gzipped(modules))} | ${kibibytes(bytesOf(early))} | ${median(cpus).toFixed(0)} (${Math.min(...cpus).toFixed(0)}) ms | ${heap.toFixed(1)} MiB |`);
}
const checked = await wrangler(["check", "startup", "--outfile", "dist/startup.cpuprofile"], { stdio: ["ignore", "pipe", "pipe"] });
console.log(`\n\`wrangler check startup\`: ${[...checked.matchAll(/(?:Bundle|Active): .*/g)].map(([line]) => line).join("; ")}`);

/** Other Workers on the runtime that serves Forge: the limit, which only passes a request on, and other gateways' builds. */
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { fileURLToPath } from "node:url";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { quietEnv } from "../scripts/wrangler.ts";

const config = fileURLToPath(new URL("../wrangler.toml", import.meta.url));

const passthrough = "export default { fetch: (request, env) => fetch(env.UPSTREAM + new URL(request.url).pathname, request) };";

/** A running Worker; `url` has no trailing slash. */
export type RunningWorker = { url: string; stop: () => Promise<void> };

/** One ES module; date and flags are Forge's own unless it brings others. `durableObjects` names the class of each binding; all have SQLite. */
export type WorkerBuild = {
  script: string; compatibilityDate?: string; compatibilityFlags?: string[]; bindings: Record<string, unknown>; durableObjects?: Record<string, string>;
};

/** Starts the smallest Worker that passes on what it gets: `upstream` + the request's path. */
export function startBare(upstream: string): Promise<RunningWorker> {
  return startWorker({ script: passthrough, bindings: { UPSTREAM: upstream } });
}

/** Starts one module on a direct socket, as Forge is served. */
export async function startWorker(build: WorkerBuild): Promise<RunningWorker> {
  Object.assign(process.env, quietEnv);
  const { workerOptions } = unstable_getMiniflareWorkerOptions(config);
  const own = workerOptions as { compatibilityDate: string; compatibilityFlags: string[] };
  const mf = new Miniflare(convertV4MiniflareOptions({
    name: "worker",
    compatibilityDate: build.compatibilityDate ?? own.compatibilityDate,
    compatibilityFlags: build.compatibilityFlags ?? own.compatibilityFlags,
    modules: [{ type: "ESModule" as const, path: "worker.mjs", contents: build.script }],
    bindings: build.bindings as Record<string, string>,
    durableObjects: Object.fromEntries(Object.entries(build.durableObjects ?? {}).map(([binding, className]) => [binding, { className, useSQLite: true }])),
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    host: "127.0.0.1",
    port: 0,
    cf: false,
    telemetry: { enabled: false },
    logRequests: false,
    log: new Log(LogLevel.ERROR),
  }));
  await mf.ready;
  const url = (await mf.unsafeGetDirectURL("worker")).origin;
  return { url, stop: () => mf.dispose() };
}
